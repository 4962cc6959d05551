"""The protocols by which rooms on one floor work together without knowing each other."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from workbench.core.errors import WorkbenchError


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The instant, aware, UTC."""
        ...

    def time(self) -> float:
        """Seconds since the epoch, UTC [s]."""
        ...

    def monotonic(self) -> float:
        """A reading that never goes back [s]."""
        ...

    @property
    def is_virtual(self) -> bool:
        """Whether it stands still until it is moved, by `advance` or `move_to`."""
        ...


class Decision(Protocol):
    """What a limit said about one call."""

    kind: str
    allowed: bool
    denied: str  # why not, or why only shadow lets it through: "limit", "address" or "store"
    headers: tuple[tuple[str, str], ...]  # what the caller is told, if the definition says so

    def describe(self) -> str:
        """The object, the line and the outcome, for the trace."""
        ...

    def log_line(self) -> str:
        """What the author's log says of a refusal, and the caller never learns."""
        ...


class Limiter(Protocol):
    """The limit of one object: a channel, a user, or a service."""

    def check(self, address: str | None, cid: str) -> Decision | Future[Any]:
        """Count one call, or refuse it and count nothing; on the loop's thread.

        A counter in this process answers at once; one in a shared store answers a future.
        """
        ...

    def check_blocking(self, address: str | None, cid: str) -> Decision:
        """The same, for a thread that may wait."""
        ...


class Swap(NamedTuple):
    """A change of one value in a store, if it is `expected` now; None is no value, on both sides."""

    key: str
    expected: bytes | None
    value: bytes | None


class Store(Protocol):
    """Where definitions, counters and runs live: ten verbs on bytes, by URL."""

    @property
    def url(self) -> str:
        """How it was named, any password left out."""
        ...

    @property
    def folder(self) -> Path | None:
        """A folder on this machine common to all its users here; None if no other process can see the store."""
        ...

    @property
    def across_machines(self) -> bool:
        """Whether processes of other machines may use it too."""
        ...

    def time(self) -> float:
        """The one clock of all that share it: seconds since the epoch, UTC [s]."""
        ...

    def get(self, key: str) -> bytes | None:
        """The value, or None."""
        ...

    def get_all(self, keys: Collection[str]) -> dict[str, bytes]:
        """The values of those keys that have one."""
        ...

    def put(self, key: str, value: bytes) -> None:
        """Set the value."""
        ...

    def put_all(self, values: Mapping[str, bytes]) -> None:
        """Set several values in one write: all of them or none."""
        ...

    def delete(self, key: str) -> bool:
        """Remove it; whether it was there."""
        ...

    def scan(self, prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        """Keys that begin with `prefix` and are greater than `after`, with their values, in order of the key."""
        ...

    def add(self, key: str, value: bytes) -> bool:
        """Set the value only if the key is absent, atomically; whether it was set."""
        ...

    def incr(self, key: str, by: int = 1) -> int:
        """Add to a counter (absent counts as 0), atomically; the new value."""
        ...

    def swap(self, key: str, expected: bytes | None, value: bytes | None) -> bool:
        """Set the value only if it is `expected` now, atomically (compare-and-set); whether it was.

        None is no value, on both sides: expected None adds the key, value None removes it.
        """
        ...

    def swap_all(self, swaps: Sequence[Swap]) -> list[bool]:
        """Make several swaps in one write, in order; of each, whether its value was as expected, so that it is set.

        Each stands for itself: one that finds another value leaves the others as they are. After an error none is made.
        """
        ...

    def close(self) -> None:
        """Let go of files and sockets."""
        ...


class Widgets:
    """Who makes the widget of a thing: a notebook, while there is one."""

    def __init__(self) -> None:
        self._make: Callable[[object], Any] | None = None

    def made_by(self, make: Callable[[object], Any]) -> Callable[[], None]:
        """Have `make` make them; returns the call that ends it."""
        self._make = make

        def end() -> None:
            self._make = None

        return end

    def of(self, thing: object) -> Any:
        """The widget of a thing.

        Raises:
            WorkbenchError: No notebook is there.
        """
        if self._make is None:
            raise WorkbenchError("Widgets need a notebook that the workbench is on in. Fix: run %load_ext workbench.")
        return self._make(thing)


WIDGETS = Widgets()
"""This process's: a kernel has one notebook."""


class Showable:
    """A thing that a person lays out in a page of their own."""

    __slots__ = ()

    def widget(self) -> Any:
        """Its live card as an ipywidgets widget: `VBox([wb.jobs["a"].widget(), wb.limits["user b"].widget()])`.

        Its traits `state` and `last_outcome` follow the thing; `help()` of the widget has their words.

        Raises:
            WorkbenchError: No notebook is there, or the thing is not in force in the notebook's workbench.
        """
        return WIDGETS.of(self)
