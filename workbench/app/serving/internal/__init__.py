"""The workbench's own services: definitions made, changed and removed by name, under Zato's names and its own."""
