"""What a workbench is told when it is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from workbench.core.errors import StoreUnavailable
from workbench.core.ports import Clock
from workbench.limiting.proxies import TrustedProxies
from workbench.limiting.shared import SharedCounters
from workbench.runtime.workers import WORKERS


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
    threads: int = WORKERS

    def caller_address(self) -> Callable[[str, str | None], str] | None:
        """How to find the caller behind trusted proxies; None where nobody's X-Forwarded-For is believed."""
        return TrustedProxies(self.proxies).caller_address if self.proxies else None

    def shared_counters(self, clock: Clock) -> SharedCounters | None:
        """Counters that other processes share; None counts in this process alone.

        Raises:
            StoreUnavailable: The URL names no kind of counters.
        """
        scheme, _, rest = self.counters.partition("://")
        if scheme == "memory":
            return None
        if scheme == "sqlite":
            from workbench.limiting.sqlite import SQLiteCounters

            return SQLiteCounters(Path(rest.removeprefix("/")), clock)
        if scheme in ("redis", "rediss", "unix"):
            from workbench.limiting.redis import RedisCounters

            return RedisCounters(self.counters, self.app)
        raise StoreUnavailable(
            f"No kind of counters is named {scheme!r}. Mend: write memory://, sqlite:///path or redis://host:port/0."
        )
