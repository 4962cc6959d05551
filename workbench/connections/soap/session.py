"""What zeep calls the network by: the documents of a WSDL from the hosts that were named, and envelopes to one host."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit
from urllib.request import url2pathname

from workbench.connections.common.errors import AccessRefused, AnswerTooLarge, Refused
from workbench.connections.common.trying import Due
from workbench.connections.rest.definition import beneath
from workbench.connections.rest.options import Options
from workbench.connections.rest.sender import Sender
from workbench.connections.soap.definition import HTTP, PORTS, SOAPConnection, origin_of
from workbench.connections.soap.errors import expect_soap
from workbench.core.current import CURRENT
from workbench.core.errors import ConnectionFailed

if TYPE_CHECKING:
    from requests import Response as RequestsResponse

    from workbench.connections.definition import Opening

MOST_DOCUMENTS = 200
"""Documents of which one WSDL may consist."""
MOST_REDIRECTS = 5
UNTAKEN = (429,)
"""Statuses by which a service says that it has done nothing, so that an envelope may be sent again."""


class Going(threading.local):
    """What this thread's call is about, and how far it is."""

    due: Due | None = None
    operation = ""
    documents = 0
    bytes = 0
    response: RequestsResponse | None = None


class SOAPSession:
    """What zeep takes for its transport; safe to use from many threads at once.

    Args:
        definition: Whom it calls.
        opening: Gives its secrets.
    """

    def __init__(self, definition: SOAPConnection, opening: Opening) -> None:
        self.definition, self.going, self._opening = definition, Going(), opening
        known = {"username": definition.username, "password": definition.password}
        told = {"headers": definition.headers} | (known if definition.login == "basic" else {})
        self._own = Sender(beneath(definition, definition.host, **told), opening, definition, UNTAKEN)
        # Elsewhere nobody is told who calls.
        self._strange = Sender(beneath(definition, definition.host), opening, definition)

    @contextmanager
    def about(self, operation: str, due: Due) -> Iterator[Going]:
        """Have all that this thread sends belong to one call, and end by then."""
        going = self.going
        going.operation, going.due, going.documents, going.bytes, going.response = operation, due, 0, 0, None
        try:
            yield going
        finally:
            going.response = going.due = None

    def load(self, url: str) -> bytes:
        """One document of the WSDL.

        Raises:
            AccessRefused: The host wants another user or password.
            AnswerTooLarge: It is, with those before it, over `max_answer_bytes`.
            ConnectionFailed: It cannot be read, or the WSDL has too many.
            Refused: It is on a host that nobody has named, or a file that is not beside the WSDL.
        """
        going, most = self.going, self.definition.max_answer_bytes
        going.documents += 1
        if going.documents > MOST_DOCUMENTS:
            raise ConnectionFailed(
                f"The WSDL of {self.definition} imports more than {MOST_DOCUMENTS} documents, which are not read on. "
                f"Fix: save what is needed of it as a file, and name that as wsdl_file"
            )
        content = self._fetched(url) if url.lower().startswith(HTTP) else self._read(url)
        going.bytes += len(content)
        if going.bytes > most:
            raise AnswerTooLarge(self.definition, most, "save the WSDL as a file, or")
        return content

    def _read(self, url: str) -> bytes:
        """A file of this machine, which only a WSDL that is one itself may name."""
        definition, own = self.definition, self.definition.wsdl_file
        path = Path(url2pathname(urlsplit(url).path) if url.lower().startswith("file:") else url)
        if own is None or not path.resolve().is_relative_to(Path(own).resolve().parent):
            why = "it comes from a host" if own is None else f"it is not beside {own}"
            raise Refused(
                f"The WSDL of {definition} names {url[:200]!r}, a file of this machine that is not read, since {why}. "
                f"Fix: save the WSDL and what it imports in one folder, and name it as wsdl_file"
            )
        try:
            with path.open("rb") as file:
                return file.read(definition.max_answer_bytes + 1)
        except OSError as exc:
            raise ConnectionFailed(
                f"{definition} cannot read {str(path)!r}: {exc.strerror or exc}. Fix: correct wsdl_file"
            ) from exc

    def _fetched(self, url: str) -> bytes:
        for _ in range(MOST_REDIRECTS + 1):
            response = self._got(url)
            if not response.is_redirect:
                break
            url = urljoin(url, response.headers["Location"])
        else:
            raise ConnectionFailed(
                f"The WSDL of {self.definition} is sent on more than {MOST_REDIRECTS} times. "
                f"Fix: wsdl= where it is in the end, or save it and name it as wsdl_file"
            )
        where, status = f"{self.definition} at {url.partition('?')[0][:200]}", response.status_code
        if status in (401, 403):
            fix = self.definition.credentials_fix if self._is_own(url) else "Fix: save it, and name it as wsdl_file"
            raise AccessRefused(f"{where} refused to give the WSDL: it answered {status}. {fix}")
        if status != 200:
            raise ConnectionFailed(f"{where} gave no WSDL: it answered {status}. Fix: check host and wsdl")
        return response.content

    def _got(self, url: str) -> RequestsResponse:
        self._expect_named(url)
        sender = self._own if self._is_own(url) else self._strange
        return sender.send("GET", url, None, {}, Options(allow_redirects=False, due=self.going.due))

    def _is_own(self, url: str) -> bool:
        """Whether an address is on the connection's host, and as safe."""
        host = self.definition.host
        return origin_of(url) == origin_of(host) and urlsplit(url).scheme == urlsplit(host).scheme

    def _expect_named(self, url: str) -> None:
        definition = self.definition
        try:
            origin = origin_of(url)
        except ValueError:
            raise ConnectionFailed(
                f"The WSDL of {definition} names {url[:200]!r}, which is no address. "
                f"Fix: save it, correct that in it, and name it as wsdl_file"
            ) from None
        named = {origin_of(each) for each in (definition.host, definition.wsdl_address) if each}
        named |= {origin_of(each, scheme) for each in definition.hosts for scheme in PORTS}
        if origin not in named:
            host = f"{origin[0]}:{origin[1]}" if origin[1] not in PORTS.values() else origin[0]
            raise Refused(
                f"The WSDL of {definition} imports from {host}, which nobody has named, so it is not asked. "
                f"Fix: hosts={(host,)} in its definition if you trust it, or save it all and name wsdl_file"
            )

    def post_xml(self, address: str, envelope: Any, headers: dict[str, str]) -> RequestsResponse:
        """Send an envelope; raises what `Sender.send` does, and AccessRefused, ConnectionFailed by the status."""
        etree: Any = import_module("lxml.etree")
        going = self.going
        body: bytes = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        call = CURRENT.get()
        sent = {**headers, **({"X-Zato-CID": call.cid} if call is not None else {})}
        response = self._own.send("POST", address, body, sent, Options(allow_redirects=False, due=going.due))
        going.response = response
        expect_soap(self.definition, going.operation, response)
        return response

    def head(self) -> RequestsResponse:
        """What the host says to HEAD at the path that is called, asked once."""
        url = f"{self.definition.host.rstrip('/')}{self.definition.path or '/'}"
        return self._own.send("HEAD", url, None, {}, Options(retries=0, allow_redirects=False, due=self.going.due))

    def reveal(self) -> str:
        """The password."""
        return self._opening.reveal(self.definition.password, self.definition) or ""

    def close(self) -> None:
        """Close pooled connections."""
        self._own.session.close()
        self._strange.session.close()
