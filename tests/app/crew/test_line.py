"""A worker process ends when its supervisor does, however that ended, and its forked children are not held up."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue

import pytest

from tests.serving import WAIT_SECONDS, until
from tests.serving import wb as wb
from workbench import Service, WebSocketChannel, Workbench
from workbench.app.serving.crew.broadcasts import MOST_UNSENT_BYTES, Broadcasts
from workbench.app.serving.crew.line import (
    Begin,
    Broadcast,
    Clicked,
    Compare,
    Counted,
    Leave,
    Line,
    ToSupervisor,
    encode,
    read_to_supervisor,
)
from workbench.app.serving.crew.member import Member
from workbench.core.errors import WorkbenchError
from workbench.core.events import Events

BEGIN = encode(Begin("services.py", {}, [], Member(1, 0, "", ""))) + b"\n"

# A child that a service forks while the thread that hears the supervisor waits for a line, and its exit status.
FORKS = """
import os, socket, sys
from workbench.app.serving.crew.line import Crew, Line, encode
from workbench.app.serving.crew.member import WorkerFacts

ours, theirs = socket.socketpair()
ours.sendall(sys.argv[1].encode())
line = Line(theirs.detach())
ours.sendall(encode(Crew((WorkerFacts(1, 0, "ready", 0.0),))) + bytes([10]))
while not line.begin.member.crew:
    pass
child = os.fork()
if not child:
    os._exit(7)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


class Echo(Service):
    name = "echo"

    def handle(self) -> None:
        """Answer nothing."""


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
        line.tell(Clicked(""))
    ours.sendall(last)
    ours.close()
    assert signals.get(timeout=WAIT_SECONDS) == signal.SIGTERM
    assert not line.leaves
    line.forget()


Told = tuple[Line, socket.socket, Callable[[], ToSupervisor]]


@pytest.fixture
def told(supervisor: tuple[socket.socket, int], signals: SimpleQueue[int]) -> Iterator[Told]:
    """A worker process's end, its supervisor's, and what it tells next."""
    ours, number = supervisor
    ours.settimeout(WAIT_SECONDS)
    ours.sendall(BEGIN)
    line = Line(number)
    with ours.makefile("rb") as heard:
        yield line, ours, lambda: read_to_supervisor(heard.readline())
    ours.close()
    assert signals.get(timeout=WAIT_SECONDS) == signal.SIGTERM
    line.forget()


def test_what_is_clicked_is_told_also_when_it_was_at_the_very_end(told: Told) -> None:
    line, _, next_told = told
    clicks = ["first"]
    with line.counting(Events(), lambda: clicks[-1], "first", dict):
        clicks.append("second")
        assert next_told() == Clicked("second")
        clicks.append("third")
    assert next_told() == Clicked("third")


def test_who_is_asked_tells_what_it_has_though_nothing_was_clicked(told: Told) -> None:
    line, ours, next_told = told
    with line.counting(Events(), lambda: "first", "first", dict):
        for _ in range(3):
            ours.sendall(encode(Compare()) + b"\n")
            assert next_told() == Clicked("first")


def test_clients_are_counted_as_they_come_and_go(told: Told) -> None:
    line, _, next_told = told
    clients = {"prices": 2}
    with line.counting(Events(), lambda: "", "", clients.copy):
        assert next_told() == Counted(0, 0, {"prices": 2})
        del clients["prices"]
        assert next_told() == Counted(0, 0, {})


def test_a_broadcast_is_read_whole_however_it_comes_also_by_one_that_was_told_to_leave(told: Told) -> None:
    line, ours, _ = told
    heard: SimpleQueue[Broadcast] = SimpleQueue()
    line.broadcast = heard.put
    several = [Broadcast("prices", "x" * 300_000), Broadcast("prices", "{}", b"\0\xff\n"), Broadcast("prices", "last")]
    whole = b"".join(encode(each) + b"\n" for each in several)
    ours.sendall(whole[:100_000])
    ours.sendall(whole[100_000:-3])
    ours.sendall(whole[-3:])
    assert [heard.get(timeout=WAIT_SECONDS) for _ in several] == several
    ours.sendall(encode(Leave()) + b"\n" + encode(several[1]) + b"\n")
    assert heard.get(timeout=WAIT_SECONDS) == several[1]
    assert line.leaves


def test_what_waits_while_an_async_service_holds_the_loop_is_bounded(
    told: Told, wb: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    line, ours, _ = told
    wb.deploy(Echo)
    wb.define(WebSocketChannel("echo", path="/ws", max_unsent_bytes=MOST_UNSENT_BYTES * 2))
    wb.start()
    others, goes_on = Broadcasts(line, wb.channels), threading.Event()

    def broadcast(data: str) -> None:
        ours.sendall(encode(Broadcast("echo", encode({"meta": {}, "data": data}).decode())) + b"\n")

    with wb.websocket("/ws") as client:
        wb._parts.loop.land(goes_on.wait, WAIT_SECONDS)
        for data in ("1" * (MOST_UNSENT_BYTES // 2), "2" * (MOST_UNSENT_BYTES // 2), "missed"):
            broadcast(data)
        until(lambda: "miss a broadcast: an async service holds the loop" in caplog.text, "it is told of")
        goes_on.set()
        assert [client.receive().data[0] for _ in range(2)] == ["1", "2"]
        broadcast("sent again")
        assert client.receive().data == "sent again"
    others.close()


def test_one_whose_supervisor_is_gone_at_once_says_so(supervisor: tuple[socket.socket, int]) -> None:
    ours, number = supervisor
    ours.sendall(BEGIN[:10])
    ours.close()
    with pytest.raises(WorkbenchError, match="ended before it said what to serve"):
        Line(number)


def test_a_child_that_is_forked_in_a_worker_process_is_not_held_up() -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKS, BEGIN.decode()]
    assert subprocess.run(command, timeout=WAIT_SECONDS, check=False).returncode == 7
