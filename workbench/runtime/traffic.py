"""What has happened lately: traces of calls, and lines that services logged or printed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from time import time
from typing import Generic, NamedTuple, TypeVar, overload

from workbench.core.errors import UnknownName, WorkbenchError
from workbench.core.masking import mask
from workbench.core.trace import Step, Trace

T = TypeVar("T")
KEPT_TRACES = 1000
KEPT_LINES = 5000


class NothingThere(WorkbenchError, IndexError):
    """So many calls or lines are not kept."""

    def __init__(self, kept: int) -> None:
        super().__init__(
            f"Only {kept} are kept, the oldest at [0]. Fix: a smaller number."
            if kept
            else "Nothing is recorded yet. Fix: call a service first."
        )


class Ring(Sequence[T], Generic[T]):
    """The last so many of something, oldest first."""

    def __init__(self, kept: int) -> None:
        self._items: deque[T] = deque(maxlen=kept)
        self.append = self._items.append
        self.clear = self._items.clear

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return list(self._items)[index]
        try:
            return self._items[index]
        except IndexError:
            raise NothingThere(len(self._items)) from None

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._items))


class Traffic(Ring[Trace]):
    """`wb.traffic`: the last 1,000 calls from outside, each as a trace."""

    def __init__(self, kept: int = KEPT_TRACES) -> None:
        super().__init__(kept)

    def record(self, cid: str, root: Step) -> None:
        """Keep a call from its beginning; its steps fill in as it goes."""
        self.append(Trace(cid, time(), root))

    def find(self, cid: str) -> Trace:
        """The trace of one CID; raises UnknownName."""
        for trace in reversed(list(self)):
            if trace.cid == cid:
                return trace
        raise UnknownName("recorded call", cid, ())

    def __repr__(self) -> str:
        return "\n".join(trace.root.describe() for trace in self) or "No calls yet."


class LogLine(NamedTuple):
    """One line that a service logged or printed."""

    at: float
    cid: str
    service: str
    level: str
    text: str

    def __repr__(self) -> str:
        return mask(f"LogLine({', '.join(f'{name}={value!r}' for name, value in self._asdict().items())})")


class Log(Ring[LogLine]):
    """`wb.log`: the last 5,000 lines of services."""

    def __init__(self, kept: int = KEPT_LINES) -> None:
        super().__init__(kept)

    def of(self, cid: str) -> list[LogLine]:
        """The lines of one call."""
        return [line for line in self if line.cid == cid]

    def __repr__(self) -> str:
        return mask("\n".join(f"{line.service} {line.level} {line.text}" for line in self)) or "Nothing logged yet."
