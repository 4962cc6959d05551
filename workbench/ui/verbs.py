"""The verbs of the cards: invoke, publish, define, schedule, limit, and what their small cards do."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, cast

from workbench.app.code import code_of, secrets_of
from workbench.channels.definition import ChannelDefinition
from workbench.core.definition import Definition
from workbench.core.errors import WorkbenchError
from workbench.core.origin import Origin
from workbench.limiting.definition import Limit
from workbench.scheduler.jobs import Job
from workbench.ui import calls, cells, rows, writing
from workbench.ui.desk import Content, Desk, Tell, Verb, names_in
from workbench.ui.forms import filling, limit, schedule
from workbench.ui.forms.clients import CLIENTS
from workbench.ui.forms.reading import Read, filled, form_of
from workbench.ui.forms.removing import REMOVING
from workbench.ui.forms.secrets import Typed
from workbench.ui.forms.taking import taken
from workbench.ui.panel import trying
from workbench.ui.panel.burst import send_burst
from workbench.ui.panel.pings import PINGS
from workbench.ui.panel.verbs import PANEL


def hello(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Somebody looks at a card, in the notebook of this path and on the host that the front end says."""
    if host := str(message.get("host") or ""):
        desk.wb.answer_for(host)
    known = Path(desk.wb.app).name
    name = PurePosixPath(str(message.get("path") or "")).name
    if name.endswith(".ipynb") and name != (desk.path or known):
        desk.path = name
        desk.wb.rename(name)
        desk.courier.refresh_all()
    return {"zone": desk.zone}


def here(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """A card tries the way to the kernel."""
    return {}


def bye(desk: Desk, message: Content, tell: Tell) -> dict[str, Any] | None:
    """Somebody looks no more; there is nobody to tell."""
    return None


def zones(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Every time zone."""
    return {"zones": schedule.zones()}


def roll_back(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Bring back what was live before."""
    outcome = desk.wb.services[str(message["service"])].rollback()
    desk.courier.refresh_all()
    return {"said": repr(outcome)}


def _cell(message: Content) -> str:
    """The cell of the card that asks."""
    return str(message.get("cell", ""))


def form(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """The form of a definition's class, filled as far as is known."""
    cls, preset = filling.class_of(desk, message), dict(message.get("preset") or {})
    first = cls.first_fields if issubclass(cls, ChannelDefinition) else ()
    if (edited := filling.edited(desk, message)) is not None:
        preset = filled(edited)
    elif issubclass(cls, ChannelDefinition) and "service" in preset:
        service = str(preset["service"])
        name = schedule.free_name(service, list(desk.wb.channels))
        preset |= {"name": name, "path": f"/{name.replace('.', '/').replace(' ', '-')}", "services": service}
    in_code = cells.locked(desk.wb, edited) if edited is not None else {}
    names = names_in(desk.wb) | {"secrets": desk.wb.secrets.names, "places": desk.wb.secrets.places}
    return {"form": form_of(cls, preset, first), "names": names, "try": trying.label_of(cls), **in_code}


def _to_keep(typed: Sequence[Typed]) -> str:
    """Where values that are typed will be kept, and under which names."""
    return " ".join(f"Save keeps the value in {each.place}, as {each.name}." for each in typed)


def _kept(typed: Sequence[Typed]) -> str:
    """Where values that were typed are kept, and under which names."""
    return " ".join(f"The value of {each.name} is kept in {each.place}." for each in typed)


def form_check(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """What is wrong with a form so far, and its code when nothing is."""
    found, typed = filling.filled_form(desk, message)
    if found.definition is None:
        return {"problems": found.problems, "code": ""}
    named = {each.name for each in secrets_of(found.definition)} - {each.name for each in typed}
    unset = [name for name in named if not desk.wb.secrets.has(name)]
    # Without the name: it may be the secret itself.
    note = "No secret of this name is set. Type its value, or name one that is set." if unset else _to_keep(typed)
    problems = desk.clashes(found.definition)
    return {"problems": problems, "code": "" if problems else code_of(found.definition), "note": note}


def form_save(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Put a form's definition into force; the secrets that were typed are kept first, since it may need them."""
    found, typed = filling.filled_form(desk, message)

    def keep() -> None:
        for each in typed:
            desk.wb.secrets.keep(*each)

    said = desk.put(found, _cell(message), first=keep)
    if not said["problems"]:
        definition = cast(Definition, found.definition)
        made = "open" if isinstance(definition, ChannelDefinition) else "defined"
        now = "as it was" if said["same"] and not typed else "changed" if message.get("edit") else made
        said["said"] = f"{definition} is {now}. {_kept(typed)}".rstrip()
    return said


def remove(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Take a definition out of force."""
    definition = rows.definition_named(desk.wb, str(message["collection"]), str(message["name"]))
    return _removed(desk, definition, f"{definition} is removed.")


def _removed(desk: Desk, definition: Definition, said: str) -> dict[str, Any]:
    was = desk.wb.origin_of(definition)
    desk.wb.withdraw(definition)
    desk.courier.refresh_all()
    return {"said": said, "undo": desk.keep_undo(lambda: _again(desk, definition, was))}


def put_file(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Have a file arrive at a peer."""
    peer, path = desk.wb.peers[str(message["name"])], str(message["path"])
    contents = base64.b64decode(str(message["contents"]), validate=True)
    cast(Any, peer).put(path, contents)
    desk.courier.refresh_all()
    return {"said": f"{path} has arrived at {peer}."}


def take_file(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Give a person a file of a peer; only then does it leave the kernel."""
    name = str(message["name"])
    contents = taken(desk.wb.peers[name], name, str(message["path"]))
    return {"contents": base64.b64encode(contents).decode()}


def open_schedule(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """The form that schedules a service."""
    taken = [job.name for job in rows.jobs_of(desk.wb)]
    opened = schedule.opening(str(message["service"]), taken, desk.zone, desk.wb.clock.now())
    return opened | {"notebook": desk.notebook}


def edit_job(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """The form of a job there is."""
    job = desk.wb.jobs[str(message["name"])].definition
    in_code = cells.locked(desk.wb, job)
    return schedule.editing(job, desk.wb.clock.now()) | {"notebook": desk.notebook, **in_code}


def _job(desk: Desk, message: Content) -> Read:
    values = {**message["values"], "service": message["service"]}
    return schedule.read_job(str(message["how"]), values, desk.wb.clock.now(), _edited(desk, message))


def check_schedule(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """The next runs of what is typed, its words and its code."""
    values = {**message["values"], "service": message["service"]}
    viewer = str(message.get("viewer", ""))
    return schedule.preview(str(message["how"]), values, desk.wb.clock.now(), viewer, _edited(desk, message))


def _edited(desk: Desk, message: Content) -> Job | None:
    """The job that the form changes, if it changes one."""
    return desk.wb.jobs.get(str(message["edit"])) if message.get("edit") else None


def save_schedule(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Put the job into force, and run it once if the card says so."""
    edited = str(message.get("edit", ""))
    said = desk.put(_job(desk, message), _cell(message), edited)
    if said["problems"]:
        return said
    desk.zone = str(message["values"].get("timezone") or desk.zone)
    if message.get("run"):
        desk.wb.jobs[said["name"]].execute(wait=False)
    now = "as it was" if said["same"] else "changed" if edited else "on"
    return said | {"said": f"Job {said['name']!r} is {now}."}


def job(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Execute, pause, resume or remove a job."""
    name, what = str(message["name"]), str(message["what"])
    handled = desk.wb.jobs[name]
    if what == "execute":
        handled.execute(wait=False)
    elif what == "remove":
        desk.last.pop(name, None)
        return _removed(desk, handled.definition, f"Job {name!r} is removed.")
    elif what in ("pause", "resume"):
        getattr(handled, what)()
    else:
        raise WorkbenchError(f"A job cannot {what!r}. Fix: run the cell of its card again.")
    desk.courier.refresh_all()
    return {"said": ""}


def _again(desk: Desk, definition: Definition, was: Origin | None) -> str:
    desk.wb.drafting.define([definition], origin=was or Origin("form"))
    return f"{definition} is on again."


def open_limit(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """The form that limits a service, one of its endpoints, or a user; or the one object that is named."""
    service = str(message.get("service") or "")
    targets = _targets(desk, service)
    if (on := message.get("on")) is not None:
        targets = [{"on": on, "name": message["name"], "text": f"{on} {message['name']}"}]
    known = {each.identity: each for each in desk.wb.limits.values()}
    for target in targets:
        target["form"] = limit.opening(known.get((target["on"], target["name"])))
    users = dict.fromkeys(each.security for each in rows.channels_of(desk.wb, service) if each.security)
    return {"targets": targets, "users": list(users)}


def _targets(desk: Desk, service: str) -> list[dict[str, Any]]:
    """What calls of a service meet: its endpoints, their users, the service."""
    channels = rows.channels_of(desk.wb, service)
    users = dict.fromkeys([each.security for each in channels if each.security] + list(desk.wb.users))
    return [
        *(
            {"on": "channel", "name": each.name, "text": f"this endpoint {each.address or each.name}"}
            for each in channels
        ),
        *({"on": "user", "name": user, "text": f"this user {user}"} for user in users),
        {"on": "service", "name": service, "text": "this service, whatever way in"},
    ]


def _limit(message: Content) -> Read:
    return limit.read_limit(str(message["on"]), str(message["name"]), message["lines"], message["values"])


def _in_its_place(desk: Desk, found: Read) -> Read:
    """A limit as it would be written: by itself, or as the `limit=` of the channel or user that says it."""
    owner = rows.owner_of_limit(desk.wb, found.definition) if isinstance(found.definition, Limit) else None
    return found if owner is None else limit.as_field(cast(Limit, found.definition), owner)


def check_limit(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Who would pass, by the server's own code; which lines can never refuse."""
    found = _limit(message)
    tried = dict(message.get("tried") or {})
    tried |= limit.way_in(desk.wb.channels.values(), str(message["on"]), str(message["name"]), tried)
    said = limit.preview(found, tried, list(desk.wb.limits.values()))
    written = _in_its_place(desk, found)
    said |= {"problems": written.problems, "code": code_of(written.definition) if written.definition else ""}
    used = [use for use in desk.wb.limits.use() if (use.on, use.name) == (message["on"], message["name"])]
    return said | {"used": {use.line: use.used for use in used}}


def save_limit(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Put the limit into force."""
    said = desk.put(_in_its_place(desk, _limit(message)), _cell(message))
    if said["problems"]:
        return said
    return said | {"said": f"Limit on {message['on']} {message['name']} is on."}


def remove_limit(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Lift a limit, where it is said: as a definition of its own, or as the `limit=` of a channel or user."""
    lifted = desk.wb.limits[f"{message['on']} {message['name']}"]
    if (owner := rows.owner_of_limit(desk.wb, lifted)) is not None:
        said = desk.put(Read(owner.replace(limit=""), {}), _cell(message))
        return said | {"said": f"The {lifted} is lifted: {owner} has no limit= any more."}
    if desk.wb.origin_of(lifted) is None:
        raise WorkbenchError(f"The {lifted} is said by its class. Fix: change limit = there and run its cell again.")
    return _removed(desk, lifted, f"The {lifted} is lifted.")


def burst(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Send so many calls that a limit refuses one."""
    known = desk.wb.limits[f"{message['on']} {message['name']}"]
    assert isinstance(known, Limit)
    tried = {"service": message.get("service")}
    service = message.get("service") or limit.way_in(desk.wb.channels.values(), known.on, known.name, tried)["service"]
    outcome = send_burst(desk.wb, known, str(service or ""), lambda done: tell({"so far": done}))
    desk.courier.refresh_all()
    return outcome


def allow_outside(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Take this notebook as one's own, so that it may call the outside."""
    desk.wb.outside.allow()
    desk.courier.refresh_all()
    return {"said": "Allowed, from now on. Run the cell again."}


def use_stand_ins(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Send every connection to a stand-in."""
    desk.wb.sandbox()
    desk.courier.refresh_all()
    return {"said": "Every connection goes to a stand-in. Run the cell again."}


def remove_click(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Take back what was made by click."""
    click = desk.wb.clicked[str(message["name"])]
    desk.wb.clicked.remove(click.name)
    desk.courier.refresh_all()
    again = desk.keep_undo(lambda: _again(desk, click.definition, click.origin))
    return {"said": f"{click} is removed."} | ({} if click.edits else {"undo": again})


def undo(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Take back what a form did."""
    return {"said": desk.undo(int(message["undo"]))}


VERBS: dict[str, Verb] = {
    "hello": hello,
    "here": here,
    "renamed": hello,
    "bye": bye,
    "zones": zones,
    "invoke": calls.invoke,
    "invoke form": calls.open_invoke,
    "roll back": roll_back,
    "form": form,
    "form check": form_check,
    "form save": form_save,
    "form try": trying.form_try,
    **CLIENTS,
    "remove": remove,
    **PINGS,
    "peer put": put_file,
    "peer take": take_file,
    "schedule": open_schedule,
    "job edit": edit_job,
    "schedule check": check_schedule,
    "schedule save": save_schedule,
    "job": job,
    "limit": open_limit,
    "limit check": check_limit,
    "limit save": save_limit,
    "limit remove": remove_limit,
    "burst": burst,
    "click remove": remove_click,
    "outside allow": allow_outside,
    "outside stand-ins": use_stand_ins,
    "undo": undo,
    **REMOVING,
    "cell written": writing.written,
    "cell again": writing.again,
    "cell offer": writing.offered,
    **PANEL,
}
"""What cards may ask for. A verb that answers None tells its answer later."""
