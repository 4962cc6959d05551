"""What `workbench jobs` asks a running workbench, and how its answers read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection
from pathlib import Path
from typing import Any

from workbench.app.serving.asking import Refused, ask
from workbench.app.serving.choosing import chosen
from workbench.cli.remote import status_of
from workbench.core.errors import WorkbenchError
from workbench.core.masking import mask
from workbench.scheduler.cron.crontab import import_crontab
from workbench.scheduler.zones import zone_of

OPTIONS = {
    "extra": ("execute",),
    "since": ("account", "backfill"),
    "until": ("pause", "backfill"),
    "last": ("preview", "runs"),
    "run": ("backfill",),
    "stop": ("backfill",),
    "days": ("calendar",),
    "service": ("import-crontab",),
    "timezone": ("import-crontab",),
}
"""Which actions take which option."""

_IN_A_CELL = {
    r"Fix: dry=False runs them\.": "Fix: --run makes the runs.",
    r"Fix: service=\{[^}]*\}": "Fix: --service NAME",
}
"""What a message says to do in a cell, and what does it on the command line."""


def check(action: str, name: str, given: Collection[str]) -> None:
    """Refuse what the action would leave aside.

    Args:
        action: What is to be done.
        name: The job, if one is named.
        given: The options that are given.

    Raises:
        WorkbenchError: An option is given that the action does not take, or a job where all are meant.
    """
    for option, actions in OPTIONS.items():
        if option in given and action not in actions:
            takes = " and ".join(actions)
            raise WorkbenchError(f"'workbench jobs {action}' takes no --{option}, only {takes}. Fix: leave it out.")
    if name and action in ("list", "calendar"):
        raise WorkbenchError(
            f"'workbench jobs {action}' tells of all jobs. Fix: workbench jobs show {shlex.quote(name)}"
        )


def listed(app: str = "") -> list[dict[str, Any]]:
    """The jobs with their next times."""
    return list(ask(chosen(app), "GET", "/workbench/jobs"))


def listed_said(found: list[dict[str, Any]]) -> str:
    """A line for each job."""
    return "\n".join(_line(each) for each in found) or "No jobs."


def asked(action: str, name: str, app: str = "", **more: Any) -> Any:
    """What a running workbench answers about one of its jobs.

    Args:
        action: `show`, `preview`, `runs`, `account`, `execute`, `backfill`, `pause`, `resume` or `remove`.
        name: The job.
        app: Which workbench; the only one that has the job if empty.
        more: What the action takes besides.

    Raises:
        WorkbenchError: No job is named.
        Refused: There is no such job.
    """
    if not name:
        raise WorkbenchError(f"No job is named. Fix: workbench jobs {action} NAME; workbench jobs list says which.")
    target = chosen(app, lambda each: name in status_of(each).get("jobs", ()))
    return ask(target, "POST", f"/workbench/jobs/{action}", {"job": name, **more})


def calendar(days: float, app: str = "") -> dict[str, Any]:
    """What is planned in the coming days, job by job.

    Raises:
        Refused: It cannot look so far.
    """
    return dict(ask(chosen(app), "POST", "/workbench/jobs/calendar", {"days": days}))


def crontab(path: str, service: str, timezone: str) -> dict[str, Any]:
    """What becomes of each line of a crontab, and the code of a cell that defines its jobs.

    Args:
        path: Where the crontab is.
        service: What runs for each command; without one, no line becomes a job.
        timezone: Zone of the machine that it is from.

    Raises:
        WorkbenchError: No file is named, or it is no crontab, or there is no such zone.
    """
    if not path:
        raise WorkbenchError("No crontab is named. Fix: workbench jobs import-crontab FILE --service NAME")
    zone_of(timezone)
    found = import_crontab(Path(path), service or None, timezone=timezone)
    told = [f"# {line.number}: {line.said}" for line in found.lines if line.what in ("left out", "setting")]
    code = [f"wb.define({job.to_code()})" for job in found.definitions]
    left = [{"line": line.number, "text": line.text, "said": _by_option(line.said)} for line in found.left_out]
    imports = ["from workbench import CronJob, wb"] if code else []
    return {
        "code": "\n".join([*imports, *code]),
        "left_out": left,
        "said": mask("\n".join([*map(_by_option, told), *imports, *code])),
    }


def execute(name: str, extra: str | None = None, app: str = "") -> dict[str, Any]:
    """The outcome of one run made now.

    Raises:
        Refused: It did not end well, or there is no such job.
    """
    run = dict(asked("execute", name, app, extra=extra))
    if run["outcome"] != "ok":
        raise Refused(f"Job {name!r} {run['outcome']}: {run['error'] or 'no reason given'}")
    return run


def said(action: str, name: str, told: Any) -> str:
    """An answer in words."""
    match action:
        case "execute":
            return f"Job {name!r}: {told['outcome']}. {told['returned']}".rstrip()
        case "runs":
            return "\n".join(map(_run_line, told)) or f"Job {name!r} has no runs yet."
        case "show":
            last = told["last"] or "no run yet"
            made = f"made in {told['source']}\n" if told["source"] else ""
            return f"{_line(told)}, last: {last}\n{made}{told['account']}\n{told['code']}"
    return _by_option(str(told["said"]))


def _by_option(text: str) -> str:
    for in_a_cell, option in _IN_A_CELL.items():
        text = re.sub(in_a_cell, option, text)
    return text


def _line(job: dict[str, Any]) -> str:
    running = f", running since {job['running_since']}" if job["running_since"] else ""
    tripped = "".join(f", {watch.upper()}: {words}" for watch, words in job["tripped"].items())
    recent = "".join(f", {each}" for each in (job["recent"], job["cadence"]) if each)
    until = f" until {job['paused_until']}" if job["paused_until"] else ""
    at = "" if until else f", next {job['next'] or 'never'}"
    return f"{job['name']}: {job['what']}, {job['state']}{until}{running}{at}{recent}{tripped}"


def _run_line(run: dict[str, Any]) -> str:
    by = {"hand": "by hand", "clock": "again", "backfill": f"backfill {run['backfill']!r}"}.get(run["by"], "")
    times = f"{run['times']} planned times" if run["times"] > 1 else ""
    attempt = f"attempt {run['attempt']}" if run["attempt"] > 1 else ""
    return ", ".join(
        filter(None, (f"{run['planned']}  {run['outcome']}", by, times, attempt, run["error"] or run["returned"]))
    )
