"""Looks at a notebook as it is saved for what will be trouble later; nothing of it runs."""
