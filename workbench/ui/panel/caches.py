"""The rows of the tab *Caches*: each cache with its bounds and use; what is in one is looked at when a person asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.caching.cached import Cached
from workbench.core.errors import WorkbenchError
from workbench.core.masking import masked
from workbench.core.trace import kept
from workbench.ui.desk import Content, Desk, Tell, Verb

MOST_ENTRIES = 100
"""Entries that are shown at once; those used last come first."""
LOOKED_AT = 10_000
"""Entries in which a text is looked for, those used last."""


def cache_facts(caches: Sequence[Cached]) -> list[dict[str, Any]]:
    """Each cache as its row shows it."""
    return [
        {
            "name": live.name,
            "entries": _count(live),
            "max_size": live.definition.max_size,
            "max_item_size": live.definition.max_item_size,
            "is_default": live.definition.is_default,
            "hits": live.hits,
            "misses": live.misses,
            "evicted": live.evicted,
        }
        for live in caches
    ]


def _count(live: Cached) -> int | None:
    """How many entries it has; None where its store gives no answer, as is told once a person opens the row."""
    try:
        return len(live)
    except WorkbenchError:
        return None


def cache_entries(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """What is in a cache, or those of its keys and values in which a text stands; to look is not to use."""
    live: Cached = desk.wb.caches[str(message["cache"])]
    text = str(message.get("text", "")).casefold()
    rows = (
        {"key": str(kept(each.key)), "value": str(kept(each.value)), "hits": each.hits, "expires_at": each.expires_at}
        for each in live.entries(LOOKED_AT)
    )
    found = [each for each in rows if not text or text in f"{each['key']} {each['value']}".casefold()]
    shown: dict[str, Any] = masked({"entries": found[:MOST_ENTRIES], "found": len(found), "of": len(live)})
    return shown


def cache_clear(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Take everything out of a cache."""
    live: Cached = desk.wb.caches[str(message["cache"])]
    live.clear()
    desk.courier.refresh_all()
    return {"said": f"Cache {live.name!r} is empty."}


CACHES: dict[str, Verb] = {"cache entries": cache_entries, "cache clear": cache_clear}
"""What the tab *Caches* asks for."""
