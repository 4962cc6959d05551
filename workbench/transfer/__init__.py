"""Moves files from one connection to another and loses none."""
