"""What a form that a person fills in stands for: which class, which definition it changes, what was typed."""

from __future__ import annotations

from workbench.connections import catalog
from workbench.core.definition import Definition
from workbench.core.errors import WorkbenchError
from workbench.ui import rows
from workbench.ui.desk import Content, Desk
from workbench.ui.forms.reading import Read, filled, read
from workbench.ui.forms.secrets import Typed, take
from workbench.ui.panel.offers import FORMS


def edited(desk: Desk, message: Content) -> Definition | None:
    """The definition that a form was opened to change, if it was."""
    match message.get("edit"):
        case {"collection": collection, "name": name}:
            return rows.definition_named(desk.wb, str(collection), str(name))
    return None


def class_of(desk: Desk, message: Content) -> type[Definition]:
    """The class of the definition that a form is of."""
    if (before := edited(desk, message)) is not None:
        return type(before)
    if (kind := message.get("connection")) is not None:
        return catalog.definition_class(str(kind))
    kind = str(message.get("kind"))
    if (cls := FORMS.get(kind)) is not None:
        return cls
    raise WorkbenchError(f"There is no form for {kind!r}. Fix: define it in a cell.")


def filled_form(desk: Desk, message: Content) -> tuple[Read, list[Typed]]:
    """What a form describes, and the values of secrets that were typed into it."""
    cls, before = class_of(desk, message), edited(desk, message)
    taken = take(cls, message["values"], desk.wb.secrets, filled(before) if before is not None else None)
    found = read(cls, taken.values)
    return (Read(None, found.problems | taken.problems) if taken.problems else found), taken.typed
