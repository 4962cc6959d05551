"""*Try before you save*: what a form describes is asked once, with what was typed, and nothing of it is kept."""

from __future__ import annotations

from typing import Any

from workbench.connections.definition import ConnectionDefinition
from workbench.core.definition import Definition
from workbench.security.definitions import SecurityDefinition
from workbench.ui.desk import Content, Desk, Tell
from workbench.ui.forms.filling import filled_form


def label_of(cls: type[Definition]) -> str:
    """What the button of a form is called; '' of a kind that cannot be tried before it is saved."""
    if issubclass(cls, ConnectionDefinition):
        return "Ping"
    return "Check" if issubclass(cls, SecurityDefinition) else ""


def form_try(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Ping a connection, or let a user in, as the form has it now; or say by field what is wrong."""
    found, typed = filled_form(desk, message)
    if found.definition is None:
        return {"problems": found.problems}
    if problems := desk.clashes(found.definition, str((message.get("edit") or {}).get("name", ""))):
        return {"problems": problems}
    values = {each.name: each.value for each in typed}
    if isinstance(found.definition, ConnectionDefinition):
        said = f"{found.definition} answered: {_pinged(desk, found.definition, values)}"
    else:
        assert isinstance(found.definition, SecurityDefinition)
        desk.wb.try_user(found.definition, values)
        said = f"{found.definition} is let in with these credentials."
    return {"problems": {}, "tried": said}


def _pinged(desk: Desk, definition: ConnectionDefinition, values: dict[str, str]) -> str:
    """A ping; the peer that played the other side of what is not defined goes again."""
    was_there = definition.name in desk.wb.connections
    try:
        return desk.wb.try_connection(definition, values)
    finally:
        if not was_there:
            desk.wb.peers.remove(definition.name)
