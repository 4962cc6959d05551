"""A SOAP service that says and does what a test wants, by a WSDL of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from tests.connections.suites.cases import opened
from workbench.connections.soap.definition import SOAPConnection
from workbench.connections.soap.live import LiveSOAP
from workbench.sandbox.http.source import HTTPSource
from workbench.sandbox.soap.drawn import NAMESPACE, Drawn, document

XML = {"Content-Type": "text/xml; charset=utf-8"}
ADD = Drawn("Add", ({"a": 1, "b": 1},), ({"sum": 2},))
ENVELOPE = '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>{}</e:Body></e:Envelope>'
SUM = ENVELOPE.format(f'<AddResponse xmlns="{NAMESPACE}"><sum>3</sum></AddResponse>')


def wsdl_of(address: str) -> str:
    """The WSDL of a service that adds."""
    return document([ADD], address).decode()


class Serving(NamedTuple):
    """A connection, and the server that plays its host."""

    conn: LiveSOAP
    host: HTTPSource

    @property
    def asked(self) -> list[str]:
        """What the host was asked."""
        return [f"{each.method} {each.target}" for each in self.host.requests]


@contextmanager
def serving(wsdl: Any = None, **changes: Any) -> Iterator[Serving]:
    """A connection to a host whose WSDL is `wsdl(address)`, and which adds."""
    host = HTTPSource("host").start()
    text = wsdl(host.url) if callable(wsdl) else wsdl_of(f"{host.url}/add")
    host.reply("/add?wsdl", text=text, headers=XML, method="GET")
    host.reply("/add", text=SUM, headers=XML, method="POST")
    given = {"host": host.url, "wsdl": "/add?wsdl", "retries": 0, **changes} | ({"wsdl": wsdl} if wsdl == "" else {})
    try:
        with opened(SOAPConnection("CRM", **given)) as conn:
            yield Serving(conn, host)
    finally:
        host.stop()
