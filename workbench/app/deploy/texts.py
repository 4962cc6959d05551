"""What cells had as text when they ran well, or when a form last wrote them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from threading import Lock
from typing import Any

MOST_CELLS = 2_000
"""Of so many cells the text is known, those that ran last [cells]."""


class CellTexts:
    """The text of each cell by the id that JupyterLab knows it by; a form rewrites only a cell that still has it."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._lock = Lock()

    def keep(self, cell: str, text: str) -> None:
        """Know what a cell has; where nobody told its id, nothing is kept."""
        if not cell:
            return
        with self._lock:
            self._texts.pop(cell, None)
            self._texts[cell] = text
            if len(self._texts) > MOST_CELLS:
                del self._texts[next(iter(self._texts))]

    def forget(self, cell: str) -> None:
        """A cell is gone."""
        with self._lock:
            self._texts.pop(cell, None)

    def get(self, cell: str) -> str | None:
        """The text of a cell; None if it has not run here."""
        return self._texts.get(cell)


def names_in_notebook() -> Mapping[str, Any]:
    """What the names of a notebook's cells mean."""
    return vars(sys.modules["__main__"])
