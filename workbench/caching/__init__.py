"""Caches: what a service keeps for a while, by key, within bounds of number, size and time."""
