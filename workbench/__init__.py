"""An interactive integration workbench for notebooks."""

__version__ = "0.1.0"
