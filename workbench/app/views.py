"""What requests can reach: routes made of channels, users and limits, rebuilt as a whole when one of them changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from workbench.channels.definition import HTTPChannel
from workbench.channels.pipeline import Endpoint, View, routes_of
from workbench.core.definition import Definition
from workbench.limiting.definition import Limit, On
from workbench.limiting.registry import Limits
from workbench.security.definitions import SecurityDefinition

DRAFT_HEADER = "X-Workbench-Draft"


class Views:
    """Builds and keeps the live view, and a cell's own view of its draft.

    Args:
        channels, users: Definitions as they are now.
        services: The live snapshot.
        reveal: Finds secrets.
    """

    def __init__(
        self,
        channels: Callable[[], Mapping[str, Definition]],
        users: Callable[[], Mapping[str, Definition]],
        services: Callable[[], Mapping[str, Any]],
        limits: Limits,
        reveal: Callable[..., str],
    ) -> None:
        self._channels, self._users, self._services = channels, users, services
        self._limits, self._reveal = limits, reveal
        self._verifiers: dict[str, tuple[Definition, Any]] = {}
        self.live = View(routes_of(()), {})
        self.drafts: dict[str, Callable[[], View]] = {}

    def view(self, headers: Mapping[str, str]) -> View:
        """The live view, or the draft of the cell whose call this is."""
        if self.drafts and (draft := self.drafts.get(headers.get(DRAFT_HEADER, ""))) is not None:
            return draft()
        return self.live

    def rebuild(self) -> None:
        """Make the live view anew; on an error the old one stays."""
        self.live = View(routes_of(self._endpoints(self._channels().values())), self._services())

    def with_draft(self, waiting: Iterable[Definition], services: Mapping[str, Any]) -> View:
        """The view as it would be with these channels and services."""
        channels = {**self._channels(), **{each.name: each for each in waiting if isinstance(each, HTTPChannel)}}
        return View(routes_of(self._endpoints(channels.values())), services)

    def follow_services(self) -> None:
        """Take the new snapshot of services; routes stay."""
        self.live = View(self.live.routes, self._services())

    def _endpoints(self, channels: Iterable[Definition]) -> list[Endpoint]:
        return [self._endpoint(each) for each in channels if isinstance(each, HTTPChannel)]

    def _endpoint(self, channel: HTTPChannel) -> Endpoint:
        user = channel.security
        return Endpoint(
            channel,
            self.verifier(user) if user else None,
            self._limits.limiter("channel", channel.name),
            self._limits.limiter("user", user) if user else None,
        )

    def verifier(self, user: str) -> Any:
        """The object that checks a user's credentials; it is made once for each definition."""
        definition = self._users()[user]
        kept = self._verifiers.get(user)
        if kept is None or kept[0] != definition:
            assert isinstance(definition, SecurityDefinition)
            kept = self._verifiers[user] = (definition, definition.verifier(self._reveal))
        return kept[1]

    def forget_secrets(self, user: str | None = None) -> None:
        """Read the secret of one user, or every one, again at its next use."""
        if user is None:
            self._verifiers.clear()
        else:
            self._verifiers.pop(user, None)


class ShortLimits:
    """The short form `limit="100/m"` of a channel, user or service, kept as a Limit in force."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kept: set[tuple[str, str]] = set()

    def put(self, on: On, name: str, text: str) -> None:
        """Put a short form into force; an empty text lifts what an earlier one set.

        Raises:
            InvalidDefinition: The text is no limit.
        """
        if text:
            self._limits.define(Limit(name, on=on, lines=text))
            self._kept.add((on, name))
        elif (on, name) in self._kept:
            self._limits.remove(on, name)
            self._kept.discard((on, name))
