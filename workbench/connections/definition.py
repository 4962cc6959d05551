"""What every connection is: a definition, and the live object it opens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Protocol

from msgspec import Meta

from workbench.core.definition import Definition
from workbench.core.errors import ServiceUsage
from workbench.core.ports import Clock
from workbench.core.secret import Secret, given

Timeout = Annotated[float, Meta(gt=0, le=3600, description="Longest wait for one answer [s].")]


class Opening:
    """What a definition is given to open itself with."""

    def __init__(self, reveal: Callable[[Secret, str], str], clock: Clock) -> None:
        self._reveal, self.clock = reveal, clock

    def reveal(self, secret: Secret | None, owner: str) -> str | None:
        """The value behind a secret's name; `owner` is said in the error if it is not set."""
        return None if secret is None else self._reveal(secret, owner)


class Live(Protocol):
    """An open connection: what a service calls. Safe to use from many threads at once."""

    def ping(self, cid: str = "") -> str:
        """One round trip; says in a few words what answered, raises ConnectionFailed otherwise."""
        ...

    def close(self) -> None:
        """Let go of sockets; calls in flight may end."""
        ...


class ConnectionDefinition(Definition, frozen=True):
    """The definition of a way out.

    `attributes` says where a service finds it: `{"out.rest": "item", "out.ftp": "conn"}`. `item` gives an object with
    `.conn`, `.definition` and `.ping`; `conn` gives the live object; any other word is a method of the live object that
    takes the CID and gives what the service sees.

    `peer` is the kind of peer that plays the other side in a sandbox, if it is another kind's: `rest` gives an HTTP
    server, whose address is put into the field `host`.
    """

    collection: ClassVar[str] = "connections"
    attributes: ClassVar[dict[str, str]] = {}
    peer: ClassVar[str] = ""

    @property
    def credentials_fix(self) -> str:
        """How to mend credentials that were refused: which secrets to set, and whose they are."""
        secrets = [each for each in (getattr(self, field) for field in self.__struct_fields__) if type(each) is Secret]
        names = " and ".join(each.name for each in secrets if given(each.name) is None)
        user = getattr(self, "username", None)
        whose = f" of user {user!r}" if user else ""
        if not names:
            return f"Fix: correct the user name or the password{whose} in its definition"
        return f"Fix: set {names} to the right value{whose}, which is read again at the next call, or correct the user"

    def open(self, opening: Opening) -> Live:
        """Make the live object, importing its client library; must not call the other side yet."""
        raise NotImplementedError


class Item:
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
        if not hasattr(conn := self.conn, "ping"):
            raise ServiceUsage(
                f"{self.definition} has no ping. Fix: write def ping(self, cid='') in {type(conn).__name__}"
            )
        return str(conn.ping(cid))

    def __repr__(self) -> str:
        return str(self.definition)
