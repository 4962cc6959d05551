"""Commands of one file each, and the examples that every --help shows."""
