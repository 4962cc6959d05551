"""Dropbox: its files, and the official client beside them."""
