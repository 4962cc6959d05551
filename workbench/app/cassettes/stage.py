"""Where the call of a cassette plays: a clock, Redis and peers of its own, so that nobody outside is ever called."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import Context
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from workbench.app.cassettes.cassette import Cassette
from workbench.app.cassettes.recorded import REDIS, names_of
from workbench.app.cassettes.seeding import seed, seed_redis
from workbench.app.parts import Parts
from workbench.caching.caches import Caches
from workbench.connections.definition import Opening
from workbench.connections.live import LiveConnections
from workbench.core.call import Call, Connections
from workbench.core.errors import MissingDependency
from workbench.core.payload.asked import Told
from workbench.core.ports import Clock
from workbench.core.secret import Secret, given
from workbench.runtime.recording import held
from workbench.sandbox.catalog import NoPeer, Sandbox


class ShiftedClock:
    """A clock that is a while ahead of another one.

    Args:
        clock: The other one.
        seconds: How far [s].
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds

    def now(self) -> datetime:
        """The instant, aware, UTC."""
        return self._clock.now() + timedelta(seconds=self._seconds)

    def time(self) -> float:
        """Seconds since the epoch, UTC [s]."""
        return self._clock.time() + self._seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clock, name)


class Silent:
    """What stands for a connection whose kind has no peer: whatever is asked of it is answered from the record.

    Args:
        asked: What was asked of it.
    """

    def __init__(self, asked: Iterable[Told]) -> None:
        self._awaited = {each.operation for each in asked if each.awaited}

    @property
    def conn(self) -> Silent:
        """Itself, as of any connection."""
        return self

    aio = pool = conn

    def __getattr__(self, operation: str) -> Any:
        if operation.startswith("_"):
            raise AttributeError(operation)

        async def later(*args: Any, **named: Any) -> Any:
            raise AssertionError(f"{operation} is answered from the record")

        def asked(*args: Any, **named: Any) -> Any:
            raise AssertionError(f"{operation} is answered from the record")

        return later if operation in self._awaited else asked


def _made_up(secret: Secret, owner: str) -> str:
    """The value of a secret at a peer, which no other process knows, and which is gone with the peer."""
    return secret.prefix + (given(secret.name) or "made-up")


class StagedConnections(LiveConnections):
    """Every connection in force, each at a peer of its own, or at nothing at all."""

    def __init__(self, parts: Parts, sandbox: Sandbox, cassette: Cassette, clock: Clock) -> None:
        super().__init__(Opening(_made_up, clock), sandbox.stand_in)
        self._cassette, self._silent = cassette, dict[str, Silent]()
        for definition in parts.live.definitions.values():
            self.define(definition)

    def live(self, name: str) -> Any:
        """The live object; of a kind without a peer, one that is answered from the record."""
        try:
            return super().live(name)
        except NoPeer:
            asked = (each for each in self._cassette.asked if each.connection == name)
            return self._silent.setdefault(name, Silent(asked))


class StagedRedis:
    """A Redis in this process, with what it had then.

    Args:
        asked: What was asked of it, if it is to have that; none leaves it empty.
    """

    def __init__(self, asked: Iterable[Told]) -> None:
        self._asked = list(asked)

    @cached_property
    def conn(self) -> Any:
        """redis-py's client, on fakeredis."""
        try:
            from workbench.connections.kvdb.fake import fake_client
        except ImportError as exc:
            raise MissingDependency("Redis of a cassette", "fakeredis") from exc
        client = fake_client(None)
        # The call that asks first did not ask for this.
        Context().run(seed_redis, client, self._asked)
        return client

    def ping(self, cid: str = "") -> str:
        """As that of a real one."""
        return "PONG"

    def __repr__(self) -> str:
        return REDIS


class Stage:
    """What a call of a cassette reaches through `self`.

    Args:
        parts: The rooms of the workbench.
        cassette: What the call asked.
        shift_seconds: How far its clock is ahead [s].
    """

    def __init__(self, parts: Parts, cassette: Cassette, shift_seconds: float = 0.0) -> None:
        around = parts.around
        self.invoker, self.log, self.traffic = around.invoker, around.log, around.traffic
        self.clock: Any = ShiftedClock(around.clock, shift_seconds) if shift_seconds else around.clock
        self._usual, self.user_config = around, around.user_config
        self.caches = Caches(self.clock)
        self.connections: Connections
        self._sandbox = Sandbox(lambda: parts.live.definitions, fixed=True)
        self.connections = self._live = StagedConnections(parts, self._sandbox, cassette, self.clock)
        by_peer = {name for name, side in cassette.sides.items() if side.by == "peer"}
        self.kvdb = StagedRedis(each for each in cassette.asked if each.connection == REDIS and REDIS in by_peer)
        for name in by_peer & parts.live.definitions.keys():
            seed(self._sandbox[name], name, [each for each in cassette.asked if name in names_of(each)])

    def held(self, call: Call, connection: str, live: Any) -> Any:
        """A connection as the service of this call holds it."""
        return held(call, connection, live)

    def inline(self, call: Call) -> bool:
        """Whether a person waits for this call in the cell that made it."""
        return self._usual.inline(call)

    def close(self) -> None:
        """End every peer, and let go of every connection."""
        self._live.close_all()
        self._sandbox.close()
