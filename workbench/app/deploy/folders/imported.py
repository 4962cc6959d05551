"""What became of a folder: what is live, what is not and why, what is missing, and what differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

from workbench.app.reports import Defined
from workbench.core.errors import listed
from workbench.core.masking import masked

if TYPE_CHECKING:
    from workbench.core.payload.differences import Difference

MOST_NAMES = 40
"""Names in one line of the text; of more, the number [names]."""

FOLLOWS = "A save of its files goes live; wb.log says so."


class Lack(NamedTuple):
    """What a module asks for and is not here: the line, and a sentence that ends in what to write instead."""

    line: int
    sentence: str


class FileRow(NamedTuple):
    """What became of one file.

    Args:
        file: Its path below the folder.
        kind: `services`, a `helper` that has none, `definitions`, or `left out`.
        brought: Names of its services, or its definitions.
        failed: Why it, or a definition of it, is not live.
        lacks: What it asks for and is not here.
        notes: What is left out of it, or why all of it is.
    """

    file: str
    kind: Literal["services", "helper", "definitions", "left out"]
    brought: Sequence[str] = ()
    failed: Sequence[str] = ()
    lacks: Sequence[Lack] = ()
    notes: Sequence[str] = ()


class Differences(Sequence["Difference"]):
    """What differs from Zato, and why; a line each.

    Args:
        names: Those of the rows; all if unset.
    """

    def __init__(self, names: Iterable[str] | None = None) -> None:
        # Here, since most notebooks come from nowhere else.
        from workbench.core.payload.differences import DIFFERENCES

        wanted = None if names is None else set(names)
        self._rows = [row for row in DIFFERENCES if wanted is None or row.name in wanted]

    @property
    def all(self) -> Differences:
        """Everything that differs, not only what these files do."""
        return Differences()

    @overload
    def __getitem__(self, place: int) -> Difference: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Difference]: ...
    def __getitem__(self, place: int | slice) -> Difference | Sequence[Difference]:
        return self._rows[place]

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return "\n".join(row.sentence for row in self._rows) or "Nothing differs."


class Imported:
    """The outcome of `wb.load(folder)`.

    Args:
        folder: What it is called.
        rows: Its files, in order.
        undefined: Connections that services name and nobody defines, each with those services.
        unset: Secrets that nobody has set; stand-ins play them in the sandbox.
        differs: Names of the rows of differences that are about what these files do.
        defined: What was reported of its definitions.
        gone: A sentence for each thing that files had when they were loaded before, and have no longer.

    Attributes:
        follows: Whether its files go live again when they are saved; then this is the outcome of the last time.
        removed: Files that were there the time before, and are gone.
    """

    follows = False
    removed: Sequence[str] = ()

    def __init__(
        self,
        folder: str,
        rows: Sequence[FileRow],
        undefined: Mapping[str, Sequence[str]],
        unset: Iterable[str],
        differs: Iterable[str],
        defined: Sequence[Defined] = (),
        gone: Sequence[str] = (),
    ) -> None:
        self.folder, self.rows, self.undefined, self.defined = folder, list(rows), dict(undefined), list(defined)
        self.unset = sorted(unset)
        self.differs, self.gone = Differences(differs), list(gone)

    def become(self, other: Imported) -> None:
        """Be the outcome of a later time, for all who hold this one."""
        self.__dict__ = {**vars(other), "follows": self.follows}

    def of(self, kind: str) -> list[FileRow]:
        """Files of one kind."""
        return [row for row in self.rows if row.kind == kind]

    @property
    def services(self) -> list[str]:
        """Names of the services that are live."""
        return sorted(name for row in self.of("services") for name in row.brought)

    @property
    def definitions(self) -> list[str]:
        """The definitions that are in force, each in words."""
        return [each for row in self.of("definitions") for each in row.brought]

    @property
    def failed(self) -> list[str]:
        """A sentence for each thing that is not live, or for there being nothing at all."""
        said = [each for row in self.rows for each in row.failed]
        if said or any(row.brought for row in self.rows):
            return said
        return [f"Nothing in {self.folder} is a service or a definition. Fix: name the folder that has them."]

    @property
    def missing(self) -> list[str]:
        """A sentence for each thing that files ask for and is not here."""
        of_files = [f"{row.file}:{each.line}: {each.sentence}" for row in self.rows for each in row.lacks]
        return [*of_files, *(undefined_said(name, users) for name, users in self.undefined.items())]

    @property
    def notes(self) -> list[str]:
        """A sentence for each thing that is left out."""
        return [note for row in self.rows for note in row.notes]

    @property
    def is_whole(self) -> bool:
        """Whether all of it is live, and nothing is missing."""
        return not self.failed and not self.missing

    @property
    def head(self) -> str:
        """All of it in a sentence."""
        files = sum(bool(row.brought) for row in self.rows)
        said = f"{self.folder}: {_count(len(self.services), 'service')} and "
        said += f"{_count(len(self.definitions), 'definition')} of {_count(files, 'file')} are live"
        failed, missing = len(self.failed), len(self.missing)
        said += f"; {_count(failed, 'thing')} {'is' if failed == 1 else 'are'} not" if failed else ""
        return f"{said}{f'; {missing} {_is_or_are(missing)} missing' if missing else ''}."

    @property
    def unset_said(self) -> str:
        """Which variables to set; '' if none."""
        if not self.unset:
            return ""
        them = "it" if len(self.unset) == 1 else "them"
        return (
            f"Nobody has set {listed(self.unset, at_most=MOST_NAMES)}. Fix: set {them} in the environment or in .env."
        )

    def lines(self) -> list[str]:
        """The same in lines, each group under its heading."""
        live = [f"{row.file}: {listed(row.brought, at_most=MOST_NAMES)}" for row in self.rows if row.brought]
        groups = (
            ("Gone", self.gone),
            ("Live", live),
            ("Not live", self.failed),
            ("Missing", self.missing),
            ("Not set", [self.unset_said] if self.unset else []),
            ("Left out", self.notes),
            ("Otherwise here", [row.sentence for row in self.differs]),
        )
        lines = [self.head, *([FOLLOWS] if self.follows else [])]
        for title, said in groups:
            lines += [f"{title}:", *(f"  {each}" for each in said)] if said else []
        return [str(masked(each)) for each in lines]

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def told(self) -> dict[str, Any]:
        """The same as plain data, masked; `lines` has it as text."""
        told: dict[str, Any] = {"folder": self.folder, "whole": self.is_whole, "said": self.head}
        told |= {"services": self.services, "definitions": self.definitions}
        told |= {"failed": self.failed, "missing": self.missing, "left_out": self.notes, "unset": self.unset}
        told["differs"] = [{"name": row.name, "differs": row.differs, "instead": row.instead} for row in self.differs]
        told["files"] = [
            {
                "file": row.file,
                "kind": row.kind,
                "brought": list(row.brought),
                "failed": list(row.failed),
                "missing": [each._asdict() for each in row.lacks],
                "left_out": list(row.notes),
            }
            for row in self.rows
        ]
        return dict(masked(told)) | {"lines": self.lines()}


def undefined_said(name: str, users: Sequence[str]) -> str:
    """What is said of a connection that nobody defines."""
    return (
        f"{name} is used by {listed(users)}, and nobody defines it. "
        f"Fix: add it to a file of definitions, or wb.define it."
    )


def ended(said: str) -> str:
    """A sentence with what to do."""
    return said if "Fix:" in said else f"{said.rstrip('.')}. Fix: correct that; all other files are live without it."


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _is_or_are(number: int) -> str:
    return "is" if number == 1 else "are"
