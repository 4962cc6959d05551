"""Pings of connections by click: of one, or of all at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from workbench.connections.definition import Item
from workbench.core.failure import mood_of_error
from workbench.core.masking import mask
from workbench.ui.desk import Content, Desk, Tell, Verb
from workbench.ui.trace import COLOURS

MOST_AT_ONCE = 8
"""Connections that are pinged at the same time."""


def ping(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """One round trip of a connection; its row's dot then tells how it went."""
    item = desk.wb.connections[str(message["name"])]
    try:
        said, mood = _pinged(desk, item)
    finally:
        desk.courier.refresh_all()
    return {"said": f"{item.definition} answered: {said}", "mood": mood}


def ping_all(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """One round trip of each connection, several at a time; those that did not answer are named with their error."""

    def tried(item: Item) -> str:
        try:
            _pinged(desk, item)
        except Exception as exc:
            return mask(f"{item.definition}: {exc}")
        finally:
            desk.courier.refresh_all()
        return ""

    items = list(desk.wb.connections.values())
    with ThreadPoolExecutor(MOST_AT_ONCE, "workbench-ui-ping") as pool:
        wrong = [each for each in pool.map(tried, items) if each]
    said = f"{len(items) - len(wrong)} of {len(items)} {'connection' if len(items) == 1 else 'connections'} answered."
    return {"said": " ".join([said, *wrong]), "mood": COLOURS["failed" if wrong else "ok"]}


def _pinged(desk: Desk, item: Item) -> tuple[str, str]:
    """What a connection said, and the colour of it; noted for its row, as is the colour of an error."""
    try:
        said = item.ping()
    except Exception as exc:
        desk.moods[item.name] = COLOURS[mood_of_error(exc)]
        raise
    mood = desk.moods[item.name] = COLOURS[getattr(said, "mood", "ok")]
    if mood == COLOURS["ok"]:
        desk.worked[item.name] = desk.wb.clock.time()
    return mask(said), mood


PINGS: dict[str, Verb] = {"ping": ping, "ping all": ping_all}
"""What is asked of connections."""
