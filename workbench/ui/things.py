"""One thing each: what its small card shows, and how it stands, for pages that people build of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workbench.app.asking.inline import Answer
from workbench.app.deploy.service import LiveService
from workbench.app.workbench import Workbench
from workbench.channels.live import LiveChannel
from workbench.connections.definition import Item
from workbench.core.call import ServiceStep
from workbench.core.definition import Definition
from workbench.core.mood import Mood
from workbench.core.service import Service, service_name
from workbench.core.trace import Outgoing, RequestStep, Step, Trace
from workbench.limiting.definition import Limit
from workbench.scheduler.jobs import Job
from workbench.ui import rows, views
from workbench.ui.desk import Desk
from workbench.ui.trace import COLOURS, milliseconds, rows_of
from workbench.ui.views import Draw

Stands = dict[str, Any]
GONE: Stands = {"state": "gone", "last_outcome": {}}


def stands(state: str, last_outcome: Mapping[str, Any] | None = None) -> Stands:
    """How a thing stands."""
    return {"state": state, "last_outcome": dict(last_outcome or {})}


def view_of(wb: Workbench, thing: object) -> Draw | None:
    """What the small card of a thing shows; None if the thing is not in force, or has no card."""
    for kind, view in VIEWS.items():
        if isinstance(thing, kind):
            return view(wb, thing)
    return None


def _standing(draw: Draw, name: str, stand: Callable[[Desk], Stands], restless: bool = True) -> Draw:
    """The same view, with how it stands; once that is `gone`, it says so."""

    def drawn(desk: Desk) -> dict[str, Any]:
        facts, now = draw(desk), stand(desk)
        gone = now["state"] == "gone"
        notes = [f"{name} is gone."] if gone and not any(facts.get(each) for each in WITH_ROWS) else facts["notes"]
        return facts | {"notes": notes, "stands": now, "restless": (restless or facts.get("restless")) and not gone}

    return drawn


WITH_ROWS = ("services", "definitions")
"""What says in its own row that it is gone."""


def _class(wb: Workbench, cls: type) -> Draw | None:
    if not issubclass(cls, Service) or (live := wb.services.get(service_name(cls))) is None:
        return None
    return _service(wb, live) if live.live.cls is cls else None


def _service(wb: Workbench, service: LiveService) -> Draw | None:
    name = service.name
    if (mine := wb.services.get(name)) is None or mine.live is not service.live:
        return None

    def stand(desk: Desk) -> Stands:
        if name not in desk.wb.services:
            return GONE
        ran = lambda step: isinstance(step, ServiceStep) and step.name == name  # noqa: E731
        return stands("live", _last_step(desk.wb, ran))

    return _standing(views.services([name]), f"Service {name!r}", stand)


def _job(wb: Workbench, job: Job) -> Draw | None:
    return _definition(wb, job.definition)


def _job_named(name: str) -> Draw:
    def stand(desk: Desk) -> Stands:
        if (job := desk.wb.jobs.get(name)) is None:
            return GONE
        if (run := rows.newest(job.recent, desk.last.get(name))) is None:
            return stands(job.state)
        last = rows.run_facts(run)
        return stands(job.state, _outcome(run.outcome, last["at"], run.cid, run.error))

    return _standing(views.jobs([name]), f"Job {name!r}", stand, restless=False)


def _limit(wb: Workbench, limit: Limit) -> Draw | None:
    if wb.limits.get(limit.full_name) != limit:
        return None

    def draw(desk: Desk) -> dict[str, Any]:
        now = desk.wb.limits.get(limit.full_name)
        said_in = rows.cell_of(desk.wb, now) if now else {}
        return {"limits": [rows.limit_facts(now, desk.wb.limits.use(), said_in)] if now else [], "notes": []}

    def stand(desk: Desk) -> Stands:
        if (now := desk.wb.limits.get(limit.full_name)) is None:
            return GONE
        used = [use for use in desk.wb.limits.use() if (use.on, use.name) == now.identity]
        refused, counted = sum(use.refused for use in used), sum(use.used for use in used)
        is_full = any(use.refused and use.used >= use.limit for use in used)
        last = {"outcome": "refused" if is_full else "ok", "used": counted, "refused": refused}
        return stands("shadow" if now.shadow else "on", last if refused or counted else None)

    return _standing(draw, str(limit).capitalize(), stand)


def _item(wb: Workbench, item: Item) -> Draw | None:
    return _definition(wb, item.definition)


def _channel(wb: Workbench, live: LiveChannel) -> Draw | None:
    return _definition(wb, live.definition)


def _definition(wb: Workbench, definition: Definition) -> Draw | None:
    if isinstance(definition, Limit):
        return _limit(wb, definition)
    if definition.collection == "jobs":
        is_mine = wb.has_jobs and wb.in_force(definition) == definition
        return _job_named(definition.name) if is_mine else None
    if definition.collection not in STANDING or wb.in_force(definition) != definition:
        return None
    stand = STANDING[definition.collection]

    def standing(desk: Desk) -> Stands:
        return GONE if desk.wb.in_force(definition) is None else stand(desk.wb, definition.name)

    return _standing(views.definitions([definition]), str(definition), standing)


def _connection_stands(wb: Workbench, name: str) -> Stands:
    asked = lambda step: isinstance(step, Outgoing) and step.connection == name  # noqa: E731
    return stands("defined", _last_step(wb, asked))


def _channel_stands(wb: Workbench, name: str) -> Stands:
    live = wb.channels.get(name)
    return stands(live.state, _last_request(wb, "channel", name)) if live is not None else GONE


def _user_stands(wb: Workbench, name: str) -> Stands:
    return stands("defined", _last_request(wb, "user", name))


STANDING: dict[str, Callable[[Workbench, str], Stands]] = {
    "connections": _connection_stands,
    "channels": _channel_stands,
    "security": _user_stands,
}
"""How a definition stands, by its collection."""


def _last_request(wb: Workbench, level: str, name: str) -> Mapping[str, Any] | None:
    """How the newest call by a channel or a user stands."""
    for trace in reversed(wb.traffic[:]):
        if isinstance(trace.root, RequestStep) and getattr(trace.root, level) == name:
            return _outcome_of(trace, trace.root)
    return None


def _last_step(wb: Workbench, fits: Callable[[object], bool]) -> Mapping[str, Any] | None:
    """How the newest step that fits stands."""
    for trace in reversed(wb.traffic[:]):
        for _, step in reversed(list(trace.root.tree())):
            if isinstance(step, Step) and fits(step):
                return _outcome_of(trace, step)
    return None


def _outcome_of(trace: Trace, step: Step) -> dict[str, Any]:
    word: Mood = step.mood
    at = trace.at + step.started - trace.root.started + (step.seconds or 0.0)
    return _outcome(word, at, trace.cid, "" if step.error is None else str(step.error))


def _outcome(word: str, at: float, cid: str, error: str) -> dict[str, Any]:
    return {"outcome": word, "at": at, "cid": cid, "error": error}


def call_facts(trace: Trace) -> dict[str, Any]:
    """A call with all that it caused, as its card shows it."""
    root = trace.root
    facts = {"cid": trace.cid, "at": trace.at, "name": root.name, "outcome": root.outcome, "mood": COLOURS[root.mood]}
    return facts | {"ms": milliseconds(root), "trace": rows_of(trace)}


def _trace(wb: Workbench, trace: Trace) -> Draw:
    def draw(desk: Desk) -> dict[str, Any]:
        return {"calls": [call_facts(trace) | {"acts": True, "off": _why_not_again(desk.wb, trace)}], "notes": []}

    return _call(trace, draw)


def _why_not_again(wb: Workbench, trace: Trace) -> str:
    """Why a call cannot be run again now; '' if it can."""
    if trace.root.seconds is None:
        return "It still runs."
    return "" if wb.traffic.kept(trace.cid) is trace else "wb.traffic no longer keeps this call, so it stays as it is."


def _answer(wb: Workbench, answer: Answer) -> Draw | None:
    if (trace := answer.trace) is None:
        return None
    body = "\n".join(answer.describe().splitlines()[1:])
    return _call(trace, lambda desk: {"calls": [call_facts(trace) | {"text": body}], "notes": []})


def _call(trace: Trace, draw: Draw) -> Draw:
    def stand(desk: Desk) -> Stands:
        root = trace.root
        return stands("running" if root.seconds is None else "ended", _outcome_of(trace, root))

    def drawn(desk: Desk) -> dict[str, Any]:
        return _standing(draw, "", stand, restless=trace.root.seconds is None)(desk)

    return drawn


VIEWS: dict[type, Callable[[Workbench, Any], Draw | None]] = {
    type: _class,
    LiveService: _service,
    Job: _job,
    Definition: _definition,
    Item: _item,
    LiveChannel: _channel,
    Trace: _trace,
    Answer: _answer,
}
"""What has a small card of its own."""
