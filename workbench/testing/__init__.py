"""Notebooks and services as tests."""
