"""Rows of runs as one process writes them: claimed before they begin, settled once they have ended."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Sequence
from threading import Lock

from msgspec.structs import replace

from workbench.core.errors import StoreUnavailable, listed
from workbench.durable.attempts import Attempts
from workbench.scheduler.records import Run, time_key
from workbench.scheduler.runs.standing import Standing

log = logging.getLogger("workbench.scheduler")

PRUNE_EVERY = 50
"""Ended runs of one job between two looks at how many it keeps, and up to when all is accounted for; a tenth of those
kept, if that is more."""


class Rows(Standing):
    """The part of `History` that does so."""

    def __init__(self, attempts: Attempts[Run], keep_runs: int) -> None:
        self.attempts, self._keep_runs = attempts, keep_runs
        self._ended: dict[str, int] = {}
        # The key of a row before the latest ones of each job that is looked at.
        self._latest_after: dict[str, str] = {}
        self._lock = Lock()

    def claim(self, run: Run, again: str = "") -> Run | None:
        """Write a run that begins, or planned times without one; None if another process was quicker.

        Args:
            run: What is to be written.
            again: Names the time that a clock shows again; the run gets a row beside that of its planned time.
        """
        return self.claim_all([(run, again)])[0]

    def claim_all(self, runs: Iterable[tuple[Run, str]]) -> list[Run | None]:
        """Write several in one write, as `claim` does each."""
        return self.attempts.claim_all([self._row(run, again) for run, again in runs])

    def _row(self, run: Run, again: str) -> tuple[str, Run]:
        """The piece of work that a run is an attempt at, and the run as it is written."""
        unit = f"{self._key('run', run.job)}/{time_key(run.planned)}"
        if again:
            return f"{unit}~h{again}", replace(run, by="clock")
        return f"{unit}~h{secrets.token_hex(4)}" if run.by_hand else unit, run

    def claim_backfill(self, run: Run, backfill: str) -> Run | None:
        """Write a run of a planned time that is past; None if some backfill has taken that time."""
        unit = f"{self._key('fill', run.job)}/{time_key(run.planned)}"
        return self.attempts.claim(unit, replace(run, by="backfill", backfill=backfill))

    def end(self, runs: Sequence[Run]) -> list[Run]:
        """Write how runs ended, in one write, but for jobs that are gone; those after which it is time to prune.

        Raises:
            StoreUnavailable: They are not written yet; see `end_rest`.
        """
        return self.to_prune(list(zip(runs, self.attempts.settle_all(runs), strict=True)))

    def end_rest(self) -> list[Run]:
        """Write what the store refused before; the runs after which it is time to leave old runs behind."""
        return self.to_prune(list(self.attempts.settle_rest()))

    def to_prune(self, written: Sequence[tuple[Run, bool]]) -> list[Run]:
        """After which of the written rows it is time to leave old runs behind; a row whose job is gone goes, too.

        Args:
            written: Each run, and whether its row stands.
        """
        if not written:
            return []
        keys = {run.job: self._key("job", run.job) for run, _ in written}
        try:
            known = self._store.get_all(keys.values())
            for run, _ in written:
                if keys[run.job] not in known:
                    # Claimed after the job was removed; a row that was there then went with it.
                    self._store.delete(run.key)
        except StoreUnavailable as exc:
            names = listed({run.job for run, _ in written})
            log.warning("whether jobs were removed while they ran is not known, so the rows stay (%s): %s", names, exc)
            return []
        for run, stands in written:
            if not stands and keys[run.job] in known:
                text = "a run of job %r ended as %r, but its row had been decided or removed before and stays as it is"
                log.warning(text, run.job, run.outcome)
        with self._lock:
            return [run for run, _ in written if keys[run.job] in known and self._is_time_to_prune(run.job)]

    def _is_time_to_prune(self, name: str) -> bool:
        ended = self._ended[name] = self._ended.get(name, -1) + 1
        return ended % max(PRUNE_EVERY, self._keep_runs // 10) == 0

    def runs(self, name: str, most: int | None = None) -> list[Run]:
        """The kept runs of a job, oldest first; one whose process died is `interrupted` from now on.

        Args:
            name: The job.
            most: Only so many of the latest, and none of its backfills; a view that follows a job asks often.
        """
        if most is not None:
            return self._latest(name, most)
        planned = list(self.attempts.below(self._key("run", name) + "/"))
        filled = list(self.attempts.below(self._key("fill", name) + "/"))
        return sorted(planned + filled, key=lambda run: run.planned) if filled else planned

    def _latest(self, name: str, most: int) -> list[Run]:
        prefix = self._key("run", name) + "/"
        found = list(self._store.scan(prefix, self._latest_after.get(name, "")))
        if len(found) < most and self._latest_after.pop(name, None) is not None:
            # Rows after it went, as with a job that was removed.
            found = list(self._store.scan(prefix))
        if len(found) > 2 * most:
            self._latest_after[name] = found[-most - 1][0]
        return [self.attempts.read(key, value) for key, value in found[-most:]]
