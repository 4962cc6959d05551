"""A WSDL drawn from examples: of what each operation takes and gives, in SOAP 1.1 and 1.2 (document/literal)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

NAMESPACE = "urn:workbench:peer"
NAME = re.compile(r"[A-Za-z_][\w.-]{0,99}")
TYPES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "double"),
    (Decimal, "decimal"),
    (datetime, "dateTime"),
    (date, "date"),
    (time, "time"),
    (timedelta, "duration"),
    (bytes, "base64Binary"),
)
"""XML Schema's names of Python's types; anything else is text."""
ALONE = "result"
"""The element of an answer that is no dict."""


class Drawn(NamedTuple):
    """One operation: examples of what it takes, and of what it gives."""

    name: str
    takes: tuple[Mapping[str, Any], ...]
    gives: tuple[Mapping[str, Any], ...]


def as_mapping(value: Any) -> Mapping[str, Any]:
    """An answer by the names of its elements."""
    return value if isinstance(value, Mapping) else {} if value is None else {ALONE: value}


def bad_names(value: Any) -> list[str]:
    """The keys of an example that can be no names of elements."""
    if isinstance(value, Mapping):
        own = [str(key) for key in value if not isinstance(key, str) or not NAME.fullmatch(key)]
        return own + [each for inner in value.values() for each in bad_names(inner)]
    return [each for inner in value for each in bad_names(inner)] if isinstance(value, list | tuple) else []


def document(operations: Iterable[Drawn], address: str) -> bytes:
    """The WSDL 1.1 of a service with these operations.

    Source: WSDL 1.1, sections 2 and 3; its binding for SOAP 1.2 (W3C submission of 2006-04-05).
    """
    every = list(operations)
    schema = "".join(_wrapper(each.name, each.takes) + _wrapper(f"{each.name}Response", each.gives) for each in every)
    messages = "".join(_message(f"{each.name}{suffix}") for each in every for suffix in ("", "Response"))
    port = "".join(_operation(each.name) for each in every)
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n'
        f'<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:tns="{NAMESPACE}" '
        f'xmlns:xsd="http://www.w3.org/2001/XMLSchema" targetNamespace="{NAMESPACE}">'
        f'<wsdl:types><xsd:schema targetNamespace="{NAMESPACE}" elementFormDefault="qualified">{schema}</xsd:schema>'
        f'</wsdl:types>{messages}<wsdl:portType name="Peer">{port}</wsdl:portType>'
        f"{_binding('SOAP11', 'http://schemas.xmlsoap.org/wsdl/soap/', every)}"
        f"{_binding('SOAP12', 'http://schemas.xmlsoap.org/wsdl/soap12/', every)}"
        f'<wsdl:service name="Peer">'
        f"{_port('SOAP11', 'http://schemas.xmlsoap.org/wsdl/soap/', address)}"
        f"{_port('SOAP12', 'http://schemas.xmlsoap.org/wsdl/soap12/', address)}"
        f"</wsdl:service></wsdl:definitions>\n"
    ).encode()


def _wrapper(name: str, examples: tuple[Mapping[str, Any], ...]) -> str:
    return f'<xsd:element name="{name}">{_complex(examples)}</xsd:element>'


def _complex(examples: Iterable[Mapping[str, Any]]) -> str:
    found: dict[str, list[Any]] = {}
    for example in examples:
        for key, value in example.items():
            found.setdefault(key, []).append(value)
    inner = "".join(_element(name, values) for name, values in found.items())
    return f"<xsd:complexType><xsd:sequence>{inner}</xsd:sequence></xsd:complexType>"


def _element(name: str, examples: list[Any]) -> str:
    """An element of which these are values; a list says that there may be many."""
    most = "unbounded" if any(isinstance(each, list | tuple) for each in examples) else "1"
    flat = [one for each in examples for one in (each if isinstance(each, list | tuple) else [each])]
    values = [each for each in flat if each is not None]
    head = f'<xsd:element name="{name}" minOccurs="0" maxOccurs="{most}" nillable="true"'
    if any(isinstance(each, Mapping) for each in values):
        return f"{head}>{_complex(each for each in values if isinstance(each, Mapping))}</xsd:element>"
    types = {_type(each) for each in values}
    return f'{head} type="xsd:{types.pop() if len(types) == 1 else "string"}"/>'


def _type(value: Any) -> str:
    return next((name for cls, name in TYPES if isinstance(value, cls)), "string")


def _message(name: str) -> str:
    return f'<wsdl:message name="{name}"><wsdl:part name="parameters" element="tns:{name}"/></wsdl:message>'


def _operation(name: str) -> str:
    return (
        f'<wsdl:operation name="{name}"><wsdl:input message="tns:{name}"/>'
        f'<wsdl:output message="tns:{name}Response"/></wsdl:operation>'
    )


def _binding(name: str, soap: str, operations: list[Drawn]) -> str:
    body = '<soap:body use="literal"/>'
    inner = "".join(
        f'<wsdl:operation name="{each.name}"><soap:operation soapAction="{NAMESPACE}/{each.name}"/>'
        f"<wsdl:input>{body}</wsdl:input><wsdl:output>{body}</wsdl:output></wsdl:operation>"
        for each in operations
    )
    return (
        f'<wsdl:binding name="{name}" type="tns:Peer" xmlns:soap="{soap}">'
        f'<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>{inner}</wsdl:binding>'
    )


def _port(name: str, soap: str, address: str) -> str:
    there = f'<soap:address xmlns:soap="{soap}" location="{address}"/>'
    return f'<wsdl:port name="{name}" binding="tns:{name}">{there}</wsdl:port>'
