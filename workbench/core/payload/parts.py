"""The parts of a form that holds files: `self.request.files`, and its fields."""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, NamedTuple, cast

from workbench.core.payload.simpleio import MissingParameter

IN_MEMORY_BYTES = 1024 * 1024
"""From here on a file lies on disk, in the system's folder for temporary files (`TMPDIR`)."""


class File:
    """One file of a form.

    Attributes:
        name: The field's name.
        filename: What its sender calls it, without a path; may be anything, so that it needs a check before use.
        content_type: What its sender says it is; '' if nothing.
        size: Its length [bytes].
    """

    __slots__ = ("_kept", "content_type", "filename", "name", "size")

    def __init__(self, name: str, filename: str, content_type: str) -> None:
        self.name, self.filename, self.content_type = name, filename, content_type
        self.size = 0
        self._kept = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115

    def add(self, data: bytes) -> None:
        """Add to its end."""
        self._kept.write(data)
        self.size += len(data)

    @property
    def stream(self) -> BinaryIO:
        """Its bytes as a stream, at the beginning; it lasts as long as this object."""
        self._kept.seek(0)
        return cast(BinaryIO, self._kept)

    @property
    def bytes(self) -> bytes:
        """All its bytes, in memory."""
        return self.stream.read()

    @property
    def text(self) -> str:
        """All of it as text in UTF-8, without a byte order mark.

        Raises:
            UnicodeDecodeError: It is none.
        """
        return self.bytes.decode("utf-8-sig")

    def __repr__(self) -> str:
        return f"<file {self.filename!r} of {self.name!r}, {self.size} bytes>"

    def __del__(self) -> None:
        self._kept.close()


class Files(list[File]):
    """The files of a form in their order; `files["name"]` is the first of that field."""

    def __getitem__(self, which: Any) -> Any:
        if not isinstance(which, str):
            return super().__getitem__(which)
        for each in self:
            if each.name == which:
                return each
        there = ", ".join(dict.fromkeys(each.name for each in self)) or "none"
        raise MissingParameter(f"Invalid input: the file {which!r} is missing; given: {there}")

    def of(self, name: str) -> list[File]:
        """All files of one field."""
        return [each for each in self if each.name == name]


class Parts(NamedTuple):
    """What a form holds: text by field, one that comes several times as a list; and files."""

    fields: dict[str, Any]
    files: Files

    def together(self) -> dict[str, Any]:
        """Fields and files by name."""
        names = dict.fromkeys(each.name for each in self.files)
        by_name = {name: self.files.of(name) for name in names}
        return {**self.fields, **{name: each[0] if len(each) == 1 else each for name, each in by_name.items()}}
