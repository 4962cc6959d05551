"""What the workbench's own addresses tell of its caches, and do in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from workbench.caching.cached import Cached
from workbench.core.trace import kept

MOST_ENTRIES = 1000


class AskedOfCache(msgspec.Struct):
    """What the command line asks of a cache; `expiry` is in seconds from now."""

    cache: str = "default"
    key: str = ""
    value: Any = None
    expiry: float | None = None


Caches = Mapping[str, Cached]


def _listed(caches: Caches, asked: AskedOfCache) -> Any:
    """The caches, or of one that is named the entries that were used last."""
    if not asked.cache:
        return [{"name": name, "what": live.describe()} for name, live in caches.items()]
    found = caches[asked.cache].entries(MOST_ENTRIES)
    return [{"name": str(kept(each.key)), "what": str(kept(each.value)), "hits": each.hits} for each in found]


def _got(caches: Caches, asked: AskedOfCache) -> Any:
    value = caches[asked.cache][asked.key]
    return {"key": asked.key, "said": str(kept(value))}


def _set(caches: Caches, asked: AskedOfCache) -> Any:
    caches[asked.cache].set(asked.key, asked.value, asked.expiry)
    return {"key": asked.key, "said": f"{asked.key!r} is set in cache {asked.cache!r}."}


def _deleted(caches: Caches, asked: AskedOfCache) -> Any:
    caches[asked.cache].delete(asked.key)
    return {"key": asked.key, "said": f"{asked.key!r} is deleted from cache {asked.cache!r}."}


CACHE_ACTIONS: dict[str, Callable[[Caches, AskedOfCache], Any]] = {
    "list": _listed,
    "get": _got,
    "set": _set,
    "delete": _deleted,
}
"""What the command line may ask of caches, by the end of its address."""
