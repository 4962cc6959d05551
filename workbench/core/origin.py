"""Where a definition comes from, as a value that can be kept, shown, and followed back to its cell."""

from __future__ import annotations

from typing import Literal
from zlib import crc32

from msgspec import Struct, structs

BY_HAND = "this notebook"


class Origin(Struct, frozen=True, omit_defaults=True):
    """Where a service or a definition was made.

    Args:
        kind: A `cell`, a `form` of a card, a `file`, or the `command line` (an interpreter without a file).
        cell_id: The cell as JupyterLab 4 and notebook files call it; of a form, the cell under which it was opened, or
            that of the definition which it changed. Empty where nobody tells it, as in nbclient and VS Code.
        execution_count: The number beside the cell, as of `In [3]`.
        file: A path, from the current folder on where it is below it.
        line: Line in the cell or file, from 1.
        loaded: Whether the file was loaded as a whole, by `wb.load` or `workbench serve`.
        written: The digest of the cell's text as it ran, see `digest_of`; empty where the text is not known.
        applied: Whether the command line made it, of a `file` (`workbench apply`) or of its own words (`define`).
        left: Whether its file has it no longer, so that it is whose who says it next.
    """

    kind: Literal["cell", "form", "file", "command line"]
    cell_id: str = ""
    execution_count: int | None = None
    file: str = ""
    line: int | None = None
    loaded: bool = False
    written: str = ""
    applied: bool = False
    left: bool = False

    @property
    def owner(self) -> str:
        """What the definition belongs to: a loaded file, or whatever a person does by hand.

        A definition may be replaced by its owner; by another one only if told so.
        """
        return self.file if self.loaded else BY_HAND

    @property
    def is_kept(self) -> bool:
        """Whether the store has it, since no code does: what a form made, or the command line."""
        return self.kind == "form" or self.applied

    def may_be_replaced_by(self, other: Origin) -> bool:
        """Whether what comes from here gives way to another place: its owner, and what is kept or left any code."""
        return self.left or self.owner == other.owner or (self.is_kept and self.owner == BY_HAND)

    def at(self, line: int | None) -> Origin:
        """The same place, at another line."""
        return structs.replace(self, line=line)

    def by_form(self) -> Origin:
        """The origin of what a form makes of a definition that came from here; its cell stays known."""
        return structs.replace(self, kind="form", left=False)

    def __str__(self) -> str:
        if self.kind == "file":
            return self.file
        if self.kind == "command line":
            return "the command line"
        place = f", cell [{self.execution_count}]" if self.execution_count is not None else ""
        return f"{'a form in ' if self.kind == 'form' else ''}{BY_HAND}{place}"


def digest_of(text: str) -> str:
    """What tells a cell's text from its earlier ones: CRC-32 of its UTF-8, which a page can work out as well."""
    return f"{crc32(text.encode('utf-8', 'surrogatepass')):08x}"


NOTEBOOK = Origin("cell")
"""A cell of which nothing more is known."""
