"""Where the call of a cassette plays: a clock, Redis and peers of its own, so that nobody outside is ever called."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from workbench.app.around import Nobody, nobody_of
from workbench.app.cassettes.cassette import Cassette
from workbench.app.cassettes.recorded import REDIS, names_of
from workbench.app.cassettes.seeding import seed, seed_redis
from workbench.app.parts import Parts
from workbench.app.rehearsal.played import watch
from workbench.app.rehearsal.played_redis import PlayedRedis
from workbench.app.rehearsal.stand_ins import StandIns
from workbench.caching.caches import Caches
from workbench.core.call import Call, Connections
from workbench.core.payload.asked import Told
from workbench.core.ports import Clock
from workbench.runtime.recording import held


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


class Stage:
    """What a call of a cassette reaches through `self`.

    Args:
        parts: The rooms of the workbench.
        cassette: What the call asked.
        shift_seconds: How far its clock is ahead [s].
    """

    def __init__(self, parts: Parts, cassette: Cassette, shift_seconds: float = 0.0) -> None:
        watch()
        around = parts.around
        self.invoker, self.log, self.traffic = around.invoker, around.log, around.traffic
        self.clock: Any = ShiftedClock(around.clock, shift_seconds) if shift_seconds else around.clock
        self._usual = around
        self.user_config, self.server_config = around.user_config, around.server_config
        self.encryption = around.encryption
        self.caches, self.websocket, self.client = Caches(self.clock), nobody_of, Nobody()
        self._cassette, self._silent = cassette, dict[str, Silent]()
        by_peer = {name for name, side in cassette.sides.items() if side.by == "peer"}
        of_redis = [each for each in cassette.asked if each.connection == REDIS and REDIS in by_peer]
        self.kvdb = PlayedRedis(parts.spare_redises, lambda client: seed_redis(client, of_redis))
        self.connections: Connections
        self.connections = self._live = StandIns(parts, self.clock, self._silent_one)
        try:
            for name in by_peer & parts.live.definitions.keys():
                seed(self._live.peers[name], name, [each for each in cassette.asked if name in names_of(each)])
        except BaseException:
            self.close()
            raise

    def _silent_one(self, name: str) -> Silent:
        """What stands for a connection of a kind without a peer."""
        asked = (each for each in self._cassette.asked if each.connection == name)
        return self._silent.setdefault(name, Silent(asked))

    def held(self, call: Call, connection: str, live: Any) -> Any:
        """A connection as the service of this call holds it."""
        return held(call, connection, live)

    def inline(self, call: Call) -> bool:
        """Whether a person waits for this call in the cell that made it."""
        return self._usual.inline(call)

    def close(self) -> None:
        """End every peer and Redis, and let go of every connection."""
        self._live.end()
        self.kvdb.close()
