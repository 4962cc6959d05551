"""What depends on a definition: asked before it is removed by click."""

from __future__ import annotations

from typing import Any

from workbench.core.definition import Definition
from workbench.ui import rows
from workbench.ui.desk import Content, Desk, Tell, Verb


def depends(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """The definitions that name this one, which keep it in force, and the services that use it."""
    collection, name = str(message["collection"]), str(message["name"])
    if collection == "clicked" and desk.wb.clicked[name].edits:
        # What a cell defines stays in force.
        return {"named_by": [], "used_by": []}
    definition = rows.definition_named(desk.wb, collection, name)
    is_connection = definition.collection == "connections"
    return {
        "named_by": [str(each) for each, _ in desk.wb.defined if _names(each, definition)],
        "used_by": rows.users_of_connections(desk.wb).get(definition.name, []) if is_connection else [],
    }


def _names(each: Definition, wanted: Definition) -> bool:
    return (wanted.collection, wanted.name) in {(one.collection, one.name) for one in each.references()}


REMOVING: dict[str, Verb] = {"depends": depends}
"""What is asked before something is removed."""
