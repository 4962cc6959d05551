"""Redis and mail through the workbench, beside the bare clients on the same servers."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import redis

from tests.bench.figures import Row
from workbench import SMTPConnection, SMTPMessage, Workbench

CALLS, MAILS, ROUNDS = 500, 20, 9


def rows() -> Iterator[Row]:
    """Start of the embedded Redis, its commands, and mails."""
    yield from _redis()
    yield from _mail()


def _redis() -> Iterator[Row]:
    starts, ours, bare = [], [], []
    for _ in range(ROUNDS):
        with Workbench(port=0) as wb:
            began = time.perf_counter()
            conn = wb.kvdb.conn
            conn.set("a", "b")
            starts.append(time.perf_counter() - began)
            client = redis.Redis.from_url(wb.kvdb.url, decode_responses=True)
            ours.append(_sample(lambda: conn.set("key", "value"), CALLS))  # noqa: B023
            bare.append(_sample(lambda: client.set("key", "value"), CALLS))  # noqa: B023
            client.close()
    yield Row("embedded Redis: start", "s", starts, wanted=0.5)
    yield Row("Redis: time a command", "us", ours, bare, "redis-py", 0.9, only_if_steady=True)


def _mail() -> Iterator[Row]:
    ours, bare = [], []
    with Workbench(port=0) as wb:
        wb.define(SMTPConnection("Mail", host="smtp.example.com", port=25, mode="plain"))
        wb.sandbox()
        conn: Any = wb.connections["Mail"].conn
        peer = wb.peers["Mail"]
        message = SMTPMessage(from_="a@example.com", to="b@example.com", subject="Subject", body="Body")
        message.attach("data.txt", "x" * 10_000)
        with smtplib.SMTP(peer.host, peer.port) as client:
            for _ in range(ROUNDS):
                ours.append(_sample(lambda: conn.send(message), MAILS))
                bare.append(_sample(lambda: client.send_message(_bare_message()), MAILS))
    yield Row("mail: time each", "us", ours, bare, "smtplib", 0.9, only_if_steady=True)


def _bare_message() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "Subject"
    message.set_content("Body")
    message.add_attachment("x" * 10_000, filename="data.txt")
    return message


def _sample(call: Callable[[], object], times: int) -> float:
    """Time of one call [us], the mean of many."""
    began = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - began) / times * 1e6
