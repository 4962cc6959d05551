"""A WSDL as zeep has read it: the port that is called, its operations, and what each takes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from workbench.connections.common.trying import Due
from workbench.connections.soap.definition import SOAPConnection, origin_of
from workbench.connections.soap.errors import fault_of, unreadable, unsendable, words
from workbench.connections.soap.session import SOAPSession
from workbench.core.errors import ConnectionFailed, MissingDependency, UnknownName, WorkbenchError, listed
from workbench.core.payload.bunch import Bunch


def zeep() -> Any:
    """The library, imported at first use.

    Raises:
        MissingDependency: It is not installed.
    """
    try:
        import zeep
    except ImportError as exc:
        raise MissingDependency("SOAP", "zeep", "soap") from exc
    for name in READERS:
        logging.getLogger(name).addFilter(_unread)
    return zeep


class _Reading(threading.local):
    """What could not be read of the answer that this thread reads; None while it reads none."""

    wrong: list[Exception] | None = None


READERS = ("zeep.xsd.types.simple", "zeep.xsd.elements.attribute")
_reading = _Reading()


def _unread(record: logging.LogRecord) -> bool:
    """Take down a value that is not of its type: the library logs it, and gives None."""
    wrong = None if record.exc_info is None else record.exc_info[1]
    if _reading.wrong is None or not isinstance(wrong, Exception):
        return True
    _reading.wrong.append(wrong)
    return False


def expect_wsdl(definition: SOAPConnection, content: bytes) -> None:
    """Raise ConnectionFailed for a document that is no WSDL."""
    from lxml import etree

    try:
        root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as exc:
        raise _no_wsdl(definition, words(exc)) from exc
    if (name := etree.QName(root).localname) != "definitions":
        raise _no_wsdl(definition, f"it begins with {name}")


def _no_wsdl(definition: SOAPConnection, why: str) -> ConnectionFailed:
    shown = (definition.wsdl_address or str(definition.wsdl_file)).partition("?")[0]
    return ConnectionFailed(
        f"{definition} cannot use the WSDL at {shown}: {why}. Fix: check that this leads to a WSDL 1.1"
    )


class Account:
    """What one port of a WSDL offers.

    Args:
        session: What it is loaded and called by.

    Raises:
        ConnectionFailed: The WSDL cannot be read, or has no such port.
        Refused: It names an address on another host.
    """

    def __init__(self, session: SOAPSession) -> None:
        self._session, self._definition = session, session.definition
        self.client = self._loaded()
        port = self._port()
        self.address = self._address(port)
        self._service = self.client.create_service(port.binding.name.text, self.address)
        self._binding = port.binding

    def _loaded(self) -> Any:
        definition, library = self._definition, zeep()
        where = definition.wsdl_address or str(Path(definition.wsdl_file or "").resolve())
        settings = library.Settings(forbid_dtd=True, forbid_entities=True)
        try:
            return library.Client(where, wsse=self._token(), transport=self._session, settings=settings)
        except WorkbenchError:
            raise
        # Whatever the library raises over a document that it did not expect.
        except Exception as exc:
            raise _no_wsdl(definition, words(exc)) from exc

    def _token(self) -> Any:
        definition = self._definition
        if definition.login == "basic":
            return None
        from zeep.wsse.username import UsernameToken

        # A fresh nonce and the time in UTC, as the profile wants them, are the library's.
        digest = definition.login == "wss-digest"
        return UsernameToken(definition.username, self._session.reveal(), use_digest=digest, zulu_timestamp=digest)

    def _ports(self) -> Iterator[tuple[tuple[str, str], Any]]:
        """Each port that speaks SOAP, by its service's name and its own."""
        from zeep.wsdl.bindings.soap import SoapBinding

        for service in self.client.wsdl.services.values():
            for port in service.ports.values():
                if isinstance(port.binding, SoapBinding):
                    yield (str(service.name), str(port.name)), port

    def _port(self) -> Any:
        definition, ports = self._definition, dict(self._ports())
        for (service, own), port in ports.items():
            if definition.service_name in ("", service) and definition.port_name in ("", own):
                return port
        wanted = f"{definition.service_name or 'any service'}.{definition.port_name or 'any port'}"
        raise ConnectionFailed(
            f"The WSDL of {definition} has no SOAP port {wanted}; there are: {listed(map('.'.join, ports))}. "
            f"Fix: service_name= and port_name= as one of these"
        )

    def _address(self, port: Any) -> str:
        definition = self._definition
        host = definition.host.rstrip("/")
        if definition.path:
            return f"{host}{definition.path}"
        said = str((port.binding_options or {}).get("address") or "")
        if not said:
            raise ConnectionFailed(f"The WSDL of {definition} names no address. Fix: path= in its definition")
        address = urljoin(f"{host}/", said)
        try:
            is_own = origin_of(address) == origin_of(host) and address.partition(":")[0] == host.partition(":")[0]
        except ValueError:
            is_own = False
        if not is_own:
            raise ConnectionFailed(
                f"The WSDL of {definition} leads to {address.partition('?')[0][:200]}, which is not on {host}, so "
                f"it is not called. Fix: path= of the service on {host}, or host= the one that the WSDL names"
            )
        return address

    @property
    def operations(self) -> list[str]:
        """The names of its operations."""
        return list(self._binding.all())

    def signature(self, operation: str) -> str:
        """What an operation takes and gives, in the WSDL's words; raises UnknownName."""
        if operation not in self._binding.all():
            raise UnknownName(f"operation of {self._definition}", operation, self.operations)
        return " ".join(str(self._binding.get(operation)).split())

    def call(self, operation: str, args: tuple[Any, ...], named: dict[str, Any], due: Due) -> Any:
        """What an operation answers, as plain values.

        Raises:
            ConnectionFailed: It could not be asked, or its answer not be read.
            ServiceUsage: The WSDL has no place for these arguments.
            SOAPFault: It answered with a fault.
            UnknownName: There is no such operation.
        """
        from zeep.exceptions import Fault
        from zeep.helpers import serialize_object

        signature = self.signature(operation)
        with self._session.about(operation, due) as going:
            try:
                _reading.wrong = []
                answer = serialize_object(self._service[operation](*args, **named), Bunch)
                if _reading.wrong:
                    raise _reading.wrong[0]
                return answer
            except WorkbenchError:
                raise
            except Fault as exc:
                if exc.code is None and going.response is not None and exc.message == "Unknown fault occured":
                    raise unreadable(self._definition, operation, going.response.status_code, exc) from exc
                raise fault_of(self._definition, operation, exc) from exc
            # Whatever the library raises over arguments, or an answer, that it did not expect.
            except Exception as exc:
                if going.response is None:
                    raise unsendable(self._definition, signature, exc) from exc
                raise unreadable(self._definition, operation, going.response.status_code, exc) from exc
            finally:
                _reading.wrong = None
