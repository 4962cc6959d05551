"""The card under a cell: rows of services, jobs, definitions or a peer, and the forms that their buttons open."""

from __future__ import annotations

import contextvars
from collections.abc import Mapping
from threading import Lock
from typing import Any, Protocol
from uuid import uuid4

import anywidget
import traitlets

from workbench.app.serving.attached import Attached
from workbench.app.workbench import Workbench
from workbench.ui.carriers.far import FarDesk
from workbench.ui.courier import aside
from workbench.ui.desk import Desk
from workbench.ui.desks import any_desk_of
from workbench.ui.modules import joined, styles
from workbench.ui.views import Draw, facts

MOST_CARDS = 60
CLOSED = "The workbench is closed. Fix: restart the kernel and run the cells again."
_cards: dict[str, Card] = {}
_lock = Lock()


class Saved(Protocol):
    """What of a card is saved with the notebook, and reads where there is no kernel."""

    def bundle(self, facts: Mapping[str, Any]) -> dict[str, str]:
        """Its text and its HTML."""
        ...

    def essence(self, facts: Mapping[str, Any]) -> Any:
        """What must change before another bundle is worth an edit of the notebook."""
        ...


class Shown:
    """The output beside a card, which is saved with the notebook; it follows what the card shows.

    Args:
        publisher: Where the cell's outputs go.
        saved: What is saved.
    """

    def __init__(self, publisher: Any, saved: Saved) -> None:
        self._publisher, self._saved = publisher, saved
        self._transient = {"display_id": uuid4().hex}
        self._essence: Any = None

    def show(self, facts: Mapping[str, Any]) -> None:
        """Show it for the first time."""
        self._essence = self._saved.essence(facts)
        self._publisher.publish(self._saved.bundle(facts), transient=self._transient)

    def follow(self, facts: Mapping[str, Any]) -> None:
        """Show it anew if what matters of it has changed."""
        if self._essence is not None and self._essence != (essence := self._saved.essence(facts)):
            self._essence = essence
            self._publisher.publish(self._saved.bundle(facts), transient=self._transient, update=True)


class Card(anywidget.AnyWidget):
    """What one cell brought, live.

    Callbacks may come on any thread, and while a cell runs or not until it has ended: each is acknowledged and handed
    to a thread of its own.
    """

    _esm = traitlets.Unicode(joined("widget.js")).tag(sync=True)
    _css = traitlets.Unicode(styles("card.css")).tag(sync=True)
    _anywidget_id = traitlets.Unicode("workbench.Card").tag(sync=True)
    layout = traitlets.Any(None, allow_none=True).tag(sync=True)
    facts = traitlets.Dict().tag(sync=True)

    def __init__(self, desk: Desk | FarDesk, draw: Draw, cell: str, shown: Shown) -> None:
        self._desk, self._draw, self._cell, self.shown = desk, draw, cell, shown
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
        if self._desk.closed:
            self.restless = False
            return closed(self.facts) | {"now": self._desk.clock.time()}
        found = facts(self._desk, self._draw)
        self.restless = bool(found.get("restless"))
        return found

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
            self.shown.follow(found)
        if messages:
            self.send({"batch": messages})

    def close(self) -> None:
        """Take the card down."""
        self._desk.courier.forget(self)
        super().close()


def closed(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a card shows once its workbench is closed: what was, and that it is over."""
    found = {**facts, "closed": True, "notes": [CLOSED]}
    return found | ({"stands": {**facts["stands"], "state": "workbench closed"}} if "stands" in facts else {})


def show_card(shell: Any, wb: Workbench | Attached, draw: Draw, cell: str, saved: Saved) -> None:
    """Show a new card, and right after it what is saved of it; a card that the same cell made before is taken down.

    Args:
        shell: The shell that displays it.
        wb: The workbench, or another one that it is attached to.
        draw: What it shows.
        cell: What tells the cell from others; empty if nobody knows.
        saved: What is saved of it.
    """
    card = Card(any_desk_of(wb), draw, cell, Shown(shell.display_pub, saved))
    key = cell or card.model_id
    with _lock:
        old = [_cards.pop(key)] if key in _cards else []
        _cards[key] = card
        old += [_cards.pop(each) for each in list(_cards)[:-MOST_CARDS]]
    for each in old:
        each.close()
    view = {"version_major": 2, "version_minor": 0, "model_id": card.model_id}
    shell.display_pub.publish({"application/vnd.jupyter.widget-view+json": view})
    card.shown.show(card.facts)


def close_all() -> None:
    """Take every card down."""
    with _lock:
        cards = list(_cards.values())
        _cards.clear()
    for card in cards:
        card.close()
