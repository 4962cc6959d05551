"""A workbench for each test."""

from tests.serving import still as still
from tests.serving import wb as wb
