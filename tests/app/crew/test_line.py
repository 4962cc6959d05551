"""A worker process ends when its supervisor does, however that ended."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from tests.serving import WAIT_SECONDS
from workbench.app.serving.crew.line import Begin, Clicked, Line, encode
from workbench.app.serving.crew.member import Member
from workbench.core.errors import WorkbenchError

BEGIN = encode(Begin("services.py", {}, [], Member(1, 0, "", ""))) + b"\n"


@pytest.fixture
def signals() -> Iterator[SimpleQueue[int]]:
    """Each SIGTERM that this process gets."""
    heard: SimpleQueue[int] = SimpleQueue()
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.put(number))
    yield heard
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def supervisor() -> Iterator[tuple[socket.socket, int]]:
    """The supervisor's socket, and the number of the worker process's."""
    ours, theirs = socket.socketpair()
    yield ours, theirs.detach()
    ours.close()


@pytest.mark.parametrize(
    ("last", "is_read"),
    [(b"", True), (b"", False), (b'{"type": "Cr', True)],
    ids=["all was read", "not all was read", "in the midst of a line"],
)
def test_a_worker_process_is_ended_when_its_supervisor_is_gone(
    last: bytes, is_read: bool, supervisor: tuple[socket.socket, int], signals: SimpleQueue[int]
) -> None:
    ours, number = supervisor
    ours.sendall(BEGIN)
    line = Line(number)
    if not is_read:
        line.tell(Clicked())
    ours.sendall(last)
    ours.close()
    assert signals.get(timeout=WAIT_SECONDS) == signal.SIGTERM
    assert not line.leaves
    line.forget()


def test_one_whose_supervisor_is_gone_at_once_says_so(supervisor: tuple[socket.socket, int]) -> None:
    ours, number = supervisor
    ours.sendall(BEGIN[:10])
    ours.close()
    with pytest.raises(WorkbenchError, match="ended before it said what to serve"):
        Line(number)
