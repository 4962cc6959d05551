"""What others reach of a running workbench: its routes, its own addresses, the file that says where it is."""
