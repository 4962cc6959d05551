"""What a file channel says of its folder, its files and its services."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, structs

from workbench.channels.definition import ChannelDefinition

MIB = 1024 * 1024
LONGEST_SECONDS = 4 * 3600
"""Longest wait for a service [s]: below the 6 hours from which a claim of another machine counts as left behind."""

ParseWith = Literal["auto", "json", "xml", "csv", "raw"]
PARSERS_OF_ZATO = {"py:json.loads": "json", "py:lxml.objectify.fromstring": "xml"}
"""What Zato's pickup.conf says for the same."""


class WatchedFolder(ChannelDefinition, frozen=True, kw_only=True):
    """The fields of a file channel, and what is wrong with them."""

    kind: ClassVar[str] = "File"
    type: ClassVar[str] = "file-transfer"
    first_fields: ClassVar[tuple[str, ...]] = ("pickup_from", "name", "services", "patterns", "parse_with", "limit")

    pickup_from: Annotated[str, Meta(min_length=1, description="The folder; made if it is not there.")]
    services: Annotated[
        tuple[str, ...] | str, Meta(description="Services that get each file, in order; empty: the one of this name.")
    ] = ()
    patterns: Annotated[tuple[str, ...] | str, Meta(description="Names to take, as *.json.")] = ("*",)
    parse_with: Annotated[ParseWith, Meta(description="How a file is read; auto goes by the end of its name.")] = "auto"
    limit: Annotated[
        str, Meta(max_length=200_000, description="Files handed on, as 100/m; those beyond it wait in the folder.")
    ] = ""
    move_processed_to: Annotated[str, Meta(description="Where files go then; empty: the folder's processed.")] = ""
    move_failed_to: Annotated[str, Meta(description="Where those go that failed; empty: the folder's failed.")] = ""
    delete_after_pickup: Annotated[bool, Meta(description="Delete files that were handed on, in place of moving.")] = (
        False
    )
    settle_seconds: Annotated[float, Meta(ge=0, le=3600, description="How long a whole file has been still [s].")] = 2.0
    poll_seconds: Annotated[float, Meta(gt=0, le=3600, description="How often the folder is looked at [s].")] = 1.0
    max_file_bytes: Annotated[int, Meta(ge=0, le=1 << 30, description="Largest file that is read [bytes].")] = 8 * MIB
    timeout_seconds: Annotated[
        float, Meta(gt=0, le=LONGEST_SECONDS, description="Longest wait for each service [s].")
    ] = 600.0
    on_interrupt: Annotated[
        Literal["report", "retry"],
        Meta(description="A file whose process died meanwhile: set aside as failed, or handed on once more."),
    ] = "report"
    csv_delimiter: Annotated[str, Meta(min_length=1, max_length=1, description="What is between fields of CSV.")] = ","
    csv_encoding: Annotated[str, Meta(description="Encoding of CSV.")] = "utf-8"
    active: Annotated[bool, Meta(description="Whether files are taken at all.")] = True

    def __post_init__(self) -> None:
        structs.force_setattr(self, "services", _names(self.services) or (self.name,))
        structs.force_setattr(self, "patterns", _names(self.patterns))
        structs.force_setattr(self, "parse_with", PARSERS_OF_ZATO.get(str(self.parse_with), self.parse_with))
        super().__post_init__()

    @property
    def open_to(self) -> str:
        return "whoever can write into that folder calls it"

    @property
    def address(self) -> str:
        return self.pickup_from

    @property
    def leads_to(self) -> tuple[str, ...]:
        return tuple(self.services)

    def problems(self) -> dict[str, str]:
        found = {}
        if not self.patterns:
            found["patterns"] = "must name at least one, as *"
        elif wrong := [each for each in self.patterns if "/" in each]:
            found["patterns"] = f"are of names in the folder itself, so that {wrong[0]!r} fits none"
        folders = ("pickup_from", "move_processed_to", "move_failed_to")
        if no_path := [field for field in folders if "\0" in getattr(self, field)]:
            return found | dict.fromkeys(no_path, "holds the character NUL, which no path may hold")
        for field in folders[1:]:
            if (to := getattr(self, field)) and _same(to, self.pickup_from):
                found[field] = "is the folder itself, so that the file would be picked up for ever"
        if self.delete_after_pickup and self.move_processed_to:
            found["move_processed_to"] = "is of no use where files are deleted (delete_after_pickup=True)"
        try:
            codecs.lookup(self.csv_encoding)
        except (LookupError, ValueError):
            found["csv_encoding"] = "is no encoding that Python knows, as utf-8 or cp1252"
        return found

    def changed(self) -> dict[str, Any]:
        changed = super().changed()
        if self.leads_to == (self.name,):
            del changed["services"]
        for field in ("services", "patterns"):
            if len(names := changed.get(field, ())) == 1:
                changed[field] = names[0]
        return changed


def _names(given: Any) -> Any:
    """Several texts, or one that has them apart by commas, as pickup.conf does; anything else as it is."""
    if isinstance(given, str):
        return tuple(each for each in (part.strip() for part in given.split(",")) if each)
    return tuple(given) if isinstance(given, Iterable) else given


def _same(one: str, other: str) -> bool:
    return Path(one).expanduser().resolve() == Path(other).expanduser().resolve()
