"""Where definitions, counters and runs live: one interface of ten verbs, its backend chosen by URL."""

from __future__ import annotations

from workbench.stores.opening import open_store

__all__ = ["open_store"]
