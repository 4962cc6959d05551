"""Redis and mail through the workbench, beside the bare clients on the same servers.

Ours run inside a call, as a service's do: each command and each mail is a step of its trace.
"""

from __future__ import annotations

import smtplib
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import redis

from tests.bench.figures import Row
from tests.bench.moving import peers
from tests.bench.processes import rotated
from workbench import Service, SMTPConnection, SMTPMessage, Workbench

CALLS, MAILS, ROUNDS = 500, 20, 9
Act = Callable[[], object]


class Inside(Service):
    """Does something many times, and says how long each took [us]."""

    name = "bench.inside"

    def handle(self) -> float:
        """The mean of all."""
        return _sample(*self.request.payload)


def rows() -> Iterator[Row]:
    """Start of the embedded Redis, its commands, and mails."""
    yield from _redis()
    yield from _mail()


def _rounds(wb: Workbench, ours: Act, bare: Act, times: int, rounds: int) -> tuple[list[float], list[float]]:
    """Samples of both, each first in turn; a first round warms up."""
    wb.deploy(Inside)
    ways: dict[str, Callable[[], float]] = {
        "ours": lambda: float(wb.invoke(Inside, (ours, times))),
        "bare": lambda: _sample(bare, times),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name in rotated([*ways], number):
            sample = ways[name]()
            if number:
                found[name].append(sample)
    return found["ours"], found["bare"]


def _redis() -> Iterator[Row]:
    starts = []
    for _ in range(ROUNDS):
        with Workbench(port=0) as wb:
            began = time.perf_counter()
            wb.kvdb.conn.set("a", "b")
            starts.append(time.perf_counter() - began)
    yield Row("embedded Redis: start", "s", starts, wanted=0.5)
    with Workbench(port=0) as wb:
        conn = wb.kvdb.conn
        with redis.Redis.from_url(wb.kvdb.url, decode_responses=True) as client:
            act: Act = lambda: conn.set("key", "value")  # noqa: E731
            ours, bare = _rounds(wb, act, lambda: client.set("key", "value"), CALLS, ROUNDS)
    yield Row("Redis: time a command, in a call", "us", ours, bare, "redis-py", 0.9, only_if_steady=True)


def _mail() -> Iterator[Row]:
    # The peer in a process of its own, or client and server would share one interpreter's lock.
    with peers("smtp", "ftp", 0) as told, Workbench(port=0) as wb, smtplib.SMTP(*told["address"]) as client:
        host, port = told["address"]
        wb.define(SMTPConnection("Mail", host=host, port=port, mode="plain"))
        conn: Any = wb.connections["Mail"].conn
        act: Act = lambda: conn.send(_our_message())  # noqa: E731
        ours, bare = _rounds(wb, act, lambda: client.send_message(_bare_message()), MAILS, ROUNDS)
    yield Row("mail: time each, in a call", "us", ours, bare, "smtplib", 0.9, only_if_steady=True)


def _our_message() -> SMTPMessage:
    message = SMTPMessage(from_="a@example.com", to="b@example.com", subject="Subject", body="Body")
    message.attach("data.txt", "x" * 10_000)
    return message


def _bare_message() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "Subject"
    message.set_content("Body")
    message.add_attachment("x" * 10_000, filename="data.txt")
    return message


def _sample(act: Act, times: int) -> float:
    """Time of one call [us], the mean of many."""
    began = time.perf_counter()
    for _ in range(times):
        act()
    return (time.perf_counter() - began) / times * 1e6
