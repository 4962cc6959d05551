"""A command line in a folder of its own, as the tests of the command line have it."""

from tests.cli.conftest import fresh

__all__ = ["fresh"]
