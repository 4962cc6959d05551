"""The workbench itself: the one place that knows every room below and puts them together."""
