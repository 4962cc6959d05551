"""What the suite for every connection must know of each kind: how to use it, and how to lead it elsewhere."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple

from tests.connections.suites.examples import EXAMPLES
from workbench.connections.definition import ConnectionDefinition, Opening
from workbench.connections.live import LiveConnections
from workbench.connections.smtp.message import SMTPMessage
from workbench.core.clock import SystemClock
from workbench.core.secret import Secret, given, secret

_numbers = count(1)
PASSWORD = "fLuVoTaK-9021-hidden"
"""What every secret of these definitions is outside a sandbox."""


class Case(NamedTuple):
    """One kind, or one way of it.

    Args:
        definition: An example, whose address is real and never reached.
        use: Does one thing that arrives at the other side.
        arrived: How many things have arrived at the peer.
        prepare: Makes a peer ready to be used.
        at: The fields that lead to a host and port; None for what has none.
        wrong: The fields with which nobody is let in; None where a password is no matter of the connection.
        refusal: The fault with which a peer lets nobody in, if it does not look at the password itself.
        once: The fields that have it try once.
        library: The package that it needs, and what to install; None for the standard library.
        shown: What its peer shows once that has arrived; empty for the peer's label and the definition's name.
        no_is_an_answer: Whether a status that says no comes back as an answer, and is no failure.
    """

    definition: ConnectionDefinition
    use: Callable[[Any], object]
    arrived: Callable[[Any], int]
    prepare: Callable[[Any], object] = lambda peer: None
    at: Callable[[str, int], dict[str, Any]] | None = lambda host, port: {"host": host, "port": port}
    wrong: dict[str, Any] | None = None
    refusal: dict[str, Any] = {}  # noqa: RUF012
    once: dict[str, Any] = {}  # noqa: RUF012
    library: tuple[str, str] | None = None
    shown: tuple[str, ...] = ()
    no_is_an_answer: bool = False

    @property
    def kind(self) -> str:
        """The kind's short word."""
        return str(self.definition.__struct_config__.tag)

    @property
    def secret_field(self) -> str:
        """The field that names a secret; empty if none does."""
        fields = self.definition.__struct_fields__
        return next((field for field in fields if isinstance(getattr(self.definition, field), Secret)), "")

    def leading(self, host: str, port: int, **changes: Any) -> ConnectionDefinition:
        """The definition with another address, which tries once."""
        assert self.at is not None
        return self.definition.replace(**{**self.once, **self.at(host, port), **changes})


def _write(conn: Any) -> None:
    conn.write(f"{next(_numbers)}.txt", b"x")


def _mail(conn: Any) -> None:
    conn.send(SMTPMessage("me@example.com", "you@example.com", "Subject", "Text"))


def _files(peer: Any) -> int:
    return len(peer.files)


def _messages(peer: Any) -> int:
    return len(peer.messages)


def _url(field: str) -> Callable[[str, int], dict[str, Any]]:
    return lambda host, port: {field: f"http://{host}:{port}"}


WRONG = secret("X")
PASS = {"password": WRONG}
ONCE = {"retries": 0}
CASES = {
    "rest": Case(
        EXAMPLES["rest"].replace(username="me", password=secret("X")),
        lambda conn: conn.get("cid"),
        lambda peer: len(peer.requests),
        lambda peer: peer.reply("/rates", json={}),
        at=_url("host"),
        once=ONCE,
        library=("requests", "requests"),
        no_is_an_answer=True,
    ),
    "soap": Case(
        EXAMPLES["soap"],
        lambda conn: conn.call("Echo", text="hello"),
        lambda peer: len(peer.calls),
        at=_url("host"),
        wrong=PASS,
        once=ONCE,
        library=("zeep", "'notebook-workbench[soap]'"),
    ),
    "smtp": Case(EXAMPLES["smtp"], _mail, _messages, wrong=PASS, shown=("Subject", "you@example.com")),
    "imap": Case(
        EXAMPLES["imap"],
        lambda conn: conn.append(b"Subject: s\r\n\r\ntext"),
        _messages,
        wrong=PASS,
        once=ONCE,
        library=("imap_tools", "'notebook-workbench[imap]'"),
    ),
    "ftp": Case(EXAMPLES["ftp"], _write, _files, wrong=PASS, once=ONCE),
    "ftps": Case(EXAMPLES["ftp"].replace(tls="explicit"), _write, _files, wrong=PASS, once=ONCE),
    "sftp": Case(
        EXAMPLES["sftp"], _write, _files, wrong=PASS, once=ONCE, library=("paramiko", "'notebook-workbench[sftp]'")
    ),
    "dropbox": Case(
        EXAMPLES["dropbox"],
        _write,
        _files,
        at=_url("api_url"),
        wrong={"token": WRONG},
        refusal={"revoked_token": True},
        once={"max_retries_on_error": 0},
        library=("dropbox", "dropbox"),
    ),
    "s3": Case(
        EXAMPLES["s3"],
        _write,
        _files,
        at=_url("address"),
        wrong={"secret_key": WRONG},
        once=ONCE,
        library=("boto3", "'notebook-workbench[s3]'"),
    ),
    "twilio": Case(
        EXAMPLES["twilio"],
        lambda conn: conn.send("text", to="+48123456789"),
        _messages,
        at=_url("address"),
        wrong={"auth_token": WRONG},
        once=ONCE,
        library=("requests", "requests"),
    ),
    "sql": Case(
        EXAMPLES["sql"],
        lambda conn: conn.execute("INSERT INTO uses VALUES (1)"),
        lambda peer: int(peer.tables["uses"]),
        lambda peer: peer.execute("CREATE TABLE uses (id INTEGER)"),
        library=("sqlalchemy", "'notebook-workbench[sql]'"),
    ),
    "zmq": Case(
        EXAMPLES["zmq"].replace(timeout_seconds=2.0),
        # What is asked has arrived once it is answered.
        lambda conn: conn.send("hello"),
        _messages,
        at=lambda host, port: {"address": f"tcp://{host}:{port}"},
        library=("zmq", "pyzmq"),
    ),
    "folder": Case(EXAMPLES["folder"], _write, _files, at=None),
}


@contextmanager
def silent() -> Iterator[tuple[str, int]]:
    """An address where somebody answers the phone and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield server.getsockname()


@contextmanager
def closed() -> Iterator[tuple[str, int]]:
    """An address where nobody listens, held so that nobody else can."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()


def found(secret: Secret, owner: str) -> str:
    """A sandbox's own secret, or the one that must never be seen."""
    return given(secret.name) or PASSWORD


@contextmanager
def opened(definition: ConnectionDefinition) -> Iterator[Any]:
    """The live object at the definition's own address."""
    live = LiveConnections(Opening(found, SystemClock()))
    live.define(definition)
    try:
        yield live.live(definition.name)
    finally:
        live.close_all()
