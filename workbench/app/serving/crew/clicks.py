"""What one process has in force that was made by click, as a digest that two processes can compare."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

import msgspec

from workbench.app.book import Entry
from workbench.core.definition import Definition
from workbench.core.errors import WorkbenchError
from workbench.scheduler.runs.extra import as_json

_encode = msgspec.json.Encoder(enc_hook=as_json, order="sorted").encode


class ClicksInForce:
    """The digest of what is in force and no code has; the same in each process that has the same, in any order.

    Args:
        defined: Gives every definition in force.
    """

    def __init__(self, defined: Callable[[], Iterable[Entry]]) -> None:
        self._defined = defined
        self._known: Sequence[Definition] | None = None
        self._digest = ""

    def digest(self) -> str:
        """What it is now; worked out anew only when something has changed."""
        found = [each.definition for each in self._defined() if each.origin.is_kept]
        if found != self._known:
            told = sorted(f"{each.collection}/{each.full_name} {_written(each)!r}" for each in found)
            self._known, self._digest = found, sha256("\n".join(told).encode()).hexdigest()
        return self._digest


def _written(definition: Definition) -> bytes:
    """What the store gives back, written: of a field that is a float, 10 and 10.0 are the same there."""
    try:
        return _encode(msgspec.json.decode(_encode(definition), type=type(definition)))
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError, WorkbenchError):
        return b""  # It cannot be kept, and is about to be taken back for that.
