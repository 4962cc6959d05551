"""What is wrong in a file of definitions: each mistake with its line and key, all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from workbench.core.errors import WorkbenchError

MOST_SAID = 50
"""Mistakes that are said one by one."""


class Mistake(NamedTuple):
    """One mistake: the line from 1 (0 of a file as a whole), and a sentence that names the key and ends in a fix."""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}" if self.line else f"{self.file}: {self.sentence}"


class WrongManifest(WorkbenchError):
    """A file of definitions is not valid; `mistakes` has all that is wrong, in the order of their lines."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = sorted(mistakes, key=lambda each: (each.file, each.line))
        said = [str(each) for each in self.mistakes[:MOST_SAID]]
        if (more := len(self.mistakes) - MOST_SAID) > 0:
            said.append(f"... and {more} more.")
        super().__init__("\n".join(said))
