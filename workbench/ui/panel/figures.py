"""How often each service ran, how it went and how long it took, from the calls that are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from workbench.app.workbench import Workbench
from workbench.core.call import ServiceStep
from workbench.core.trace import Step, Trace
from workbench.ui.trace import COLOURS


class Figures:
    """What is known of one service, or of one version of it."""

    __slots__ = ("calls", "failed", "failed_at", "last", "last_at", "seconds")

    def __init__(self) -> None:
        self.calls = self.failed = 0
        self.seconds: list[float] = []
        self.last: ServiceStep | None = None
        self.last_at = 0.0
        self.failed_at: float | None = None

    def add(self, trace: Trace, step: ServiceStep) -> None:
        """Count one run; traces are added oldest first."""
        self.calls += 1
        self.last, self.last_at = step, trace.at + step.started - trace.root.started
        if step.mood == "failed":
            self.failed += 1
            self.failed_at = self.failed_at or self.last_at
        if step.seconds is not None:
            self.seconds.append(step.seconds)

    def facts(self) -> dict[str, Any]:
        """As plain data: times in milliseconds, instants in seconds since the epoch."""
        ordered = sorted(self.seconds)
        last = self.last
        error = str(last.error) if last is not None and last.mood == "failed" and last.error is not None else ""
        return {
            "calls": self.calls,
            "failed": self.failed,
            "failed_at": self.failed_at,
            "p50": rank(ordered, 0.5),
            "p95": rank(ordered, 0.95),
            "last": self.last_at,
            "mood": COLOURS[last.mood] if last is not None else "calm",
            "error": error[:200],
        }


def rank(ordered: list[float], share: float) -> float | None:
    """The nearest rank of durations in order [ms]: the least one that `share` of them do not exceed; None of none."""
    if not ordered:
        return None
    place = max(0, -int(-share * len(ordered) // 1) - 1)
    return round(ordered[place] * 1000, 2)


def figures_of(traffic: Iterable[Trace]) -> dict[str, Figures]:
    """The figures of each service that ran."""
    found: dict[str, Figures] = defaultdict(Figures)
    for trace, step in _runs(traffic):
        found[step.name].add(trace, step)
    return found


def figures_of_versions(traffic: Iterable[Trace], service: str) -> dict[int, Figures]:
    """The figures of each version of a service."""
    found: dict[int, Figures] = defaultdict(Figures)
    for trace, step in _runs(traffic):
        if step.name == service:
            found[step.version].add(trace, step)
    return found


def _runs(traffic: Iterable[Trace]) -> Iterable[tuple[Trace, ServiceStep]]:
    # Not by `tree`, whose generators within generators take twice the time; this runs while a server is busy.
    for trace in traffic:
        waiting: list[Step] = [trace.root]
        while waiting:
            step = waiting.pop()
            if isinstance(step, ServiceStep):
                yield trace, step
            if step.steps:
                waiting += [each for each in reversed(list(step.steps)) if isinstance(each, Step)]


def failed_of(wb: Workbench, names: Collection[str]) -> dict[str, str]:
    """The error of each of these services whose last call of its live version has failed."""
    left = {name: wb.services[name].live.number for name in names if name in wb.services}
    found: dict[str, str] = {}
    for trace in reversed(list(wb.traffic)):
        if not left:
            break
        for step in reversed([step for _, step in trace.root.tree() if isinstance(step, ServiceStep)]):
            if step.seconds is None or left.get(step.name) != step.version:
                continue
            del left[step.name]
            if step.mood == "failed":
                found[step.name] = str(step.error or step.outcome)
    return found
