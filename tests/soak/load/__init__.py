"""A workbench under everything at once: the program that serves, those who call it, and what its memory does."""
