"""What each sort of card shows: services, jobs, definitions, a peer, or everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from workbench.core.definition import Definition
from workbench.sandbox.peer import Peer
from workbench.ui import rows
from workbench.ui.card import Draw
from workbench.ui.desk import Desk


def services(names: Sequence[str], notes: Sequence[str] = ()) -> Draw:
    """A row for each service."""

    def draw(desk: Desk) -> dict[str, Any]:
        found = rows.services(desk.wb, names, desk.last_runs())
        restless = any(row.get("limits") for row in found)
        return {"services": found, "notes": list(notes), "restless": restless}

    return draw


def jobs(names: Sequence[str] | None = None) -> Draw:
    """A row for each of these jobs, or for every job there is."""

    def draw(desk: Desk) -> dict[str, Any]:
        shown = [job for job in rows.jobs_of(desk.wb) if names is None or job.name in names]
        last = desk.last_runs()
        return {"jobs": [rows.job_facts(job, last.get(job.name)) for job in shown], "notes": [desk.lives]}

    return draw


def definitions(shown: Sequence[Definition], notes: Sequence[str] = ()) -> Draw:
    """A row for each connection and channel."""

    def draw(desk: Desk) -> dict[str, Any]:
        now = [rows.definition_facts(desk.wb, each, desk.wb.in_force(each)) for each in shown]
        return {"definitions": now, "notes": list(notes)}

    return draw


def clicked(notes: Sequence[str] = ()) -> Draw:
    """A row for each definition that was made by click and is in no cell."""
    return lambda desk: {"clicked": rows.clicks(desk.wb), "notes": list(notes)}


def question(desk: Desk) -> dict[str, Any]:
    """Whether this notebook may call the outside, until it is answered."""
    return {"question": "" if desk.wb.peers.on else desk.wb.outside.question}


def everything(desk: Desk) -> dict[str, Any]:
    """Every service with its jobs and limits, and every way out."""
    wb, last = desk.wb, desk.last_runs()
    here = rows.services(wb, list(wb.services), last)
    connections = [item.definition for item in wb.connections.values()]
    elsewhere = [job for job in rows.jobs_of(wb) if job.definition.service not in wb.services]
    return {
        "title": repr(wb),
        "url": wb.url,
        "services": here,
        "jobs": [rows.job_facts(job, last.get(job.name)) for job in elsewhere],
        "definitions": [rows.definition_facts(wb, each, each) for each in connections],
        "clicked": rows.clicks(wb),
        **question(desk),
        "notes": [desk.lives] if wb.has_jobs else [],
        "restless": any(row.get("limits") for row in here),
    }


def peer(name: str, peer: Peer, html: Callable[[Any], str]) -> Draw:
    """What has arrived at a peer; what stands there is made of HTML that is safe already."""
    takes = hasattr(peer, "files") and hasattr(peer, "put")
    return lambda desk: {"peer": {"name": name, "html": html(peer), "takes": takes}, "restless": True}
