"""What a card asks and tells about cells that the front end writes."""

from __future__ import annotations

from typing import Any

from workbench.core.errors import WorkbenchError
from workbench.ui import cells
from workbench.ui.desk import Content, Desk, Tell


def written(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """The front end has written a cell: its text, and what it defines; `text` is None if it is gone."""
    cell, text = str(message["written"]), message.get("text")
    if text is None:
        desk.wb.drafting.texts.forget(cell)
        return {}
    collection = str(message.get("collection") or "")
    # The cell of a test defines nothing.
    found = desk.wb.drafting.defined(collection).get(str(message["full_name"])) if collection else None
    cells.has_written(desk.wb, cell, str(text), found)
    desk.courier.refresh_all()
    return {}


def again(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """A cell for a definition whose own is gone."""
    collection, full_name = str(message["collection"]), str(message["full_name"])
    found = desk.wb.drafting.defined(collection).get(full_name)
    if found is None:
        raise WorkbenchError(f"{full_name!r} is no longer defined. Fix: make it anew by its form.")
    change = cells.change_for(desk.wb, found, None, None, str(message.get("cell", "")))
    return {"said": f"{found} is on.", "collection": collection, "write": change | {"full_name": full_name}}


def offered(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """What a cell that a person has edited since would become by what was saved."""
    return desk.offered(int(message["undo"]), str(message["text"]))
