"""Compressed messages: agreed with who offers it, inflated within the bound of a message; wrong ones end at once."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from tests.channels.websocket.conftest import Bench, Raw
from tests.serving import until
from tests.ui.lab import browser
from workbench.channels.websocket.deflate import LARGEST_BYTES, SMALLEST_BYTES

MOST = 10_000
OFFER = "permessage-deflate; client_max_window_bits"
LONG = {"x": "y" * 5000}


def deflated(data: bytes, bits: int = 15) -> bytes:
    """A message as RFC 7692, 7.2.1 says."""
    made = zlib.compressobj(wbits=-bits)
    return (made.compress(data) + made.flush(zlib.Z_SYNC_FLUSH))[:-4]


def frame(opcode: Opcode, data: bytes, *, fin: bool = True, rsv1: bool = False, rsv2: bool = False) -> bytes:
    """A frame with any of its reserved bits."""
    made = bytearray(Frame(opcode, data, fin).serialize(mask=True))
    made[0] |= 0x40 * rsv1 | 0x20 * rsv2
    return bytes(made)


def send(raw: Raw, opcode: Opcode, data: bytes, **bits: bool) -> Raw:
    raw.send(frame(opcode, data, **bits))
    return raw


def in_parts(raw: Raw, data: bytes, *places: int, between: Callable[[], Any] = lambda: None) -> None:
    """Send a compressed message in several frames, cut at these places."""
    cuts = [0, *places, len(data)]
    for start, end in pairwise(cuts):
        send(raw, Opcode.CONT if start else Opcode.TEXT, data[start:end], fin=end == len(data), rsv1=not start)
        if end < len(data):
            between()


@pytest.fixture
def raw(bench: Bench) -> Iterator[Raw]:
    """A connection on which compression is agreed; frames that come are left as they are."""
    bench.define(compression=True, max_message_bytes=MOST)
    with Raw(bench.wb) as made:
        assert made.handshake(f"Sec-WebSocket-Extensions: {OFFER}").status == 101
        made._protocol.extensions = [_AsItIs()]  # type: ignore[list-item]
        yield made


class _AsItIs:
    """Leaves frames as they are, and lets them be compressed."""

    def decode(self, frame: Frame, **_: Any) -> Frame:
        self.was_compressed = frame.rsv1
        return Frame(frame.opcode, frame.data, frame.fin)

    def encode(self, frame: Frame) -> Frame:
        return frame


def came(raw: Raw) -> tuple[bool, Any]:
    """Whether the next message is compressed, and what its data say."""
    it = raw.next()
    assert it is not None
    (extension,) = raw._protocol.extensions
    was_compressed = extension.was_compressed  # type: ignore[attr-defined]
    data = bytes(it.data)
    if was_compressed:
        data = zlib.decompressobj(wbits=-15).decompress(data + b"\x00\x00\xff\xff")
    return was_compressed, json.loads(data)["data"]


@pytest.mark.parametrize(
    ("offer", "agreed"),
    [
        (OFFER, "permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
        (
            "permessage-deflate; server_max_window_bits=10",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10",
        ),
        ("permessage-deflate; unknown", None),
        ("permessage-deflate; server_max_window_bits=99", None),
        ("permessage-deflate; server_max_window_bits=8", None),  # which zlib cannot do
        ("x-webkit-deflate-frame", None),
        (
            "permessage-deflate; unknown, permessage-deflate",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ),
    ],
)
def test_what_a_client_offers_is_agreed_or_left_without_keeping_anything_between_messages(
    bench: Bench, offer: str, agreed: str | None
) -> None:
    bench.define(compression=True)
    with Raw(bench.wb) as raw:
        answer = raw.handshake(f"Sec-WebSocket-Extensions: {offer}")
        assert (answer.status, answer.headers.get("sec-websocket-extensions")) == (101, agreed)


def test_a_channel_compresses_nothing_unless_it_is_told_to(bench: Bench) -> None:
    bench.define()
    with Raw(bench.wb) as raw:
        answer = raw.handshake(f"Sec-WebSocket-Extensions: {OFFER}")
        assert "sec-websocket-extensions" not in answer.headers
        send(raw, Opcode.TEXT, deflated(b"1"), rsv1=True)
        closed = raw.closed_with()
        assert closed is not None
        assert closed[0] == 1002


def test_an_offer_that_cannot_be_read_is_refused(bench: Bench) -> None:
    bench.define(compression=True)
    with Raw(bench.wb) as raw:
        assert raw.handshake("Sec-WebSocket-Extensions: permessage-deflate; =").status == 400


def test_another_makers_client_sends_and_gets_compressed_messages(bench: Bench) -> None:
    bench.define(compression=True)
    with bench.connect() as client:
        assert isinstance(client._connection.protocol.extensions[0], PerMessageDeflate)
        for each in (LONG, 1, "ż" * 2000, [os.urandom(3000).hex()], LONG):
            assert client.ask(json.dumps(each)).data == each
        assert client.ask(b"\x00" * 5000).data == b"\x00" * 5000


def test_long_answers_are_compressed_and_what_would_gain_nothing_is_not(raw: Raw) -> None:
    for data, is_compressed in ((LONG, True), ({"x": 1}, False), (LONG, True)):
        message = json.dumps(data).encode()
        send(raw, Opcode.TEXT, deflated(message), rsv1=True)
        assert came(raw) == (is_compressed, data)


def test_what_is_very_long_is_sent_as_it_is_so_that_the_loop_goes_on(bench: Bench, raw: Raw) -> None:
    for size, is_compressed in ((SMALLEST_BYTES, True), (LARGEST_BYTES // 2, True), (LARGEST_BYTES, False)):
        bench.live.broadcast("x" * size)
        assert came(raw) == (is_compressed, "x" * size)


def test_all_clients_get_the_same_message_whatever_each_has_agreed(bench: Bench) -> None:
    bench.define(compression=True)
    windows = ("", "; server_max_window_bits=9", "; server_max_window_bits=15")
    with Raw(bench.wb) as plain, Raw(bench.wb) as one, Raw(bench.wb) as two, Raw(bench.wb) as three:
        plain.handshake()
        for each, window in zip((one, two, three), windows, strict=True):
            each.handshake(f"Sec-WebSocket-Extensions: permessage-deflate{window}")
            each._protocol.extensions = [_AsItIs()]  # type: ignore[list-item]
        until(lambda: len(bench.live.clients) == 4, "all are there")
        for data in ("a" * 3000, "b" * 3000):
            assert bench.live.broadcast(data) == 4
            assert [came(each) for each in (one, two, three)] == [(True, data)] * 3
            it = plain.next()
            assert it is not None
            assert json.loads(bytes(it.data))["data"] == data


def test_a_message_that_is_not_compressed_is_taken_between_compressed_ones(bench: Bench, raw: Raw) -> None:
    send(raw, Opcode.TEXT, b"1")
    send(raw, Opcode.TEXT, deflated(b"2"), rsv1=True)
    send(raw, Opcode.TEXT, b"3")
    assert [came(raw)[1] for _ in range(3)] == [1, 2, 3]


def test_a_compressed_message_in_parts_with_pings_between_them_is_one_message(raw: Raw) -> None:
    data = deflated(json.dumps(LONG).encode())

    def ping() -> None:
        raw.frame(Opcode.PING, b"hi")
        pong = raw.next()
        assert pong is not None
        assert (pong.opcode, pong.data) == (Opcode.PONG, b"hi")

    in_parts(raw, data, 1, 2, 10, between=ping)
    assert came(raw) == (True, LONG)


def test_each_cut_of_a_compressed_message_gives_the_same_message(bench: Bench, raw: Raw) -> None:
    data = deflated('"żółć 😀"'.encode())
    for place in range(1, len(data)):
        in_parts(raw, data, place)
    assert [came(raw)[1] for _ in range(1, len(data))] == ["żółć 😀"] * (len(data) - 1)


def test_a_message_of_exactly_the_bound_is_taken_though_it_is_longer_for_having_been_tried(
    bench: Bench, raw: Raw
) -> None:
    bench.does = lambda service: len(service.request.payload)
    data = os.urandom(MOST)
    assert len(deflated(data)) > MOST
    send(raw, Opcode.BINARY, deflated(data), rsv1=True)
    assert came(raw)[1] == MOST
    in_parts(raw, deflated(b'"' + b"x" * (MOST - 2) + b'"'), 5, 10)
    assert came(raw)[1] == MOST - 2


BOMB = deflated(bytes(100_000_000))


@pytest.mark.parametrize(
    ("send_it", "code"),
    [
        (lambda raw: send(raw, Opcode.BINARY, deflated(os.urandom(MOST + 1)), rsv1=True), 1009),
        (lambda raw: send(raw, Opcode.BINARY, deflated(bytes(MOST + 1)), rsv1=True), 1009),
        (lambda raw: send(raw, Opcode.BINARY, BOMB[:9000], rsv1=True), 1009),
        (lambda raw: in_parts(raw, deflated(bytes(MOST + 1)), 1, 5), 1009),
        (
            lambda raw: [
                send(raw, Opcode.BINARY, deflated(bytes(MOST)) + b"\x00\x00\xff\xff", fin=False, rsv1=True),
                send(raw, Opcode.CONT, deflated(bytes(MOST))),
            ],
            1009,
        ),
        (lambda raw: send(raw, Opcode.TEXT, b"\xff\xff\xff", rsv1=True), 1002),
        (lambda raw: in_parts(raw, deflated(b"x")[:-1] + b"\xff\xff", 1), 1002),
        (lambda raw: send(raw, Opcode.TEXT, deflated(b"\xff\xfe"), rsv1=True), 1007),
        (lambda raw: in_parts(raw, deflated(b"\xc3\x28"), 2), 1007),
        (lambda raw: [send(raw, Opcode.TEXT, b"x", fin=False), send(raw, Opcode.CONT, b"x", rsv1=True)], 1002),
        (
            lambda raw: [send(raw, Opcode.TEXT, b"x", fin=False, rsv1=True), send(raw, Opcode.CONT, b"x", rsv1=True)],
            1002,
        ),
        (lambda raw: send(raw, Opcode.PING, b"x", rsv1=True), 1002),
        (lambda raw: send(raw, Opcode.CLOSE, b"\x03\xe8", rsv1=True), 1002),
        (lambda raw: send(raw, Opcode.TEXT, deflated(b"x"), rsv1=True, rsv2=True), 1002),
        (lambda raw: raw.send(b"\xc3\x80mask"), 1002),
        (lambda raw: raw.send(b"\xcb\x80mask"), 1002),
    ],
    ids=[
        *("too large", "too large inflated", "a bomb", "too large in parts", "a bomb behind the bound"),
        *("not deflated", "not deflated in parts", "not UTF-8", "not UTF-8 in parts"),
        *("reserved bit of a part", "reserved bit of a compressed part", "compressed ping", "compressed close"),
        *("second reserved bit", "unknown kind", "unknown control"),
    ],
)
def test_what_is_wrong_with_a_compressed_message_ends_its_connection_with_a_code(
    bench: Bench, raw: Raw, send_it: Callable[[Raw], Any], code: int
) -> None:
    with bench.connect() as other:
        send_it(raw)
        closed = raw.closed_with()
        assert closed is not None
        assert closed[0] == code
        assert other.ask({"x": 1}).ok
    raw.socket.close()
    assert bench.got == [{"x": 1}]
    bench.nobody_is_left()


def test_many_small_bombs_at_once_are_inflated_no_faster_than_they_are_answered(bench: Bench, raw: Raw) -> None:
    """Each is a message of nearly the bound, and hundreds of them fit into what is read at a time."""
    bench.define(compression=True, max_message_bytes=1 << 20, max_waiting=10_000)
    most, held = [0], bench.live
    with Raw(bench.wb) as sender:
        sender.handshake(f"Sec-WebSocket-Extensions: {OFFER}")
        until(lambda: held.clients, "it is there")
        (client,) = bench.live.clients

        def work(service: Any) -> None:
            most[0] = max(most[0], client._inbox.waiting_bytes)

        bench.does, count = work, 200
        one = frame(Opcode.BINARY, deflated(bytes(1 << 16)), rsv1=True)
        sender.send(one * count)
        until(lambda: len(bench.got) == count, "all are answered")
    # The bound, and what 1 KiB more can inflate to.
    assert (1 << 19) < most[0] <= (1 << 20) + 1032 * 1024


@pytest.mark.timeout(120)
def test_a_browser_and_a_channel_agree_on_compression(bench: Bench) -> None:
    bench.define(compression=True)
    with browser() as chromium:
        page = chromium.new_page()
        page.goto(bench.live.url)
        said = page.evaluate(
            "text => new Promise((done, fail) => { const s = new WebSocket(location.href.replace('http', 'ws'));"
            " s.onopen = () => s.send(JSON.stringify(text)); s.onclose = fail;"
            " s.onmessage = ({ data }) => done([s.extensions, JSON.parse(data).data]); })",
            "żółć " * 1000,
        )
        assert said == ["permessage-deflate; server_no_context_takeover; client_no_context_takeover", "żółć " * 1000]
        page.close()
