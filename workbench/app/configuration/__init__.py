"""What a workbench is told from outside its cells: settings and bounds, a person's preferences, and secrets by name."""
