"""What one process broadcasts comes to the WebSocket clients of all, once to each and in one order."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.app.crew.conftest import Crew
from tests.cli.conftest import CommandLine
from tests.serving import WAIT_SECONDS, until

pytestmark = pytest.mark.timeout(180)

MODULE = """
import os
import time
from workbench import Service, WebSocketChannel, wb

class Echo(Service):
    name = "echo"

    def handle(self):
        while self.request.payload == "wait" and not os.path.exists("go on"):
            time.sleep(0.01)
        return os.getpid()

class Tell(Service):
    name = "tell"

    def handle(self):
        data = self.request.payload
        if isinstance(data, dict):
            data = bytes(range(256)) * data["of_256_bytes"]
        return self.wsx.channel["prices"].broadcast(data)

class Many(Service):
    name = "many"

    async def handle(self):
        for number in range(300):
            self.wsx.channel["prices"].broadcast(number)

wb.define(WebSocketChannel("prices", path="/ws", service="echo"))
"""


class Prices(Crew):
    """Two processes that serve a WebSocket channel, and a client of each."""

    clients: dict[int, ClientConnection]
    is_one_to_hang = False
    _pages = count()

    def begin(self) -> None:
        """Have a client of each, and all of them know of it."""
        self.clients, self._opened, pids = {}, ExitStack(), set(self.ready.values())
        until(lambda: self._one_more() == pids, "each has a client")
        for pid in pids:
            until(partial(self._knows_of_both, pid), "it knows of both")
        self.read_up()

    def _knows_of_both(self, pid: int) -> bool:
        return bool(self.tell(pid, "are all there?") == 2)

    def _one_more(self) -> set[int]:
        url = self.url.replace("http", "ws", 1) + "/ws"
        client = self._opened.enter_context(connect(url, max_size=None, open_timeout=WAIT_SECONDS))
        client.send("1")
        pid = received(client)
        if pid in self.clients:
            client.close()
        else:
            self.clients[pid] = client
        return {*self.clients}

    def end(self) -> None:
        """Have them leave."""
        self._opened.close()

    def tell(self, pid: int, data: Any) -> Any:
        """Have one of them broadcast; to how many."""
        return json.loads(self.command("invoke", "tell", "--app", str(pid), "--payload", json.dumps(data)))

    def asked_of_panel(self, ask: str, **content: Any) -> dict[str, Any]:
        """What a question by click is answered, on a page of its own."""
        headers, viewer = {"X-Workbench-Token": self.token}, f"page {next(self._pages)}"
        looked: dict[str, Any] = {"last": 0}

        def look() -> Any:
            told = {"viewer": viewer, "after": looked["last"], "wait_seconds": 5}
            looked.update(requests.post(f"{self.url}/workbench/look", json=told, headers=headers, timeout=60).json())
            said = (each for told in looked["told"] for each in told.get("batch", ()))
            return next((each for each in said if each.get("id") == 1), None)

        look()
        asked = {"viewer": viewer, "ask": ask, "id": 1, "name": "prices", **content}
        assert requests.post(f"{self.url}/workbench/ask", json=asked, headers=headers, timeout=60).status_code == 200
        return dict(until(look, f"{ask} is answered"))

    def read_up(self) -> list[Any]:
        """What all clients were sent until now, the same to each; of which nothing is left afterwards."""
        marks = [f"mark of {pid}" for pid in self.clients]
        for pid, mark in zip(self.clients, marks, strict=True):
            self.tell(pid, mark)
        heard = [self._until(marks, each) for each in self.clients.values()]
        assert all(each == heard[0] for each in heard)
        return heard[0]

    def _until(self, marks: list[str], client: ClientConnection) -> list[Any]:
        heard = list[Any]()
        while not all(each in heard for each in marks):
            heard.append(received(client))
        return [each for each in heard if each not in marks]


def received(client: ClientConnection) -> Any:
    """What the next message says, or the bytes of it."""
    said = client.recv(WAIT_SECONDS)
    return json.loads(said)["data"] if isinstance(said, str) else said


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prices]:
    line = CommandLine(tmp_path_factory.mktemp("prices"))
    made = Prices(line, line.module("prices.py", MODULE), "--drain", "60")
    try:
        yield made
        status, said = made.served.stop(signal.SIGTERM)
        assert status == 0
        assert (") takes nothing from others now" in said) == made.is_one_to_hang
    finally:
        line.close()


@pytest.fixture
def prices(served: Prices) -> Iterator[Prices]:
    served.begin()
    yield served
    served.end()


def test_each_client_gets_it_once_and_in_the_order_of_all_whichever_process_broadcasts(prices: Prices) -> None:
    told = [f"{number} of {pid}" for number in range(10) for pid in prices.clients]
    for each in told:
        assert prices.tell(int(each.split()[-1]), each) == 2
    assert sorted(prices.read_up()) == sorted(told)


def test_what_one_broadcasts_keeps_its_order_on_the_way_from_its_loop(prices: Prices) -> None:
    for pid in prices.clients:
        prices.command("invoke", "many", "--app", str(pid))
        assert prices.read_up() == list(range(300))


def test_bytes_come_as_they_are_and_too_many_are_refused_before_anybody_gets_them(prices: Prices) -> None:
    pid = next(iter(prices.clients))
    assert prices.tell(pid, {"of_256_bytes": 20_000}) == 2
    assert prices.read_up() == [None, bytes(range(256)) * 20_000]
    refused = json.dumps({"of_256_bytes": 100_000})
    assert "of at most 33,554,432. Fix: " in prices.line.refused(
        "invoke", "tell", "--app", str(pid), "--payload", refused
    )
    assert prices.read_up() == []


def test_the_panel_shows_the_clients_of_all_and_sends_any_away(prices: Prices) -> None:
    said = prices.asked_of_panel("clients")
    number_of = {pid: number for number, pid in prices.ready.items()}
    assert (said["number"], {each["worker"] for each in said["clients"]}) == (2, {*number_of.values()})
    for pid, client in prices.clients.items():
        (its,) = (each for each in said["clients"] if each["worker"] == number_of[pid])
        assert prices.asked_of_panel("disconnect client", client=its["id"])["said"].endswith("is disconnected.")
        with pytest.raises(ConnectionClosed, match="1001.*Disconnected by hand"):
            client.recv(WAIT_SECONDS)
        assert "has left already" in prices.asked_of_panel("disconnect client", client=its["id"])["failed"]
    assert prices.asked_of_panel("clients")["number"] == 0


def test_who_waits_at_one_that_leaves_gets_what_its_successor_broadcasts(prices: Prices) -> None:
    old = list(prices.clients)
    waits = prices.clients[old[0]]
    waits.send(json.dumps("wait"))
    os.kill(prices.supervisor, signal.SIGHUP)
    fresh = until(lambda: [pid for pid in prices.ready.values() if pid not in old][1:], "both are replaced", 90)[0]
    until(lambda: prices.tell(fresh, "news") == 1, "it knows of the one client that is left")
    assert received(waits) == "news"
    (prices.line.folder / "go on").touch()
    until(lambda: received(waits) == old[0], "it is answered")
    with pytest.raises(ConnectionClosed):
        waits.recv(WAIT_SECONDS)
    prices.until_ready(*old)


def test_one_that_hangs_is_told_of_and_the_one_in_its_place_is_joined(prices: Prices) -> None:
    hangs, stays = prices.clients
    os.kill(hangs, signal.SIGSTOP)
    try:
        for _ in range(5):
            prices.tell(stays, {"of_256_bytes": 80_000})
            # The text and the bytes behind it: nothing of it is on its way any more, once others are there.
            assert len([prices.clients[stays].recv(WAIT_SECONDS) for _ in range(2)][1]) == 256 * 80_000
        prices.is_one_to_hang = True
    finally:
        os.kill(hangs, signal.SIGKILL)
    with pytest.raises(ConnectionClosed):
        prices.clients[hangs].recv(WAIT_SECONDS)
    prices.until_ready(hangs)
    prices.end()
    prices.begin()
    assert stays in prices.clients
    assert prices.tell(stays, "all are there again") == 2
    assert prices.read_up() == ["all are there again"]
