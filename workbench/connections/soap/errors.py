"""What goes wrong with a SOAP service: its faults in its own words, and answers that its WSDL does not describe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.connections.common.errors import AccessRefused, Refused
from workbench.connections.soap.definition import SOAPConnection
from workbench.core.errors import ConnectionFailed, ServiceUsage
from workbench.core.masking import mask

if TYPE_CHECKING:
    from requests import Response as RequestsResponse

LONGEST_TEXT = 1000
"""Of what a fault or a library says in an error [characters]."""
LONGEST_DETAIL = 64 * 1024
"""Of the detail of a fault, which is XML [characters]."""
NOT_LET_IN = frozenset(("FailedAuthentication", "InvalidSecurityToken"))
"""Codes of faults by which somebody is not let in. Source: OASIS WS-Security 1.1, section 12."""
BY_CALLER = frozenset(("Client", "Sender", "MustUnderstand", "DataEncodingUnknown"))
"""Codes of faults that what was sent has caused. Source: SOAP 1.1, section 4.4.1; SOAP 1.2 part 1, section 5.4.6."""


class SOAPFault(Refused):
    """The service answered with a SOAP fault.

    Attributes:
        operation: What was asked.
        code: Its code without a prefix, as `Server` or `Sender`.
        text: What it says, as `faultstring` or `Reason`.
        subcodes: Its further codes, of SOAP 1.2.
        detail: Its detail as XML; '' if there is none.
    """

    def __init__(self, said: str, operation: str, code: str, text: str, subcodes: tuple[str, ...], detail: str) -> None:
        self.operation, self.code, self.text, self.subcodes, self.detail = operation, code, text, subcodes, detail
        super().__init__(said)


class LoginFault(SOAPFault, AccessRefused):
    """The service answered with a SOAP fault that says it lets this user not in."""


class Undescribed(ConnectionFailed):
    """The answer is not what the WSDL says; that may have changed."""


def fault_of(definition: SOAPConnection, operation: str, fault: Any) -> SOAPFault:
    """The error of a fault, as zeep read it."""
    code, text = _local(fault.code) or "no code", mask(" ".join(str(fault.message or "").split()))[:LONGEST_TEXT]
    subcodes = tuple(_local(each) for each in fault.subcodes or ())
    said = f"{definition} answered {operation} with a fault, {code}: {text.rstrip('.') or 'it gives no reason'}."
    if {code, *subcodes} & NOT_LET_IN:
        said = f"{said} {definition.credentials_fix}"
        return LoginFault(said, operation, code, text, subcodes, _detail(fault.detail))
    whose = "what is sent" if code in BY_CALLER else "with whoever runs the service"
    said = f"{said} Fix: check {whose}; .detail of this error has what else it says"
    return SOAPFault(said, operation, code, text, subcodes, _detail(fault.detail))


def _local(code: Any) -> str:
    """A code without its prefix or namespace."""
    return str(getattr(code, "localname", code) or "").rpartition(":")[2].rpartition("}")[2]


def _detail(detail: Any) -> str:
    if detail is None:
        return ""
    from lxml import etree

    text = detail if isinstance(detail, str | bytes) else etree.tostring(detail)
    return mask(text.decode(errors="replace") if isinstance(text, bytes) else text)[:LONGEST_DETAIL]


def expect_soap(definition: SOAPConnection, operation: str, response: RequestsResponse) -> None:
    """Raise AccessRefused or ConnectionFailed for an answer whose status alone says that it has no envelope."""
    where, status = f"{definition} at {definition.host}", response.status_code
    if status in (401, 403):
        raise AccessRefused(f"{where} refused the user name or password: it answered {status}. {_login(definition)}")
    if 300 <= status < 400:
        there = mask(response.headers.get("Location", "nowhere"))[:200]
        raise ConnectionFailed(
            f"{where} sends {operation} on to {there}, where an envelope does not go unasked. "
            f"Fix: name that in its definition, as host= and path="
        )
    is_xml = "xml" in response.headers.get("Content-Type", "").lower() or response.content.lstrip()[:1] == b"<"
    # What is multipart has its envelope in the first part.
    if status >= 400 and not (is_xml or "multipart" in response.headers.get("Content-Type", "")):
        words = f": {mask(response.text[:LONGEST_TEXT]).strip()}" if response.content else ""
        raise ConnectionFailed(
            f"{where} answered {operation} with {status} and no envelope{words.rstrip('.')}. "
            f"Fix: check path, or with whoever runs the service"
        )


def _login(definition: SOAPConnection) -> str:
    return definition.credentials_fix if definition.username else "Fix: give username= and password=secret('NAME')"


def unreadable(definition: SOAPConnection, operation: str, status: int, exc: Exception) -> ConnectionFailed:
    """The error of an answer that is no envelope, or not what the WSDL says."""
    from zeep.exceptions import DTDForbidden, EntitiesForbidden, TransportError

    where = f"{definition} at {definition.host}"
    if isinstance(exc, TransportError):
        return ConnectionFailed(f"{where} answered {operation} with {status} and what is no XML. Fix: check path")
    if isinstance(exc, DTDForbidden | EntitiesForbidden):
        return ConnectionFailed(
            f"{where} answered {operation} with XML that has a document type, which is not read, as SOAP has none. "
            f"Fix: check path, or with whoever runs the service"
        )
    return Undescribed(
        f"{where} answered {operation} with {status} and what its WSDL does not describe: {words(exc)}. "
        f"Fix: call again, by the WSDL as it is then; or check that it is that of this service"
    )


def unsendable(definition: SOAPConnection, signature: str, exc: Exception) -> ServiceUsage:
    """The error of arguments that the WSDL has no place for."""
    return ServiceUsage(f"{definition} cannot send that: {words(exc)}. Fix: call {signature}")


def words(exc: Exception) -> str:
    """What a library says of an error, in one line without secrets."""
    said = mask(" ".join(str(exc).split()))[:LONGEST_TEXT].rstrip(".")
    return said or type(exc).__name__
