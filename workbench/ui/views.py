"""What each sort of card shows: services, jobs, definitions, a peer, or everything."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from workbench.app.workbench import Workbench
from workbench.core.definition import Definition
from workbench.core.masking import masked
from workbench.sandbox.peer import Peer
from workbench.ui import rows
from workbench.ui.carriers.far import FarDesk
from workbench.ui.desk import Desk
from workbench.ui.panel.peers import peer_facts
from workbench.ui.panel.tabs import counts, latest

SAVED_SERVICES = 50
"""How many services the saved panel lists."""

Draw = Callable[[Any], dict[str, Any]]
"""What a card shows, of the desk that answers it, as plain data; `restless` says that it changes without an event."""


def facts(desk: Desk | FarDesk, draw: Draw) -> dict[str, Any]:
    """What a card shows now, masked, and the time of it."""
    shown: dict[str, Any] = masked(draw(desk))
    return shown | {"now": desk.clock.time()}


def attached(desk: FarDesk) -> dict[str, Any]:
    """The panel of another workbench."""
    return desk.facts()


def greeting(title: str, notes: Sequence[str]) -> Draw:
    """That the workbench is on, and where."""
    return lambda desk: {"title": title, "url": desk.wb.url, "notes": list(notes)}


def services(names: Sequence[str], notes: Sequence[str] = (), channels: Sequence[Definition] = ()) -> Draw:
    """A row for each service, and for each channel that opened with them."""

    def draw(desk: Desk) -> dict[str, Any]:
        found = rows.services(desk.wb, names, desk.last)
        with_a_row = {each.name for each in channels if desk.wb.in_force(each) is not None}
        for row in found:
            row["addresses"] = [each for each in row.get("addresses", ()) if each["channel"] not in with_a_row]
        restless = any(row.get("limits") for row in found)
        return {"services": found, "notes": list(notes), "restless": restless, **_definitions(desk, channels)}

    return draw


def jobs(names: Sequence[str] | None = None) -> Draw:
    """A row for each of these jobs, or for every job there is."""

    def draw(desk: Desk) -> dict[str, Any]:
        shown = [job for job in rows.jobs_of(desk.wb) if names is None or job.name in names]
        last = desk.last
        found = [rows.job_facts(job, last.get(job.name), rows.cell_of(desk.wb, job.definition)) for job in shown]
        return {"jobs": found, "notes": [desk.lives]}

    return draw


def definitions(shown: Sequence[Definition], notes: Sequence[str] = ()) -> Draw:
    """A row for each connection and channel."""

    return lambda desk: {**_definitions(desk, shown), "notes": list(notes)}


def _definitions(desk: Desk, shown: Sequence[Definition]) -> dict[str, Any]:
    wb = desk.wb
    return {"definitions": [rows.definition_facts(wb, each, wb.in_force(each), desk.moods) for each in shown]}


def clicked(notes: Sequence[str] = ()) -> Draw:
    """A row for each definition that was made by click and is in no cell; notes that no row says already."""

    def draw(desk: Desk) -> dict[str, Any]:
        found = rows.clicks(desk.wb)
        said = {row["said"] for row in found}
        return {"clicked": found, "notes": [note for note in notes if note not in said]}

    return draw


def question(desk: Desk) -> dict[str, Any]:
    """Whether this notebook may call the outside, until it is answered."""
    return {"question": "" if desk.wb.peers.on else desk.wb.outside.question}


def worker_shown(wb: Workbench) -> list[str]:
    """Which of several processes a panel shows, and what all of them have answered; nothing where there is one."""
    if (member := wb.member) is None:
        return []
    crew = [each for each in member.crew if each.state != "leaving"]
    answered, failed = sum(each.answered for each in crew), sum(each.failed for each in crew)
    return [
        f"Worker process {member.number} of {len(crew)} is shown (pid {os.getpid()}): its calls, log, caches and "
        f"peers. Services, jobs and limits are those of all. What you make by click reaches the others some seconds "
        f"later; what you close or remove that a cell makes does not.",
        f"All of them have answered {answered:,} requests, {failed:,} with an error of 500 or more; workbench traffic "
        f"and workbench log show them together.",
    ]


def everything(desk: Desk) -> dict[str, Any]:
    """The panel: its tabs with their counts, and the first services; what a tab shows is asked for as it is opened."""
    wb = desk.wb
    names = list(wb.services)
    more = len(names) - SAVED_SERVICES
    return {
        "title": repr(wb),
        "url": wb.url,
        "sandbox": wb.peers.on,
        "tabs": counts(wb),
        "services": rows.services(wb, names[:SAVED_SERVICES], desk.last),
        "clicked": rows.clicks(wb),
        **question(desk),
        "process": worker_shown(wb),
        "notes": [f"and {more:,} more services"] if more > 0 else [],
        "changes": [desk.courier.changes, *latest(wb)],
        "restless": True,
    }


def peer(name: str, peer: Peer, html: Callable[[Any], str]) -> Draw:
    """What has arrived at a peer; what stands there is made of HTML that is safe already."""
    return lambda desk: {"peer": peer_facts(name, peer, html), "restless": True}
