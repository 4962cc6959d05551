"""A client that cannot set headers, as a browser's, says in its first message who it is, soon, and only once."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.frames import Opcode
from websockets.sync.client import connect

from tests.channels.websocket.conftest import PASSWORD, PATH, Bench, Raw
from tests.serving import Wire, until
from tests.ui.lab import browser
from workbench import APIKey, WSXHook, secret
from workbench.channels.websocket.session import CREATE_SESSION, LONGEST_BYTES, MOST_STRANGERS, SESSION_SECONDS

KEY_VALUE = "a-long-key-9981"
OFFER = f"Sec-WebSocket-Protocol: {CREATE_SESSION}"
RIGHT = {"username": "u", "secret": PASSWORD}


@pytest.fixture
def safe(bench: Bench) -> Bench:
    """A channel for one user."""
    bench.user()
    bench.define(security="its.user")
    return bench


def first(raw: Raw, **meta: Any) -> dict[str, Any]:
    """Send a first message; the answer."""
    said = {"meta": {"action": CREATE_SESSION, **meta}}
    raw.frame(Opcode.TEXT, json.dumps(said).encode())
    return answer(raw)


def answer(raw: Raw) -> dict[str, Any]:
    frame = raw.next()
    assert frame is not None
    return dict(json.loads(bytes(frame.data)))


def test_a_client_says_who_it_is_in_its_first_message_and_goes_on(safe: Bench) -> None:
    safe.does = lambda service: service.channel.security.username
    with safe.raw(OFFER) as raw:
        assert safe.live.clients == []
        opened = first(raw, id=7, **RIGHT)
        assert (opened["meta"]["msg_type"], opened["meta"]["status"], opened["meta"]["in_reply_to"]) == (
            "zwsx.rspa",
            200,
            7,
        )
        assert len(safe.live.clients) == 1
        raw.frame(Opcode.TEXT, b'{"x": 1}')
        assert answer(raw)["data"] == "u"
    assert safe.got == [{"x": 1}]
    assert PASSWORD not in repr(safe.wb.traffic) + repr(list(safe.wb.log))


def test_the_client_of_another_maker_agrees(safe: Bench) -> None:
    with connect(safe.live.url.replace("http", "ws"), subprotocols=[CREATE_SESSION]) as client:  # type: ignore[list-item]
        assert client.subprotocol == CREATE_SESSION
        client.send(json.dumps({"meta": {"action": CREATE_SESSION, **RIGHT}}))
        assert json.loads(client.recv(30))["meta"]["status"] == 200
        client.send("1")
        assert json.loads(client.recv(30))["data"] == 1


def test_a_key_goes_by_the_header_that_its_definition_names(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ITS_KEY", KEY_VALUE)
    bench.wb.define(APIKey("its.key", key=secret("ITS_KEY"), header="X-Own-Key"))
    bench.define(security="its.key")
    for given, status in (({"x-own-key": KEY_VALUE}, 200), ({"X-Own-Key": "wrong"}, 401), ({"Other": KEY_VALUE}, 401)):
        with bench.raw(OFFER) as raw:
            assert first(raw, headers=given)["meta"]["status"] == status
    assert KEY_VALUE not in repr(bench.wb.traffic) + repr(list(bench.wb.log))


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ({"meta": {"action": CREATE_SESSION, "username": "u", "secret": "wrong"}}, 401),
        ({"meta": {"action": CREATE_SESSION, "username": "u"}}, 401),
        ({"meta": {"action": CREATE_SESSION}}, 401),
        ({"meta": {"action": CREATE_SESSION, "headers": {"Authorization": ["Basic"]}}}, 400),
        ({"meta": {"action": CREATE_SESSION, "headers": "x"}}, 400),
        ({"meta": {"action": CREATE_SESSION, "id": "x" * 300, **RIGHT}}, 400),
        ({"meta": {"action": "invoke-service", **RIGHT}}, 400),
        ({"meta": {"action": "client-response", "in_reply_to": "x"}}, 400),
        ({"x": 1}, 400),
        ([1], 400),
        ("no JSON {", 400),
        (b"\x00", 400),
    ],
)
def test_whoever_says_something_else_first_is_told_and_sent_away(safe: Bench, message: Any, status: int) -> None:
    with safe.raw(OFFER) as raw:
        if isinstance(message, bytes):
            raw.frame(Opcode.BINARY, message)
        else:
            raw.frame(Opcode.TEXT, (message if isinstance(message, str) else json.dumps(message)).encode())
        raw.frame(Opcode.TEXT, json.dumps({"meta": {"action": CREATE_SESSION, **RIGHT}}).encode())  # too late
        assert answer(raw)["meta"]["status"] == status
        assert raw.closed_with() == (1008, "The credentials are not valid")
    until(lambda: not safe.live._clients, "nobody is left")
    assert (safe.got, len(safe.live._strangers)) == ([], 0)


def test_who_offers_no_session_gives_credentials_when_it_connects(safe: Bench) -> None:
    with Raw(safe.wb) as raw:
        assert raw.handshake("Sec-WebSocket-Protocol: other").status == 401
    with Raw(safe.wb) as raw:
        answered = raw.handshake(f"Sec-WebSocket-Protocol: other, {CREATE_SESSION}")
        assert (answered.status, answered.headers["sec-websocket-protocol"]) == (101, CREATE_SESSION)


def test_a_page_of_another_site_gets_no_session_either(safe: Bench) -> None:
    for header in ("Origin: http://evil.example", "Sec-Fetch-Site: cross-site"):
        with Raw(safe.wb) as raw:
            assert raw.handshake(OFFER, header).status == 403


def test_a_channel_for_anyone_opens_a_session_for_who_asks(bench: Bench) -> None:
    bench.define()
    with bench.raw(OFFER) as raw:
        assert first(raw)["meta"]["status"] == 200
        raw.frame(Opcode.TEXT, b"1")
        assert answer(raw)["data"] == 1


def test_who_says_nothing_in_time_is_sent_away(safe: Bench) -> None:
    with safe.raw(OFFER) as raw, safe.raw(OFFER) as other:
        assert first(other, **RIGHT)["meta"]["status"] == 200
        safe.clock.advance(SESSION_SECONDS)
        assert raw.closed_with() == (1008, "Nothing says within 5 s who this is")
        other.frame(Opcode.TEXT, b"1")
        assert answer(other)["data"] == 1


def test_strangers_are_bounded_and_those_who_are_known_get_in(safe: Bench) -> None:
    with ExitStack() as strangers:
        for _ in range(MOST_STRANGERS):
            strangers.enter_context(safe.raw(OFFER))
        with Raw(safe.wb) as raw:
            assert raw.handshake(OFFER).status == 503
        with safe.connect(user="its.user") as client:
            assert client.ask(1).ok
    until(lambda: not len(safe.live._strangers), "all strangers have left")
    with safe.raw(OFFER) as raw:
        assert first(raw, **RIGHT)["meta"]["status"] == 200


def test_strangers_take_no_room_of_those_who_are_known(bench: Bench) -> None:
    bench.user()
    bench.define(security="its.user", max_clients=1)
    with bench.raw(OFFER) as raw, bench.connect(user="its.user") as client:
        assert client.ask(1).ok
        refused = first(raw, **RIGHT)
        assert (refused["meta"]["status"], refused["meta"]["msg_type"]) == (503, "zwsx.rsperr")
        assert raw.closed_with() == (1008, "Too many clients are connected")
        assert client.ask(2).ok
    until(lambda: not bench.live._clients, "both have left")
    with bench.raw(OFFER) as raw:
        assert first(raw, **RIGHT)["meta"]["status"] == 200
        with Raw(bench.wb) as other:
            assert other.handshake(f"Authorization: Basic {b64encode(f'u:{PASSWORD}'.encode()).decode()}").status == 503


def test_a_stranger_may_send_little_and_gets_no_news(safe: Bench) -> None:
    with safe.raw(OFFER) as raw, safe.raw(OFFER) as other:
        assert safe.live.broadcast("not for strangers") == 0
        raw.frame(Opcode.TEXT, b"x" * (LONGEST_BYTES + 1))
        closed = raw.closed_with()
        assert closed is not None
        assert closed[0] == 1009
        assert first(other, **RIGHT)["meta"]["status"] == 200  # and nothing before it
        long = "x" * (2 * LONGEST_BYTES)
        other.frame(Opcode.TEXT, json.dumps(long).encode())
        assert answer(other)["data"] == long


def test_a_password_that_changes_ends_a_session_with_the_next_message(safe: Bench) -> None:
    with safe.raw(OFFER) as raw:
        first(raw, **RIGHT)
        safe.user("another-long-password-4712")
        raw.frame(Opcode.TEXT, b"1")
        assert answer(raw)["meta"]["status"] == 401
        assert raw.closed_with() == (1008, "The credentials are not valid any more")
    assert safe.got == []


def test_the_hook_hears_of_a_client_once_it_has_said_who_it_is(bench: Bench) -> None:
    told: list[str] = []

    class Door(WSXHook):
        name = "door"

        def on_connected(self) -> None:
            told.append(self.wsx.client.user)

        def on_disconnected(self) -> None:
            told.append("left")

    bench.user()
    bench.wb.deploy(Door)
    bench.define(security="its.user", hook_service="door")
    with bench.raw(OFFER) as raw:
        first(raw, username="u", secret="wrong")
    with bench.raw(OFFER) as raw:
        first(raw, **RIGHT)
        until(lambda: told, "the hook is told")
    until(lambda: told == ["its.user", "left"], "the hook is told of the other alone")


@pytest.fixture
def chromium() -> Iterator[Any]:
    with browser() as made:
        yield made


@pytest.mark.timeout(120)
def test_a_person_gives_a_key_to_the_page_and_tries_the_channel(
    bench: Bench, chromium: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ITS_KEY", KEY_VALUE)
    bench.wb.define(APIKey("its.key", key=secret("ITS_KEY")))
    bench.define(security="its.key")
    with Wire(bench.wb) as wire:
        assert wire.request(f"GET {PATH}").answer().status == 426
    page = chromium.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(bench.live.url)
    for key, then in (("wrong", "closed 1008 The credentials are not valid"), (KEY_VALUE, '"msg_type":"zwsx.rspa"')):
        page.get_by_label("X-API-Key").fill(key)
        page.get_by_role("button", name="Connect").click()
        page.get_by_text(then).wait_for()
    page.get_by_label("Message").first.fill('{"x": 1}')
    page.get_by_role("button", name="Send").click()
    page.get_by_text('"data":{"x":1}').wait_for()
    assert KEY_VALUE not in page.content()
    assert errors == []
    page.close()
