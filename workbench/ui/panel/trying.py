"""*Try before you save*: what a form describes is asked once, with what was typed, and nothing of it is kept."""

from __future__ import annotations

from typing import Any

from workbench.channels.definition import HTTPChannel
from workbench.connections.definition import ConnectionDefinition
from workbench.core.definition import Definition
from workbench.core.errors import WorkbenchError
from workbench.core.masking import mask
from workbench.security.definitions import SecurityDefinition
from workbench.ui.desk import Content, Desk, Tell
from workbench.ui.forms.filling import filled_form
from workbench.ui.forms.request import opening, read_request
from workbench.ui.panel.request import colour_of, declared


def label_of(cls: type[Definition]) -> str:
    """What the button of a form is called; '' of a kind that cannot be tried before it is saved."""
    if issubclass(cls, ConnectionDefinition):
        return "Ping"
    if issubclass(cls, HTTPChannel):
        return "Send a request"
    return "Check" if issubclass(cls, SecurityDefinition) else ""


def form_try(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Ping a connection, let a user in, or call by a channel, as the form has it; or say by field what is wrong."""
    found, typed = filled_form(desk, message)
    if found.definition is None:
        return {"problems": found.problems}
    if problems := desk.clashes(found.definition):
        return {"problems": problems}
    if isinstance(found.definition, HTTPChannel):
        return {"problems": {}, **_called(desk, found.definition)}
    values = {each.name: each.value for each in typed}
    if isinstance(found.definition, ConnectionDefinition):
        said = f"{found.definition} answered: {_pinged(desk, found.definition, values)}"
    else:
        assert isinstance(found.definition, SecurityDefinition)
        desk.wb.try_user(found.definition, values)
        said = f"{found.definition} is let in with these credentials."
    return {"problems": {}, "tried": said, "mood": "live"}


def _called(desk: Desk, definition: HTTPChannel) -> dict[str, str]:
    """What a first request is answered, by the server's own pipeline; to all others the address stays as it was."""
    with desk.wb.try_channel(definition) as (live, mine):
        form = opening(live, declared(desk, live))
        request, problems = read_request(live, form["start"] | {"places": dict.fromkeys(form["places"], "1")})
        if request is None:
            raise WorkbenchError(f"No request can be made up for {definition}: {problems}. Fix: save it, then Try it.")
        asked = f"{request.method} {request.target}"
        answer = desk.wb.call(asked, request.body, headers=request.headers | mine, user=request.user)
    return {"tried": f"{asked} was answered {' '.join(answer.describe().split())}", "mood": colour_of(answer.status)}


def _pinged(desk: Desk, definition: ConnectionDefinition, values: dict[str, str]) -> str:
    """A ping; the peer that played the other side of what is not defined goes again."""
    was_there = definition.name in desk.wb.connections
    try:
        return mask(desk.wb.try_connection(definition, values))
    finally:
        if not was_there:
            desk.wb.peers.remove(definition.name)
