"""The verbs of the cards: invoke, publish, define, schedule, limit, and what their small cards do."""

from __future__ import annotations

import base64
from typing import Any, cast

from workbench.channels.rest import RESTChannel
from workbench.connections import catalog
from workbench.core.definition import Definition
from workbench.core.errors import WorkbenchError
from workbench.core.origin import Origin
from workbench.core.trace import Trace
from workbench.limiting.definition import Limit
from workbench.ui import calls, limit, rows, schedule
from workbench.ui.burst import send_burst
from workbench.ui.code import code_of
from workbench.ui.desk import Content, Desk, Tell, names_in, verb
from workbench.ui.forms import Read, filled, form_of, read

PUBLISHED_BY = ("path", "name", "method", "security", "limit")


@verb("hello")
def hello(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """Somebody looks at a card."""
    return {"zone": desk.zone}


@verb("here")
def here(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """A card tries the way to the kernel."""
    return {}


@verb("bye")
def bye(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any] | None:
    """Somebody looks no more; there is nobody to tell."""
    return None


@verb("zones")
def zones(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """Every time zone."""
    return {"zones": schedule.zones()}


@verb("invoke")
def invoke(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any] | None:
    """Run a service on a worker; the answer is told when it has ended, however long that takes."""
    try:
        payload = calls.payload_of(str(asked.get("payload", "")), str(asked.get("format", "text")))
    except calls.BadPayload as exc:
        return {"problems": {"payload": str(exc)}}

    def done(answer: Any, error: BaseException | None, trace: Trace) -> None:
        tell(calls.ended(answer, error, trace))
        desk.courier.refresh_all()

    desk.wb.submit(str(asked["service"]), payload, done)
    return None


@verb("roll back")
def roll_back(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """Bring back the version before the live one."""
    outcome = desk.wb.services[str(asked["service"])].rollback()
    desk.courier.refresh_all()
    return {"said": repr(outcome)}


def _edited(desk: Desk, asked: Content) -> Definition | None:
    """The definition that a form was opened to change, if it was."""
    match asked.get("edit"):
        case {"collection": "connections", "name": name}:
            return desk.wb.connections[name].definition
        case {"collection": "channels", "name": name}:
            return desk.wb.channels[name]
    return None


def _class_of(desk: Desk, asked: Content) -> type[Definition]:
    if (edited := _edited(desk, asked)) is not None:
        return type(edited)
    if (kind := asked.get("connection")) is not None:
        return catalog.definition_class(str(kind))
    if asked.get("kind") == "RESTChannel":
        return RESTChannel
    raise WorkbenchError(f"There is no form for {asked.get('kind')!r}.")


def _cell(asked: Content) -> str:
    """The cell of the card that asks."""
    return str(asked.get("cell", ""))


@verb("form")
def form(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """The form of a definition's class, filled as far as is known."""
    cls, preset = _class_of(desk, asked), dict(asked.get("preset") or {})
    if (edited := _edited(desk, asked)) is not None:
        opened = form_of(cls, filled(edited), PUBLISHED_BY if cls is RESTChannel else ())
        return {"form": opened, "names": names_in(desk.wb)}
    if cls is RESTChannel:
        service = str(preset["service"])
        name = schedule.free_name(service, list(desk.wb.channels))
        preset |= {"name": name, "path": f"/{name.replace('.', '/').replace(' ', '-')}"}
        return {"form": form_of(cls, preset, PUBLISHED_BY), "names": names_in(desk.wb)}
    return {"form": form_of(cls, preset), "names": names_in(desk.wb)}


@verb("form check")
def form_check(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """What is wrong with a form so far, and its code when nothing is."""
    found = read(_class_of(desk, asked), asked["values"])
    if found.definition is None:
        return {"problems": found.problems, "code": ""}
    return {"problems": desk.clashes(found.definition), "code": code_of(found.definition)}


@verb("form save")
def form_save(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """Put a form's definition into force."""
    found = read(_class_of(desk, asked), asked["values"])
    said = desk.put(found, _cell(asked))
    if not said["problems"]:
        definition = cast(Definition, found.definition)
        now = "changed" if asked.get("edit") else "open" if isinstance(definition, RESTChannel) else "defined"
        said["said"] = f"{definition} is {now}."
    return said


@verb("ping")
def ping(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """One round trip of a connection."""
    return {"said": desk.wb.connections[str(asked["name"])].ping()}


@verb("peer put")
def put_file(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """Have a file arrive at a peer."""
    peer, path = desk.wb.peers[str(asked["name"])], str(asked["path"])
    contents = base64.b64decode(str(asked["contents"]), validate=True)
    cast(Any, peer).put(path, contents)
    desk.courier.refresh_all()
    return {"said": f"{path} has arrived at {peer}."}


@verb("schedule")
def open_schedule(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """The form that schedules a service."""
    taken = [job.name for job in rows.jobs_of(desk.wb)]
    opened = schedule.opening(str(asked["service"]), taken, desk.zone, desk.wb.clock.now())
    return opened | {"notebook": desk.notebook}


@verb("job edit")
def edit_job(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """The form of a job there is."""
    job = desk.wb.jobs[str(asked["name"])].definition
    return schedule.editing(job, desk.wb.clock.now()) | {"notebook": desk.notebook}


def _job(desk: Desk, asked: Content) -> Read:
    values = {**asked["values"], "service": asked["service"]}
    return schedule.read_job(str(asked["how"]), values, desk.wb.clock.now())


@verb("schedule check")
def check_schedule(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """The next runs of what is typed, its words and its code."""
    values = {**asked["values"], "service": asked["service"]}
    return schedule.preview(str(asked["how"]), values, desk.wb.clock.now(), str(asked.get("viewer", "")))


@verb("schedule save")
def save_schedule(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """Put the job into force, and run it once if asked."""
    edited = str(asked.get("edit", ""))
    said = desk.put(_job(desk, asked), _cell(asked), edited)
    if said["problems"]:
        return said
    desk.zone = str(asked["values"].get("timezone") or desk.zone)
    if asked.get("run"):
        desk.wb.jobs[said["name"]].execute(wait=False)
    return said | {"said": f"Job {said['name']!r} is {'changed' if edited else 'on'}."}


@verb("job")
def job(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """Execute, pause, resume or remove a job."""
    name, what = str(asked["name"]), str(asked["what"])
    handled = desk.wb.jobs[name]
    if what == "execute":
        handled.execute(wait=False)
    elif what == "remove":
        definition = handled.definition
        was = desk.wb.origin_of(definition)
        desk.wb.withdraw(definition)
        desk.last.pop(name, None)
        desk.courier.refresh_all()
        return {"said": f"Job {name!r} is removed.", "undo": desk.keep_undo(lambda: _again(desk, definition, was))}
    elif what in ("pause", "resume"):
        getattr(handled, what)()
    else:
        raise WorkbenchError(f"A job cannot {what!r}.")
    desk.courier.refresh_all()
    return {"said": ""}


def _again(desk: Desk, definition: Definition, was: Origin | None) -> str:
    desk.wb.drafting.define([definition], origin=was or Origin("form"))
    return f"{definition} is on again."


@verb("limit")
def open_limit(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """The form that limits a service, one of its endpoints, or a user."""
    service = str(asked["service"])
    channels = rows.channels_of(desk.wb, service)
    users = list(dict.fromkeys([each.security for each in channels if each.security] + list(desk.wb.security)))
    targets: list[dict[str, Any]] = [
        *({"on": "channel", "name": each.name, "text": f"this endpoint {each.path}"} for each in channels),
        *({"on": "user", "name": user, "text": f"this user {user}"} for user in users),
        {"on": "service", "name": service, "text": "this service, whatever way in"},
    ]
    known = {each.identity: each for each in desk.wb.limits.values()}
    for target in targets:
        target["form"] = limit.opening(known.get((target["on"], target["name"])))
    return {"targets": targets, "users": users, "channel": channels[0].name if channels else ""}


def _limit(asked: Content) -> Read:
    return limit.read_limit(str(asked["on"]), str(asked["name"]), asked["lines"], asked["values"])


@verb("limit check")
def check_limit(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """Who would pass, by the server's own code; which lines can never refuse."""
    found = _limit(asked)
    said = limit.preview(found, asked.get("tried") or {}, list(desk.wb.limits.values()))
    used = [use for use in desk.wb.limits.use() if (use.on, use.name) == (asked["on"], asked["name"])]
    return said | {"used": {use.line: use.used for use in used}}


@verb("limit save")
def save_limit(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """Put the limit into force."""
    said = desk.put(_limit(asked), _cell(asked))
    if said["problems"]:
        return said
    return said | {"said": f"Limit on {asked['on']} {asked['name']} is on."}


@verb("limit remove")
def remove_limit(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """Lift a limit."""
    lifted = desk.wb.limits[f"{asked['on']} {asked['name']}"]
    was = desk.wb.origin_of(lifted)
    desk.wb.withdraw(lifted)
    desk.courier.refresh_all()
    return {"said": f"The {lifted} is lifted.", "undo": desk.keep_undo(lambda: _again(desk, lifted, was))}


@verb("burst")
def burst(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """Send so many calls that a limit refuses one."""
    known = desk.wb.limits[f"{asked['on']} {asked['name']}"]
    assert isinstance(known, Limit)
    outcome = send_burst(desk.wb, known, str(asked["service"]), lambda done: tell({"so far": done}))
    desk.courier.refresh_all()
    return outcome


@verb("undo")
def undo(desk: Desk, asked: Content, tell: Tell) -> dict[str, Any]:
    """Take back what a form did."""
    return {"said": desk.undo(int(asked["undo"]))}
