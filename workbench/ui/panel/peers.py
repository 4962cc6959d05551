"""What a person does to a peer by click: faults, and to be well again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.sandbox.peer import Peer
from workbench.ui.desk import Content, Desk, Tell, Verb
from workbench.ui.forms.faults import code_of_faults, fault_fields, have_faults, in_force, read_faults
from workbench.ui.forms.fields import plain_value


def peer_facts(name: str, peer: Peer, html: Callable[[Any], str]) -> dict[str, Any]:
    """A peer as its row shows it: what arrived as HTML that is safe already, and the faults it has now."""
    takes = hasattr(peer, "files") and hasattr(peer, "put")
    return {"name": name, "html": html(peer), "takes": takes, "faults": list(in_force(peer))}


def open_faults(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """The faults that a peer can have, as it has them now."""
    peer = desk.wb.peers[str(message["name"])]
    now = in_force(peer)
    fields = fault_fields(peer.fault_fields)
    for field in fields:
        field["value"] = plain_value(now[field["name"]]) if field["name"] in now else None
    return {"fields": fields, "label": peer.label}


def set_faults(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Have a peer fail as chosen from now on, instead of what it did before; nothing chosen heals it."""
    name = str(message["name"])
    peer = desk.wb.peers[name]
    knobs, problems = read_faults(peer.fault_fields, message["faults"])
    problems = problems or have_faults(peer, knobs)
    if problems:
        return {"problems": problems}
    desk.courier.refresh_all()
    said = f"{peer} has faults: {', '.join(knobs)}." if knobs else f"{peer} is well."
    return {"problems": {}, "said": said, "mood": "warn" if knobs else "live", "code": code_of_faults(name, knobs)}


PEERS: dict[str, Verb] = {"faults": open_faults, "faults set": set_faults}
"""What the row of a peer asks for."""
