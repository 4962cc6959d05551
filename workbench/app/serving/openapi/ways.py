"""What a document is made of: channels, what stands behind them, and who may call."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from inspect import cleandoc
from typing import Any, NamedTuple

from workbench.channels.definition import HTTPChannel
from workbench.core.secret import Secret
from workbench.core.service import Service
from workbench.runtime.registry import Version
from workbench.security.definitions import BasicAuth, SecurityDefinition

EVERY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""Methods that are told of a channel which answers all of them: HEAD and OPTIONS say nothing of their own there."""


class Way(NamedTuple):
    """One HTTP channel, with what its description needs.

    Attributes:
        services: Those behind it by name; one that is not deployed is missing.
        user: Who may call; None for anyone.
        is_limited: Whether a limit may refuse a call: the channel's, the user's, or a service's.
    """

    channel: HTTPChannel
    services: Mapping[str, Version]
    user: SecurityDefinition | None = None
    is_limited: bool = False

    @property
    def service(self) -> Version | None:
        """The one service behind a channel that leads to one."""
        return next(iter(self.services.values()), None)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that are described: those of the channel that its service answers."""
        named = self.channel.methods or EVERY_METHOD
        verbs = self.service.verbs if self.service is not None and self.channel.dialect() is None else {}
        answered = {*verbs, *(("HEAD",) if "GET" in verbs else ())}
        return tuple(each for each in named if each in answered) if verbs else named


class Words(NamedTuple):
    """A docstring as OpenAPI takes it: its first line, and what follows."""

    summary: str
    description: str


def words_of(version: Version | None, method: str) -> Words:
    """What a service says of itself: the method that answers this verb, else its class, else `handle`."""
    if version is None:
        return Words("", "")
    verb = getattr(version.cls, version.verbs.get(method, ""), None)
    handle = None if version.cls.handle is Service.handle else version.cls.handle
    said = (each.__doc__ for each in (verb, version.cls, handle) if each is not None)
    summary, _, description = cleandoc(next(filter(None, said), "")).partition("\n")
    return Words(summary.strip(), description.strip())


def ids_of(names: Iterable[str]) -> dict[str, str]:
    """A name that OpenAPI takes for each, the same whenever the same names are given."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in sorted(names):
        word = made = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("_") or "_"
        count = 1
        while made in taken:
            count += 1
            made = f"{word}_{count}"
        taken.add(made)
        found[name] = made
    return found


def schemes_of(user: SecurityDefinition) -> list[dict[str, str]]:
    """How a user says who they are; a kind of user that sends several headers has a scheme for each."""
    if isinstance(user, BasicAuth):
        return [{"type": "http", "scheme": "basic", "description": str(user)}]
    headers = user.credentials(_unseen)
    bearer = {"type": "http", "scheme": "bearer", "description": str(user)}
    if [(name.lower(), value.partition(" ")[0]) for name, value in headers.items()] == [("authorization", "Bearer")]:
        return [bearer]
    return [{"type": "apiKey", "in": "header", "name": name, "description": str(user)} for name in headers]


def _unseen(secret: Secret, owner: str) -> Any:
    """What stands for a secret where only the names of headers are asked for."""
    return "secret"
