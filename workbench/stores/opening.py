"""Opens the store that a URL names."""

from __future__ import annotations

from pathlib import Path

from workbench.core.errors import StoreUnavailable
from workbench.core.ports import Store

FORMS = "memory://, sqlite:///relative/path, sqlite:////absolute/path, redis://host:port/0 or unix:///path/of.sock"


def open_store(url: str) -> Store:
    """Open the store at `url`, making its folder and schema if they are not there.

    Args:
        url: `memory://` (a new one each time), `sqlite:///path` (three slashes, then the path; an absolute one makes
            four), `redis://[:password@]host:port/db`, `rediss://...` or `unix:///path/of.sock`.

    Raises:
        StoreUnavailable: It cannot be opened or reached; says why, and how to mend it.
    """
    scheme, separator, rest = url.partition("://")
    if separator and scheme == "memory":
        from workbench.stores.memory import MemoryStore

        return MemoryStore()
    if separator and scheme == "sqlite":
        from workbench.stores.sqlite import SQLiteStore

        return SQLiteStore(_sqlite_path(rest))
    if separator and scheme in ("redis", "rediss", "unix"):
        from workbench.stores.redis import RedisStore

        return RedisStore(url)
    raise StoreUnavailable(f"No kind of store is named {scheme!r}. Mend: write {FORMS}.")


def sqlite_folder(url: str) -> Path | None:
    """The folder of a store in a file, without opening it; None for any other store."""
    return _sqlite_path(url.removeprefix("sqlite://")).absolute().parent if url.startswith("sqlite://") else None


def _sqlite_path(rest: str) -> Path:
    path = rest.removeprefix("/")
    if not rest.startswith("/") or path in ("", ":memory:"):
        raise StoreUnavailable(
            f"The store URL 'sqlite://{rest}' names no file. Mend: write sqlite:///relative/path, "
            f"sqlite:////absolute/path, or memory:// for a store that ends with its process."
        )
    return Path(path)
