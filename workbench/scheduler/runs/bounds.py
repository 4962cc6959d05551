"""How much the scheduler runs at once and keeps."""

from __future__ import annotations

from typing import NamedTuple

from workbench.scheduler.runs.pool import SPARES

KEEP_RUNS = 500
"""Runs of one job whose records are kept; up to 50 more until the next pruning."""

THREADS = 16
"""Runs side by side; one that takes long no longer counts, see `Pool`."""

LOOK_SECONDS = 60.0
"""Time between two looks at the accounts of all jobs [s]."""


class Bounds(NamedTuple):
    """How much the scheduler runs at once and keeps.

    Attributes:
        threads: Runs side by side, slow ones not counted; 0 has each wait for a thread that settles, see `InTurn`.
        spares: Further threads, which stand in for slow runs.
        runs: Runs of one job whose records are kept.
        look_seconds: Time between two looks at the accounts of all jobs [s].
    """

    threads: int = THREADS
    spares: int = SPARES
    runs: int = KEEP_RUNS
    look_seconds: float = LOOK_SECONDS

    @property
    def time_passes(self) -> bool:
        """Whether time goes on while a run is made, so that its length says something."""
        return self.threads > 0
