"""One definition of every kind in the catalog, with the address of a real system that no test reaches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from workbench.connections import catalog
from workbench.connections.definition import ConnectionDefinition, Opening
from workbench.connections.dropbox.definition import DropboxConnection
from workbench.connections.folder import LocalFolder
from workbench.connections.ftp.definition import FTPConnection
from workbench.connections.imap.definition import IMAPConnection
from workbench.connections.live import LiveConnections
from workbench.connections.rest.definition import RESTConnection
from workbench.connections.s3.definition import S3Connection
from workbench.connections.sftp.definition import SFTPConnection
from workbench.connections.smtp.definition import SMTPConnection
from workbench.connections.soap.definition import SOAPConnection
from workbench.connections.sql.definition import SQLConnection
from workbench.connections.twilio import TwilioConnection
from workbench.connections.zmq.definition import ZeroMQConnection
from workbench.core.clock import SystemClock
from workbench.core.errors import MissingSecret
from workbench.core.secret import Secret, given, secret
from workbench.sandbox.catalog import Sandbox

EXAMPLES: dict[str, ConnectionDefinition] = {
    "rest": RESTConnection("My REST", host="https://data.example.com", path="/rates"),
    "soap": SOAPConnection(
        "My SOAP", host="https://soap.example.com", wsdl="/orders?wsdl", username="me", password=secret("X")
    ),
    "smtp": SMTPConnection("My SMTP", host="smtp.example.com", mode="starttls", username="me", password=secret("X")),
    "ftp": FTPConnection("My FTP", host="ftp.example.com", username="me", password=secret("X")),
    "dropbox": DropboxConnection("My Dropbox", user_agent="workbench-tests/1.0", token=secret("X")),
    "sftp": SFTPConnection("My SFTP", host="sftp.example.com", username="me", password=secret("X")),
    "s3": S3Connection("My S3", bucket="my-bucket", access_key="AKIA", secret_key=secret("X")),
    "twilio": TwilioConnection("My SMS", account_sid="AC01", auth_token=secret("X"), default_from="+15550001111"),
    "sql": SQLConnection(
        "My SQL", engine="postgresql", host="db.example.com", database="shop", username="me", password=secret("X")
    ),
    "imap": IMAPConnection("My IMAP", host="imap.example.com", username="me", password=secret("X")),
    "zmq": ZeroMQConnection("My ZeroMQ", address="tcp://queue.example.com:5555", socket_type="REQ"),
    "folder": LocalFolder("My Folder", path="/nowhere/in/particular"),
}
FILES = catalog.members("files")


def reveal(secret: Secret, owner: str) -> str:
    """Only what a sandbox gave: a real secret is never asked for."""
    if (value := given(secret.name)) is None:
        raise MissingSecret(secret.name, owner)
    return value


@contextmanager
def played(*definitions: ConnectionDefinition) -> Iterator[tuple[LiveConnections, Sandbox]]:
    """Connections, each led to its peer."""
    sandbox = Sandbox(lambda: {each.name: each for each in definitions})
    sandbox.switch(True)
    live = LiveConnections(Opening(reveal, SystemClock()), sandbox.stand_in)
    for definition in definitions:
        live.define(definition)
    try:
        yield live, sandbox
    finally:
        live.close_all()
        sandbox.close()


@contextmanager
def opened(kind: str, **changes: Any) -> Iterator[tuple[Any, Any]]:
    """The live object of one kind's example, and its peer."""
    definition = EXAMPLES[kind].replace(**changes)
    with played(definition) as (live, sandbox):
        yield live.live(definition.name), sandbox[definition.name]
