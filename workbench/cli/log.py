"""What `workbench serve` writes while it serves: one line for each thing a person would look for, to standard error."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from threading import Lock
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TextIO

from workbench.app.workbench import Workbench
from workbench.channels.exchange import Answered
from workbench.core.current import CURRENT
from workbench.core.failure import Failure
from workbench.core.masking import mask, masked
from workbench.core.mood import Mood
from workbench.runtime.traffic import LogLine
from workbench.scheduler.records import Run, RunEnded, RunLost

Format = Literal["text", "json"]
LEVELS: dict[Mood, str] = {"ok": "INFO", "running": "INFO", "attention": "WARNING", "failed": "ERROR"}
WRITTEN: tuple[Mood, ...] = ("attention", "failed")
"""The moods of runs that are written; a run that ended well says what it has to say itself."""

OWN_LOGGERS = ("workbench", "tornado", "apscheduler", "py.warnings")
"""Loggers that have a handler which says nothing, so that `logging.lastResort` never hears them."""

CERTIFICATE = "workbench.certificate"
"""The logger of which more than warnings is written: that a renewed certificate is in force, too."""


class Entry(NamedTuple):
    """One line: when [s since the epoch], how grave, who says it (a service, a module), in which call, and what."""

    at: float
    level: str
    source: str
    text: str
    cid: str = ""
    failure: Failure | None = None
    facts: Mapping[str, Any] = MappingProxyType({})


def of_line(line: LogLine) -> Entry:
    """What a service logged or printed."""
    return Entry(line.at, line.level or "PRINT", line.service, line.text, line.cid, line.failure)


def of_answer(answered: Answered) -> Entry:
    """A request and its answer."""
    step, now = answered.step, datetime.now(UTC).timestamp()
    milliseconds = round((step.seconds or 0.0) * 1000, 1)
    user = f" as {step.user}" if step.user else ""
    text = f"{step.name} {step.outcome} {milliseconds:g} ms{user} from {step.address}"
    facts: dict[str, Any] = {"service": step.service, "channel": step.channel, "user": step.user}
    facts |= {"address": step.address, "request": step.name, "status": int(step.outcome), "milliseconds": milliseconds}
    return Entry(now, LEVELS[step.mood], "access", text, answered.cid, None, facts)


def of_run(run: Run) -> Entry | None:
    """A run that did not end well, or planned times without one; None for any other."""
    if run.mood not in WRITTEN:
        return None
    times = f", {run.times} planned times" if run.times > 1 else ""
    why = f": {run.error}" if run.error else ""
    text = f"job {run.job!r} {run.outcome}{times}{why}"
    at = (run.ended or run.started or datetime.now(UTC)).timestamp()
    facts = {"job": run.job, "service": run.service, "outcome": run.outcome, "planned": run.planned.isoformat()}
    return Entry(at, LEVELS[run.mood], "jobs", text, run.cid, None, facts)


def of_lost(lost: RunLost) -> Entry:
    """A planned time that the store could not give."""
    text = f"job {lost.job!r} could not be claimed: {lost.reason}; it runs late, or is recorded as missed"
    return Entry(datetime.now(UTC).timestamp(), "ERROR", "jobs", text, facts={"job": lost.job})


def as_text(entry: Entry) -> str:
    """One line; of an error its sentence and the user's line of code, whose traceback `workbench log` shows."""
    first, *rest = mask(entry.text).splitlines() or [""]
    if entry.failure is not None:
        rest = []
        first += f" ({entry.failure.kind}{f', {entry.failure.place}' if entry.failure.place else ''})"
    cid = f" cid:{entry.cid}" if entry.cid else ""
    at = datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    # What a caller sent may hold line breaks: a line that begins with a time is always ours.
    return "\n  ".join([f"{at} {entry.level:<7} {entry.source}: {first}{cid}", *rest])


def as_json(entry: Entry) -> str:
    """The same as one line of JSON, with the traceback in `text`."""
    at = datetime.fromtimestamp(entry.at, UTC).isoformat().replace("+00:00", "Z")
    said: dict[str, Any] = {"at": at, "level": entry.level, "source": entry.source, "text": entry.text}
    said |= {"cid": entry.cid} if entry.cid else {}
    said |= entry.facts
    if (failure := entry.failure) is not None:
        said["error"] = {"kind": failure.kind, "sentence": failure.sentence}
        if failure.place is not None:
            said["error"] |= failure.place._asdict()
    return json.dumps(masked(said), default=str)


WRITERS: dict[Format, Callable[[Entry], str]] = {"text": as_text, "json": as_json}


class ServedLog(logging.Handler):
    """Follows one workbench, and what anything else of this process logs outside of its calls.

    Args:
        wb: The workbench.
        format: `text` or `json`.
        access: Whether each request has a line.
        stream: Where lines go; the process's own standard error, which no call's prints go to.
    """

    def __init__(self, wb: Workbench, format: Format, access: bool, stream: TextIO | None = None) -> None:
        super().__init__()
        self._write, self._stream, self._one = WRITERS[format], stream or sys.__stderr__, Lock()
        self._ends = ExitStack()
        follow = [
            wb.log.follow(lambda line: self.say(of_line(line))),
            wb.events.subscribe(RunEnded, lambda event: self.say(of_run(event.run))),
            wb.events.subscribe(RunLost, lambda event: self.say(of_lost(event))),
        ]
        if access:
            follow.append(wb.events.subscribe(Answered, lambda event: self.say(of_answer(event))))
        self._until_closed([*follow, *self._hear_others()])

    def _hear_others(self) -> Iterable[Callable[[], object]]:
        former = logging.lastResort
        logging.lastResort = self
        yield lambda: setattr(logging, "lastResort", former)
        logging.captureWarnings(True)
        yield lambda: logging.captureWarnings(False)
        for each in map(logging.getLogger, OWN_LOGGERS):
            each.addHandler(self)
            yield lambda logger=each: logger.removeHandler(self)  # type: ignore[misc]
        certificate = logging.getLogger(CERTIFICATE)
        certificate.setLevel(logging.INFO)
        yield lambda: certificate.setLevel(logging.NOTSET)

    def _until_closed(self, ends: Iterable[Callable[[], object]]) -> None:
        for end in ends:
            self._ends.callback(end)

    def emit(self, record: logging.LogRecord) -> None:
        """Write what is logged outside of calls; the rest comes by `wb.log`."""
        if CURRENT.get() is not None or (record.levelno < logging.WARNING and record.name != CERTIFICATE):
            return
        try:
            text = (
                record.getMessage().rstrip().partition("\n")[0] if record.name == "py.warnings" else self.format(record)
            )
        except Exception:
            self.handleError(record)
            return
        self.say(Entry(record.created, record.levelname, record.name, text))

    def say(self, entry: Entry | None) -> None:
        """Write one line; a stream that is gone is nobody's trouble."""
        if entry is None or self._stream is None:
            return
        line = f"{self._write(entry)}\n"
        try:
            with self._one:
                self._stream.write(line)
                self._stream.flush()
        except (OSError, ValueError):
            return

    def close(self) -> None:
        """Follow nothing any more."""
        self._ends.close()
        super().close()
