"""A crontab as definitions: each of its lines beside what became of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from os.path import isfile
from pathlib import Path
from typing import Any, NamedTuple

from workbench.core.errors import InvalidDefinition, WorkbenchError
from workbench.core.masking import mask
from workbench.scheduler.cron import expression
from workbench.scheduler.definitions import CronJob
from workbench.scheduler.zones import zone_problem

_SYSTEM = ("/etc/crontab", "/etc/cron.d/")
"""Crontabs with a user between the times and the command. Source: crontab(5)."""

_SETTING = re.compile(r"""\s*(?P<quote>["']?)(?P<name>[A-Za-z_]\w*)(?P=quote)\s*=\s*(?P<value>.*?)\s*""")
_TIMES = re.compile(r"\s*(?P<quiet>-?)(?P<times>@\S+|\S+(?:\s+\S+){4})(?:\s+(?P<rest>\S.*))?")
_USER = re.compile(r"(?P<user>\S+)(?:\s+(?P<rest>\S.*))?")
_PERCENT = re.compile(r"(?<!\\)%")
_LONE_STEP = re.compile(r"(?:^|,)(\w+)/(\w+)")
_LONGEST_DELAY_MINUTES = 1_440


class NoCrontab(WorkbenchError):
    """What was to be imported cannot be read."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"No crontab can be read from {str(path)!r}: {why}. Fix: give the path of a crontab, or its text."
        )


class CrontabLine(NamedTuple):
    """One line of a crontab.

    `what` is `job`, `setting`, `comment`, `blank` or `left out`; `said` is a sentence about what became of it;
    `definition` is there for a job.
    """

    number: int
    text: str
    what: str
    said: str
    definition: CronJob | None = None


class Crontab:
    """What became of a crontab: `lines` in order; `definitions`, for `wb.define(*crontab.definitions)`."""

    def __init__(self, lines: list[CrontabLine], unused: list[str]) -> None:
        """Hold the lines; `unused` are the commands of the mapping that no line runs."""
        self.lines, self.unused = lines, unused

    @property
    def definitions(self) -> list[CronJob]:
        """The jobs, in order of their lines; nothing has defined them yet."""
        return [line.definition for line in self.lines if line.definition is not None]

    @property
    def left_out(self) -> list[CrontabLine]:
        """The lines that should run something and became no job."""
        return [line for line in self.lines if line.what == "left out"]

    @property
    def summary(self) -> list[str]:
        """What became of all lines, in sentences."""
        jobs, left = len(self.definitions), len(self.left_out)
        first = f"{jobs} {'job' if jobs == 1 else 'jobs'}, {left} left out; define: wb.define(*_.definitions)."
        return [first, *(f"No line runs {command!r}, which service= names." for command in self.unused)]

    def __repr__(self) -> str:
        width = max((len(line.text) for line in self.lines), default=0)
        shown = [f"{line.number:>4}  {line.text:<{width}}  {line.said}".rstrip() for line in self.lines]
        return mask("\n".join([*shown, *self.summary]))


def import_crontab(
    text_or_path: str | Path,
    service: str | Mapping[str, str] | None = None,
    *,
    timezone: str = "UTC",
    user_column: bool | None = None,
) -> Crontab:
    """Turn a crontab into definitions; see `Jobs.import_crontab`."""
    path = _path(text_or_path)
    text = _read(path) if path is not None else str(text_or_path)
    if user_column is None:
        user_column = path is not None and str(path.absolute()).startswith(_SYSTEM)
    reading = _Reading(service, timezone, user_column)
    rows = text.removesuffix("\n").split("\n") if text else []
    lines = [reading.line(number, row.removesuffix("\r")) for number, row in enumerate(rows, 1)]
    named = service if isinstance(service, Mapping) else {}
    return Crontab(lines, [command for command in named if command not in reading.used])


def _path(given: str | Path) -> Path | None:
    """The path that was given; one word is always a path, since no line that does anything is one word."""
    if isinstance(given, Path):
        return given
    # Not Path.is_file, which raises of a line that is too long for a path.
    is_path = "\n" not in given and given.strip() and (len(given.split()) == 1 or isfile(given))  # noqa: PTH113
    # A setting may be one word.
    return Path(given) if is_path and not _SETTING.fullmatch(given) and not given.startswith(("#", "@")) else None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as exc:
        raise NoCrontab(path, exc.strerror or str(exc)) from exc
    except UnicodeDecodeError as exc:
        raise NoCrontab(path, f"it is not UTF-8 text (byte {exc.start})") from exc


class _Reading:
    """Reads the lines from the first on, since settings count for those below them."""

    def __init__(self, service: str | Mapping[str, str] | None, timezone: str, user_column: bool) -> None:
        self._service, self._zone, self._user_column = service, timezone, user_column
        self._zone_problem = zone_problem(timezone)
        self._environment: dict[str, str] = {}
        self._jitter_seconds = 0.0
        self._names: set[str] = set()
        self.used: set[str] = set()

    def line(self, number: int, text: str) -> CrontabLine:
        """What becomes of a line."""
        if not text.strip():
            return CrontabLine(number, text, "blank", "")
        if text.lstrip().startswith("#"):
            return CrontabLine(number, text, "comment", "comment")
        if (setting := _SETTING.fullmatch(text)) is not None:
            return CrontabLine(number, text, "setting", self._set(setting["name"], _unquoted(setting["value"])))
        try:
            job, said = self._job(number, text)
        except _LeftOut as exc:
            return CrontabLine(number, text, "left out", f"left out: {exc}")
        return CrontabLine(number, text, "job", said, job)

    def _set(self, name: str, value: str) -> str:
        if name == "CRON_TZ":
            self._zone, self._zone_problem = value, zone_problem(value)
            return self._zone_problem or f"the times below are read in {value}"
        if name == "RANDOM_DELAY" and value.isascii() and value.isdigit() and int(value) <= _LONGEST_DELAY_MINUTES:
            self._jitter_seconds = 60.0 * int(value)
            return f"jitter_seconds={self._jitter_seconds:g} of the jobs below"
        self._environment[name] = value
        if name == "MAILTO":
            return "sends no mail here, see on_error of jobs; in extra['environment'] of the jobs below"
        return "in extra['environment'] of the jobs below"

    def _job(self, number: int, text: str) -> tuple[CronJob, str]:
        cron, rest, user, notes = self._split(text)
        command, stdin = _command(rest)
        if not command:
            raise _LeftOut("it has no command")
        service = self._service_of(command)
        extra: dict[str, Any] = {"command": command, "environment": dict(self._environment)}
        extra |= {} if stdin is None else {"stdin": stdin}
        extra |= {} if user is None else {"user": user}
        fields: dict[str, Any] = {
            "cron": cron,
            "timezone": self._zone,
            "jitter_seconds": self._jitter_seconds,
            "extra": extra,
        }
        try:
            job = CronJob(_free(_name(command) or f"line {number}", self._names), service=service, **fields)
        except InvalidDefinition as exc:
            raise _LeftOut("; ".join(f"{field} {said}" for field, said in exc.problems.items())) from exc
        self._names.add(job.name)
        if stdin is not None:
            notes.append("what follows % is extra['stdin']")
        if user is not None:
            notes.append(f"user {user!r} is extra['user'], nobody logs in")
        return (
            job,
            f"job {job.name!r}: {job.describe()} {job.timezone}, runs {service}{''.join(f'; {n}' for n in notes)}",
        )

    def _split(self, text: str) -> tuple[str, str, str | None, list[str]]:
        """Expression, command and user of a line, and what is to be said of it."""
        found = _TIMES.fullmatch(text)
        if found is None:
            raise _LeftOut("it has no five times and a command, and is no setting")
        cron, rest, user = " ".join(found["times"].split()), found["rest"] or "", None
        if cron.lower() == "@reboot":
            raise _LeftOut("@reboot names no time; call the service in a cell, which runs when the notebook starts")
        if said := _problem(cron):
            raise _LeftOut(said)
        if self._zone_problem:
            raise _LeftOut(f"its zone is not known: {self._zone_problem}")
        if self._user_column and (column := _USER.fullmatch(rest)) is not None:
            user, rest = column["user"], column["rest"] or ""
        return cron, rest, user, ["the - before it, for no log, has no meaning here"] if found["quiet"] else []

    def _service_of(self, command: str) -> str:
        if isinstance(self._service, str):
            return self._service
        for each in (command, _name(command)):
            if self._service is not None and each in self._service:
                self.used.add(each)
                return self._service[each]
        raise _LeftOut(f"no service is named for its command. Fix: service={{{_name(command) or command!r}: 'NAME'}}")


class _LeftOut(Exception):
    """A line became no job; the text says why."""


def _problem(cron: str) -> str:
    """Why an expression cannot be taken over."""
    for part in cron.split():
        if (step := _LONE_STEP.search(part)) is not None:
            return (
                f"{step[0].lstrip(',')!r} means one time to some crons and many to others; write {step[1]!r}, or a "
                f"range, as in '{step[1]}-{'6' if step[1].isalpha() else '59'}/{step[2]}'"
            )
    return expression.problem(cron)


def _command(rest: str) -> tuple[str, str | None]:
    r"""A command and its standard input, if it has one: after the first %, with lines for further ones; `\%` is %.

    Source: crontab(5), "The sixth field".
    """
    command, *lines = (each.replace("\\%", "%") for each in _PERCENT.split(rest))
    return command.strip(), "\n".join(lines) if lines else None


def _name(command: str) -> str:
    """The program that a command begins with, without its folder and the variables before it."""
    words = _words(command)
    return next(words, "").rpartition("/")[2]


def _words(command: str) -> Iterator[str]:
    return (word for word in command.split() if not re.fullmatch(r"\w+=\S*", word))


def _free(wanted: str, taken: set[str]) -> str:
    number, name = 1, wanted
    while name in taken:
        number += 1
        name = f"{wanted} {number}"
    return name


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if is_quoted else value
