"""Text messages against the SMS peer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.connections.suites.examples import EXAMPLES, opened
from tests.connections.suites.timing import ended_in_time
from workbench.connections.definition import Opening
from workbench.connections.twilio import LiveTwilio, TwilioConnection
from workbench.core.call import Call
from workbench.core.clock import SystemClock
from workbench.core.errors import ConnectionFailed, InvalidDefinition, ServiceUsage
from workbench.core.secret import give, given, secret
from workbench.sandbox.http.source import HTTPSource
from workbench.sandbox.sms_gateway import SMS, SMSGateway

TO = "+48123456789"


@contextmanager
def played_by_source(**changes: Any) -> Iterator[tuple[LiveTwilio, HTTPSource]]:
    """An API whose answers are told one by one."""
    source = HTTPSource("api").start()
    definition = EXAMPLES["twilio"].replace(address=source.url, **changes)
    live = definition.open(Opening(lambda secret, owner: "x", SystemClock()))
    yield live, source
    live.close()
    source.stop()


@pytest.fixture
def both() -> Iterator[tuple[LiveTwilio, SMSGateway]]:
    with opened("twilio") as pair:
        yield pair


@pytest.fixture
def conn(both: tuple[LiveTwilio, SMSGateway]) -> LiveTwilio:
    return both[0]


@pytest.fixture
def peer(both: tuple[LiveTwilio, SMSGateway]) -> SMSGateway:
    return both[1]


def test_a_message_arrives_as_it_was_written(conn: LiveTwilio, peer: SMSGateway) -> None:
    sent = conn.send("Zażółć & 100% = gęślą\njaźń", to=TO)
    assert (sent.status, sent["to"], sent.sid) == ("queued", TO, peer.messages[-1].sid)
    assert peer.messages[-1][:3] == (TO, "+15550001111", "Zażółć & 100% = gęślą\njaźń")
    with pytest.raises(AttributeError, match="the answer has no 'price'"):
        _ = sent.price


def test_what_is_given_wins_over_the_defaults(peer: SMSGateway) -> None:
    with opened("twilio", default_to="+49111") as (conn, peer):
        conn.send("one")
        conn.send("two", "+48222", "Shop")
        conn.send("three", from_="MG" + "0" * 32, to="+48333")
        assert [each[:2] for each in peer.messages] == [
            ("+49111", "+15550001111"),
            ("+48222", "Shop"),
            ("+48333", "MG" + "0" * 32),
        ]


def test_what_cannot_be_sent_is_said_at_once(conn: LiveTwilio, peer: SMSGateway) -> None:
    with pytest.raises(ServiceUsage, match=r"body must be text of 1 to 1,600 characters; to must be a number"):
        conn.send("", to="123")
    with opened("twilio", default_from="") as (without, _), pytest.raises(ServiceUsage, match="from_ is missing"):
        without.send("x", to=TO)
    assert len(peer.messages) == 0


def test_a_refusal_comes_in_the_apis_words(conn: LiveTwilio) -> None:
    with pytest.raises(ConnectionFailed, match=r"refused it: 400, The 'From' number \?\? .*\(error 21212\). Fix: see"):
        conn.send("x", to=TO, from_="??")


def test_a_wrong_token_is_said(peer: SMSGateway) -> None:
    give("WRONG_TOKEN", "wrong")
    wrong = EXAMPLES["twilio"].replace(address=peer.url, auth_token=secret("WRONG_TOKEN"))
    live = wrong.open(Opening(lambda secret, owner: given(secret.name) or "", SystemClock()))
    with pytest.raises(ConnectionFailed, match=r"401, Authenticate \(error 20003\)"):
        live.ping()


def test_a_message_is_not_sent_twice_by_itself(conn: LiveTwilio, peer: SMSGateway) -> None:
    with peer.fail(hang_up_after_bytes=0), pytest.raises(ConnectionFailed):
        conn.send("once", to=TO)
    assert len(peer.messages) == 1
    with peer.fail(status=503), pytest.raises(ConnectionFailed, match="503, Try again later"):
        conn.send("never", to=TO)
    assert len(peer.messages) == 1


def test_429_is_obeyed_and_bounded() -> None:
    path = "/2010-04-01/Accounts/AC01/Messages.json"
    with played_by_source() as (conn, source):
        source.reply(path, json={"sid": "SM1", "status": "queued"})
        source.reply(path, status=429, headers={"Retry-After": "1"}, times=1)
        began = time.monotonic()
        conn.send("late", to=TO)
        assert time.monotonic() - began >= 1
        assert len(source.requests) == 2
        source.reply(path, status=429, headers={"Retry-After": "3600"})
        with pytest.raises(ConnectionFailed, match="429"):
            conn.send("never", to=TO)
        # Asked once: nobody sleeps for an hour, and nobody asks sooner than told.
        assert len(source.requests) == 3


def test_a_deadline_holds() -> None:
    # The second try gets what the first has left, and not a time of its own.
    with played_by_source(deadline_seconds=1.4, timeout_seconds=30) as (conn, source):
        path = "/2010-04-01/Accounts/AC01/Messages.json"

        def is_late() -> None:
            source.forget()
            source.reply(path, status=429, headers={"Retry-After": "1"}, times=1)
            source.reply(path, json={}, after=1000)
            # On a busy machine the first answer may come too late for a second try.
            with pytest.raises(ConnectionFailed, match="SMS 'My SMS'"):
                conn.send("x", to=TO)

        ended_in_time(is_late, 1.4)


def test_each_message_is_one_step(conn: LiveTwilio, call: Call) -> None:
    conn.send("x", to=TO)
    assert [step.describe() for step in call.step.steps] == [f"SMS My SMS to {TO} queued"]


def test_async_services_await_it(conn: LiveTwilio, peer: SMSGateway, call: Call) -> None:
    call.on_loop = True

    async def handle() -> str:
        with pytest.raises(ServiceUsage, match=r"Fix: await conn.aio.send"):
            conn.send("x", to=TO)
        return str((await conn.aio.send("x", to=TO)).status)

    assert asyncio.run(handle()) == "queued"


def test_the_peer_shows_what_arrived(conn: LiveTwilio, peer: SMSGateway) -> None:
    assert repr(peer) == "SMS gateway 'My SMS': no messages"
    conn.send("Hello", to=TO)
    assert repr(peer) == f"SMS gateway 'My SMS': 1 message.\n1. +15550001111 -> {TO}: Hello"
    assert peer.rows() == [{"from": "+15550001111", "to": TO, "text": "Hello"}]
    assert conn.ping() == "account active"
    assert isinstance(peer.messages[0], SMS)


def test_a_definition_lists_all_that_is_wrong_with_it() -> None:
    with pytest.raises(InvalidDefinition) as refused:
        TwilioConnection("s", account_sid="", address="nowhere", retries=-1)
    assert set(refused.value.problems) == {"account_sid", "address", "retries"}
    with pytest.raises(InvalidDefinition, match="default_to must be a number"):
        TwilioConnection("s", account_sid="AC1", default_to="123")
