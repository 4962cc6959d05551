"""A server answers on sockets that other processes listen on, too, and leaves them without refusing a caller."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.serving import WAIT_SECONDS, Wire, port_of, until
from workbench import RESTChannel, Service, Workbench
from workbench.channels.http.server import bind_loopback

CONNECTIONS = 40


class Hello(Service):
    name = "hello"

    def handle(self) -> str:
        return "Hello"


@pytest.fixture
def listeners() -> Iterator[list[socket.socket]]:
    made = bind_loopback(0)
    yield made
    for each in made:
        each.close()


@pytest.fixture
def pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listeners: list[socket.socket]
) -> Iterator[tuple[Workbench, Workbench]]:
    """Two workbenches that answer at one address."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    with Workbench("one", port=0, folder=tmp_path) as one, Workbench("two", port=0, folder=tmp_path) as two:
        for wb in (one, two):
            wb.deploy(Hello)
            wb.define(RESTChannel("hello"))
            wb.start()
            wb._parts.server.join([each.dup() for each in listeners])
        yield one, two


@pytest.fixture
def wires(pair: tuple[Workbench, Workbench]) -> Iterator[list[Wire]]:
    """Connections that have had an answer."""
    with ExitStack() as ends:
        made = [ends.enter_context(Wire(port_of(pair[0]))) for _ in range(CONNECTIONS)]
        assert {wire.request("GET /hello").answer().status for wire in made} == {200}
        yield made


def test_those_who_joined_have_one_address_and_each_one_of_its_own(pair: tuple[Workbench, Workbench]) -> None:
    one, two = pair
    assert one.url == two.url
    for wb in pair:
        before = len(wb.traffic)
        assert wb.call("GET /hello").text == "Hello"
        assert len(wb.traffic) == before + 1


def test_each_gets_its_part_of_the_connections(pair: tuple[Workbench, Workbench], wires: list[Wire]) -> None:
    counts = [wb._parts.server.connection_count for wb in pair]
    assert sum(counts) == CONNECTIONS
    assert min(counts) > 0


def test_one_that_leaves_answers_who_is_connected_and_tells_them_to_connect_anew(
    pair: tuple[Workbench, Workbench], wires: list[Wire]
) -> None:
    one, two = pair
    left = threading.Event()
    with ThreadPoolExecutor() as pool:
        leaving = pool.submit(one._parts.server.stop, WAIT_SECONDS, left.set)
        assert left.wait(WAIT_SECONDS)
        answers = [wire.request("GET /hello").answer() for wire in wires]
        leaving.result(WAIT_SECONDS)
    assert {each.status for each in answers} == {200}
    told = [each for each in answers if each.headers.get("connection") == "close"]
    assert len(told) == CONNECTIONS - two._parts.server.connection_count
    assert requests.get(f"{two.url}/hello", timeout=30).text == "Hello"


def test_one_that_leaves_waits_no_longer_for_who_says_nothing(pair: tuple[Workbench, Workbench]) -> None:
    one, _ = pair
    with Wire(one._parts.server.port) as silent:
        until(lambda: one._parts.server.connection_count, "it is connected")
        one._parts.server.stop(0.2, lambda: None)
        assert silent.is_closed


def test_one_that_has_left_takes_no_further_connection(pair: tuple[Workbench, Workbench]) -> None:
    one, two = pair
    url, left = two.url, threading.Event()
    with ThreadPoolExecutor() as pool, Wire(one._parts.server.port) as silent:
        assert silent.request("GET /hello").answer().status == 200
        leaving = pool.submit(one._parts.server.stop, WAIT_SECONDS, left.set)
        assert left.wait(WAIT_SECONDS)
        before = len(one.traffic)
        for _ in range(20):
            assert requests.get(f"{url}/hello", timeout=30).status_code == 200
        assert not leaving.done()
        assert len(one.traffic) == before
        silent.request("GET /hello").answer()
        leaving.result(WAIT_SECONDS)


def test_what_waits_in_the_queue_is_answered_by_who_stays(pair: tuple[Workbench, Workbench]) -> None:
    one, two = pair
    port = int(one.url.rpartition(":")[2])
    one.stop()
    assert [requests.get(f"http://localhost:{port}/hello", timeout=30).text for _ in range(5)] == ["Hello"] * 5
    assert not one.url
    assert two.url.endswith(f":{port}")


def test_ready_is_told_once_a_workbench_has_started(wb: Workbench) -> None:
    url = wb.start()
    answer = requests.get(f"{url}/ready", timeout=30)
    assert (answer.status_code, answer.json()) == (200, {"ready": True})
    with wb.startup.waiting():
        answer = requests.get(f"{url}/ready", timeout=30)
    assert (answer.status_code, answer.json()) == (503, {"ready": False})


def test_a_channel_of_ones_own_at_ready_answers_in_its_place(wb: Workbench) -> None:
    wb.deploy(Hello)
    wb.define(RESTChannel("mine", path="/ready", service="hello"))
    assert wb.call("GET /ready").text == "Hello"
