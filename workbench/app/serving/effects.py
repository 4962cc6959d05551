"""What users, channels and limits do once they are in force, and no more once they are not."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cached_property
from typing import Any

from workbench.app.book import Book
from workbench.app.limits import LimitsInForce, arrivals, short_limit, twice
from workbench.app.serving.views import ShortLimits, Views
from workbench.channels.definition import ChannelDefinition
from workbench.channels.live import LiveChannels
from workbench.limiting.definition import Limit
from workbench.limiting.registry import Limits
from workbench.runtime.registry import Registry
from workbench.runtime.traffic import Traffic


class Effects:
    """The part of `Parts` that gives definitions their effect on requests."""

    short: ShortLimits
    views: Views
    channels: LiveChannels
    limits: Limits
    book: Book
    registry: Registry
    traffic: Traffic
    known: Callable[[str], Collection[str]]

    def _enter_user(self, user: Any) -> None:
        self.short.put("user", user.name, short_limit(user))
        self.views.verifier(user.name)
        self.views.rebuild()

    def _leave_user(self, user: Any) -> None:
        self.short.put("user", user.name, "")
        self.views.rebuild()

    def _open_channel(self, channel: ChannelDefinition) -> None:
        self.short.put("channel", channel.name, channel.limit)
        self.channels.define(channel)

    def _close_channel(self, channel: ChannelDefinition) -> None:
        self.short.put("channel", channel.name, "")
        self.channels.remove(channel.name)

    @cached_property
    def limits_in_force(self) -> LimitsInForce:
        """What `wb.limits` is."""
        return LimitsInForce(
            self.limits,
            lambda name: self.book.remove("limits", name),
            lambda: self.book.of("channels"),
            self.known,
            lambda: arrivals(self.traffic),
            self.views.rebuild,
        )

    def limit_service(self, name: str, text: str) -> None:
        """Put the `limit =` of a service class into force.

        Raises:
            NameTaken: The service has a Limit of its own, too.
        """
        if text and f"service {name}" in self.book.of("limits"):
            raise twice(name)
        self.short.put("service", name, text)

    def follow_service(self, name: str) -> None:
        """Have limit and requests follow the version that is live now, if any."""
        live = self.registry.services.get(name)
        self.short.put("service", name, live.cls.limit if live is not None else "")
        self.views.follow_services()

    def _limit(self, limit: Limit) -> None:
        self.limits.define(limit)
        self.views.rebuild()

    def _lift(self, limit: Limit) -> None:
        self.limits.remove(limit.on, limit.name)
        self.views.rebuild()

    def read_secret_again(self, user: str) -> None:
        """Take a user's secret as it is set now; a definition that was run again unchanged asks for that."""
        self.views.forget_secrets(user)
        self.views.verifier(user)
        self.views.rebuild()
