"""Cron: expressions, their words, and crontabs."""
