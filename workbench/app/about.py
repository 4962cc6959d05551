"""What a workbench says of itself: what there is, and how to use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from socket import socket
from typing import Any

from workbench.app import help as helped
from workbench.app.book import Entry
from workbench.app.collections import Collection
from workbench.app.parts import Parts
from workbench.app.scheduling.travel.here import TravelClock
from workbench.app.serving.attached import Attached
from workbench.app.serving.crew.member import Member, Whole
from workbench.app.serving.runtime_file import Running
from workbench.app.serving.views import DRAFT_HEADER
from workbench.caching.cached import Cached
from workbench.channels.definition import HTTPChannel
from workbench.channels.http.certificate import Certificate
from workbench.channels.live import Everywhere, LiveChannel
from workbench.channels.own import Admin, Page
from workbench.connections.definition import ConnectionDefinition
from workbench.core.collection import CollectionRow
from workbench.core.current import CURRENT
from workbench.core.definition import Definition
from workbench.core.errors import DanglingReference
from workbench.core.origin import Origin
from workbench.core.payload.request import Headers
from workbench.core.secret import Secret
from workbench.core.service import Service, named
from workbench.security.definitions import SecurityDefinition


class About:
    """The part of a `Workbench` that tells: what there is, where it is found, and how it is used."""

    _own: Parts
    _collection: Callable[..., Collection[Any]]
    clock: TravelClock
    member: Member | None = None
    """What it knows of others that serve the same file at the same address, if there are any."""

    @property
    def _parts(self) -> Parts:
        """Its rooms; for what a service on a trip asks, those of the trip."""
        call = CURRENT.get()
        return self._own if call is None else self._own.trips.get(call.surroundings, self._own)

    @property
    def collections(self) -> Mapping[str, CollectionRow]:
        """What each room says of its definitions, by the name of its collection; `wb.<name>` shows them."""
        return self._parts.book.rows

    @property
    def defined(self) -> list[Entry]:
        """Every definition in force that somebody made, with its origin."""
        return self._parts.book.entries

    @cached_property
    def caches(self) -> Collection[Cached]:
        """Caches in this process, with what is in them: `wb.caches["my.cache"].keys()`."""
        return self._collection("caches")

    def in_force(self, like: Definition) -> Definition | None:
        """The definition in force under the same name as `like`, if there is one."""
        return self._parts.book.in_force(like)

    def origin_of(self, made: Definition | str | type[Service]) -> Origin | None:
        """Where a definition, or a service by name or class, was made; None if it is not in force."""
        if isinstance(made, Definition):
            return self._parts.book.origin(made.collection, made.full_name)
        live = self._parts.registry.services.get(named(made))
        return live.origin if live is not None else None

    @property
    def has_jobs(self) -> bool:
        """Whether there are jobs; False, and the store left closed, while nobody has asked for one."""
        return self._parts.job_count > 0

    def sharing_jobs(self) -> list[Running]:
        """Other processes of this application, on this machine, that may fire its jobs: each planned time runs once."""
        return self._parts.runtime_file.sharing()

    def rename(self, name: str) -> None:
        """Be found by the command line under the name that the notebook has now, as `Report.ipynb`.

        Its jobs and its address stay those of its former name until its kernel starts anew.
        """
        self._parts.runtime_file.rename(name)

    def add_pages(self, pages: Callable[[str], Mapping[tuple[str, str], Page]], end: Callable[[], None]) -> None:
        """Answer further own addresses, by method and path below /workbench/, wherever the own addresses answer.

        Args:
            pages: What each address does, made of the token that the own addresses want.
            end: Called when the server stops.
        """
        self._parts.admin.update(pages(self._parts.token))
        self._parts.own.ends.append(end)

    def join(self, member: Member) -> None:
        """Be one of several processes that serve one file at one address; before `add_pages`, and before the start."""
        parts = self._own
        self.member = member
        parts.token = parts.pipeline.guard.token = member.token
        parts.pipeline.admin = Whole(parts.admin, member.own_url)
        parts.runtime_file.supervisor = member.supervisor
        if self.certificate is not None:
            self.certificate.is_quiet = member.number > 1

    def broadcast_by(self, everywhere: Everywhere) -> None:
        """Have what WebSocket channels broadcast reach the clients of the others, too."""
        self._own.channels.everywhere = everywhere

    def answer_at(self, listeners: Sequence[socket]) -> None:
        """Answer at the address of all of them; the server has started."""
        parts = self._own
        parts.server.join(listeners)
        parts.runtime_file.write(parts.server.url, parts.token, parts.own.url)

    @property
    def own_addresses(self) -> Mapping[tuple[str, str], Admin]:
        """What the own addresses do, by method and path."""
        return self._own.admin

    @property
    def own_url(self) -> str:
        """Where the own addresses of this very process answer; '' while stopped."""
        return self._own.own.url

    @property
    def certificate(self) -> Certificate | None:
        """What its server speaks TLS by; None where it speaks plain HTTP."""
        return self._own.server.certificate

    def answer_for(self, host: str) -> None:
        """Answer for a further host name: the one under which a person's own Jupyter is open, whose proxy leads here.

        What is no host name is passed over.
        """
        self._parts.pipeline.guard.answer_for(host)

    def names(self, collection: str) -> list[str]:
        """The names in a collection that a definition may refer to, services included."""
        return sorted(self._parts.known(collection))

    def names_by_way(self, attribute: str) -> list[str]:
        """The names of the connections that a service finds by a dotted attribute: `out.rest`, `email.smtp`.

        Raises:
            UnknownAttribute, NotYetAttribute: It leads to no kind.
        """
        self._parts.live.expect_way(attribute)
        return sorted(self._parts.live.names(self._parts.live.ways()[attribute]))

    def dangling(self, definition: Definition) -> list[DanglingReference]:
        """An error for each object that a definition names and that does not exist."""
        return self._parts.book.dangling(definition)

    def attach(self, app: str | int = "") -> Attached:
        """Another workbench that runs on this machine; in a notebook it is shown as its panel, live.

        Args:
            app: Its name, its file's path, its process or its port; nothing if there is only one other.

        Raises:
            NothingRuns: There is none.
            UnknownName: None is called so.
            Several: More than one may be meant.
        """
        return Attached(str(app), self.clock)

    def try_connection(self, definition: ConnectionDefinition, values: Mapping[str, str]) -> str:
        """Ping a connection that is not in force, and close it again.

        Args:
            definition: The connection; a sandbox has its peer play it, as if it were in force.
            values: Values of secrets that are set nowhere yet, by name.
        """
        return self._parts.live.try_out(definition, values)

    def try_user(self, definition: SecurityDefinition, values: Mapping[str, str]) -> None:
        """Check that a user who is not in force is let in by the credentials that it would call with.

        Args:
            definition: The user.
            values: Values of secrets that are set nowhere yet, by name.

        Raises:
            Unauthorized, MissingSecret: It is not.
        """

        def reveal(secret: Secret, owner: str) -> str:
            return (
                secret.prefix + values[secret.name]
                if secret.name in values
                else self._parts.secrets.reveal(secret, owner)
            )

        definition.verifier(reveal).verify(Headers(definition.credentials(reveal)))

    @contextmanager
    def try_channel(self, channel: HTTPChannel) -> Iterator[tuple[LiveChannel, dict[str, str]]]:
        """Open a channel that is not in force for one's own requests, which bear the headers that this gives.

        For everybody else its address stays as it is.

        Raises:
            PathTaken, MissingSecret: It could not be opened.
        """
        with self._parts.views.trial(channel) as token:
            yield self._parts.views.live_channel(channel), {DRAFT_HEADER: token}

    def help(self, topic: str = "") -> helped.Page:
        """A short page on one topic; without one, what there is and which topics.

        Raises:
            UnknownName: There is no such topic.
        """
        return helped.page(topic)

    def __repr__(self) -> str:
        counts = [_counted(len(self._parts.registry.services), "service")]
        for name, row in self.collections.items():
            if name == "caches" and not self._parts.book.of(name):
                continue  # The one that is always there says nothing of this notebook.
            counts.append(_counted(len(self._parts.book.items(name)), row.word))
            if name == "connections" and self._parts.sandbox.on:
                counts[-1] += " (sandbox)"
        return f"Workbench: {', '.join(counts)}."


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
