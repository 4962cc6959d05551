"""What depends on a definition: asked before it is removed by click."""

from __future__ import annotations

from typing import Any

from workbench.core.definition import Definition
from workbench.ui import rows
from workbench.ui.desk import Content, Desk, Tell, Verb


def depends(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """What names this definition, which keeps it in force, the services that use it, and whether a cell says it."""
    collection, name = str(message["collection"]), str(message["name"])
    if collection == "clicked" and desk.wb.clicked[name].edits:
        # What a cell defines stays in force.
        return {"named_by": [], "used_by": [], "in_cell": False}
    definition = rows.definition_named(desk.wb, collection, name)
    is_connection = definition.collection == "connections"
    return {
        "named_by": [str(each) for each, _ in desk.wb.defined if _names(each, definition)],
        "used_by": rows.users_of_connections(desk.wb).get(definition.name, []) if is_connection else [],
        "in_cell": _is_in_cell(desk, definition),
    }


def _is_in_cell(desk: Desk, definition: Definition) -> bool:
    """Whether a cell says it, or said it before a form changed it."""
    origin = desk.wb.origin_of(definition)
    return (origin is not None and origin.kind == "cell") or desk.wb.drafting.in_code(definition) != definition


def _names(each: Definition, wanted: Definition) -> bool:
    return (wanted.collection, wanted.name) in {(one.collection, one.name) for one in each.references()}


REMOVING: dict[str, Verb] = {"depends": depends}
"""What is asked before something is removed."""
