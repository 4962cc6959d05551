"""What a file says otherwise than what is in force: one change for each definition."""

from __future__ import annotations

from typing import Literal, NamedTuple

from workbench.core.definition import Definition
from workbench.core.errors import short
from workbench.core.source import literal

Word = Literal["new", "changed", "unchanged", "stays", "gone", "removed"]


class Change(NamedTuple):
    """What becomes of one definition.

    Attributes:
        word: `new`, `changed` or `unchanged` by the file; `stays`: code says it otherwise, and keeps it; `gone`: the
            file had it once, and has it no longer, which is why it may be `removed`.
        definition: As the file says it; of `gone`, as it is in force.
        line: Where the file says it; 0 if it does not.
        fields: Of a change each field, with how it is and how the file has it.
        where: Of `stays`, where code says it.
    """

    word: Word
    definition: Definition
    line: int = 0
    fields: tuple[tuple[str, str, str], ...] = ()
    where: str = ""

    def __str__(self) -> str:
        what = f"{type(self.definition).__name__} {short(self.definition.full_name)}"
        fields = ", ".join(f"{field} {before} -> {after}" for field, before, after in self.fields)
        match self.word:
            case "new":
                return f"+ {what}"
            case "changed":
                return f"~ {what}: {fields}"
            case "unchanged":
                return f"  {what}"
            case "gone":
                return f"- {what} is no longer in the file. Fix: apply it with --prune, which removes this."
            case "removed":
                return f"- {what}"
        return f"! {what} stays as {self.where} has it: {fields}. Fix: change it there, or take it out of the file."


class Compared(NamedTuple):
    """What a file changes, and what it says that has no meaning here."""

    changes: list[Change]
    said: list[str]


LONGEST = 60
"""Characters of a value that are told."""


def differing(before: Definition, after: Definition) -> tuple[tuple[str, str, str], ...]:
    """The fields in which two definitions of one name differ, as code; another kind is told as such."""
    if type(before) is not type(after):
        return (("kind", type(before).__name__, type(after).__name__),)
    fields = [each for each in after.__struct_fields__ if getattr(before, each) != getattr(after, each)]
    return tuple((each, _said(getattr(before, each)), _said(getattr(after, each))) for each in fields)


def _said(value: object) -> str:
    text = literal(value, one_line=True)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
