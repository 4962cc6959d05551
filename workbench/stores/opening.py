"""Opens the store that a URL names."""

from __future__ import annotations

from pathlib import Path

from workbench.core.ports import Store
from workbench.stores.url import read_url


def open_store(url: str) -> Store:
    """Open the store at `url`, making its folder and schema if they are not there.

    Args:
        url: `memory://` (a new one each time), `sqlite:///path` (three slashes, then the path; an absolute one makes
            four), `redis://[:password@]host:port/db`, `rediss://...` or `unix:///path/of.sock`.

    Raises:
        StoreUnavailable: It cannot be opened or reached; says why, and how to fix it.
    """
    given = read_url(url)
    if given.path is not None:
        from workbench.stores.sqlite import SQLiteStore

        return SQLiteStore(given.path)
    if given.kind == "redis":
        from workbench.stores.redis import RedisStore

        return RedisStore(url)
    from workbench.stores.memory import MemoryStore

    return MemoryStore()


def sqlite_folder(url: str) -> Path | None:
    """The folder of a store in a file, without opening it; None for any other store."""
    path = read_url(url).path if url.startswith("sqlite:") else None
    return None if path is None else path.absolute().parent


def is_there(url: str) -> bool:
    """Whether a store may hold anything yet: a file that is there, or a server; opening it then makes nothing new."""
    given = read_url(url)
    return given.path.is_file() if given.path is not None else given.kind == "redis"
