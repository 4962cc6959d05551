"""Ports: taken, named when busy, given back; calls in flight end before the server does."""

from __future__ import annotations

import os
import socket
import sys
import threading
from pathlib import Path

import pytest

from tests.serving import Wire, port_of, refusal, until
from workbench.app.workbench import Workbench
from workbench.channels.http.port_owner import owner_of
from workbench.channels.http.server import HTTPServer, PortBusy, bind_loopback
from workbench.channels.rest import RESTChannel
from workbench.core.errors import WorkbenchError
from workbench.core.service import Service


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def taken() -> socket.socket:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_busy_port_given_by_hand_names_its_owner(taken: socket.socket, tmp_path: Path) -> None:
    port = taken.getsockname()[1]
    with Workbench(port=port, folder=tmp_path) as wb, pytest.raises(PortBusy) as refused:
        wb.start()
    text = str(refused.value)
    assert text.startswith(f"Port {port} is in use")
    assert text.endswith("Fix: stop that program, or choose another port (0 takes any).")
    if sys.platform == "linux":
        assert f"(pid {os.getpid()})" in text


def test_a_busy_port_names_the_notebook_that_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    with Workbench(port=0, app="shop.ipynb", folder=tmp_path) as first:
        port = int(first.start().rpartition(":")[2])
        with Workbench(port=port, app="other.ipynb", folder=tmp_path) as wb, pytest.raises(PortBusy) as refused:
            wb.start()
    assert str(refused.value).startswith(f"Port {port} is in use by shop.ipynb. Fix: ")


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux tells who holds a port.")
def test_an_owner_is_a_program_or_nobody(taken: socket.socket) -> None:
    assert owner_of(taken.getsockname()[1]).endswith(f"(pid {os.getpid()})")
    free = socket.socket()
    free.bind(("127.0.0.1", 0))
    assert owner_of(free.getsockname()[1]) == ""
    free.close()


def test_a_port_that_cannot_be_had_says_why(tmp_path: Path) -> None:
    with Workbench(port=70000, folder=tmp_path) as wb, pytest.raises(WorkbenchError) as refused:
        wb.start()
    assert str(refused.value) == (
        "Port 70000 cannot be had (bind(): port must be 0-65535.). Fix: choose another port (0 takes any)."
    )


def test_a_port_that_is_no_number_is_refused_too(tmp_path: Path) -> None:
    with Workbench(port="x", folder=tmp_path) as wb, pytest.raises(WorkbenchError, match="^Port x cannot be had"):  # type: ignore[arg-type]
        wb.start()


def test_both_loopbacks_are_on_one_port() -> None:
    sockets = bind_loopback(0)
    try:
        assert len({each.getsockname()[1] for each in sockets}) == 1
        assert {each.getsockname()[0] for each in sockets} <= {"127.0.0.1", "::1"}
        with pytest.raises(OSError, match=r"in use"):
            bind_loopback(sockets[0].getsockname()[1])
    finally:
        for each in sockets:
            each.close()


@pytest.mark.skipif(not socket.has_ipv6, reason="This Python was built without IPv6.")
def test_both_loopbacks_are_answered(wb: Workbench) -> None:
    wb.start()
    port = port_of(wb)
    for address, host in (("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")):
        try:
            connected = socket.create_connection((address, port), 10)
        except OSError:
            assert address == "::1", "a machine may be without IPv6, never without IPv4"
            continue
        with connected:
            connected.sendall(f"GET /ping HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
            assert connected.recv(1000).startswith(b"HTTP/1.1 200")


def test_stopped_and_started_it_answers_again(wb: Workbench) -> None:
    first = wb.start()
    assert wb.start() == first
    assert listening(port_of(wb))
    port = port_of(wb)
    wb.stop()
    assert wb.url == ""
    assert not listening(port)
    wb.stop()
    assert wb.call("GET /ping").status == 200


class Waits(Service):
    name = "waits"
    reached = threading.Event()
    go = threading.Event()

    def handle(self) -> str:
        self.reached.set()
        self.go.wait(20)
        return "done"


def test_a_drained_server_ends_its_calls_and_takes_no_new_ones(wb: Workbench) -> None:
    Waits.reached.clear()
    Waits.go.clear()
    wb.deploy(Waits)
    wb.define(RESTChannel("waits"))
    with Wire(wb) as busy, Wire(wb) as idle:
        assert idle.request("GET /ping").answer().status == 200
        busy.request("GET /waits")
        assert Waits.reached.wait(30)
        stopper = threading.Thread(target=wb.stop, args=(10.0,))
        stopper.start()
        late = until(lambda: refusal(idle), "it drains")
        assert (late.status, late.headers["retry-after"]) == (503, "1")
        Waits.go.set()
        assert busy.answer().body == b"done"
        stopper.join(30)
        assert not stopper.is_alive()
        assert idle.is_closed


def test_a_server_that_is_not_to_wait_does_not(wb: Workbench) -> None:
    Waits.reached.clear()
    Waits.go.clear()
    wb.deploy(Waits)
    wb.define(RESTChannel("waits"))
    with Wire(wb) as busy:
        busy.request("GET /waits")
        assert Waits.reached.wait(30)
        wb.stop()
        assert busy.is_closed
    Waits.go.set()


def test_threads_change_places_often_only_while_a_server_runs(wb: Workbench) -> None:
    former = sys.getswitchinterval()
    parts = wb._parts
    second = HTTPServer(parts.pipeline, parts.loop.run, 0)
    wb.start()
    second.start()
    wb.stop()
    assert sys.getswitchinterval() < former
    second.stop()
    assert sys.getswitchinterval() == former
