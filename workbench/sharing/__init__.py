"""Notebooks that travel: packed for others, opened from others, and kept in git without noise."""
