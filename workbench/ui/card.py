"""The card under a cell: rows of services, jobs, definitions or a peer, and the forms that their buttons open."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import anywidget
import traitlets

from workbench.app.workbench import Workbench
from workbench.core.masking import masked
from workbench.ui.courier import Courier, aside
from workbench.ui.desk import Desk
from workbench.ui.modules import STATIC, joined
from workbench.ui.verbs import VERBS

MOST_CARDS = 60
Draw = Callable[[Desk], dict[str, Any]]
"""What a card shows, as plain data; `restless` says that it changes without an event."""

_desks: WeakKeyDictionary[Workbench, Desk] = WeakKeyDictionary()
_cards: dict[str, Card] = {}
_lock = Lock()


class Card(anywidget.AnyWidget):
    """What one cell brought, live.

    Callbacks may come on any thread, and while a cell runs or not until it has ended: each is acknowledged and handed
    to a thread of its own.
    """

    _esm = traitlets.Unicode(joined("card.js")).tag(sync=True)
    _css = traitlets.Unicode((STATIC / "card.css").read_text(encoding="utf-8")).tag(sync=True)
    _anywidget_id = traitlets.Unicode("workbench.Card").tag(sync=True)
    layout = traitlets.Any(None, allow_none=True).tag(sync=True)
    facts = traitlets.Dict().tag(sync=True)

    def __init__(self, desk: Desk, draw: Draw, cell: str = "") -> None:
        self._desk, self._draw, self._cell = desk, draw, cell
        self._viewers = 0
        self.restless = False
        self._context = contextvars.copy_context()
        super().__init__(facts=self._facts())
        self.on_msg(self._received)

    def add_traits(self, **traits: Any) -> None:
        """Add none: the class has them all, and a class of its own for each card costs more than the card itself."""

    def __repr__(self) -> str:
        return "Card"

    def _facts(self) -> dict[str, Any]:
        found: dict[str, Any] = masked(self._draw(self._desk))
        self.restless = bool(found.get("restless"))
        return found | {"now": self._desk.wb.clock.time()}

    def _received(self, _: Any, message: Any, buffers: Any) -> None:
        # Said here and not by the courier: ipykernel 7.4 sends the next click to the thread that last answered one, so
        # that clicks go on to be heard while a cell runs.
        self.send({"ack": message.get("id")})
        self._context = contextvars.copy_context()
        if message.get("ask") in ("hello", "bye"):
            self._looked_at(1 if message["ask"] == "hello" else -1)
        number, desk = message.get("id"), self._desk
        tell = lambda said: desk.courier.post(self, {"id": number, **said})  # noqa: E731
        aside(lambda: desk.answer({**message, "cell": self._cell}, tell), str(message.get("ask")).replace(" ", "-"))

    def _looked_at(self, more: int) -> None:
        with _lock:
            self._viewers = max(0, self._viewers + more)
        self._desk.courier.watch(self, self._viewers > 0)

    def deliver(self, messages: list[dict[str, Any]], facts: bool) -> None:
        """Send what the courier brings, in the context of the last click; see `_received`."""
        self._context.run(self._deliver, messages, facts)

    def _deliver(self, messages: list[dict[str, Any]], facts: bool) -> None:
        if facts and (found := self._facts()) | {"now": self.facts["now"]} != self.facts:
            self.facts = found
        if messages:
            self.send({"batch": messages})

    def close(self) -> None:
        """Take the card down."""
        self._desk.courier.forget(self)
        super().close()


def desk_of(wb: Workbench) -> Desk:
    """The desk of a workbench, made at the first card."""
    with _lock:
        if (desk := _desks.get(wb)) is None:
            desk = _desks[wb] = Desk(wb, Courier(), VERBS)
        return desk


def show_card(wb: Workbench, draw: Draw, cell: str = "") -> dict[str, Any]:
    """The MIME bundle of a new card; a card that the same cell made before is taken down.

    Args:
        wb: The workbench.
        draw: What it shows.
        cell: What tells the cell from others; empty if nobody knows.
    """
    card = Card(desk_of(wb), draw, cell)
    key = cell or card.model_id
    with _lock:
        old = [_cards.pop(key)] if key in _cards else []
        _cards[key] = card
        old += [_cards.pop(each) for each in list(_cards)[:-MOST_CARDS]]
    for each in old:
        each.close()
    view = {"version_major": 2, "version_minor": 0, "model_id": card.model_id}
    return {"application/vnd.jupyter.widget-view+json": view}


def close_cards() -> None:
    """Take every card down, and what answers them."""
    with _lock:
        cards, desks = list(_cards.values()), list(_desks.values())
        _cards.clear()
        _desks.clear()
    for card in cards:
        card.close()
    for desk in desks:
        desk.close()
