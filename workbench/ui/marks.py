"""What the notebook in front is told of itself: what each cell made and how that stands, and the whole in one line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from workbench.app.workbench import Workbench
from workbench.core.definition import Definition
from workbench.core.errors import WorkbenchError
from workbench.core.origin import Origin
from workbench.runtime.registry import Version
from workbench.ui import rows
from workbench.ui.desk import Desk
from workbench.ui.panel.figures import failed_of

OFF = "The server is off. Fix: run the cell of a service, or wb.start()"
MOST_OF_A_CELL = 20
"""How many definitions of one cell are told one by one."""

Mark = dict[str, Any]
"""One thing that a cell made: `name`, `what` (service or its collection), `mood` (live, warn, bad), `said`, `since`
[s since the epoch, or None], `written` (the digest of the cell's text that says so, see `core/origin.py`)."""


def marks(desk: Desk) -> dict[str, Any]:
    """What each cell made, by the cell's id, and the workbench in one line; drawn again as it changes."""
    wb = desk.wb
    failed = failed_of(wb, set(wb.services))
    cells: dict[str, list[Mark]] = defaultdict(list)
    for cell, mark in [*_services(wb, failed), *_definitions(wb)]:
        cells[cell].append(mark)
    return {"cells": dict(cells), "line": _line(wb, list(failed)), "restless": True}


def _services(wb: Workbench, failed: dict[str, str]) -> Iterable[tuple[str, Mark]]:
    for service in list(wb.services.values()):
        live, newest = service.live, dict[str, Version]()
        waits = wb.drafting.new_versions.waits(service.name)
        for version in service.versions:
            newest[_cell(version.origin)] = version
        for cell, version in newest.items():
            if cell and cell == _cell(live.origin):
                mark = _live(service.name, live, service.since, failed.get(service.name))
                # What the cell says was run, where it made the version that waits.
                said_by = waits if waits is not None and _cell(waits.origin) == cell else live
                yield cell, mark | {"written": wb.drafting.texts.as_written(cell, said_by.origin.written)}
            elif cell:
                yield cell, _differs(version, live)
        if waits is not None and (cell := _cell(waits.origin)):
            said = f"{waits} waits to be taken; live is v{live.number}."
            yield cell, {"name": live.name, "what": "", "mood": "warn", "said": said, "since": None, "written": ""}


def _live(name: str, live: Version, since: float, error: str | None) -> Mark:
    mark = {"name": name, "what": "service", "since": since}
    if error is None:
        return mark | {"mood": "live", "said": f"{live} is live."}
    return mark | {"mood": "bad", "said": f"{live} is live, and its last call failed: {error[:200]}"}


def _differs(version: Version, live: Version) -> Mark:
    said = f"This cell made {version}; live is v{live.number}, from {live.origin}."
    return {"name": live.name, "what": "service", "mood": "warn", "said": said, "since": None, "written": ""}


def _definitions(wb: Workbench) -> Iterable[tuple[str, Mark]]:
    edited, counts = _edited(wb), Counter[str]()
    for definition, origin in wb.defined:
        by_form = origin.kind == "form"
        # What a form made under a cell is not that cell's; what it changed of a cell's is.
        if not (cell := _cell(origin)) or (by_form and (definition.collection, definition.full_name) not in edited):
            continue
        counts[cell] += 1
        if counts[cell] <= MOST_OF_A_CELL:
            yield cell, _definition(definition, by_form, wb.drafting.texts.as_written(cell, origin.written))
    for cell, count in counts.items():
        if count > MOST_OF_A_CELL:
            said = f"{count - MOST_OF_A_CELL:,} more definitions are on."
            yield cell, {"name": "", "what": "", "mood": "live", "said": said, "since": None, "written": ""}


def _definition(definition: Definition, by_form: bool, written: str) -> Mark:
    mark = {"name": definition.full_name, "what": definition.collection, "since": None}
    if by_form:
        said = f"{definition} was changed by click; this cell has it otherwise."
        return mark | {"mood": "warn", "said": said, "written": ""}
    return mark | {"mood": "live", "said": f"{definition} is on.", "written": written}


def _edited(wb: Workbench) -> set[tuple[str, str]]:
    """The definitions of cells that a click has changed since; none while the store gives no answer."""
    try:
        clicks = list(wb.clicked.values())
    except WorkbenchError:
        return set()
    return {(each.definition.collection, each.definition.full_name) for each in clicks if each.edits}


def _cell(origin: Origin) -> str:
    """The cell of the notebook; '' of what a loaded file made, whose cells are another notebook's."""
    return "" if origin.loaded or origin.kind in ("file", "command line") else origin.cell_id


def _line(wb: Workbench, failed: list[str]) -> dict[str, Any]:
    """The workbench as the status bar says it."""
    jobs = len(rows.jobs_of(wb))
    parts = [f"workbench {wb.url.rsplit(':', 1)[-1]}" if wb.url else "workbench off"]
    parts += ["sandbox"] if wb.peers.on else []
    parts += [f"{jobs} job{'' if jobs == 1 else 's'}"] if jobs else []
    said = f"Workbench on at {wb.url}." if wb.url else OFF
    if wb.peers.on:
        said += " Every connection goes to a stand-in."
    if failed:
        said += f" The last call failed of: {', '.join(sorted(failed))}."
    mood = "calm" if not wb.url else "bad" if failed else "live"
    return {"text": " · ".join(parts), "said": said, "mood": mood, "url": wb.url}
