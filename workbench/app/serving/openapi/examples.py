"""Examples of what a channel was sent and answered, from recorded calls: masked, and credentials left out by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from workbench.app.serving.openapi.answers import ANY, JSON
from workbench.app.serving.openapi.ways import Way
from workbench.core.errors import BadRequest
from workbench.core.masking import MARK, mask, masked
from workbench.core.payload.asked import given_by
from workbench.core.payload.elements import Secret
from workbench.core.payload.request import form
from workbench.core.trace import RequestStep, Trace

SECRET = re.compile(r"api_?key|auth(?!or)|credential|passw|passphrase|secret|token", re.IGNORECASE)
LONGEST_BYTES = 16 * 1024
"""What is taken as an example; longer ones explain nothing [bytes]."""


class Example(NamedTuple):
    """One recorded call as an example; what it sent or got is msgspec.UNSET if that is not kept whole."""

    at: float
    query: Mapping[str, Any]
    body: Any
    answer: Any


def example_of(traces: Iterable[Trace], way: Way, method: str) -> Example | None:
    """The last call that went well, of one method of a channel.

    Args:
        traces: Calls, the oldest first.
    """
    name = way.channel.name
    for trace in reversed(list(traces)):
        root = trace.root
        if not isinstance(root, RequestStep) or root.channel != name or not root.outcome.startswith("2"):
            continue
        if root.name.partition(" ")[0] == method and root.came is not None:
            return _made(trace.at, root, _secrets_of(way))
    return None


def with_example(operation: dict[str, Any], example: Example) -> None:
    """Put an example into an operation, wherever its parameters, body and answer have room for it."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query" and parameter["name"] in example.query:
            parameter["example"] = example.query[parameter["name"]]
    at = datetime.fromtimestamp(example.at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    bodies = [(operation.get("requestBody", {}), example.body)]
    bodies.append((operation["responses"].get("200", {}), example.answer))
    for place, value in bodies:
        content = place.get("content", {})
        if value is not msgspec.UNSET and (JSON in content or ANY in content):
            recorded = {"recorded": {"summary": f"Recorded {at}", "value": value}}
            content[JSON] = content.get(JSON, {"schema": {}}) | {"examples": recorded}


def _made(at: float, root: RequestStep, secrets: frozenset[str]) -> Example:
    assert root.came is not None
    came = given_by(root.came)
    try:
        query = form(came.query)
    except BadRequest:
        query = {}
    return Example(
        at,
        masked(hidden(query, secrets)),
        msgspec.UNSET if came.why else _value(came.body, secrets),
        _value(root.answer, secrets),
    )


def _value(raw: Any, secrets: frozenset[str]) -> Any:
    """What JSON says, masked; UNSET if it is none, or not all of it."""
    if not raw or len(raw) > LONGEST_BYTES:
        return msgspec.UNSET
    try:
        return hidden(msgspec.json.decode(mask(bytes(raw).decode())), secrets)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return msgspec.UNSET


def hidden(value: Any, secrets: frozenset[str]) -> Any:
    """A value in which `***` stands for whatever is called like a credential."""
    if isinstance(value, dict):
        return {
            key: MARK if key in secrets or SECRET.search(str(key)) else hidden(each, secrets)
            for key, each in value.items()
        }
    return [hidden(each, secrets) for each in value] if isinstance(value, list) else value


def _secrets_of(way: Way) -> frozenset[str]:
    """Names of elements that the services declare to be secret."""
    declared = (each.io for each in way.services.values())
    sides = (names for io in declared for names in (io.input_names, io.output_names) if names is not None)
    return frozenset(name for names in sides for name, elem in names.items() if isinstance(elem, Secret))
