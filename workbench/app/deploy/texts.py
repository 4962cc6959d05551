"""What cells had as text when they ran well, or when a form last wrote them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from threading import Lock
from typing import Any

from workbench.core.origin import digest_of

MOST_CELLS = 2_000
"""Of so many cells the text is known, those that ran last [cells]."""


class CellTexts:
    """The text of each cell by the id that JupyterLab knows it by; a form rewrites only a cell that still has it."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._ran: dict[str, str] = {}
        self._lock = Lock()

    def keep(self, cell: str, text: str) -> None:
        """Know what a cell had when it ran; where nobody told its id, nothing is kept."""
        if cell:
            self._know(cell, text, digest_of(text))

    def write(self, cell: str, text: str) -> None:
        """Know what a form has written into a cell, which has not run with it."""
        if cell:
            self._know(cell, text, self._ran.get(cell, ""))

    def forget(self, cell: str) -> None:
        """A cell is gone."""
        with self._lock:
            self._texts.pop(cell, None)
            self._ran.pop(cell, None)

    def as_written(self, cell: str, ran: str) -> str:
        """The digest of the text by which a cell says what its run made, `ran` that of the run: a form may have
        written into the cell since what it had put into force."""
        with self._lock:
            return digest_of(self._texts[cell]) if ran and self._ran.get(cell) == ran else ran

    def _know(self, cell: str, text: str, ran: str) -> None:
        with self._lock:
            self._texts.pop(cell, None)
            self._texts[cell], self._ran[cell] = text, ran
            if len(self._texts) > MOST_CELLS:
                oldest = next(iter(self._texts))
                del self._texts[oldest], self._ran[oldest]

    def get(self, cell: str) -> str | None:
        """The text of a cell; None if it has not run here."""
        return self._texts.get(cell)


def names_in_notebook() -> Mapping[str, Any]:
    """What the names of a notebook's cells mean."""
    return vars(sys.modules["__main__"])
