"""What every connection is: a definition, and the live object it opens."""

from __future__ import annotations

from collections.abc import Callable
from pkgutil import resolve_name
from typing import Annotated, Any, ClassVar, Self

from msgspec import Meta

from workbench.connections.common.colours import Aio
from workbench.core.definition import Definition
from workbench.core.errors import ServiceUsage
from workbench.core.mood import Mood
from workbench.core.ports import Clock, Showable
from workbench.core.secret import Secret, given

Timeout = Annotated[float, Meta(gt=0, le=3600, description="Longest wait for one answer [s].")]


class Opening:
    """What a definition is given to open itself with."""

    def __init__(self, reveal: Callable[[Secret, str], str], clock: Clock) -> None:
        self._reveal, self.clock = reveal, clock

    def reveal(self, secret: Secret | str | None, owner: object) -> str | None:
        """What is behind a field that names a secret; `owner` is in the error if it is not set."""
        # A definition keeps no plain text: it has put a name in its place.
        return self._reveal(secret, str(owner)) if isinstance(secret, Secret) else None


class Live:
    """An open connection: what a service calls. Safe to use from many threads at once.

    The live objects of all built-in kinds derive from it. What another kind's `open` gives may be anything, as the
    client of a library; without a `close` of its own it is let go of as it is.
    """

    definition: ConnectionDefinition

    def ping(self, cid: str = "") -> str:
        """One round trip; says in a few words what answered, raises ConnectionFailed otherwise."""
        raise no_ping(self.definition, self)

    def close(self) -> None:
        """Let go of sockets; calls in flight may end. By default there is nothing to let go of."""

    @property
    def aio(self) -> Aio:
        """The same methods to be awaited, for `async def handle`."""
        return Aio(self)

    @property
    def conn(self) -> Self:
        """Itself: `self.out.ftp["name"].conn` is the same as `self.out.ftp["name"]`."""
        return self

    def __repr__(self) -> str:
        return f"{self.definition}, open"


def no_ping(owner: object, live: object) -> ServiceUsage:
    """The error of a kind that cannot be asked whether it answers."""
    return ServiceUsage(f"{owner} has no ping. Fix: write def ping(self, cid='') in {type(live).__name__}")


class ConnectionDefinition(Definition, frozen=True):
    """The definition of a way out.

    `attributes` says where a service finds it: `{"out.rest": "item", "out.ftp": "conn"}`. `item` gives an object with
    `.conn`, `.definition` and `.ping`; `conn` gives the live object; any other word is a method of the live object that
    takes the CID and gives what the service sees.

    `peer` is the kind of peer that plays the other side in a sandbox, if it is another kind's: `rest` gives an HTTP
    server, whose address is put into the field `host`.

    `opener` names who makes the live object, as `package.module:callable`, which takes the definition and the opening.
    So a definition knows neither its live object nor a client library. A kind of one file overrides `open` instead.
    """

    collection: ClassVar[str] = "connections"
    attributes: ClassVar[dict[str, str]] = {}
    peer: ClassVar[str] = ""
    opener: ClassVar[str] = ""

    @property
    def secret_names(self) -> list[str]:
        """Names of its secrets, without those given as plain text, which this process alone knows."""
        secrets = [each for each in (getattr(self, field) for field in self.__struct_fields__) if type(each) is Secret]
        return [each.name for each in secrets if given(each.name) is None]

    @property
    def credentials_fix(self) -> str:
        """How to mend credentials that were refused: which secrets to set, and whose they are."""
        names = " and ".join(self.secret_names)
        user = getattr(self, "username", None)
        whose = f" of user {user!r}" if user else ""
        if not names:
            return f"Fix: correct the user name or the password{whose} in its definition"
        or_user = ", or correct the user" if user else ""
        return f"Fix: set {names} to the right value{whose}, which is read again at the next call{or_user}"

    @property
    def called(self) -> str:
        """The address that it calls; '' if it calls none, as a folder. A person is told its host.

        It is the field `host`. A kind without one overrides this; else its name counts as an address outside.
        """
        return str(getattr(self, "host", None) or self)

    def open(self, opening: Opening) -> Any:
        """Make the live object, importing its client library; must not call the other side yet."""
        if not self.opener:
            raise NotImplementedError(f"{type(self).__name__} needs `opener`, or a method `open`")
        live: Live = resolve_name(self.opener)(self, opening)
        return live


class Pinged(str):
    """What a ping came back with, in words, and what that means."""

    __slots__ = ("mood",)
    mood: Mood

    def __new__(cls, words: str, mood: Mood = "ok") -> Pinged:
        """Keep the words, and the mood beside them."""
        made = super().__new__(cls, words)
        made.mood = mood
        return made


class Item(Showable):
    """`self.out.rest["name"]` and its like: the live object beside its definition."""

    __slots__ = ("_live", "definition", "name")

    def __init__(self, definition: ConnectionDefinition, live: Callable[[], Any]) -> None:
        self.name, self.definition, self._live = definition.name, definition, live

    @property
    def config(self) -> ConnectionDefinition:
        """Zato's word for `definition`."""
        return self.definition

    @property
    def conn(self) -> Any:
        """The live object, opened now if it is not open."""
        return self._live()

    def ping(self, cid: str = "") -> str:
        """One round trip to the other side."""
        if (ping := getattr(conn := self.conn, "ping", None)) is None:
            raise no_ping(self.definition, conn)
        said = ping(cid)
        return said if isinstance(said, str) else str(said)

    def __repr__(self) -> str:
        return str(self.definition)


def tag(definition: ConnectionDefinition) -> str:
    """The kind's short word, as in the catalog."""
    return str(definition.__struct_config__.tag)
