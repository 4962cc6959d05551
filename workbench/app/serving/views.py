"""What requests can reach: routes made of live channels, users and limits, rebuilt as a whole when one changes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from workbench.channels.definition import ChannelDefinition, HTTPChannel
from workbench.channels.endpoint import Endpoint, View, routes_of
from workbench.channels.gate import Gate
from workbench.channels.http.live import LiveHTTPChannel, Mounts
from workbench.channels.routes import Routes
from workbench.core.call import Deployment
from workbench.core.definition import Definition
from workbench.core.errors import InvalidDefinition
from workbench.limiting.definition import Limit, On
from workbench.limiting.registry import Limits
from workbench.security.definitions import SecurityDefinition

DRAFT_HEADER = "X-Workbench-Draft"


class Views:
    """Builds and keeps the live view, and a cell's own view of its draft.

    Args:
        users: Definitions as they are now.
        services: The live snapshot.
        reveal: Finds secrets.
        url: Address of the server; '' while it is stopped.
    """

    def __init__(
        self,
        users: Callable[[], Mapping[str, Definition]],
        services: Callable[[], Mapping[str, Any]],
        limits: Limits,
        reveal: Callable[..., str],
        url: Callable[[], str],
    ) -> None:
        self._users, self._services = users, services
        self._limits, self._reveal, self._url = limits, reveal, url
        self._mounted: Mapping[str, LiveHTTPChannel] = {}  # replaced, never changed: drafts read it on the loop
        self._verifiers: dict[str, tuple[Definition, Any]] = {}
        self.live = View(routes_of(()), {})
        self.drafts: dict[str, Callable[[], View]] = {}

    def view(self, headers: Mapping[str, str]) -> View:
        """The live view, or the draft of the cell whose call this is."""
        if self.drafts and (draft := self.drafts.get(headers.get(DRAFT_HEADER, ""))) is not None:
            return draft()
        return self.live

    # What the live channels of HTTP kinds ask.
    @property
    def url(self) -> str:
        """Address of the server; '' while it is stopped."""
        return self._url()

    def live_channel(
        self, channel: ChannelDefinition, make: Callable[[Any, Mounts], LiveHTTPChannel] = LiveHTTPChannel
    ) -> LiveHTTPChannel:
        """The live channel of a definition."""
        return make(channel, self)

    def mount(self, live: LiveHTTPChannel) -> None:
        """Put up a channel's route, in one step with taking down that of a former one of the same name.

        Raises:
            PathTaken, MissingSecret: Everything stays as it was.
        """
        before = self._mounted
        self._mounted = {**before, live.channel.name: live}
        try:
            self.rebuild()
        except BaseException:
            self._mounted = before
            raise

    def unmount(self, live: LiveHTTPChannel) -> None:
        """Take down the route of this very channel; nothing happens if it has none."""
        if self.has(live):
            self._mounted = {name: each for name, each in self._mounted.items() if each is not live}
            self.rebuild()

    def has(self, live: LiveHTTPChannel) -> bool:
        """Whether this very channel has a route."""
        return self._mounted.get(live.channel.name) is live

    def unmount_all(self) -> None:
        """Take down every route, in one step."""
        self._mounted = {}
        self.rebuild()

    def rebuild(self) -> None:
        """Make the live view anew; on an error the old one stays."""
        taking = [each for each in self._mounted.values() if not isinstance(each.channel, HTTPChannel)]
        sockets = Routes(each for each in taking if each.channel.active) if taking else None
        self.live = View(self._routes(self._of_http()), self._services(), sockets=sockets)

    def with_draft(self, waiting: Iterable[Definition], services: Mapping[str, Any]) -> View:
        """The view as it would be with these channels and services."""
        channels = self._of_http()
        channels |= {each.name: each for each in waiting if isinstance(each, HTTPChannel)}
        return View(self._routes(channels), services, sockets=self.live.sockets)

    def _of_http(self) -> dict[str, HTTPChannel]:
        mounted = {name: live.channel for name, live in self._mounted.items()}
        return {name: each for name, each in mounted.items() if isinstance(each, HTTPChannel)}

    def bringing(self, service: str) -> Mapping[str, Deployment] | None:
        """The services as a cell sees them that has not ended and brings that one; None if none does."""
        views = [view() for view in list(self.drafts.values())]
        return next((view.services for view in views if service in view.services), None)

    @contextmanager
    def trial(self, channel: HTTPChannel) -> Iterator[str]:
        """A view in which a channel is open, for requests alone that bear the token which this gives.

        Raises:
            PathTaken, MissingSecret: It could not be opened.
        """
        view, token = self.with_draft([channel], self._services()), secrets.token_hex(16)
        self.drafts[token] = lambda: view
        try:
            yield token
        finally:
            self.drafts.pop(token, None)

    def follow_services(self) -> None:
        """Take the new snapshot of services; routes stay."""
        self.live = self.live._replace(services=self._services())

    def _routes(self, channels: Mapping[str, HTTPChannel]) -> Routes[Endpoint]:
        return routes_of(Endpoint(each, self.gate(each)) for each in channels.values())

    def gate(self, channel: ChannelDefinition) -> Gate:
        """Who may come in by a channel, of any kind, as limits and users are now."""
        user = channel.security
        return Gate(
            self._limits.limiter("channel", channel.name),
            self.verifier(user) if user else None,
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
            try:
                limit = Limit(name, on=on, lines=text)
            except InvalidDefinition as exc:
                raise InvalidDefinition(on.capitalize(), name, {"limit": exc.problems["lines"]}) from None
            self._limits.define(limit)
            self._kept.add((on, name))
        elif (on, name) in self._kept:
            self._limits.remove(on, name)
            self._kept.discard((on, name))
