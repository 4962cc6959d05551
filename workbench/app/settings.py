"""What a workbench is told when it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from workbench.app.bounds import Bounds
from workbench.core.ports import Clock
from workbench.limiting.proxies import TrustedProxies
from workbench.limiting.shared.limiter import SharedCounters
from workbench.stores.url import read_url, redacted


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of one workbench; see `Workbench` for what each means."""

    app: str = "notebook"
    folder: Path = Path()
    store: str = "memory://"
    counters: str = "memory://"
    port: int | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    bounds: Bounds = Bounds()

    def __repr__(self) -> str:
        return Struct.__repr__(replace(self, store=redacted(self.store), counters=redacted(self.counters)))

    def caller_address(self) -> Callable[[str, str | None], str] | None:
        """How to find the caller behind trusted proxies; None where nobody's X-Forwarded-For is believed."""
        return TrustedProxies(self.proxies).caller_address if self.proxies else None

    def shared_counters(self, clock: Clock) -> SharedCounters | None:
        """Counters that other processes share; None counts in this process alone.

        Raises:
            StoreUnavailable: The URL names no counters.
        """
        given = read_url(self.counters, "counters")
        if given.path is not None:
            from workbench.limiting.shared.sqlite import SQLiteCounters

            return SQLiteCounters(given.path, clock)
        if given.kind == "redis":
            from workbench.limiting.shared.redis import RedisCounters

            return RedisCounters(self.counters, self.app)
        return None


def several(given: str | Iterable[str]) -> tuple[str, ...]:
    """One or many words as a tuple."""
    return (given,) if isinstance(given, str) else tuple(given)
