"""What the command line is told of services, channels, connections, users and limits; its pings and requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from workbench.core.failure import mood_of_error
from workbench.core.masking import mask, masked
from workbench.core.origin import Origin

MOST_AT_ONCE = 8
"""Connections that are pinged at the same time."""


class Listing(Protocol):
    """A workbench, whose collections are told."""

    @property
    def services(self) -> Mapping[str, Any]:
        """What is deployed."""
        ...

    @property
    def channels(self) -> Mapping[str, Any]:
        """Ways in."""
        ...

    @property
    def connections(self) -> Mapping[str, Any]:
        """Ways out."""
        ...

    @property
    def users(self) -> Mapping[str, Any]:
        """Who may call."""
        ...

    @property
    def limits(self) -> Any:
        """Limits in force."""
        ...

    @property
    def peers(self) -> Any:
        """Stand-ins."""
        ...

    def origin_of(self, made: Any) -> Origin | None:
        """Where something was made."""
        ...

    def call(self, call: str, data: Any = None, *, user: str, headers: Any, timeout_seconds: float) -> Any:
        """Make a request."""
        ...


class AskedOfConnection(msgspec.Struct):
    """Which connection is pinged; '' for all."""

    name: str = ""


class AskedRequest(msgspec.Struct):
    """A request to make: `POST /api/x`, its body, and the user whose credentials go along."""

    call: str
    data: str | None = None
    user: str = ""
    headers: dict[str, str] = {}
    timeout_seconds: float = 60.0


def _services(wb: Listing) -> Any:
    return [
        {
            "name": each.name,
            "version": each.live.number,
            "doc": each.doc.partition("\n")[0],
            "since": datetime.fromtimestamp(each.since, UTC),
            "origin": str(each.live.origin),
        }
        for each in wb.services.values()
    ]


def _channels(wb: Listing) -> Any:
    return [
        _defined(wb, each.definition)
        | {
            "address": each.address,
            "methods": list(each.methods or ()),
            "services": list(each.leads_to),
            "user": getattr(each.definition, "security", ""),
            "state": each.state,
        }
        for each in wb.channels.values()
    ]


def _connections(wb: Listing) -> Any:
    return [_defined(wb, each.definition) | {"sandbox": wb.peers.on} for each in wb.connections.values()]


def _users(wb: Listing) -> Any:
    return [_defined(wb, each) for each in wb.users.values()]


def _limits(wb: Listing) -> Any:
    used: dict[tuple[str, str], list[Any]] = {}
    for each in wb.limits.use():
        used.setdefault((each.on, each.name), []).append(each._asdict())
    return [
        _defined(wb, each)
        | {"on": each.on, "of": each.name, "exact": each.exact}
        | {"lines": each.lines, "used": used.get((each.on, each.name), [])}
        for each in wb.limits.values()
    ]


def _defined(wb: Listing, definition: Any) -> dict[str, Any]:
    code = definition.to_code()
    origin = wb.origin_of(definition)
    said = {"name": definition.full_name, "kind": type(definition).__name__, "code": mask(code)}
    return said | {"origin": str(origin) if origin is not None else ""}


LISTS: dict[str, Callable[[Listing], Any]] = {
    "services": _services,
    "channels": _channels,
    "connections": _connections,
    "users": _users,
    "limits": _limits,
}
"""What is listed, by the end of its address."""


def pinged(wb: Listing, asked: AskedOfConnection) -> Any:
    """How each connection answered, or the one that is named; raises UnknownName."""
    items = [wb.connections[asked.name]] if asked.name else list(wb.connections.values())

    def tried(item: Any) -> dict[str, Any]:
        told = {"name": item.name, "kind": type(item.definition).__name__, "sandbox": wb.peers.on}
        try:
            said = item.ping()
        except Exception as exc:
            return told | {"mood": mood_of_error(exc), "said": mask(str(exc))}
        return told | {"mood": getattr(said, "mood", "ok"), "said": mask(str(said))}

    with ThreadPoolExecutor(MOST_AT_ONCE, "workbench-own-ping") as pool:
        return list(pool.map(tried, items))


def called(wb: Listing, asked: AskedRequest) -> Any:
    """What a request through the real server was answered."""
    answer = wb.call(
        asked.call, asked.data, user=asked.user, headers=asked.headers, timeout_seconds=asked.timeout_seconds
    )
    told = {"status": answer.status, "cid": answer.cid, "headers": dict(answer.headers)}
    return masked(told | {"text": answer.text, "bytes": len(answer.body)})
