"""Faults that every peer can have, tried with a protocol that answers each byte with itself."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

import pytest

from workbench.connections.smtp.definition import SMTPConnection
from workbench.core.errors import ConnectionFailed, InvalidDefinition
from workbench.core.secret import Secret, given, secret
from workbench.sandbox import certificates
from workbench.sandbox.network import wire
from workbench.sandbox.peer import Peer


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class EchoPeer(Peer):
    kind, label = "echo", "Echo"

    def protocol(self) -> asyncio.BaseProtocol:
        return Echo()


class TLSEchoPeer(EchoPeer):
    def tls(self) -> ssl.SSLContext:
        return certificates.loopback()


@pytest.fixture
def peer() -> Iterator[EchoPeer]:
    peer = EchoPeer("e").start()
    yield peer
    peer.stop()


def connect(peer: Peer) -> socket.socket:
    return socket.create_connection((peer.host, peer.port), timeout=30)


def received(client: socket.socket, most: int) -> bytes:
    """What arrives, up to `most` bytes or the end."""
    data = b""
    while len(data) < most and (more := client.recv(most - len(data))):
        data += more
    return data


def asked(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    return received(client, len(data))


def is_cut(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def made_up(definition: SMTPConnection) -> str:
    assert isinstance(definition.password, Secret)
    return given(definition.password.name) or ""


def test_it_answers_pings_and_has_a_stable_repr(peer: EchoPeer) -> None:
    with connect(peer) as client:
        assert asked(client, b"hello") == b"hello"
    assert peer.ping() == "ok"
    assert (str(peer), repr(peer)) == ("Echo 'e'", "Echo 'e'")
    assert peer.address == f"127.0.0.1:{peer.port}"


def test_start_and_stop_may_come_twice(peer: EchoPeer) -> None:
    port = peer.port
    assert peer.start().port == port
    peer.stop()
    peer.stop()
    assert peer.port == 0
    with pytest.raises(ConnectionFailed, match="does not answer"):
        peer.ping()
    assert peer.start().ping() == "ok"


def test_stop_cuts_what_is_open(peer: EchoPeer) -> None:
    with connect(peer) as client:
        asked(client, b"x")
        peer.stop()
        assert is_cut(client)


def test_refuse_is_a_closed_port_that_comes_back_as_it_was(peer: EchoPeer) -> None:
    port = peer.port
    with connect(peer) as client:
        asked(client, b"x")
        peer.fail(refuse=True)
        with pytest.raises(ConnectionRefusedError):
            connect(peer)
        with pytest.raises(ConnectionFailed, match="Connection refused. Fix: .heal"):
            peer.ping()
    peer.heal()
    assert (peer.ping(), peer.port) == ("ok", port)


def test_a_peer_that_is_told_to_refuse_before_its_start_refuses() -> None:
    peer = EchoPeer()
    peer.fail(refuse=True)
    peer.start()
    try:
        with pytest.raises(ConnectionFailed):
            peer.ping()
        peer.heal()
        assert peer.ping() == "ok"
    finally:
        peer.stop()


def test_delay_holds_back_what_arrives_and_keeps_its_order(peer: EchoPeer) -> None:
    with peer.fail(delay_seconds=0.2), connect(peer) as client:
        began = time.monotonic()
        client.sendall(b"one")
        client.sendall(b"two")
        assert received(client, 6) == b"onetwo"
        assert time.monotonic() - began >= 0.19
    with peer.fail(delay_seconds=3600):
        pass
    with connect(peer) as client:
        assert asked(client, b"x") == b"x"


def test_delay_holds_back_the_end_too(peer: EchoPeer) -> None:
    with peer.fail(delay_seconds=0.1), connect(peer) as client:
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        assert received(client, 10) == b"last words"
        assert client.recv(1) == b""


def test_a_delayed_flood_is_bounded_and_arrives_whole(peer: EchoPeer) -> None:
    sent = bytes(range(256)) * (3 * wire.HELD_BYTES // 256)
    arrived = bytearray()
    with peer.fail(delay_seconds=0.02), connect(peer) as client:
        client.setblocking(False)
        left = memoryview(sent)
        until = time.monotonic() + 10
        while len(arrived) < len(sent) and time.monotonic() < until:
            with suppress(BlockingIOError):
                left = left[client.send(left[:65536]) :] if left else left
            with suppress(BlockingIOError):
                arrived += client.recv(65536)
    assert arrived == sent


@pytest.mark.parametrize("after", [0, 1, 5])
def test_hang_up_after_so_many_bytes_and_only_so_often(peer: EchoPeer, after: int) -> None:
    peer.fail(hang_up_after_bytes=after, times=2)
    for _ in range(2):
        with connect(peer) as client:
            client.sendall(b"0123456789")
            assert received(client, 10) == b"0123456789"[:after]
    with connect(peer) as client:
        assert asked(client, b"0123456789") == b"0123456789"


def test_a_slow_peer_sends_no_faster_than_told(peer: EchoPeer) -> None:
    with peer.fail(bytes_per_second=200), connect(peer) as client:
        began = time.monotonic()
        assert asked(client, b"x" * 60) == b"x" * 60
        assert time.monotonic() - began >= 0.2


def test_healing_a_slow_peer_lets_the_rest_go_at_once(peer: EchoPeer) -> None:
    peer.fail(bytes_per_second=20)
    with connect(peer) as client:
        client.sendall(b"x" * 5_000)
        client.recv(1)
        peer.heal()
        assert len(received(client, 4_999)) == 4_999


def test_faults_work_under_tls() -> None:
    peer = TLSEchoPeer("t").start()
    context = ssl.create_default_context(cafile=str(certificates.authority().file))
    try:
        with connect(peer) as raw, context.wrap_socket(raw, server_hostname="127.0.0.1") as client:
            client.sendall(b"hello")
            assert client.recv(5) == b"hello"
            peer.fail(hang_up_after_bytes=2, delay_seconds=0.05)
            client.sendall(b"hello")
            assert client.recv(5) == b"he"
            assert client.recv(5) == b""
    finally:
        peer.stop()


def test_no_more_connections_than_bounded(peer: EchoPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MOST_CONNECTIONS", 3)
    clients = [connect(peer) for _ in range(3)]
    assert [asked(client, b"x") for client in clients] == [b"x"] * 3
    with connect(peer) as fourth:
        assert is_cut(fourth)
    for client in clients:
        client.close()


@pytest.mark.parametrize(
    ("knobs", "field", "words"),
    [
        ({"dely_seconds": 1}, "dely_seconds", "did you mean 'delay_seconds'"),
        ({"nonsense": 1}, "nonsense", "there are delay_seconds, refuse"),
        ({"delay_seconds": -1}, "delay_seconds", "Expected"),
        ({"delay_seconds": "2"}, "delay_seconds", "Expected"),
        ({"hang_up_after_bytes": -1}, "hang_up_after_bytes", "negative"),
        ({"bytes_per_second": 0}, "bytes_per_second", "above 0"),
        ({"refuse": True, "times": 2}, "times", "heal()"),
    ],
)
def test_a_wrong_fault_is_refused_and_changes_nothing(
    peer: EchoPeer, knobs: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(InvalidDefinition) as refused:
        peer.fail(**knobs)
    assert words in refused.value.problems[field]
    assert peer.faults == peer.fault_fields()


def test_what_is_wrong_with_it_can_be_read(peer: EchoPeer) -> None:
    trouble = peer.fail(delay_seconds=2.0, refuse=False)
    assert repr(trouble) == "Echo 'e' has faults now: delay_seconds=2.0. Fix: .heal()"
    assert peer.faults.delay_seconds == 2.0


def test_a_stand_in_carries_no_real_address_and_no_real_secret(peer: EchoPeer) -> None:
    real = SMTPConnection("s", host="smtp.example.com", port=25, username="me", password=secret("REAL_PASSWORD"))
    first, second = peer.stand_in(real), peer.stand_in(real)
    assert first == second
    assert (first.host, first.port, first.username, first.name) == ("127.0.0.1", peer.port, "me", "s")
    assert first.password != real.password
    assert len(made_up(first)) > 20
    assert EchoPeer.stand_in(peer, real.replace(username=None, password=None)).password is None
    assert real.host == "smtp.example.com"


def test_two_peers_never_share_a_made_up_secret(peer: EchoPeer) -> None:
    real = SMTPConnection("s", host="smtp.example.com", username="me", password=secret("REAL_PASSWORD"))
    other = EchoPeer("other").start()
    try:
        mine, theirs = (made_up(each.stand_in(real)) for each in (peer, other))
    finally:
        other.stop()
    assert mine != theirs
