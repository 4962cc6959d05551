"""The ZeroMQ peer, which speaks ZMTP by itself, asked by libzmq and by raw bytes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import zmq

from workbench.core.errors import ServiceUsage
from workbench.sandbox.zmq_peer import GREETING, ZeroMQPeer

WAIT_MS = 20_000


@pytest.fixture
def peer() -> Iterator[ZeroMQPeer]:
    made = ZeroMQPeer("queue").start()
    yield made
    made.stop()


@pytest.fixture
def connected(peer: ZeroMQPeer) -> Iterator[Any]:
    """A socket of libzmq, of a type, that is connected to the peer."""
    made: list[Any] = []

    def connect(kind: int) -> Any:
        each: Any = zmq.Context.instance().socket(kind)
        made.append(each)
        each.setsockopt(zmq.LINGER, 0)
        each.setsockopt(zmq.RCVTIMEO, WAIT_MS)
        each.connect(peer.url)
        return each

    yield connect
    for each in made:
        each.close()


def test_it_pulls_what_is_pushed(peer: ZeroMQPeer, connected: Any) -> None:
    push = connected(zmq.PUSH)
    push.send(b"one")
    push.send_multipart([b"two", b"x" * 300, b""])
    assert [each.parts for each in peer.messages.wait(2)] == [(b"one",), (b"two", b"x" * 300, b"")]
    assert peer.messages[0].sender == "PUSH"


def test_it_subscribes_to_the_topics_it_was_told(peer: ZeroMQPeer, connected: Any) -> None:
    peer.subscribe("orders", "prices")
    pub = connected(zmq.XPUB)
    assert {pub.recv(), pub.recv()} == {b"\x01orders", b"\x01prices"}
    for topic in (b"weather", b"orders", b"prices"):
        pub.send_multipart([topic, b"x"])
    assert [each.parts[0] for each in peer.messages.wait(2)] == [b"orders", b"prices"]


@pytest.mark.parametrize("kind", [zmq.REQ, zmq.DEALER])
def test_it_gives_back_what_it_is_asked_until_it_is_told_what_to_answer(
    peer: ZeroMQPeer, connected: Any, kind: int
) -> None:
    req = connected(kind)
    head = [] if kind == zmq.REQ else [b""]

    def asked(*parts: bytes) -> list[bytes]:
        req.send_multipart([*head, *parts])
        answer: list[bytes] = req.recv_multipart()
        assert answer[: len(head)] == head
        return answer[len(head) :]

    assert asked(b"a", b"b") == [b"a", b"b"]
    peer.reply("once", times=1)
    peer.reply("always", b"\xff")
    assert [asked(b"c"), asked(b"d"), asked(b"e")] == [[b"once"], [b"always", b"\xff"], [b"always", b"\xff"]]
    peer.reply()
    assert asked(b"f") == [b"f"]
    assert [each.parts[-1] for each in peer.messages] == [b"b", b"c", b"d", b"e", b"f"]
    assert repr(peer.messages[0]).endswith(": a | b")


def test_it_can_be_mute_and_hang_up(peer: ZeroMQPeer, connected: Any) -> None:
    for fault in ("mute", "hang_up"):
        with peer.fail(**{fault: True}, times=1):
            dealer = connected(zmq.DEALER)
            dealer.setsockopt(zmq.RCVTIMEO, 200)
            dealer.send_multipart([b"", b"question"])
            with pytest.raises(zmq.Again):
                dealer.recv_multipart()
    assert len(peer.messages) == 1


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + b" " * 64,
        GREETING.replace(b"NULL", b"CURV"),
        GREETING + b"\x04\x05HELLO",
        GREETING + b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x04PAIR",
        GREETING + b"\x06" + b"\xff" * 8,
        GREETING + b"\x04\x08\x05READY\xff\xff",
    ],
)
def test_what_is_no_zeromq_is_hung_up_on_and_others_go_on(peer: ZeroMQPeer, connected: Any, said: bytes) -> None:
    with socket.create_connection((peer.host, peer.port), 20) as raw:
        raw.sendall(said)
        heard = b""
        while piece := raw.recv(1000):
            heard += piece
    assert heard.startswith(GREETING)
    connected(zmq.PUSH).send(b"well")
    assert peer.messages.wait(1)[0].parts == (b"well",)


def test_a_reply_that_cannot_be_is_refused(peer: ZeroMQPeer) -> None:
    for given in ({"times": 0}, {"parts": 7}):
        with pytest.raises(ServiceUsage, match="cannot reply so: parts are text or bytes, and times is at least 1"):
            peer.reply(*([7] if "parts" in given else ["x"]), times=given.get("times"))  # type: ignore[list-item]


def test_a_copy_answers_as_it_does(peer: ZeroMQPeer) -> None:
    peer.reply("a", times=1)
    peer.reply("b")
    copy = ZeroMQPeer("copy").start().copy(peer)
    req: Any = zmq.Context.instance().socket(zmq.REQ)
    req.setsockopt(zmq.RCVTIMEO, WAIT_MS)
    try:
        req.connect(copy.url)
        for wanted in (b"a", b"b"):
            req.send(b"x")
            assert req.recv() == wanted
    finally:
        req.close(0)
        copy.stop()
    assert len(peer.messages) == 0
