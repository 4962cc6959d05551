"""A SOAP service as its WSDL says: envelopes read into values, values written as envelopes, and faults."""

from __future__ import annotations

import base64
import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.channels.bodies.xml import element_of, etree_for
from workbench.channels.soap import CONTENT_TYPES, SOAP_11, SOAP_12
from workbench.core.errors import BadRequest, ConnectionFailed, MissingDependency, ServiceUsage

if TYPE_CHECKING:
    from lxml.etree import _Element

WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
CODES = {SOAP_11: {"Sender": "Client", "Receiver": "Server"}, SOAP_12: {"Client": "Sender", "Server": "Receiver"}}
"""Codes of faults that have another name in a version. Source: SOAP 1.2 part 0, appendix; part 1, 5.4.6."""


class Refusal(Exception):
    """An envelope that is answered with a fault: its code, and what it says."""

    def __init__(self, code: str, text: str, namespace: str = "") -> None:
        self.code, self.text, self.namespace = code, text, namespace
        super().__init__(text)


class Envelope(NamedTuple):
    """What came: in which version, the header, and the operation's element."""

    version: str
    header: Any
    element: Any


def opened(body: bytes) -> Envelope:
    """An envelope that was read; raises Refusal."""
    try:
        root = element_of(body, "SOAP peer")
    except BadRequest as exc:
        raise Refusal("Client", str(exc)) from exc
    version, _, name = str(root.tag)[1:].partition("}")
    if name != "Envelope" or version not in CONTENT_TYPES:
        raise Refusal("VersionMismatch", "The body is no SOAP 1.1 or 1.2 envelope")
    found = root.find(f"{{{version}}}Body")
    elements = [] if found is None else [each for each in found if isinstance(each.tag, str)]
    if len(elements) != 1:
        raise Refusal("Client", "The SOAP body must hold exactly one element")
    return Envelope(version, root.find(f"{{{version}}}Header"), elements[0])


def fault(version: str, refusal: Refusal) -> bytes:
    """The envelope of a fault."""
    etree = etree_for("SOAP peer")
    code = CODES[version].get(refusal.code, refusal.code)
    made = etree.Element(f"{{{version}}}Fault", nsmap={"code": refusal.namespace or version})
    sub = etree.SubElement
    if version == SOAP_11:
        sub(made, "faultcode").text = f"code:{code}"
        sub(made, "faultstring").text = refusal.text
    else:
        outer = sub(made, f"{{{version}}}Code")
        sub(outer, f"{{{version}}}Value").text = "env:Sender" if refusal.namespace else f"env:{code}"
        if refusal.namespace:
            sub(sub(outer, f"{{{version}}}Subcode"), f"{{{version}}}Value").text = f"code:{code}"
        text = sub(sub(made, f"{{{version}}}Reason"), f"{{{version}}}Text")
        text.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
        text.text = refusal.text
    envelope = etree.Element(f"{{{version}}}Envelope", nsmap={"env": version})
    sub(envelope, f"{{{version}}}Body").append(made)
    return bytes(etree.tostring(envelope, xml_declaration=True, encoding="utf-8"))


def expect_token(header: _Element | None, username: str, password: str) -> None:
    """Raise Refusal unless a header has the token of this user, with the password as text or as a digest.

    Source: OASIS WSS UsernameToken Profile 1.1, section 3.
    """
    token = None if header is None else header.find(f"{{{WSSE}}}Security/{{{WSSE}}}UsernameToken")
    given: dict[str, Any] = {} if token is None else {each.tag.rpartition("}")[2]: each for each in token.iter("{*}*")}
    text = {name: (each.text or "") for name, each in given.items()}
    wanted: str | None = password
    if "Password" in given and given["Password"].get("Type", "").endswith("#PasswordDigest"):
        wanted = _digest(text.get("Nonce", ""), text.get("Created", ""), password)
    if (text.get("Username"), text.get("Password")) != (username, wanted):
        raise Refusal("FailedAuthentication", "The security token could not be authenticated or authorized", WSSE)


def _digest(nonce: str, created: str, password: str) -> str | None:
    """What is sent in place of a password; None with a nonce that is no base64."""
    try:
        made = hashlib.sha1(base64.b64decode(nonce) + created.encode() + password.encode()).digest()
    except ValueError:
        return None
    return base64.b64encode(made).decode()


class _Beside:
    """Gives zeep the files beside a WSDL, and nothing else."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def load(self, url: str) -> bytes:
        path = Path(url)
        if self._folder is None or "://" in url or not path.resolve().is_relative_to(self._folder.resolve()):
            raise ConnectionFailed(f"A SOAP peer reads no {url[:200]!r}. Fix: save what the WSDL imports beside it")
        return path.read_bytes()


class Engine:
    """What a WSDL says of its operations, for the side that answers.

    Args:
        wsdl: The WSDL, or its file.

    Raises:
        ServiceUsage: It cannot be used.
    """

    def __init__(self, wsdl: bytes | Path) -> None:
        try:
            from zeep.settings import Settings
            from zeep.wsdl import Document
            from zeep.wsdl.bindings.soap import SoapBinding
        except ImportError as exc:
            raise MissingDependency("SOAP", "zeep", "soap") from exc
        make: Any = Document
        where = str(wsdl) if isinstance(wsdl, Path) else io.BytesIO(wsdl)
        beside = _Beside(wsdl.parent if isinstance(wsdl, Path) else None)
        try:
            document = make(where, beside, settings=Settings(forbid_dtd=True, forbid_entities=True))
        # Whatever the library raises over a file that it did not expect.
        except Exception as exc:
            shown = str(wsdl) if isinstance(wsdl, Path) else "its own WSDL"
            raise ServiceUsage(f"A SOAP peer cannot use {shown}: {exc or type(exc).__name__}. Fix: a WSDL 1.1") from exc
        # Of two operations of one name, that of the first port.
        self._by_version: dict[str, dict[str, Any]] = {}
        for service in document.services.values():
            for binding in [each.binding for each in service.ports.values() if isinstance(each.binding, SoapBinding)]:
                there = self._by_version.setdefault(binding.nsmap["soap-env"], {})
                there.update({name: each for name, each in binding.all().items() if name not in there})

    @property
    def operations(self) -> list[str]:
        """The names of its operations."""
        return list(dict.fromkeys(name for each in self._by_version.values() for name in each))

    def asked(self, envelope: Envelope) -> tuple[str, Any]:
        """The operation that an envelope asks for, and its arguments as values; raises Refusal."""
        from zeep.helpers import serialize_object

        name = str(envelope.element.tag).rpartition("}")[2]
        for operation in self._of(envelope.version).values():
            body = operation.input.body
            if name == (operation.name if operation.style == "rpc" or body is None else body.qname.localname):
                try:
                    root = envelope.element.getroottree().getroot()
                    value = serialize_object(operation.input.deserialize(root), dict)
                    return operation.name, _arguments(value, operation)
                # Whatever the library raises over what is not as the WSDL says.
                except Exception as exc:
                    raise Refusal("Client", f"{operation.name} is not as its WSDL says: {exc}") from exc
        raise Refusal("Client", f"There is no operation {name}; there are: {', '.join(self.operations)}")

    def answer(self, version: str, operation: str, value: Any) -> bytes:
        """The envelope of an answer; raises ServiceUsage for a value that the WSDL has no place for."""
        etree, output = etree_for("SOAP peer"), self._of(version)[operation].output
        try:
            if output is None or output.body is None or value is None:
                made = output.serialize() if output is not None else None
            elif isinstance(value, dict):
                made = output.serialize(**value)
            else:
                made = output.serialize(value)
        # Whatever the library raises over a value that it did not expect.
        except Exception as exc:
            raise ServiceUsage(
                f"{operation} cannot be answered with that: {exc}. Fix: a value as its WSDL says"
            ) from exc
        content = made.content if made is not None else etree.Element(f"{{{version}}}Envelope", nsmap={"env": version})
        return bytes(etree.tostring(content, xml_declaration=True, encoding="utf-8"))

    @property
    def versions(self) -> list[str]:
        """The versions of SOAP that it speaks, as namespaces."""
        return list(self._by_version)

    def _of(self, version: str) -> dict[str, Any]:
        """The operations in one version, by name; raises Refusal."""
        if (found := self._by_version.get(version)) is None:
            raise Refusal("VersionMismatch", "The WSDL has no port for this version of SOAP")
        return found


def _arguments(value: Any, operation: Any) -> dict[str, Any]:
    """Arguments by name: what zeep takes out of an element that has it alone gets its name back; headers stay out."""
    asked, body = operation.input, operation.input.body
    if asked.header is not None and asked.header.type._element:
        return value["body"] if isinstance(value["body"], dict) else {}
    names = [name for name, _ in getattr(getattr(body, "type", None), "elements", ())]
    if len(names) == 1 and not body.type.attributes:
        return {} if value is None else {names[0]: value}
    return value if isinstance(value, dict) else {}
