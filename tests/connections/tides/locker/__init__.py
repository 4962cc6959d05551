"""Lockers: a kind that keeps files, in one folder. Its protocol is a line of JSON each way, with bytes behind it."""
