"""A server that sends drop by drop is never silent for long: only the deadline of a whole call can end the wait."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from tests.connections.suites.cases import CASES, Case, opened
from workbench.connections.definition import ConnectionDefinition
from workbench.core.errors import DeadlineExceeded

FAR = [name for name, case in CASES.items() if case.at is not None]
OVER_HTTP = ["rest", "soap", "dropbox", "s3", "twilio"]
DROP_SECONDS = 0.02
TLS = b"\x16\x03\x03\x3f\xff"
"""The head of a long TLS record, which nobody can read before all of it is there."""
OPENED = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"
"""PostgreSQL lets somebody in, and waits for a query."""

Answer = Callable[[bytes], bytes | None]


class Dripping:
    """Answers what a script says, then sends drop after drop for ever.

    Args:
        answer: What is said to each piece that arrives, b"" at the beginning; None begins to drip.
        head: The first drops; zeros follow, or its last one again if `again`.
    """

    def __init__(self, answer: Answer, head: bytes, again: bool) -> None:
        self._answer, self._head, self._then = answer, head, head[-1:] if again else b"\0"
        self._over = threading.Event()
        self.drops = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._server.getsockname()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        talks = []
        with suppress(OSError):
            while True:
                connected, _ = self._server.accept()
                talks.append(threading.Thread(target=self._talk, args=(connected,)))
                talks[-1].start()
        for talk in talks:
            talk.join()

    def _talk(self, connected: socket.socket) -> None:
        with connected, suppress(OSError):
            connected.settimeout(30)
            heard = b""
            while (said := self._answer(heard)) is not None:
                connected.sendall(said)
                if not (heard := connected.recv(65536)):
                    return
            for drop in self._drops():
                connected.sendall(drop)
                self.drops += 1
                if self._over.wait(DROP_SECONDS):
                    return

    def _drops(self) -> Iterator[bytes]:
        yield from (self._head[at : at + 1] for at in range(len(self._head)))
        while True:
            yield self._then

    def close(self) -> None:
        """End all of it."""
        self._over.set()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(30)


@pytest.fixture
def dripping() -> Iterator[Callable[..., Dripping]]:
    made: list[Dripping] = []

    def make(answer: Answer = lambda heard: None, head: bytes = b"2", again: bool = True) -> Dripping:
        made.append(Dripping(answer, head, again))
        return made[-1]

    yield make
    for each in made:
        each.close()


Making = Callable[[], Dripping]


def hurried(server: Dripping, case: Case, **changes: Any) -> ConnectionDefinition:
    """A definition that leads to the server and tries once, with a deadline that comes long before any timeout."""
    retries = {field: 0 for field in case.definition.__struct_fields__ if "retries" in field}
    times = {"timeout_seconds": 60.0, "deadline_seconds": 0.4}
    return case.leading(*server.address).replace(**{**retries, **times, **changes})


def failed_at(make: Making, definition_of: Callable[[Dripping], ConnectionDefinition], act: Any) -> Any:
    """The definition, and how it failed: who acts has its thread back while the server drips on.

    On a busy machine the deadline may come before the first drop; then it is a longer one.
    """
    for seconds in (0.4, 2.0, 10.0):
        server = make()
        definition = definition_of(server).replace(deadline_seconds=seconds)
        with opened(definition) as conn, ThreadPoolExecutor(1) as worker:
            # Importing a library takes longer than the deadline.
            getattr(conn, "client", None)
            try:
                failed = worker.submit(act, conn).exception(timeout=20)
            finally:
                server.close()
        if server.drops > 2:
            return definition, failed
    raise AssertionError("it has never come to dripping")


def expect_given_up(make: Making, definition_of: Callable[[Dripping], ConnectionDefinition], act: Any) -> None:
    definition, failed = failed_at(make, definition_of, act)
    assert isinstance(failed, DeadlineExceeded), repr(failed)
    assert str(failed).startswith(str(definition))


@pytest.mark.parametrize("name", FAR)
def test_a_server_that_drips_holds_no_worker(name: str, dripping: Callable[..., Dripping]) -> None:
    head = {"sql": b"NR\0\0\3\xe8", "sftp": b"S"}
    # Over HTTP, what comes before a request is no answer to it.
    answer: Answer = (lambda heard: None if heard else b"") if name in OVER_HTTP else lambda heard: None
    plain = {"mode": "plain"} if name in ("smtp", "imap") else {}
    make = partial(dripping, answer, head=head.get(name, b"2"), again=name != "sql")
    expect_given_up(make, lambda server: hurried(server, CASES[name], **plain), CASES[name].use)


def secure(case: Case, server: Dripping) -> dict[str, Any]:
    """The fields that have it speak TLS from the first byte."""
    if case.kind in ("smtp", "imap"):
        return {"mode": "ssl"}
    assert case.at is not None
    return {field: url.replace("http:", "https:") for field, url in case.at(*server.address).items()}


@pytest.mark.parametrize("name", ["smtp", "imap", *OVER_HTTP])
def test_a_handshake_that_drips_holds_no_worker(name: str, dripping: Callable[..., Dripping]) -> None:
    case = CASES[name]
    make = partial(dripping, head=TLS, again=False)
    expect_given_up(make, lambda server: hurried(server, case, **secure(case, server)), case.use)


def begins_tls(heard: bytes) -> bytes | None:
    """What a server of mail or files says until TLS begins."""
    word = heard.upper().split()
    if not word:
        return b"220 here\r\n"
    if word[0] == b"EHLO":
        return b"250-here\r\n250 STARTTLS\r\n"
    if word[0] in (b"STARTTLS", b"AUTH"):
        return b"234 go\r\n" if word[0] == b"AUTH" else b"220 go\r\n"
    return None


def begins_tls_for_imap(heard: bytes) -> bytes | None:
    tag, _, command = heard.strip().partition(b" ")
    if not heard:
        return b"* OK here\r\n"
    if command == b"CAPABILITY":
        return b"* CAPABILITY IMAP4rev1 STARTTLS\r\n" + tag + b" OK done\r\n"
    return tag + b" OK done\r\n" if command == b"STARTTLS" else None


@pytest.mark.parametrize(
    ("name", "answer", "fields"),
    [
        ("smtp", begins_tls, {"mode": "starttls"}),
        ("ftps", begins_tls, {}),
        ("imap", begins_tls_for_imap, {"mode": "starttls"}),
    ],
)
def test_a_handshake_that_was_agreed_upon_and_drips_holds_no_worker(
    name: str, answer: Answer, fields: dict[str, Any], dripping: Callable[..., Dripping]
) -> None:
    make = partial(dripping, answer, head=TLS, again=False)
    expect_given_up(make, lambda server: hurried(server, CASES[name], **fields), CASES[name].use)


def takes_a_mail(heard: bytes) -> bytes | None:
    if heard.endswith(b"\r\n.\r\n"):
        return None
    word = heard[:4].upper()
    return {b"": b"220 here\r\n", b"DATA": b"354 go on\r\n"}.get(word, b"250 ok\r\n")


def test_a_mail_that_is_not_confirmed_in_time_may_have_arrived(dripping: Callable[..., Dripping]) -> None:
    case, plain = CASES["smtp"], {"mode": "plain", "username": None, "password": None}
    _, failed = failed_at(partial(dripping, takes_a_mail), lambda server: hurried(server, case, **plain), case.use)
    assert isinstance(failed, DeadlineExceeded)
    assert "did not confirm the mail in time, which may or may not reach its recipients" in str(failed)


def lets_in(heard: bytes) -> bytes | None:
    if not heard:
        return b""
    is_first = heard[4:8] in (b"\x04\xd2\x16\x2f", b"\0\3\0\0", b"\0\3\0\2")
    if not is_first:
        return None
    return b"N" if heard[4:8] == b"\x04\xd2\x16\x2f" else OPENED


@pytest.mark.parametrize("within_a_session", [False, True])
def test_a_database_whose_answer_drips_holds_no_worker(
    within_a_session: bool, dripping: Callable[..., Dripping]
) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import OperationalError

    make = partial(dripping, lets_in, head=b"T\0\0\3\xe8", again=False)

    def read(conn: Any) -> None:
        with conn.session() as session:
            session.execute(text("SELECT 1"))

    act = read if within_a_session else CASES["sql"].use
    _, failed = failed_at(make, lambda server: hurried(server, CASES["sql"]), act)
    # In a session the errors are SQLAlchemy's own.
    assert isinstance(failed, OperationalError if within_a_session else DeadlineExceeded)


def test_a_statement_of_sqlite_that_does_not_end_is_ended() -> None:
    from workbench.connections.sql.definition import SQLConnection

    for_ever = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c"
    with opened(SQLConnection("My SQL", deadline_seconds=0.4)) as conn:
        with pytest.raises(DeadlineExceeded, match=r"SQL 'My SQL' did not do it within 0.4 s .*raise deadline_seconds"):
            conn.execute(for_ever)
        assert conn.execute("SELECT 1 AS one") == [{"one": 1}]
