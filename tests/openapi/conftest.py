"""A workbench for each test."""

from tests.serving import wb as wb
