"""Services that ask something of every kind of connection, made live by their work alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workbench import RESTChannel, Service, Workbench, secret
from workbench.connections.dropbox.definition import DropboxConnection
from workbench.connections.folder import LocalFolder
from workbench.connections.ftp.definition import FTPConnection
from workbench.connections.imap.definition import IMAPConnection
from workbench.connections.rest.definition import RESTConnection
from workbench.connections.s3.definition import S3Connection
from workbench.connections.sftp.definition import SFTPConnection
from workbench.connections.smtp.definition import SMTPConnection
from workbench.connections.soap.definition import SOAPConnection
from workbench.connections.sql.definition import SQLConnection
from workbench.connections.twilio import TwilioConnection
from workbench.connections.zmq.definition import ZeroMQConnection
from workbench.core.trace import Trace


@contextmanager
def everything(folder: Path) -> Iterator[Workbench]:
    """A workbench with a connection of every kind, each played by its peer."""
    with Workbench(port=0, folder=folder) as wb:
        wb.define(
            RESTConnection("Data", host="https://data.example.com", path="/{path}", retries=0),
            FTPConnection("FTP", host="ftp.example.com"),
            SFTPConnection("SFTP", host="sftp.example.com", username="me", password=secret("SFTP_PASSWORD")),
            S3Connection("S3", bucket="box"),
            DropboxConnection("Dropbox", token=secret("DROPBOX_TOKEN"), user_agent="tests"),
            SMTPConnection("Out", host="smtp.example.com", from_="me@example.com"),
            IMAPConnection("In", host="imap.example.com", username="me"),
            SQLConnection("Shop", engine="postgresql", database="shop", host="db.example.com"),
            TwilioConnection("SMS", account_sid="AC01", auth_token=secret("SMS_TOKEN"), default_from="+15005550006"),
            SOAPConnection("CRM", host="https://crm.example.com", wsdl="/orders?wsdl"),
            ZeroMQConnection("Queue", address="tcp://queue.example.com:5555", socket_type="REQ"),
            ZeroMQConnection("Push", address="tcp://queue.example.com:5556"),
            LocalFolder("Here", path="/nowhere"),
        )
        wb.sandbox()
        yield wb


def deployed(wb: Workbench, work: Callable[[Any], Any], name: str = "api.works") -> None:
    """Make a service live that does `work`, in the colour of it, at a path."""

    async def later(self: Any) -> Any:
        return await work(self)

    handle = later if asyncio.iscoroutinefunction(work) else work
    # Without a text, so that each is a version of its own.
    Works = type("Works", (Service,), {"name": name, "handle": lambda self: handle(self), "__module__": "nowhere"})
    if handle is later:
        Works.handle = later
    wb.deploy(Works)
    if name not in wb.channels:
        wb.define(RESTChannel(name, path=f"/{name}"))


def called(wb: Workbench, name: str = "api.works", data: Any = "hello") -> Trace:
    """The trace of one request of a service."""
    answer = wb.call(f"POST /{name}?x=1", data=data, headers={"X-Shop": "Lodz"})
    assert answer.ok, answer
    assert answer.trace is not None
    return answer.trace
