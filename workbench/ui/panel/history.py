"""The last requests that were sent to each channel by its form."""

from __future__ import annotations

from collections import deque
from typing import Any

from workbench.core.masking import masked

KEPT_REQUESTS = 20
"""Requests that are kept of one channel."""

KEPT_CHANNELS = 100
"""Channels whose requests are kept."""

KEPT_CHARACTERS = 64 * 1024
"""The longest form that is kept [characters]."""


class History:
    """The last requests of each channel as they were typed, newest first."""

    def __init__(self) -> None:
        self._kept: dict[str, deque[dict[str, Any]]] = {}

    def add(self, channel: str, entry: dict[str, Any]) -> None:
        """Keep one, as plain data; one that is too long is not kept."""
        if sum(map(len, map(str, entry["given"].values()))) > KEPT_CHARACTERS:
            return
        known = self._kept.pop(channel, None) or deque(maxlen=KEPT_REQUESTS)
        known.appendleft(entry)
        self._kept[channel] = known
        for name in list(self._kept)[:-KEPT_CHANNELS]:
            del self._kept[name]

    def of(self, channel: str) -> list[dict[str, Any]]:
        """Those of a channel."""
        found: list[dict[str, Any]] = masked(list(self._kept.get(channel, ())))
        return found
