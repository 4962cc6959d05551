"""Reads the cells of a notebook file."""

from __future__ import annotations

from typing import Any

import msgspec


class Cell(msgspec.Struct):
    """A cell as its file has it; `id` is empty in files before nbformat 4.5."""

    cell_type: str
    source: str | list[str]
    metadata: dict[str, Any] = {}
    id: str = ""

    @property
    def text(self) -> str:
        """Its source in one piece."""
        return self.source if isinstance(self.source, str) else "".join(self.source)


class _Notebook(msgspec.Struct):
    cells: list[Cell]


def cells_of(contents: bytes) -> list[Cell]:
    """The cells of a notebook; raises msgspec.MsgspecError or UnicodeDecodeError for what is none."""
    return msgspec.json.decode(contents, type=_Notebook).cells


def has_code(contents: bytes) -> bool:
    """Whether a notebook has code in it; what cannot be read has, what is empty has not."""
    try:
        cells = cells_of(contents) if contents.strip() else []
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return True
    return any(cell.cell_type == "code" and cell.text.strip() for cell in cells)
