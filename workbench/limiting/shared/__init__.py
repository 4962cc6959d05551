"""Limits that several processes count together, in Redis or in one SQLite file."""
