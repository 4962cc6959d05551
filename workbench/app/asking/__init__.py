"""What a person asks of a workbench by hand, and what a test expects of it."""
