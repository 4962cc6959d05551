"""How much the scheduler runs at once and keeps."""

from __future__ import annotations

from typing import NamedTuple

from workbench.scheduler.runs.pool import SPARES

KEEP_RUNS = 500
"""Runs of one job whose records are kept; up to 50 more until the next pruning."""

THREADS = 16
"""Runs side by side; one that takes long no longer counts, see `Pool`."""


class Bounds(NamedTuple):
    """How much the scheduler runs at once and keeps.

    Attributes:
        threads: Runs side by side, slow ones not counted.
        spares: Further threads, which stand in for slow runs.
        runs: Runs of one job whose records are kept.
    """

    threads: int = THREADS
    spares: int = SPARES
    runs: int = KEEP_RUNS
