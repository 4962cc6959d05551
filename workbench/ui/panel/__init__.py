"""The panel: all of a workbench in tabs, of which one is drawn at a time."""
