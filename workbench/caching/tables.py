"""Opens the table of a stored cache."""

from __future__ import annotations

from workbench.caching.definition import Cache
from workbench.caching.table import Table
from workbench.stores.url import read_url


def open_table(definition: Cache, password: str = "") -> Table:
    """The table that a definition names; `password` is that of Redis, '' for none.

    Raises:
        StoreUnavailable: It cannot be opened.
        MissingDependency: The client library of Redis is not installed.
    """
    given = read_url(definition.store, "cache")
    if given.kind == "redis":
        from workbench.caching.redis_table import RedisTable

        return RedisTable(definition.store, definition.name, password)
    from workbench.caching.sqlite_table import SQLiteTable

    return SQLiteTable(given.path, definition.name)
