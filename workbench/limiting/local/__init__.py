"""Limits that this process counts alone."""
