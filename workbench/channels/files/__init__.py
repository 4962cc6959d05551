"""Files that are picked up from a folder: whole ones, each by one process, none lost and none twice."""
