"""What a card shows of each service: what is live, by which addresses, what is missing, its jobs and its limits."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from workbench.app.code import code_of
from workbench.app.deploy.clicks import Click
from workbench.app.deploy.mentions import mentions
from workbench.app.deploy.service import LiveService
from workbench.app.rehearsal.verdict import Verdict
from workbench.app.workbench import Workbench
from workbench.channels.definition import ChannelDefinition
from workbench.channels.live import LiveChannel
from workbench.channels.websocket.live import LiveWebSocketChannel
from workbench.connections import catalog
from workbench.core.definition import Definition
from workbench.core.errors import WorkbenchError
from workbench.limiting.definition import Limit
from workbench.limiting.shared.limiter import Use
from workbench.scheduler.jobs import Job
from workbench.scheduler.records import Run
from workbench.scheduler.runs.table import Bar, bars
from workbench.ui.forms.fields import fields_of
from workbench.ui.forms.limit import enough_calls
from workbench.ui.panel.figures import failed_of
from workbench.ui.trace import COLOURS

SHOWN_CALLS = 20
WORDS = {"differs": "otherwise", "cannot compare": "cannot compare"}


def services(wb: Workbench, names: Sequence[str], last: Mapping[str, Run]) -> list[dict[str, Any]]:
    """A row for each service, as plain data.

    Args:
        wb: The workbench.
        names: The services whose rows they are.
        last: What was heard last of each job.
    """
    every = jobs_of(wb)
    used = wb.limits.use()
    failed = failed_of(wb, names)
    shown = [_row(wb, name, [job for job in every if job.definition.service == name], used, last) for name in names]
    return [row if row.get("gone") else row | {"failed": row["service"] in failed} for row in shown]


def jobs_of(wb: Workbench) -> list[Job]:
    """Every job; the store stays closed while nobody has asked for one."""
    return list(wb.jobs.values()) if wb.has_jobs else []


def clicks(wb: Workbench) -> list[dict[str, Any]]:
    """What was made by click and is in no cell, with its code; nothing while the store gives no answer."""
    try:
        clicks = wb.clicked.values()
        return [_click(wb, each) for each in clicks]
    except WorkbenchError:
        return []


def _click(wb: Workbench, click: Click) -> dict[str, Any]:
    made = {"action": "insert", "code": click.code, "cell": click.origin.cell_id, "near": []}
    return {
        "name": click.name,
        "said": wb.clicked.describe(click),
        "code": click.code,
        "collection": click.definition.collection,
        # A change of what a cell says is no cell of its own.
        "write": None if click.edits else made | {"full_name": click.definition.full_name},
    }


def channels_of(wb: Workbench, service: str) -> list[LiveChannel]:
    """The channels that lead to a service, of whatever kind."""
    return [each for each in wb.channels.values() if service in each.leads_to]


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
    return {
        "service": name,
        "version": service.live.number,
        "back": service.before,
        "about": service.doc.partition("\n")[0],
        "missing": _missing(wb, service.source),
        "answering": _answering(service),
        "addresses": [_address(each) for each in channels_of(wb, name)],
        "jobs": [job_facts(job, last.get(job.name), cell_of(wb, job.definition)) for job in jobs],
        "limits": [limit_facts(limit, used, cell_of(wb, limit)) for limit in limits_of(wb, name)],
    }


def _answering(service: LiveService) -> dict[str, Any] | None:
    """What there is to say of its newest version; None where it answers as the old one."""
    if (found := service.compared) is None or not found.said:
        return None
    calls = [_call(each) for each in (*found.of("differs"), *found.of("cannot compare"))]
    facts = {"said": found.said.partition(" Fix:")[0], "calls": calls[:SHOWN_CALLS]}
    return facts | {"old": found.old, "new": found.new, "waits": found.waits}


def _call(verdict: Verdict) -> dict[str, Any]:
    name, word = verdict.trace.root.name, WORDS[verdict.word]
    return {"cid": verdict.cid, "name": name, "word": word, "why": verdict.why, "opens": verdict.new is not None}


def _missing(wb: Workbench, source: str) -> list[dict[str, str]]:
    """Connections that a service's source names and nobody has defined."""
    kinds = {name: str(item.definition.__struct_config__.tag) for name, item in wb.connections.items()}
    return [
        {"kind": each.kind, "label": catalog.label_of(each.kind), "name": each.name}
        for each in mentions(source, catalog.kinds_by_attribute())
        if kinds.get(each.name) not in catalog.members(each.kind)
    ]


def users_of_connections(wb: Workbench) -> dict[str, list[str]]:
    """The services whose source names each connection that is defined, by its name."""
    kinds = {name: str(item.definition.__struct_config__.tag) for name, item in wb.connections.items()}
    found: dict[str, list[str]] = {}
    for service, live in wb.services.items():
        for each in mentions(live.source, catalog.kinds_by_attribute()):
            if kinds.get(each.name) in catalog.members(each.kind) and service not in found.setdefault(each.name, []):
                found[each.name].append(service)
    return found


def _address(live: LiveChannel) -> dict[str, Any]:
    """A channel; only an address that a browser can ask is a link."""
    return {
        "channel": live.name,
        "kind": live.kind,
        "path": live.address or live.name,
        "methods": live.kind if live.methods is None else " ".join(live.methods),
        "security": live.security,
        "open": live.state == "open",
        "url": live.url,
        "link": _is_link(live),
    }


def _is_link(live: LiveChannel) -> bool:
    """Whether a browser can ask its address; by that of a WebSocket it gets a page that asks for credentials itself."""
    is_open = isinstance(live, LiveWebSocketChannel) or not live.security
    return is_open and _answers_get(live) and "{" not in live.url


def _answers_get(live: LiveChannel) -> bool:
    """Whether it answers GET now."""
    return bool(live.url) and (not live.methods or "GET" in live.methods)


def _curl(live: LiveChannel) -> str:
    """The command that asks an address without parameters; '' if there is none."""
    if not live.url or live.methods is None or "{" in live.url:
        return ""
    method = [] if _answers_get(live) else ["-X", live.methods[0]]
    return shlex.join(["curl", *method, live.url])


def cell_of(wb: Workbench, definition: Definition) -> dict[str, str]:
    """The cell that says a definition, as the front end calls it, and by what it is asked for; empty if none does."""
    origin = wb.origin_of(definition)
    if origin is None or origin.kind != "cell" or not origin.cell_id:
        return {}
    return {"cell": origin.cell_id, "collection": definition.collection, "full_name": definition.full_name}


def newest(runs: Sequence[Run], heard: Run | None) -> Run | None:
    """The newest run of a job: of its latest rows, which any process wrote, and of what was heard of it last."""
    return max([*([] if heard is None else [heard]), *runs], key=_at, default=None)


def _at(run: Run) -> datetime:
    return run.ended or run.started or run.until or run.planned


def job_facts(job: Job, heard: Run | None, said_in: Mapping[str, str]) -> dict[str, Any]:
    """A job as its small card shows it; instants in seconds since the epoch.

    Args:
        job: The job.
        heard: What was heard of it last, if anything.
        said_in: Its cell, see `cell_of`.
    """
    definition, since, row = job.definition, job.running_since, job.row
    last = newest(row.runs, heard)
    return {
        "name": job.name,
        "service": definition.service,
        "what": row.what,
        "zone": definition.timezone,
        "state": row.state,
        "next": None if row.next_at is None else row.next_at.timestamp(),
        "since": None if since is None else since.timestamp(),
        "last": None if last is None else run_facts(last),
        "recent": [_recent(each, row.zone) for each in bars(row.runs)],
        "cadence": row.cadence,
        "tripped": list(job.tripped.values()),
        "said_in": said_in,
    }


def _recent(bar: Bar, zone: ZoneInfo) -> list[Any]:
    """A run as a bar: its outcome, its height as a share of the highest, what it says, and its colour."""
    return [bar.run.outcome, round(bar.share, 2), bar.said(zone)[:200], COLOURS[bar.run.mood]]


def run_facts(run: Run) -> dict[str, Any]:
    """A run as its job's small card shows it."""
    return {
        "outcome": run.outcome,
        "mood": COLOURS[run.mood],
        "at": _at(run).timestamp(),
        "by_hand": run.by_hand,
        "cid": run.cid,
        "error": run.error,
        "returned": run.returned,
        "seconds": run.seconds,
        "log": list(run.log[-20:]),
    }


def definition_facts(
    wb: Workbench, was: Definition, now: Definition | None, moods: Mapping[str, str]
) -> dict[str, Any]:
    """A connection or a channel as its row shows it.

    Args:
        wb: The workbench.
        was: The definition that the card was made for.
        now: What is in force under its name, if anything.
        moods: How the last ping or call of each connection went.
    """
    shown = now or was
    host, port, path = (str(getattr(shown, field, "") or "") for field in ("host", "port", "path"))
    live = wb.channels.get(shown.name) if shown.collection == "channels" else None
    address = shown.address if isinstance(shown, ChannelDefinition) else ""
    return {
        "collection": shown.collection,
        "name": shown.name,
        "text": str(shown),
        "where": address or f"{host}{':' if host and port else ''}{port}{path}",
        "link": live.url if live is not None and _is_link(live) else "",
        "who": _who(shown),
        "secret": _secret(shown),
        "code": code_of(shown),
        "curl": _curl(live) if live is not None else "",
        "try": live is not None and live.methods is not None,
        "has_clients": isinstance(live, LiveWebSocketChannel),
        "sandbox": shown.collection == "connections" and wb.peers.on,
        "mood": moods.get(shown.name, "live") if shown.collection == "connections" else "live",
        "gone": now is None,
        "said_in": cell_of(wb, now) if now is not None else {},
    }


def _who(shown: Definition) -> str:
    """Who may call a channel; '' of anything else."""
    if not isinstance(shown, ChannelDefinition):
        return ""
    return f"only {shown.security}" if shown.security else f"no security: {shown.open_to}"


def _secret(shown: Definition) -> dict[str, str]:
    """The field of its secret, the one that is set if it may have several, and the button for it; empty without one."""
    fields = [each for each in fields_of(type(shown)) if each.kind == "secret"]
    if not fields:
        return {}
    field = next((each for each in fields if getattr(shown, each.name)), fields[0])
    what = "secret" if shown.collection == "connections" else field.label.lower()
    return {"field": field.name, "label": f"Change {what}"}


def definition_named(wb: Workbench, collection: str, name: str) -> Definition:
    """What is in force under a name; raises UnknownName."""
    item = getattr(wb, collection)[name]
    found: Definition = item if isinstance(item, Definition) else item.definition
    return found


def owner_of_limit(wb: Workbench, limit: Limit) -> Definition | None:
    """The channel or user that has a limit as its own `limit=`; None of a limit that is written elsewhere."""
    if limit.on == "service":
        return None
    live: Any = (wb.channels if limit.on == "channel" else wb.users).get(limit.name)
    owner: Definition | None = live.definition if isinstance(live, LiveChannel) else live
    return owner if getattr(owner, "limit", "") else None


def limit_facts(limit: Limit, used: Sequence[Use], said_in: Mapping[str, str]) -> dict[str, Any]:
    """A limit as its small card shows it: a bar a line."""
    mine = [use for use in used if (use.on, use.name) == limit.identity]
    return {
        "on": limit.on,
        "name": limit.name,
        "shadow": limit.shadow,
        "calls": enough_calls(limit),
        "said_in": said_in,
        "lines": [
            {"line": use.line, "used": use.used, "most": use.limit, "refused": use.refused, "addresses": use.addresses}
            for use in mine
        ],
    }
