"""What has happened lately: traces of calls, and lines that services logged or printed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from threading import Lock
from time import time
from typing import Any, Generic, NamedTuple, TypeVar, overload

from workbench.core.call import ServiceStep
from workbench.core.errors import UnknownName, WorkbenchError, short
from workbench.core.failure import Failure, cut
from workbench.core.masking import mask
from workbench.core.payload.asked import RECORD_BYTES
from workbench.core.trace import (
    KEPT_CHARACTERS,
    MARGIN,
    Line,
    Outgoing,
    OutgoingEnded,
    RequestStep,
    Step,
    Trace,
    Traced,
)
from workbench.runtime.compared import Compared

T = TypeVar("T")
KEPT_TRACES = 1000
KEPT_LINES = 5000
LONGEST_LINE = 8192
"""Characters of one line that a trace and the log keep; of a traceback below it, as many again."""

KEPT_TRACE_BYTES = KEPT_LOG_BYTES = 32 * 1024 * 1024
"""What all lines and values in all traces, and the lines of the log, may come to [bytes]; the oldest go first."""

OF_A_LINE = 200
"""What a line takes besides its text [bytes]: measured on Python 3.11, with its tuple and its time."""


class NothingThere(WorkbenchError, IndexError):
    """So many calls or lines are not kept."""

    def __init__(self, kept: int) -> None:
        super().__init__(
            f"Only {kept} are kept, the oldest at [0]. Fix: a smaller number."
            if kept
            else "Nothing is recorded yet. Fix: call a service first."
        )


class NotRecorded(UnknownName):
    """No call of that CID is kept."""

    def __init__(self, cid: str, kept: int) -> None:
        super().__init__("recorded call", cid, ())
        self.args = (
            f"No recorded call is named {short(cid)}; calls that are kept: {kept:,}. Fix: check it, or ask sooner.",
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

    @property
    def most(self) -> int | None:
        """How many are kept; the oldest go first."""
        return self._items.maxlen

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._items))


class Traffic(Ring[Trace]):
    """`wb.traffic`: the last 1,000 calls from outside, each as a trace; `wb.traffic[cid]` finds one."""

    def __init__(
        self, kept: int = KEPT_TRACES, kept_bytes: int = KEPT_TRACE_BYTES, record_bytes: int = RECORD_BYTES
    ) -> None:
        super().__init__(kept)
        self.kept_bytes, self.left_out, self.let_go = kept_bytes, 0, 0
        # What is shorter is not looked at: that would cost every call.
        self.record_bytes = max(record_bytes, KEPT_CHARACTERS)
        self._lock, self._grown = Lock(), 0
        self.told: Callable[[OutgoingEnded], None] = lambda ended: None
        """Called as each call to another system ends."""
        self.again: Callable[..., Any] = _nobody
        """Runs a call again."""
        self.make_test: Callable[..., Any] = _nobody
        """Makes a call a test."""
        self.compare = Compared

    @overload
    def __getitem__(self, index: int | str) -> Trace: ...
    @overload
    def __getitem__(self, index: slice) -> list[Trace]: ...
    def __getitem__(self, index: int | str | slice) -> Trace | list[Trace]:
        return self.find(index) if isinstance(index, str) else super().__getitem__(index)

    def grow(self, characters: int) -> None:
        """A trace gets so many characters of a line or a value; if that is too much for all, the oldest calls go.

        What goes otherwise is not counted as it goes, which would cost every call: the traces are measured once as
        much has come as may be kept, and then go down to three quarters of that.
        """
        with self._lock:
            self._grown += characters + OF_A_LINE
            if self._grown > self.kept_bytes:
                self._shrink()

    def _shrink(self) -> None:
        sizes = [(trace, _bytes_of(trace)) for trace in self]
        total, most = sum(size for _, size in sizes), self.kept_bytes * 3 // 4
        # The answers that a later run would need go first: the calls stay.
        for number, (trace, size) in enumerate(sizes[:-1]):
            if total <= most:
                break
            if freed := _let_go(trace):
                self.let_go += 1
                total, sizes[number] = total - freed, (trace, size - freed)
        for trace, size in sizes[:-1]:
            if total <= most:
                break
            try:
                self._items.remove(trace)
            except ValueError:  # so many calls came meanwhile that it went by itself
                continue
            total -= size
            self.left_out += 1
        self._grown = total

    def record(self, cid: str, root: Step) -> None:
        """Keep a call from its beginning; its steps fill in as it goes."""
        self.append(Trace(cid, time(), root, self))

    def keep(self, root: RequestStep) -> None:
        """Keep of a long body all or nothing, and of a long answer the beginning."""
        if root.answer is not None:
            root.answer = root.answer[: KEPT_CHARACTERS + MARGIN]
        if root.came is not None:
            body, query, headers, why = root.came
            if len(body) > self.record_bytes:
                body, why = None, f"is over {self.record_bytes:,} bytes, too large to be kept"
            root.came = body, query, headers, why
            self.grow(len(body or b""))

    def drop(self, trace: Trace) -> None:
        """Keep a call no more."""
        with suppress(ValueError):
            self._items.remove(trace)

    def find(self, cid: str) -> Trace:
        """The trace of one CID; raises UnknownName."""
        if (found := self.kept(cid)) is None:
            raise NotRecorded(cid, len(self))
        return found

    def kept(self, cid: str) -> Trace | None:
        """The trace of one CID, if it is kept."""
        return next((trace for trace in reversed(list(self)) if trace.cid == cid), None)

    def __repr__(self) -> str:
        told = [_left_out(self.left_out, "calls", self.kept_bytes)] if self.left_out else []
        return "\n".join([*told, *(trace.root.describe() for trace in self)]) or "No calls yet."


class LogLine(NamedTuple):
    """One line that a service logged (with a level) or printed; `failure` is the error that it tells of."""

    at: float
    cid: str
    service: str
    level: str
    text: str
    failure: Failure | None = None

    def __repr__(self) -> str:
        fields = self._asdict().items()
        return mask(f"LogLine({', '.join(f'{name}={value!r}' for name, value in fields if name != 'failure')})")


Heard = Callable[[LogLine], object]


class Log(Ring[LogLine]):
    """`wb.log`: the last 5,000 lines of services; `wb.log[cid]` gives those of one call.

    Attributes:
        total: Lines that ever came; `after` takes it to go on from there.
    """

    def __init__(self, kept: int = KEPT_LINES, kept_bytes: int = KEPT_LOG_BYTES) -> None:
        super().__init__(kept)
        self.kept, self.kept_bytes, self.left_out, self.total = kept, kept_bytes, 0, 0
        self._lock, self._size = Lock(), 0
        self._followers: tuple[Heard, ...] = ()
        self.append, self.clear = self._append, self._clear

    @overload
    def __getitem__(self, index: int) -> LogLine: ...
    @overload
    def __getitem__(self, index: str | slice) -> list[LogLine]: ...
    def __getitem__(self, index: int | str | slice) -> LogLine | list[LogLine]:
        return self.of(index) if isinstance(index, str) else super().__getitem__(index)

    def follow(self, heard: Heard) -> Callable[[], None]:
        """Have `heard` called with each line as it comes, in the thread that writes it; returns the call that ends it.

        It must return at once and raise nothing.
        """
        self._followers = (*self._followers, heard)

        def end() -> None:
            self._followers = tuple(each for each in self._followers if each is not heard)

        return end

    def after(self, total: int) -> tuple[list[LogLine], int]:
        """The kept lines that came after the first `total`, and how many came in all."""
        with self._lock:
            new = self.total - total
            # More than there are, or fewer: this is another process by now, or what came is not kept any more.
            kept = list(self._items)
            return kept[-new:] if 0 < new <= len(kept) else [] if new == 0 else kept, self.total

    def _append(self, line: LogLine) -> None:
        if len(line.text) > 2 * LONGEST_LINE + OF_A_LINE:
            line = line._replace(text=cut(line.text, 2 * LONGEST_LINE))
        with self._lock:
            while self._items and (
                len(self._items) >= self.kept or self._size + len(line.text) + OF_A_LINE > self.kept_bytes
            ):
                self.left_out += len(self._items) < self.kept
                self._size -= len(self._items.popleft().text) + OF_A_LINE
            self._size += len(line.text) + OF_A_LINE
            self._items.append(line)
            self.total += 1
        for heard in self._followers:
            heard(line)

    def _clear(self) -> None:
        with self._lock:
            self._items.clear()
            self._size = self.left_out = 0

    def of(self, cid: str) -> list[LogLine]:
        """The lines of one call."""
        return [line for line in self if line.cid == cid]

    def __repr__(self) -> str:
        told = [_left_out(self.left_out, "lines", self.kept_bytes)] if self.left_out else []
        lines = (f"{line.service} {line.level} {line.text}" for line in self)
        return mask("\n".join([*told, *lines])) or "Nothing logged yet."


def _bytes_of(trace: Trace) -> int:
    return sum(_size_of(step) for _, step in trace.root.tree())


def _size_of(step: Traced) -> int:
    if isinstance(step, Outgoing):
        return step.size + OF_A_LINE
    if isinstance(step, ServiceStep):
        record = sum(asked.size + OF_A_LINE for asked in step.asked or ())
        return record + (step.given.size if step.given is not None else 0)
    if isinstance(step, RequestStep):
        return len(step.came[0] or b"") + len(step.answer or b"") if step.came is not None else 0
    return len(step.text) + OF_A_LINE if isinstance(step, Line) else 0


def _let_go(trace: Trace) -> int:
    """Keep a call's answers no more, which a later run would need; how much that was [bytes]."""
    services = (step for _, step in trace.root.tree() if isinstance(step, ServiceStep))
    return sum(asked.let_go() for step in services for asked in step.asked or ())


def _nobody(trace: Trace, *_: Any, **how: Any) -> Any:
    raise WorkbenchError(f"Nobody runs call {trace.cid} again. Fix: take it from the traffic of a workbench.")


def _left_out(count: int, what: str, most_bytes: int) -> str:
    return f"... {count} earlier {what} left out, since all together may take {most_bytes // (1024 * 1024)} MiB"
