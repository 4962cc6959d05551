"""What of a notebook's cells is to change so that they say what a form made; the front end does it."""

from __future__ import annotations

from typing import Any

from workbench.app.code import code_of
from workbench.app.deploy.attributes import with_attribute
from workbench.app.deploy.calls import SetInCode
from workbench.app.deploy.rewriting import rewritten, set_in_code
from workbench.app.deploy.texts import names_in_notebook
from workbench.app.workbench import Workbench
from workbench.core.definition import Definition
from workbench.core.errors import WorkbenchError
from workbench.core.origin import Origin

Change = dict[str, Any]


def change_for(wb: Workbench, after: Definition, before: Definition | None, was: Origin | None, cell: str) -> Change:
    """The change of the notebook that goes with a definition which a form has put into force.

    Args:
        wb: The workbench.
        after: What is in force now.
        before: What its code says until then, under its name.
        was: Where that was made.
        cell: The cell of the click.

    Returns:
        An `action` for the front end: `insert` a cell with `code`, `rewrite` one from `was` to `code`, or `none`, for
        the reason that `problem` gives.
    """
    if before is None or was is None or (was.kind == "form" and _is_only_clicked(wb, before)):
        return {"action": "insert", "code": code_of(after), "cell": cell, "near": _cells_with(wb, after)}
    if was.kind in ("file", "command line"):
        return {"action": "none", "problem": f"{after} is set in {was}. Fix: change it there, too."}
    text = wb.drafting.texts.get(was.cell_id)
    if text is None:
        return {"action": "none", "problem": "Nobody told in which cell it is set. Fix: change it there, too."}
    try:
        code = rewritten(text, before, after, names_in_notebook())
    except SetInCode as exc:
        return {"action": "none", "problem": str(exc)}
    return {"action": "rewrite", "cell": was.cell_id, "was": text, "code": code}


def change_of_class(wb: Workbench, service: str, attribute: str, value: str) -> Change | None:
    """The change of the cell that has a service's class, so that it says a value; None where there is none to make."""
    version = wb.services[service].live
    if version.origin.kind != "cell" or version.origin.loaded:
        return None
    cell = version.origin.cell_id
    if (text := wb.drafting.texts.get(cell)) is None:
        return None
    try:
        code = with_attribute(text, version.cls.__name__, attribute, value)
    except SetInCode as exc:
        return {"action": "none", "problem": str(exc)}
    return {"action": "rewrite", "cell": cell, "was": text, "code": code} if code != text else None


def offer_of_class(text: str, wb: Workbench, service: str, attribute: str, value: str) -> Change:
    """What a cell that a person has edited since would become; nothing is written."""
    try:
        return {"becomes": with_attribute(text, wb.services[service].live.cls.__name__, attribute, value)}
    except SetInCode as exc:
        return {"becomes": "", "problem": str(exc)}


def _is_only_clicked(wb: Workbench, definition: Definition) -> bool:
    """Whether a definition was made by click and no cell says it."""
    try:
        clicks = [each for each in wb.clicked.values() if each.definition.collection == definition.collection]
    except WorkbenchError:
        return False
    return not any(each.edits for each in clicks if each.definition.full_name == definition.full_name)


def _cells_with(wb: Workbench, like: Definition) -> list[str]:
    """The cells that define something of the same collection."""
    origins = [wb.origin_of(each) for each in wb.drafting.defined(like.collection).values()]
    return list(dict.fromkeys(each.cell_id for each in origins if each is not None and each.cell_id))


def locked(wb: Workbench, definition: Definition) -> dict[str, Any]:
    """The fields of a form that the definition's cell sets by an expression, or why all of it is set in code."""
    origin = wb.origin_of(definition)
    text = wb.drafting.texts.get(origin.cell_id) if origin is not None and origin.kind == "cell" else None
    if text is None:
        return {}
    try:
        return {"in_code": set_in_code(text, definition, names_in_notebook())}
    except SetInCode as exc:
        return {"in_code": [], "warning": str(exc)}


def has_written(wb: Workbench, cell: str, text: str, definition: Definition | None) -> None:
    """Know that the front end has written a cell: if it says the definition now, the copy by click goes."""
    wb.drafting.texts.write(cell, text)
    if definition is None:
        return
    try:
        set_in_code(text, definition, names_in_notebook())
    except SetInCode:
        # As after the undo of an edit that followed one that no cell took.
        return
    wb.drafting.define([definition], origin=Origin("cell", cell_id=cell))


def offer(text: str, before: Definition, after: Definition) -> dict[str, Any]:
    """What a cell that a person has edited since would become; nothing is written."""
    try:
        return {"becomes": rewritten(text, before, after, names_in_notebook())}
    except SetInCode as exc:
        return {"becomes": "", "problem": str(exc)}
