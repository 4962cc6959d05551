"""How often a job really runs, beside how often it is planned to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice, pairwise
from statistics import median

from workbench.scheduler import plan
from workbench.scheduler.records import JobRecord, Run

LATEST = 20
"""Runs that are looked at."""

FEWEST = 3
"""Runs from which on anything is said."""

NOTABLE = 1.5
"""How much rarer a job must run than it is planned to, as a ratio, before that is said."""

_ALMOST = timedelta(microseconds=1)


def cadence(record: JobRecord, runs: Sequence[Run]) -> str:
    """`every 20 s, really every 60 s, because runs take 50 s`; empty while a job runs as often as it is planned.

    Both are medians, of the latest 20 runs and of the planned times from the first of these on.
    """
    made = [run for run in runs if run.started is not None and not run.by_hand and run.series == record.series]
    made = [run for run in made if run.attempt == 1][-LATEST:]
    if len(made) < FEWEST:
        return ""
    planned = list(islice(plan.times(record.definition, record.anchor, made[0].planned - _ALMOST), LATEST))
    starts = sorted(run.started for run in made if run.started is not None)
    if len(planned) < FEWEST or (real := _between(starts)) < NOTABLE * (wanted := _between(planned)):
        return ""
    took = median(run.seconds or 0.0 for run in made)
    why = f", because runs take {span(took)}" if took > wanted else ""
    return f"every {span(wanted)}, really every {span(real)}{why}"


def _between(times: Sequence[datetime]) -> float:
    return median((after - before).total_seconds() for before, after in pairwise(times))


def span(seconds: float) -> str:
    """A length of time in words: `0.2 s`, `50 s`, `15 min`, `2.5 h`, `3 days`."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
