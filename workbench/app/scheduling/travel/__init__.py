"""Trips: a span of time played on a copy of the workbench, by the same engine."""
