"""What a test run puts into a notebook's kernel: a clock and CIDs that repeat, no network but loopback, and an account
of what differs from run to run and of what a cell leaves behind.
"""

from __future__ import annotations

import os
import random
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from weakref import WeakSet

from workbench.app.workbench import Workbench
from workbench.connections.common.hosts import host_of, is_outside
from workbench.core import cid
from workbench.core.clock import SystemClock, VirtualClock
from workbench.core.errors import WorkbenchError

CID_PREFIX = "7e57" * 4
START = datetime(2026, 1, 1, tzinfo=UTC)
"""When a test run begins by the workbench's clock: a full minute, hour and day, so no limit's window turns soon."""

CLOCKS = ("fixed", "virtual", "real")
SETTLE_SECONDS = 1.0
"""How long threads and ports of a test may take to end after it [s]."""

MOST_TRACES = 3
MOST_KEPT = 1_000
_OWN_THREADS = ("workbench-", "asyncio_")
"""Beginnings of the names of threads that a test does not answer for."""

_CALLS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_LOOKS_UP = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
"""Audit events of what calls a host, and of what asks for one by name (Python's table of audit events)."""

_OURS = f"{Path(__file__).parent.parent}{os.sep}"


class RememberingClock(SystemClock):
    """The machine's clock; it keeps the texts of instants that services were told."""

    def __init__(self) -> None:
        self.texts: deque[str] = deque(maxlen=MOST_KEPT)

    def told(self, text: str) -> str:
        """Keep the text of an instant."""
        self.texts.append(text)
        return text


class SteadyClock(RememberingClock):
    """The machine's clock, but that it begins at `START`."""

    def __init__(self) -> None:
        super().__init__()
        self._began = time.monotonic()

    def now(self) -> datetime:
        """The instant, aware, UTC."""
        return START + timedelta(seconds=time.monotonic() - self._began)

    def time(self) -> float:
        """The instant as seconds since the epoch, UTC [s]."""
        return self.now().timestamp()


class OutsideOfTest(WorkbenchError):
    """A test would have called another host."""

    def __init__(self, who: str, host: str) -> None:
        super().__init__(
            f"{who} would call {host}, and tests call this machine alone. "
            f"Fix: define a connection, at whose peer tests arrive; or allow it with --allow-outside."
        )


class Watch:
    """What happens in this process that a test run wants to know, from the kernel's beginning."""

    def __init__(self, wb: Workbench, clock: RememberingClock | VirtualClock, outside: bool) -> None:
        self._wb, self._clock, self._outside = wb, clock, outside
        self._ours: WeakSet[Any] = WeakSet()
        self._others: WeakSet[Any] = WeakSet()
        self._hosts = {socket.gethostname().lower(), ""}
        self._before: tuple[set[threading.Thread], set[int], set[str]] = (set(), set(), set())
        self._last: Any = None
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.bind":
            (self._ours if _is_asked_by_us() else self._others).add(arguments[0])
        elif self._outside:
            return
        elif event in _CALLS and isinstance(arguments[1], tuple):
            self._check(arguments[1][0])
        elif event in _LOOKS_UP and isinstance(arguments[0], str | bytes):
            self._check(arguments[0])

    def _check(self, host: str | bytes) -> None:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
        if name.lower() not in self._hosts and is_outside(name.partition("%")[0]):
            named = [str(each.definition) for each in self._wb.connections.values() if _calls(each.definition, name)]
            raise OutsideOfTest(" and ".join(named) or "A cell", name)

    def begin(self) -> bool:
        """A cell begins."""
        self._before = set(threading.enumerate()), _ports(self._others), _files()
        self._last = self._traces()[-1:]
        return True

    def left(self) -> list[str]:
        """What the cell has left behind, each in words: threads, ports and files that were not there before."""
        end = time.monotonic() + SETTLE_SECONDS
        while (left := self._left_now()) and time.monotonic() < end:
            threading.Event().wait(0.02)
        return left

    def _left_now(self) -> list[str]:
        threads, ports, files = self._before
        new = [each.name for each in threading.enumerate() if each not in threads and each.is_alive()]
        return [
            *(f"thread {name!r}" for name in new if not name.startswith(_OWN_THREADS)),
            *(f"port {port}" for port in sorted(_ports(self._others) - ports)),
            *(f"file {name!r}" for name in sorted(_files() - files)),
        ]

    def volatile(self) -> dict[str, list[str]]:
        """Texts that are others in each run, by kind: `cid` (what each begins with), `port`, `path`, `time`."""
        return {
            "cid": [CID_PREFIX],
            "port": [str(port) for port in sorted(_ports(self._ours) | _ports(self._others))],
            "path": [str(Path.cwd())],
            "time": list(dict.fromkeys(getattr(self._clock, "texts", ()))),
        }

    def traces(self) -> list[str]:
        """The last calls of this cell, as a person sees them."""
        traces = self._traces()
        first = next((at + 1 for at, each in enumerate(traces) if self._last and each is self._last[0]), 0)
        return [repr(trace) for trace in traces[first:][-MOST_TRACES:]]

    def _traces(self) -> list[Any]:
        return list(self._wb.traffic)


def _is_asked_by_us() -> bool:
    """Whether the workbench is among those that ask for what happens now."""
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.startswith(_OURS):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def _calls(definition: Any, host: str) -> bool:
    return host_of(str(getattr(definition, "called", ""))).lower() == host.lower()


def _ports(sockets: Iterable[Any]) -> set[int]:
    """The ports of those sockets that are open."""
    found = set[int]()
    for each in list(sockets):
        with suppress(OSError):
            name = each.getsockname() if each.fileno() != -1 else None
            if isinstance(name, tuple) and name[1]:
                found.add(int(name[1]))
    return found


def _files() -> set[str]:
    """Files and folders beside the notebook; links lead to what is there without it."""
    return {each.name for each in Path().iterdir() if not each.is_symlink()} - {"__pycache__", ".ipynb_checkpoints"}


_watch: list[Watch] = []


def begin(clock: str, outside: bool) -> bool:
    """Prepare this kernel for the notebook whose environment it has."""
    from IPython.core.getipython import get_ipython

    from workbench.app.singleton import the_workbench
    from workbench.testing import cell_tests

    cell_tests.register(get_ipython())

    random.seed(0)
    cid.repeat(CID_PREFIX)
    made = {"fixed": SteadyClock, "virtual": VirtualClock, "real": RememberingClock}[clock]()
    _watch[:] = [Watch(the_workbench(made), made, outside)]
    return True


def watch() -> Watch:
    """The watch of this process."""
    return _watch[0]
