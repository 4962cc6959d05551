"""Definitions as files: read with the line of each mistake, compared with what is in force, and written."""
