"""What a card shows of each service: what is live, by which addresses, what is missing, its jobs and its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.app.workbench import Workbench
from workbench.channels.rest import RESTChannel
from workbench.limiting.definition import Limit
from workbench.limiting.shared import Use
from workbench.scheduler.jobs import Job
from workbench.scheduler.records import Run
from workbench.ui import reach
from workbench.ui.limit import enough_calls


def facts(wb: Workbench, services: Sequence[str], notes: Sequence[str], last: Mapping[str, Run]) -> dict[str, Any]:
    """Everything a card shows, as plain data.

    Args:
        wb: The workbench.
        services: The services whose rows they are.
        notes: Further lines of the same cell.
        last: The newest run of each job.
    """
    every = list(reach.jobs(wb))
    used = reach.uses(wb)
    rows = [_row(wb, name, [job for job in every if job.definition.service == name], used, last) for name in services]
    return {"rows": rows, "notes": list(notes), "now": wb.clock.time()}


def channels_of(wb: Workbench, service: str) -> list[RESTChannel]:
    """The REST channels that lead to a service."""
    return [each for each in wb.channels.values() if isinstance(each, RESTChannel) and each.service == service]


def limits_of(wb: Workbench, service: str) -> list[Limit]:
    """The limits that calls of a service meet: on its channels, on it."""
    channels = {each.name for each in channels_of(wb, service)}
    return [
        limit
        for limit in wb.limits.values()
        if (limit.on == "channel" and limit.name in channels) or (limit.on, limit.name) == ("service", service)
    ]


def _row(wb: Workbench, name: str, jobs: Sequence[Job], used: Sequence[Use], last: Mapping[str, Run]) -> dict[str, Any]:
    if name not in wb.services:
        return {"service": name, "gone": True}
    service = wb.services[name]
    numbers = [version.number for version in service.versions]
    missing = [{"kind": kind, "label": label, "name": other} for kind, label, other in reach.missing(wb, name)]
    return {
        "service": name,
        "version": service.live.number,
        "back": max((number for number in numbers if number < service.live.number), default=0),
        "about": service.doc.partition("\n")[0],
        "missing": missing,
        "addresses": [_address(wb, each) for each in channels_of(wb, name)],
        "jobs": [job_facts(job, last.get(job.name)) for job in jobs],
        "limits": [limit_facts(limit, used) for limit in limits_of(wb, name)],
    }


def _address(wb: Workbench, channel: RESTChannel) -> dict[str, Any]:
    """A channel; only an address that a browser can ask is a link."""
    is_open = bool(wb.url) and channel.active
    asks = is_open and "{" not in channel.path and (not channel.methods or "GET" in channel.methods)
    return {
        "channel": channel.name,
        "path": channel.path,
        "methods": " ".join(channel.methods),
        "security": channel.security,
        "open": is_open,
        "url": wb.url + channel.path if is_open else "",
        "link": asks and not channel.security,
    }


def job_facts(job: Job, last: Run | None) -> dict[str, Any]:
    """A job as its small card shows it; instants in seconds since the epoch."""
    definition, at = job.definition, job.next_at
    return {
        "name": job.name,
        "service": definition.service,
        "what": definition.describe(),
        "zone": definition.timezone,
        "state": job.state,
        "next": None if at is None else at.timestamp(),
        "last": None if last is None else run_facts(last),
    }


def run_facts(run: Run) -> dict[str, Any]:
    """A run as its job's small card shows it."""
    at = run.ended or run.started or run.planned
    return {
        "outcome": run.outcome,
        "at": at.timestamp(),
        "by_hand": run.by_hand,
        "cid": run.cid,
        "error": run.error,
        "returned": run.returned,
        "seconds": run.seconds,
        "log": list(run.log[-20:]),
    }


def limit_facts(limit: Limit, used: Sequence[Use]) -> dict[str, Any]:
    """A limit as its small card shows it: a bar a line."""
    mine = [use for use in used if (use.on, use.name) == limit.identity]
    return {
        "on": limit.on,
        "name": limit.name,
        "shadow": limit.shadow,
        "calls": enough_calls(limit),
        "lines": [
            {"line": use.line, "used": use.used, "most": use.limit, "refused": use.refused, "addresses": use.addresses}
            for use in mine
        ],
    }
