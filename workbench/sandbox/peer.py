"""What every peer is: a stand-in that speaks the real protocol, can be told to fail, and keeps what it received."""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
from collections.abc import Mapping
from typing import Any, ClassVar, Self, TypeVar

from msgspec.structs import replace

from workbench.core.definition import Definition, field_types, holds_secret
from workbench.core.errors import ConnectionFailed
from workbench.core.secret import Secret, give
from workbench.sandbox.faults import Faults, Trouble, faults_from
from workbench.sandbox.network.loop import LONGEST_STEP_SECONDS, PEERS
from workbench.sandbox.network.wire import Wire

D = TypeVar("D", bound=Definition)


class Peer:
    """One stand-in.

    A subclass says what it speaks (`protocol`), how a definition points at it (`pointed`) and what it shows. One that
    brings a server of its own (threads, a process) overrides `start`, `stop`, `host` and `port` instead of `protocol`.
    Methods are for any thread but the peers' own.
    """

    kind: ClassVar[str] = ""
    label: ClassVar[str] = "Peer"
    fault_fields: ClassVar[type[Faults]] = Faults

    def __init__(self, name: str = "") -> None:
        self.name = name or self.kind
        self._credentials: dict[str, Secret] = {}
        self._well = self._trouble = self._troubled(self.fault_fields())
        self._wire: Wire | None = None

    def protocol(self) -> asyncio.BaseProtocol:
        """What speaks on one connection, made when it is accepted."""
        raise NotImplementedError

    def tls(self) -> ssl.SSLContext | None:
        """What encrypts every connection from its first byte; None for a peer that speaks plainly."""
        return None

    def start(self) -> Self:
        """Listen on a free port of loopback; does nothing if it does."""
        if self._wire is None:
            self._wire = Wire(self.protocol, lambda: self.trouble, self.tls())
            PEERS.run(self._wire.open(), LONGEST_STEP_SECONDS)
            self._obey()
        return self

    def stop(self) -> None:
        """Cut every connection and let go of the port; what arrived stays to be looked at."""
        if (wire := self._wire) is not None:
            self._wire = None
            PEERS.run(wire.close(), LONGEST_STEP_SECONDS)

    @property
    def host(self) -> str:
        """The address to connect to."""
        return "127.0.0.1"

    @property
    def port(self) -> int:
        """The port, chosen at the start; 0 while it is stopped."""
        return self._wire.port if self._wire is not None else 0

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"

    def ping(self) -> str:
        """Connect to it as a client would; says `ok`, raises ConnectionFailed otherwise."""
        try:
            socket.create_connection((self.host, self.port), timeout=2.0).close()
        except OSError as exc:
            raise ConnectionFailed(
                f"{self} does not answer at {self.address}: {exc.strerror or exc}. Fix: .heal(), or .start()"
            ) from exc
        return "ok"

    def copy(self, other: Self) -> Self:
        """Take what clients of another peer of this kind could read, and its faults; not what it has received."""
        self._fill_from(other)
        trouble = other.trouble
        self._trouble = self._troubled(replace(trouble.faults, times=trouble.left))
        self._obey()
        return self

    def _fill_from(self, other: Self) -> None:
        """Nothing, of a peer that only receives."""

    def asked_in_vain(self) -> str:
        """How to say what it answers, if it was asked since the last look and nobody has said that; '' otherwise."""
        return ""

    def stand_in(self, definition: D) -> D:
        """The same definition, pointing at this peer, without the real address and the real secrets."""
        self.start()
        made_up: dict[str, Any] = {field: self.credential(definition, field) for field in secret_fields(definition)}
        for field in definition.__struct_fields__:
            if isinstance(values := getattr(definition, field), dict):
                made_up[field] = {name: self._made_up(definition, field, name, each) for name, each in values.items()}
        stand_in: D = definition.replace(**made_up, **self.pointed(definition))
        return stand_in

    def _made_up(self, definition: Definition, field: str, name: str, value: Any) -> Any:
        """One of many values, as a header's: in place of a secret another one, which goes out behind its prefix too."""
        if not isinstance(value, Secret):
            return value
        return replace(self.credential(definition, f"{field} {name}"), prefix=value.prefix)

    def pointed(self, definition: Any) -> dict[str, Any]:
        """The fields of `definition` that must change for it to reach this peer."""
        return {"host": self.host, "port": self.port}

    def credential(self, definition: Definition, field: str) -> Secret:
        """A secret that this process alone knows, in place of the one the definition names."""
        owner = f"{definition} {field}"
        if owner not in self._credentials:
            # Two workbenches of one process may each have a connection of this name.
            self._credentials[owner] = Secret(f"sandbox {secrets.token_hex(4)} {owner}")
            give(self._credentials[owner].name, secrets.token_urlsafe(18))
        return self._credentials[owner]

    def fail(self, **knobs: Any) -> Trouble:
        """Have faults from now on, instead of those before; `with peer.fail(...):` heals it at the end.

        Raises:
            InvalidDefinition: A fault this kind does not have, or a value out of its bounds; all are listed.
        """
        trouble = self._trouble = self._troubled(faults_from(self.fault_fields, str(self), knobs))
        self._obey()
        return trouble

    def _troubled(self, faults: Faults) -> Trouble:
        return Trouble(faults, self.heal, str(self))

    def heal(self) -> None:
        """Have no faults."""
        self._trouble = self._well
        self._obey()

    def _obey(self) -> None:
        if self._wire is not None:
            step = self._wire.refuse if self._trouble.faults.refuse else self._wire.open
            PEERS.run(step(), LONGEST_STEP_SECONDS)

    @property
    def trouble(self) -> Trouble:
        """The faults in force, with their count."""
        if self._trouble.over:
            self._trouble = self._troubled(self._trouble.faults.habits())
        return self._trouble

    @property
    def faults(self) -> Faults:
        """The faults in force."""
        return self.trouble.faults

    def rows(self) -> list[dict[str, Any]]:
        """What arrived, as a table, oldest first."""
        return []

    def summary(self) -> str:
        """What arrived, in words without ports, times and ids."""
        return str(self)

    def __str__(self) -> str:
        return f"{self.label} {self.name!r}"

    def __repr__(self) -> str:
        return self.summary()


def secret_fields(definition: Definition) -> list[str]:
    """The fields of a definition that name a secret."""
    fields: Mapping[str, Any] = field_types(type(definition))
    return [field for field, kind in fields.items() if holds_secret(kind) and getattr(definition, field) is not None]
