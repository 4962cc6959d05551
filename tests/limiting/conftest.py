"""Counters that processes share, each on a file or server of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from workbench.core.clock import VirtualClock
from workbench.limiting.sqlite import SQLiteCounters

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOON)


@pytest.fixture
def sqlite_counters(tmp_path: Path, clock: VirtualClock) -> Iterator[SQLiteCounters]:
    counters = SQLiteCounters(tmp_path / "limits.sqlite", clock, patience_seconds=10.0)
    yield counters
    counters.close()
