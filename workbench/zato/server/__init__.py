"""Zato's `zato.server`."""
