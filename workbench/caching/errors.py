"""What a cache refuses."""

from __future__ import annotations

from workbench.core.errors import WorkbenchError


class CacheRefused(WorkbenchError, ValueError):
    """A key or value that a cache does not take; nothing was kept."""


class UnknownKey(WorkbenchError, KeyError):
    """A key that is not, or no longer, in the cache."""

    def __init__(self, cache: str, key: object) -> None:
        self.key = key
        super().__init__(f"{key!r} is not in cache {cache!r}. Fix: .get({key!r}, default), which gives a default.")

    def __str__(self) -> str:
        # KeyError would show the sentence in quotes.
        return str(self.args[0])
