"""The form that schedules a service: every, by cron, or once; its next runs in both clocks, and its code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from workbench.app.code import code_of
from workbench.core.definition import Definition
from workbench.scheduler import plan
from workbench.scheduler.definitions import UNITS, AnyJob, CronJob, IntervalJob, JobDefinition, OneTimeJob
from workbench.scheduler.jobs import Job
from workbench.scheduler.preview import Difference, Preview
from workbench.scheduler.runs.extra import as_text
from workbench.scheduler.zones import clock_change
from workbench.ui.forms.fields import fields_of
from workbench.ui.forms.reading import Read, filled, read

SHOWN_RUNS = 5
KINDS: dict[str, type[JobDefinition]] = {"every": IntervalJob, "cron": CronJob, "once": OneTimeJob}
PRESETS = (
    ("every hour", "0 * * * *"),
    ("every 15 minutes", "*/15 * * * *"),
    ("09:00 every day", "0 9 * * *"),
    ("09:00 Monday to Friday", "0 9 * * 1-5"),
    ("first day of the month", "0 0 1 * *"),
    ("last day of the month, 23:00", "0 23 L * *"),
)
_PLACED = {"name", "service", "start", "end", "repeats", "cron", "timezone", "extra", *UNITS}
_MACHINE_OWN = ("posix/", "right/", "localtime", "posixrules")


@cache
def zones() -> list[str]:
    """Every time zone by its IANA name."""
    return sorted(name for name in available_timezones() if not name.startswith(_MACHINE_OWN))


def opening(service: str, taken: Sequence[str], zone: str, now: datetime) -> dict[str, Any]:
    """The form as it opens: valid as it is."""
    later = (now.astimezone(ZoneInfo(zone)) + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    return {
        "values": {
            "name": free_name(service.rpartition(".")[2] or service, taken),
            "hours": "1",
            "cron": PRESETS[3][1],
            "timezone": zone,
        },
        "at": f"{later:%Y-%m-%dT%H:%M}",
        "units": list(UNITS),
        "presets": [{"words": words, "cron": cron} for words, cron in PRESETS],
        "more": {kind: _more(cls) for kind, cls in KINDS.items()},
    }


def editing(job: AnyJob, now: datetime) -> dict[str, Any]:
    """The form filled in with a job there is; its name stays."""
    how = next(how for how, cls in KINDS.items() if isinstance(job, cls))
    opened = opening(job.service, (), job.zone.key, now)
    given = {field: value for field, value in filled(job).items() if value or field not in UNITS}
    given = {field: value for field, value in given.items() if value not in (None, "")}
    if not isinstance(job.extra, str):
        given["extra"] = as_text(job.extra)
    units = {} if how == "every" else {"hours": "1"}
    kept = {field: value for field, value in opened["values"].items() if field not in ("name", *UNITS)}
    more = [field | {"value": given.get(field["name"], field["default"])} for field in opened["more"][how]]
    return opened | {
        "how": how,
        "edit": job.name,
        "values": {**kept, **units, **given},
        "more": {**opened["more"], how: more},
    }


def free_name(wanted: str, taken: Sequence[str]) -> str:
    """`hello`, or `hello 2` where that is taken."""
    number, name = 1, wanted
    while name in taken:
        number += 1
        name = f"{wanted} {number}"
    return name


def _more(cls: type[Definition]) -> list[dict[str, Any]]:
    """Whatever a kind of job has besides what the form places by hand."""
    rest = [field for field in fields_of(cls) if field.name not in _PLACED]
    fields: list[dict[str, Any]] = msgspec.to_builtins(rest)
    return [field | {"value": field["default"]} for field in fields]


def read_job(kind: str, values: Mapping[str, Any], now: datetime, edited: Job | None = None) -> Read:
    """The job that the form describes, or every error; one that would never run is an error too.

    An extra that is not text stays what it is in the job that is edited, until its text is changed.
    """
    cls = KINDS[kind]
    known = {field.name for field in fields_of(cls)}
    found = read(cls, {name: value for name, value in values.items() if name in known})
    if edited is not None and found.definition is not None:
        extra = edited.definition.extra
        if not isinstance(extra, str) and as_text(extra) == values.get("extra", ""):
            found = Read(found.definition.replace(extra=extra), {})
    if isinstance(found.definition, JobDefinition) and (past := plan.past_problems(_job(found.definition), now)):
        return Read(None, past)
    return found


def _job(definition: JobDefinition) -> Any:
    return definition


def preview(
    kind: str, values: Mapping[str, Any], now: datetime, viewer: str = "", edited: Job | None = None
) -> dict[str, Any]:
    """What the form shows beside its fields while a person types.

    Args:
        kind: The kind of job.
        values: What was typed, by field.
        now: The instant.
        viewer: The time zone of who looks.
        edited: The job that the form changes; while its schedule stays, its times do.
    """
    found = read_job(kind, values, now, edited)
    if not isinstance(found.definition, JobDefinition):
        return {"problems": found.problems, "runs": [], "words": "", "code": ""}
    job = found.definition
    return {
        "problems": {},
        "runs": next_runs(job, now, viewer, _anchor(job, edited, now)),
        "words": job.describe(),
        "difference": _difference(job, edited, now),
        "code": code_of(job),
    }


def _difference(job: JobDefinition, edited: Job | None, now: datetime) -> str:
    """The next ten times before and after an edit, in words; '' where none is edited or all stay."""
    if edited is None or edited.definition.schedule() == job.schedule():
        return ""
    anchors = (edited.anchor, now)
    before, after = (
        Preview.of(_job(each), at, now, 10) for each, at in zip((edited.definition, job), anchors, strict=True)
    )
    return repr(Difference(before, after))


def _anchor(job: JobDefinition, edited: Job | None, now: datetime) -> datetime:
    """The instant that planned times are counted from once the form is saved."""
    return edited.anchor if edited is not None and edited.definition.schedule() == job.schedule() else now


def next_runs(job: JobDefinition, now: datetime, viewer: str, anchor: datetime) -> list[dict[str, Any]]:
    """The next runs in the job's clock and in a second one: UTC, or the viewer's where the job's is UTC."""
    zone = job.zone
    other: tzinfo = UTC if zone.key != "UTC" else _zone_or_utc(viewer)
    # Between now and a start far ahead nothing runs, so that a change of clocks before it changes no run.
    rows, before = [], max(now, job.moment("start") or now).astimezone(zone)
    for at in plan.preview(_job(job), anchor, now, SHOWN_RUNS):
        here, there = at.astimezone(zone), at.astimezone(other)
        rows.append(
            {
                "at": at.timestamp(),
                "here": _clock(here, now.year),
                "zone": short_zone(zone.key),
                "there": "" if other == zone else _beside(there, here, str(getattr(other, "key", "UTC"))),
                "change": clock_change(before, here),
            }
        )
        before = here
    return rows


def _zone_or_utc(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else ZoneInfo("UTC")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def short_zone(key: str) -> str:
    """`Warsaw` of `Europe/Warsaw`."""
    return key.rpartition("/")[2].replace("_", " ")


def _clock(at: datetime, this_year: int) -> str:
    year = "" if at.year == this_year else f" {at.year}"
    return f"{at:%a} {at.day} {at:%b}{year} {_hour(at)}"


def _hour(at: datetime) -> str:
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"


def _beside(there: datetime, here: datetime, key: str) -> str:
    day = "" if there.date() == here.date() else f"{there:%a} "
    return f"{day}{_hour(there)} {short_zone(key)}"
