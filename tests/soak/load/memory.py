"""What a process holds of the machine's memory over time, as a line through what was seen."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression, mean


@dataclass
class Memory:
    """Samples of one process."""

    pid: int
    at: list[float] = field(default_factory=list)
    resident: list[float] = field(default_factory=list)

    def look(self) -> None:
        """Take a sample [bytes]."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        self.at.append(time.monotonic())
        self.resident.append(pages * os.sysconf("SC_PAGE_SIZE"))

    def growth(self) -> float:
        """How much the line through all samples rises from the first to the last, as a part of where it begins."""
        slope, start = linear_regression([each - self.at[0] for each in self.at], self.resident)
        return slope * (self.at[-1] - self.at[0]) / start

    def __str__(self) -> str:
        shown = [f"{each / (1 << 20):.0f}" for each in self.resident[:: max(1, len(self.resident) // 30)]]
        return f"mean {mean(self.resident) / (1 << 20):.1f} MiB, line {self.growth():+.2%}; {' '.join(shown)}"
