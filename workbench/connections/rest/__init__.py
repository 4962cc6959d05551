"""Outgoing REST and other HTTP: calls, and files behind an address."""
