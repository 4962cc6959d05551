"""What a card asks and tells about cells that the front end writes."""

from __future__ import annotations

from typing import Any

from workbench.ui import cells
from workbench.ui.desk import Content, Desk, Tell


def written(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """The front end has written a cell: what it has as text, and what it defines; `text` is None if it is gone."""
    cell, text = str(message["cell"]), message.get("text")
    if text is None:
        desk.wb.drafting.texts.forget(cell)
        return {}
    found = desk.wb.drafting.defined(str(message["collection"])).get(str(message["full_name"]))
    cells.has_written(desk.wb, cell, str(text), found)
    desk.courier.refresh_all()
    return {}


def offered(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """What a cell that a person has edited since would become by what was saved."""
    return cells.offer(str(message["text"]), *desk.saved(int(message["undo"])))
