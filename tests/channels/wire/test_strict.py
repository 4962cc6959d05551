"""Each case of the corpus gets the answers that RFC 9112 asks for, and nothing that is hidden in one is ever run."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.channels.wire.corpus import CASES, Case
from tests.serving import Wire, port_of
from workbench.app.workbench import Workbench
from workbench.channels.rest import RESTChannel
from workbench.core.service import Service

LAST = b"GET /canary?last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Echo(Service):
    name = "echo"

    def handle(self) -> bytes:
        return bytes(self.request.raw_request or b"")


class Canary(Service):
    """Remembers what it was asked."""

    name = "canary"
    asked: list[str]

    async def handle(self) -> str:
        self.asked += self.request.http.GET
        return "tweet"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    Canary.asked = []
    with pytest.MonkeyPatch.context() as patch, Workbench(port=0, folder=tmp_path_factory.mktemp("wb")) as made:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        made.deploy(Echo, Canary)
        made.define(RESTChannel("echo", data_format="raw", method="POST"), RESTChannel("canary", method="GET"))
        made.start()
        yield port_of(made)


def statuses(came: bytes) -> list[int]:
    """The statuses of answers, each of which says how long it is."""
    found = []
    while came:
        head, _, came = came.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        assert lines[0].startswith("HTTP/1.1 "), head
        found.append(int(lines[0].split(" ")[1]))
        length = next(int(line.split(": ")[1]) for line in lines if line.startswith("Content-Length: "))
        assert len(came) >= length
        came = came[length:]
    return found


def answers(port: int, pieces: list[bytes]) -> list[int]:
    """The statuses of all answers until the connection ends."""
    came = b""
    with Wire(port) as wire:
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for each in pieces:
                wire.send(each)
            wire.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has closed already
        while more := wire.more():
            came += more
    return statuses(came)


def test_there_are_enough_of_them() -> None:
    assert len({case.sent for case in CASES}) == len({case.name for case in CASES}) == len(CASES) >= 200


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_it_is_answered_to_the_letter(port: int, case: Case) -> None:
    Canary.asked.clear()
    assert answers(port, [case.sent, LAST]) == [*case.statuses, *([200] if case.goes_on else [])]
    assert "smuggled" not in Canary.asked
    assert ("last" in Canary.asked) == case.goes_on


@pytest.mark.parametrize("case", CASES[::7], ids=[case.name for case in CASES[::7]])
def test_it_is_answered_so_when_it_comes_byte_by_byte(port: int, case: Case) -> None:
    Canary.asked.clear()
    sent = case.sent + LAST
    assert answers(port, [sent[at : at + 1] for at in range(len(sent))]) == [
        *case.statuses,
        *([200] if case.goes_on else []),
    ]
    assert "smuggled" not in Canary.asked
