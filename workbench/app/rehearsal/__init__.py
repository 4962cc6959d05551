"""Calls that are run beside the live ones, so that nobody outside notices: to compare versions, to find bad inputs."""
