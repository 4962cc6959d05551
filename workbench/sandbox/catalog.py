"""Every kind of peer, and the sandbox: the peers of one workbench, by the connections they stand for."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, Mapping, ValuesView
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from threading import RLock
from typing import Any, NamedTuple, TypeVar, cast

from workbench.connections.coming import expect_built
from workbench.core.definition import Definition
from workbench.core.errors import BrokenExtension, NameTaken, UnknownName, WorkbenchError, listed
from workbench.sandbox.peer import Peer, secret_fields

D = TypeVar("D", bound=Definition)


class PeerRow(NamedTuple):
    """Where the peer of a kind of connection lives."""

    kind: str
    module: str
    cls: str
    distribution: str = ""


ROWS = (
    PeerRow("rest", "workbench.sandbox.http.source", "HTTPSource"),
    PeerRow("soap", "workbench.sandbox.soap.server", "SOAPServer"),
    PeerRow("smtp", "workbench.sandbox.smtp_inbox", "SMTPInbox"),
    PeerRow("ftp", "workbench.sandbox.ftp.server", "FTPServer"),
    PeerRow("dropbox", "workbench.sandbox.dropbox.server", "DropboxServer"),
    PeerRow("sftp", "workbench.sandbox.sftp.server", "SFTPServer"),
    PeerRow("s3", "workbench.sandbox.s3.server", "S3Server"),
    PeerRow("twilio", "workbench.sandbox.sms_gateway", "SMSGateway"),
    PeerRow("sql", "workbench.sandbox.sql_database", "SQLDatabase"),
    PeerRow("imap", "workbench.sandbox.imap.mailbox", "IMAPMailbox"),
    PeerRow("zmq", "workbench.sandbox.zmq_peer", "ZeroMQPeer"),
    PeerRow("folder", "workbench.sandbox.folder", "TemporaryFolder"),
)


class NoPeer(WorkbenchError):
    """A kind of connection that nothing can stand in for; a sandbox makes no real call."""

    def __init__(self, definition: Definition) -> None:
        super().__init__(
            f"{definition} has no peer, and a sandbox makes no real call; there are peers for: {listed(rows())}. "
            f"Fix: wb.sandbox(False) to call the real one"
        )


@cache
def rows() -> dict[str, PeerRow]:
    """The peers by kind of connection, those of other distributions included (entry points `workbench.peers`)."""
    found = {row.kind: row for row in ROWS}
    for entry in entry_points(group="workbench.peers"):
        owner = entry.dist.name if entry.dist is not None else entry.module
        found[entry.name] = PeerRow(entry.name, entry.module, entry.attr, owner)
    return found


def peer_class(kind: str) -> type[Peer]:
    """The class of the peer for one kind of connection; raises UnknownName, BrokenExtension, NotYet."""
    row = rows().get(kind)
    if row is None:
        expect_built(kind)
        raise UnknownName("kind of peer", kind, rows())
    try:
        return cast(type[Peer], getattr(import_module(row.module), row.cls))
    except Exception as exc:
        if not row.distribution:
            raise
        raise BrokenExtension("Peer", kind, row.distribution, f"{type(exc).__name__}: {exc}") from exc


class Sandbox(Mapping[str, Peer]):
    """The peers, by the name of the connection that each stands for.

    `sandbox[name]` starts a peer that does not stand yet, as a connection that is opened does; to look starts nothing:
    `in`, `len` and iteration are about the names there are, `values` and `items` about what stands.

    Args:
        definitions: Gives the connections there are, by name.
        fixed: Whether it is on or off for good, whatever `switch` asks for; None leaves that to it.
    """

    def __init__(self, definitions: Callable[[], Mapping[str, Definition]] = dict, fixed: bool | None = None) -> None:
        self._definitions, self.fixed = definitions, fixed
        self._standing: dict[str, Peer] = {}
        self._free: dict[str, Peer] = {}
        self._lock = RLock()
        self.on = bool(fixed)

    def switch(self, on: bool) -> None:
        """Have connections go to their peers, or to their real addresses; open ones must be closed by the caller."""
        self.on = on if self.fixed is None else self.fixed

    def stand_in(self, definition: D) -> D:
        """The definition to open in place of this one: itself while the sandbox is off.

        Raises:
            NoPeer: Nothing can stand in for this kind.
        """
        return self._peer_for(definition).stand_in(definition) if self.on else definition

    def start(self, kind: str, name: str = "") -> Peer:
        """Start a peer that stands for no connection, and give it a name of its own."""
        name = name or kind
        with self._lock:
            if name in self._definitions() or name in self._free:
                raise NameTaken("Peer", name, "one there is", "this one", fix="start it under another name=")
            peer = self._free[name] = peer_class(kind)(name).start()
        return peer

    def copy(self, other: Sandbox) -> None:
        """Start a peer for each connection that has one there, with what is in that one."""
        with other._lock:
            standing = dict(other._standing)
        for name, peer in standing.items():
            if name in self._definitions():
                self._standing[name] = type(peer)(name).start().copy(peer)

    def take(self, other: Sandbox) -> None:
        """Have the peers that are there, which go on as they are; that one has none from now on."""
        with other._lock:
            self._standing, other._standing = other._standing, {}
            self._free, other._free = other._free, {}

    def remove(self, name: str) -> None:
        """Stop a peer and forget what it received; the peer of a connection starts anew when it is needed."""
        with self._lock:
            peer = self._free.pop(name, None) or self._standing.pop(name, None)
        if peer is not None:
            peer.stop()

    def close(self) -> None:
        """Stop every peer."""
        for name in [*self._free, *self._standing]:
            self.remove(name)

    @property
    def made_up(self) -> list[str]:
        """The secrets that have a random value in here, each with the connection that names it."""
        return sorted(
            f"{getattr(definition, field).name} ({definition})"
            for definition in self._definitions().values()
            for field in secret_fields(definition)
        )

    def start_all(self) -> None:
        """Start the peer of every connection that can have one."""
        for name in self:
            self[name]

    def values(self) -> ValuesView[Peer]:
        """The peers that stand."""
        return self._now().values()

    def items(self) -> ItemsView[str, Peer]:
        """The peers that stand, by name."""
        return self._now().items()

    def _now(self) -> dict[str, Peer]:
        with self._lock:
            return {**self._free, **self._standing}

    def rows(self) -> list[dict[str, Any]]:
        """Each connection and what stands in for it, as a table; a peer that does not stand yet stays so."""
        found = []
        for name, definition in self._definitions().items():
            kind = _tag(definition)
            found.append(
                {
                    "connection": str(definition),
                    "stands in": peer_class(kind).label if kind in rows() else "nothing",
                    "ping": "-" if kind not in rows() else self._pinged(name),
                }
            )
        return found

    def _pinged(self, name: str) -> str:
        if (peer := self._standing.get(name)) is None:
            return "not started"
        try:
            return peer.ping()
        except WorkbenchError as exc:
            return str(exc)

    def _peer_for(self, definition: Definition) -> Peer:
        kind = _tag(definition)
        if kind not in rows():
            raise NoPeer(definition)
        with self._lock:
            peer = self._standing.get(definition.name)
            if peer is not None and peer.kind != kind:
                peer.stop()
                peer = None
            if peer is None:
                peer = self._standing[definition.name] = peer_class(kind)(definition.name).start()
        return peer

    def __getitem__(self, name: str) -> Peer:
        if (peer := self._free.get(name)) is not None:
            return peer
        definition = self._definitions().get(name)
        if definition is None:
            raise UnknownName("peer", name, self, fix=f"wb.peers.start('rest', name={name!r}), or define a connection")
        return self._peer_for(definition)

    def __iter__(self) -> Iterator[str]:
        yield from self._free
        yield from (name for name, definition in self._definitions().items() if _tag(definition) in rows())

    def __contains__(self, name: object) -> bool:
        return any(each == name for each in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def __repr__(self) -> str:
        lines = [f"Sandbox {'on' if self.on else 'off'}."]
        lines += [f"{definition}: {self._label(definition)}" for definition in self._definitions().values()]
        return "\n".join([*lines, *(f"free-standing: {peer}" for peer in self._free.values())])

    @staticmethod
    def _label(definition: Definition) -> str:
        kind = _tag(definition)
        return peer_class(kind).label if kind in rows() else "no peer"


def _tag(definition: Definition) -> str:
    """The kind of peer that plays its other side."""
    return str(getattr(definition, "peer", "") or definition.__struct_config__.tag)
