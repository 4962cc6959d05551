"""What `workbench jobs` asks a running workbench, and how its answers read."""

from __future__ import annotations

from typing import Any

from workbench.app.serving.asking import Refused, ask
from workbench.app.serving.choosing import chosen
from workbench.cli.remote import status_of
from workbench.core.errors import WorkbenchError


def listed(app: str = "") -> list[dict[str, Any]]:
    """The jobs with their next times."""
    return list(ask(chosen(app), "GET", "/workbench/jobs"))


def listed_said(found: list[dict[str, Any]]) -> str:
    """A line for each job."""
    return "\n".join(_line(each) for each in found) or "No jobs."


def asked(action: str, name: str, app: str = "", **more: Any) -> Any:
    """What a running workbench answers about one of its jobs.

    Args:
        action: `show`, `preview`, `runs`, `account`, `execute`, `pause`, `resume` or `remove`.
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
    return str(told["said"])


def _line(job: dict[str, Any]) -> str:
    running = f", running since {job['running_since']}" if job["running_since"] else ""
    return f"{job['name']}: {job['what']}, {job['state']}{running}, next {job['next'] or 'never'}"


def _run_line(run: dict[str, Any]) -> str:
    hand = "by hand" if run["by"] == "hand" else ""
    times = f"{run['times']} planned times" if run["times"] > 1 else ""
    attempt = f"attempt {run['attempt']}" if run["attempt"] > 1 else ""
    return ", ".join(
        filter(None, (f"{run['planned']}  {run['outcome']}", hand, times, attempt, run["error"] or run["returned"]))
    )
