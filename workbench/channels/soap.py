"""SOAP channels, 1.1 and 1.2: an envelope around a service's input and answer, faults for errors.

The body's first element is the operation; its children are the input (`self.request.payload`, a dict of local names),
and the exact XML is `self.request.raw_request`. A dict comes back as elements below `<OperationResponse>`, text that
is XML as it is. XML from callers is read without entities, DTDs or the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from msgspec import Meta, structs

from workbench.channels.answers import FOR_CALLERS, Answer
from workbench.channels.bodies.xml import DEEPEST, element_of, etree_for
from workbench.channels.definition import HTTPChannel
from workbench.channels.dialect import NewCall, Outcome
from workbench.core.call import Call
from workbench.core.errors import BadRequest, CallerError

if TYPE_CHECKING:
    from lxml.etree import _Element

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
CONTENT_TYPES = {SOAP_11: "text/xml; charset=utf-8", SOAP_12: "application/soap+xml; charset=utf-8"}


class SOAPChannel(HTTPChannel, tag="soap channel", frozen=True, kw_only=True):
    """An HTTP address that speaks SOAP and leads to a service."""

    kind: ClassVar[str] = "SOAP"

    service: Annotated[str, Meta(description="Name of the service that answers; empty: of this name.")] = ""
    namespace: Annotated[str, Meta(description="Namespace of answers; empty: the request's own.")] = ""

    def __post_init__(self) -> None:
        if not self.service:
            structs.force_setattr(self, "service", self.name)
        super().__post_init__()

    @property
    def leads_to(self) -> tuple[str, ...]:
        return (self.service,)

    @property
    def data_format(self) -> str:
        return "xml"

    def dialect(self) -> SOAP:
        return SOAP(self)


class Operation(NamedTuple):
    """What an envelope asks for: its SOAP version (a namespace), the operation's tag, and the call or what is wrong."""

    version: str
    tag: str
    call: Call | None = None
    error: BadRequest | None = None

    @property
    def calls(self) -> list[Call]:
        """The one call; none if its input cannot be read."""
        return [] if self.call is None else [self.call]


class SOAP:
    """Reads envelopes, writes answers and faults in the version of the request."""

    def __init__(self, channel: SOAPChannel) -> None:
        self._channel, self._etree = channel, etree_for("SOAP channel")

    def read(self, body: bytes, new_call: NewCall) -> Operation:
        """The one call that an envelope asks for."""
        element, version = self._element(body)
        try:
            payload = _inside(element)
        except BadRequest as exc:
            return Operation(version, element.tag, error=exc)
        call = new_call(self._channel.service, body)
        call.payload = payload
        return Operation(version, element.tag, call)

    def _element(self, body: bytes) -> tuple[_Element, str]:
        root = element_of(body, "SOAP channel")
        version, _, name = root.tag[1:].partition("}")
        if name != "Envelope" or version not in CONTENT_TYPES:
            raise BadRequest("The body is no SOAP 1.1 or 1.2 envelope")
        found = root.find(f"{{{version}}}Body")
        elements = [] if found is None else [each for each in found if isinstance(each.tag, str)]
        if len(elements) != 1:
            raise BadRequest("The SOAP body must hold exactly one element")
        return elements[0], version

    def answer(self, reading: Operation, outcomes: list[Outcome], cid: str) -> Answer:
        """The envelope of an answer, or of a fault."""
        if reading.error is not None:
            return self._fault(reading.version, reading.error, cid)
        ((call, value, error),) = outcomes
        if error is not None:
            return self._fault(reading.version, error, cid)
        namespace, _, name = reading.tag.rpartition("}")
        namespace = self._channel.namespace or namespace.lstrip("{")
        tag = f"{{{namespace}}}{name}Response" if namespace else f"{name}Response"
        content = self._parsed(value)
        if content is None:
            content = self._etree.Element(tag)
            _fill(content, value, self._etree, namespace)
        response = call.response
        status = int(response.status_code) if response is not None else 200
        return self._envelope(reading.version, content, status, cid)

    def _parsed(self, value: Any) -> _Element | None:
        """Text that is an XML document, parsed; None for anything else."""
        if not isinstance(value, str | bytes) or value.lstrip()[:1] not in ("<", b"<"):
            return None
        parser = self._etree.XMLParser(resolve_entities=False, no_network=True)
        try:
            found: _Element = self._etree.fromstring(value.encode() if isinstance(value, str) else value, parser)
        except self._etree.XMLSyntaxError:
            return None
        return found

    def refusal(
        self, error: BaseException, headers: Mapping[str, str], cid: str, reading: Operation | None = None
    ) -> Answer:
        """A fault, in the version of the envelope; before that is read, in the one that the content type claims."""
        claimed = SOAP_12 if "application/soap+xml" in headers.get("Content-Type", "") else SOAP_11
        return self._fault(claimed if reading is None else reading.version, error, cid)

    def _fault(self, version: str, error: BaseException, cid: str) -> Answer:
        """The caller's own error in its words, anything else without a word of it."""
        status, details, headers = 500, "Internal Server Error", []
        if isinstance(error, FOR_CALLERS):
            status, details, headers = error.status, error.details, error.headers()
        by_caller = isinstance(error, CallerError)
        text = f"{details} (cid:{cid})"
        fault = self._etree.Element(f"{{{version}}}Fault")
        sub = self._etree.SubElement
        if version == SOAP_11:
            sub(fault, "faultcode").text = "SOAP-ENV:Client" if by_caller else "SOAP-ENV:Server"
            sub(fault, "faultstring").text = text
        else:
            code = sub(sub(fault, f"{{{version}}}Code"), f"{{{version}}}Value")
            code.text = "SOAP-ENV:Sender" if by_caller else "SOAP-ENV:Receiver"
            reason = sub(sub(fault, f"{{{version}}}Reason"), f"{{{version}}}Text")
            reason.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
            reason.text = text
        return self._envelope(version, fault, status, cid, headers)

    def _envelope(
        self, version: str, content: _Element, status: int, cid: str, headers: list[tuple[str, str]] | None = None
    ) -> Answer:
        envelope = self._etree.Element(f"{{{version}}}Envelope", nsmap={"SOAP-ENV": version})
        self._etree.SubElement(envelope, f"{{{version}}}Body").append(content)
        body = self._etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        return Answer(status, [("X-Zato-CID", cid), ("Content-Type", CONTENT_TYPES[version]), *(headers or [])], body)


def _inside(element: _Element, depth: int = 0) -> Any:
    """An element's children as a dict by local name; repeated ones as a list, a leaf as its text."""
    children = [each for each in element if isinstance(each.tag, str)]
    if not children:
        return {} if depth == 0 else (element.text or "")
    if depth > DEEPEST:
        raise BadRequest(f"The XML is over {DEEPEST} elements deep")
    found: dict[str, Any] = {}
    for child in children:
        name, value = child.tag.rpartition("}")[2], _inside(child, depth + 1)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def _fill(element: _Element, value: Any, etree: Any, namespace: str) -> None:
    """Write a value below an element: dicts as children, lists as repeated ones, the rest as text."""
    if isinstance(value, dict):
        for name, each in value.items():
            for one in each if isinstance(each, list | tuple) else [each]:
                child = etree.SubElement(element, f"{{{namespace}}}{name}" if namespace else str(name))
                _fill(child, one, etree, namespace)
    elif isinstance(value, bool):
        element.text = "true" if value else "false"
    elif isinstance(value, datetime | date):
        element.text = value.isoformat()
    elif value is not None:
        element.text = value.decode() if isinstance(value, bytes) else str(value)
