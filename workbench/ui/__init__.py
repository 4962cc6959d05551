"""What a person clicks: cards and forms in the notebook, made from the definitions' own schemas."""
