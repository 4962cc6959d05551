"""How long to wait before a worker process is started in place of one that has ended."""

from __future__ import annotations

LONGEST_SECONDS = 30.0
WELL_SECONDS = 30.0
"""How long one must have been ready for its end to count as the first [s]."""


class BackingOff:
    """Waits of 0, 1, 2, 4, ... up to 30 s while one ends after the other; none after one that has served well."""

    def __init__(self) -> None:
        self.ends = 0

    def wait_seconds(self, ready_seconds: float) -> float:
        """How long to wait [s] after one that has ended.

        Args:
            ready_seconds: How long it was ready [s]; 0 if it never was.
        """
        self.ends = 1 if ready_seconds >= WELL_SECONDS else self.ends + 1
        return 0.0 if self.ends == 1 else min(LONGEST_SECONDS, 2.0 ** (self.ends - 2))
