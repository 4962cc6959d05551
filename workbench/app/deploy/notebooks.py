"""Reads the cells of a notebook file."""

from __future__ import annotations

from typing import Any

import msgspec

TEST_MAGIC = "%%test"
SCRATCH, FOR_TESTS = frozenset(("scratch", "skip-execution")), frozenset(("test", "setup"))
"""Tags of cells that no run of the file runs, nbclient's own among them; and of those that only its tests run."""


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

    @property
    def tags(self) -> frozenset[str]:
        """Its tags; nbval's words for what every runner knows are taken for those."""
        tags = self.metadata.get("tags", ())
        return frozenset(str(each).removeprefix("nbval-") for each in tags) if isinstance(tags, list) else frozenset()

    @property
    def is_test(self) -> bool:
        """Whether it is a test, by its tag or its first line."""
        return "test" in self.tags or self.text.lstrip().split(maxsplit=1)[:1] == [TEST_MAGIC]

    @property
    def is_served(self) -> bool:
        """Whether it is part of what the notebook does, and neither scratch paper nor there for tests alone."""
        return self.cell_type == "code" and not self.is_test and not self.tags & (SCRATCH | FOR_TESTS)


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
