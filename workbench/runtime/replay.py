"""A call that is run again from one of its steps: what comes before is answered from the record, or the run stops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any

from workbench.core.call import ServiceStep, Surroundings
from workbench.core.errors import WorkbenchError
from workbench.core.masking import mask, masked
from workbench.core.payload.asked import Asked, NotInRecord, Unknown
from workbench.core.trace import Outgoing, Trace, Traced

SHOWN_CHARACTERS = 500
"""What an error shows of what was sent, on each side [characters]."""


class RecordDiffers(WorkbenchError):
    """A run from the record asked for something else than the record has in that place, and was stopped.

    Attributes:
        place: Which of the things that were asked, from 1.
        recorded: What the record has there, as a call.
        asked: What was asked, as a call; '' if the run ended before.
    """

    mood = "attention"

    def __init__(self, service: str, place: int, recorded: str, asked: str) -> None:
        self.service, self.place = service, place
        self.recorded, self.asked = mask(recorded), mask(asked)
        instead = f"asked for {_cut(self.asked)}" if asked else "ended without it"
        super().__init__(
            f"{service!r} was stopped at the first difference: as number {place} the record has "
            f"{_cut(self.recorded)}, and this run {instead}. Fix: run the whole call again, or from an earlier step."
        )


class FromRecord:
    """Answers what a call asks first, in the order of an earlier call; safe to use from many threads at once.

    Args:
        service: The service that ran.
        record: What it asked.
        until: How many of those are answered; what comes then is asked for real.
        below: What answers the service that is invoked then, if the run goes on within it.
    """

    def __init__(self, service: str, record: Sequence[Asked], until: int, below: FromRecord | None = None) -> None:
        self.service, self.until, self._record, self._below = service, until, record, below
        self.differs: RecordDiffers | None = None
        self._at, self._entering, self._lock = 0, False, Lock()

    def next(self, connection: str, operation: str, sent: Any, cid: str) -> Asked | None:
        """The record of what is asked now; None once it is to be asked for real.

        Raises:
            RecordDiffers: The record has something else here; also at whatever is asked after that.
        """
        with self._lock:
            if self.differs is not None:
                raise self.differs
            if self._at > self.until or (self._at == self.until and self._below is None):
                self._at = self.until + 1
                return None
            told = self._record[self._at]
            now = Asked(connection, operation, sent, cid)
            if _differ(told, now, whole=self._at < self.until):
                self.differs = RecordDiffers(self.service, self._at + 1, _words(told), _words(now))
                raise self.differs
            self._at += 1
            self._entering = self._at > self.until
            return told if self._at <= self.until else None

    def entered(self) -> FromRecord | None:
        """What answers the service that is invoked now."""
        with self._lock:
            entering, self._entering = self._entering, False
            return self._below if entering else None

    def past(self, what: str) -> None:
        """It is asked for real, as it was in the earlier call."""

    def around(self, usual: Surroundings) -> Surroundings:
        """What is usual: what follows the record is asked for real."""
        return usual

    def ended(self) -> RecordDiffers | None:
        """Where the run left the record; None if it got to its step, or failed before for a reason of its own."""
        if self.differs is None and self._at < self.until:
            self.differs = RecordDiffers(self.service, self._at + 1, _words(self._record[self._at]), "")
        return self.differs or (self._below.ended() if self._below is not None else None)

    def told(self) -> Iterator[str]:
        """What was answered, in words."""
        for each in self._record[: min(self._at, self.until)]:
            yield each.words
        if self._below is not None:
            yield from self._below.told()


def from_record(trace: Trace, since: Traced) -> FromRecord | None:
    """What answers a call up to one of its steps; None if nothing comes before it.

    Raises:
        NotInRecord: The step, or one before it, is not in the record.
    """
    services = [step for step in trace.root.steps if isinstance(step, ServiceStep)]
    services = [trace.root] if isinstance(trace.root, ServiceStep) else services
    if len(services) != 1:
        raise NotInRecord("A call with several services side by side", "cannot be run from one of its steps")
    if since is services[0] or since is trace.root:
        return None
    if (path := _path(services[0], since)) is None:
        what = f"The step {since.describe()!r:.120}"
        raise NotInRecord(what, "is none that the service has asked of what it holds, so nothing can begin there")
    return _along(services[0], path)


def _path(service: ServiceStep, since: Traced) -> list[int] | None:
    """The places of what led to a step: of the service, of those that it invoked."""
    for place, asked in enumerate(service.asked or ()):
        for step in asked.steps:
            if step is since:
                return [place]
            if isinstance(step, ServiceStep) and (path := _path(step, since)) is not None:
                return [place, *path]
    return None


def _along(service: ServiceStep, path: list[int]) -> FromRecord:
    record, place, below = list(service.asked or ()), path[0], None
    for asked in record[:place]:
        if asked.why:
            raise NotInRecord(f"The answer of {asked.words}", asked.why)
        if isinstance(asked.arguments, Unknown):
            raise NotInRecord(f"What was sent by {asked.words}", asked.arguments)
    first = next((step for step in record[place].steps if isinstance(step, Outgoing | ServiceStep)), None)
    recorded = {id(step) for asked in record for step in asked.steps}
    for step in service.steps:
        if step is first:
            break
        if isinstance(step, Outgoing) and id(step) not in recorded:
            raise NotInRecord(
                f"The step {step.describe()!r:.120}", "was not asked through what the service holds, so it is not kept"
            )
    if len(path) > 1:
        inner = next(step for step in record[place].steps if isinstance(step, ServiceStep))
        below = _along(inner, path[1:])
    return FromRecord(service.name, record, place, below)


def _differ(told: Asked, now: Asked, *, whole: bool) -> bool:
    if (told.connection, told.operation) != (now.connection, now.operation):
        return True
    # What was learned since is masked on both sides.
    return whole and masked(told.arguments) != masked(now.arguments)


def _words(asked: Asked) -> str:
    return f"{asked.words}({asked.shown_arguments.removeprefix('(').removesuffix(')')})"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
