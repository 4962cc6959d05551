"""What a call asked of other sides, taken from its trace, as a cassette has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec

from workbench.app.cassettes.cassette import Side, side_of
from workbench.app.cassettes.errors import NotATest
from workbench.app.cassettes.moving import TRANSFER
from workbench.app.cassettes.noise import ANYTHING, is_credential, replaced, without_credentials
from workbench.app.parts import Parts
from workbench.connections.common.hosts import host_of
from workbench.connections.files.protocol import FileInfo
from workbench.connections.rest.answer import Response
from workbench.connections.rest.definition import RESTConnection
from workbench.core.call import ServiceStep
from workbench.core.masking import MARK
from workbench.core.payload.asked import IN_BACKGROUND, Told, is_kept
from workbench.core.payload.copying import Made
from workbench.core.trace import Outgoing, Trace
from workbench.sandbox.catalog import rows

REDIS = "Redis"
"""What the record calls what `self.kvdb` leads to."""

CID = "<CID>"
"""Stands for the call's CID in what was answered."""

OF_THE_HOUR = frozenset(("date", "server", "age", "via", "keep-alive", "report-to", "nel"))
"""Headers of an answer that no service goes by, and that are others each time."""


def asked_by(trace: Trace) -> tuple[Told, ...]:
    """What a call and the services that it invoked asked, in order: without credentials, whatever they are called.

    Raises:
        NotATest: It asked for something past what its services hold, which is in no record.
    """
    asked = (_scrubbed(told) for service in _services(trace) for told in _of(service))
    return tuple(each._replace(answer=replaced(each.answer, trace.cid, CID)) for each in asked)


def _services(trace: Trace) -> list[ServiceStep]:
    """The services that nobody else in the trace has invoked."""
    if isinstance(trace.root, ServiceStep):
        return [trace.root]
    return [step for step in trace.root.steps if isinstance(step, ServiceStep)]


def _of(service: ServiceStep) -> Iterator[Told]:
    recorded: set[int] = set()
    for asked in list(service.asked or ()):
        recorded |= {id(step) for step in asked.steps}
        below = [step for step in asked.steps if isinstance(step, ServiceStep)]
        for each in below:
            yield from _of(each)
        if asked.operation != "invoke" or not (below or asked.connection == service.name):
            yield asked.told
    # Of a later run the steps are marked as told.
    for step in list(service.steps):
        if isinstance(step, Outgoing) and step.kind != "record" and id(step) not in recorded:
            what = f"The step {step.describe()!r:.120}"
            raise NotATest(what, "was not asked through what the service holds, so no record has it", "ask through it")


def _scrubbed(told: Told) -> Told:
    sent = without_credentials(told.arguments)
    answer = told.answer
    if isinstance(answer, Made) and answer.cls is Response:
        definition, status, headers, content, encoding, reason, url = answer.record
        kept = {name: value for name, value in headers.items() if is_kept(name) and name.lower() not in OF_THE_HOUR}
        content = _without_tokens(content) if isinstance(content, bytes) else content
        kept = {name: value for name, value in kept.items() if name.lower() != "content-encoding"}
        answer = Made(Response, (definition, status, kept, content, encoding, reason, _address(definition, str(url))))
    return told._replace(arguments=sent, answer=answer)


def _address(definition: RESTConnection, url: str) -> str:
    """What was asked, at the host of the definition, without the values of what is called like a credential."""
    parts = urlsplit(url)
    pairs = (pair.partition("=") for pair in parts.query.split("&"))
    query = "&".join(f"{name}{is_}{MARK if is_credential(name, value) else value}" for name, is_, value in pairs)
    return f"//{host_of(definition.called)}{parts.path}{query and '?'}{query}"


def _without_tokens(content: bytes) -> bytes:
    """A body in JSON without the texts of what is called like a credential, as `access_token`."""
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return content
    scrubbed = _scrubbed_json(found)
    return content if scrubbed == found else msgspec.json.encode(scrubbed)


def _scrubbed_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: MARK if isinstance(each, str) and is_credential(key, each) else _scrubbed_json(each)
            for key, each in value.items()
        }
    return [_scrubbed_json(each) for each in value] if isinstance(value, list) else value


def sides_of(parts: Parts, asked: tuple[Told, ...]) -> dict[str, Side]:
    """The other sides of a call: each by a peer where its kind has one.

    Raises:
        NotATest: One of them is not defined any more.
    """
    sides: dict[str, Side] = {}
    first = {name: told for told in reversed(asked) for name in names_of(told)}
    for name, operation in sorted((name, told.operation) for name, told in first.items()):
        definition = parts.live.definitions.get(name)
        if definition is not None:
            has_peer = (definition.peer or definition.__struct_config__.tag) in rows()
            sides[name] = side_of(definition, "peer" if has_peer else "record")
        elif name == REDIS:
            sides[name] = Side("redis", "peer")
        elif operation == "invoke" or operation in IN_BACKGROUND:
            sides[name] = Side("service", "record")
        else:
            raise NotATest(f"Connection {name!r}", "is not defined any more", "run its cell and call it anew")
    return sides


def names_of(told: Told) -> tuple[str, ...]:
    """The other sides of one thing that was asked: of a transfer, its target too."""
    return (told.connection, told.arguments[0][1]) if told.operation == TRANSFER else (told.connection,)


def loosened(answer: Any) -> Any:
    """An answer without what a peer cannot know: times of files, headers."""
    if isinstance(answer, Made) and answer.cls is Response:
        return answer.record[1], answer.record[3]
    if isinstance(answer, FileInfo):
        return answer._replace(modified=ANYTHING)  # type: ignore[arg-type]
    if type(answer) is list:
        return [loosened(each) for each in answer]
    return answer
