"""One thing as a widget of its own, which a person puts into a page with others."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from threading import Lock
from typing import Any

import traitlets
from ipywidgets import Layout, ValueWidget
from ipywidgets.widgets.trait_types import InstanceDict
from ipywidgets.widgets.widget import widget_serialization

from workbench.ui.card import Card, Saved, Shown
from workbench.ui.carriers.far import FarDesk
from workbench.ui.desk import Desk
from workbench.ui.views import Draw

log = logging.getLogger("workbench.ui")
_made: dict[str, tuple[str, list[LiveWidget]]] = {}
_lock = Lock()


class LiveWidget(Card, ValueWidget):  # type: ignore[misc]
    """A service, job, limit, connection, channel, user or call, live: `VBox([wb.jobs["a"].widget(), ...])`.

    `observe` its traits; the courier sets them within a second of a change, on a thread of its own, also where
    the widget is shown nowhere.

    Attributes:
        state: Of a service `live`; of a job `on`, `paused`, `inactive`, `finished` or `waiting`; of a limit `on` or
            `shadow`; of a channel `open`, or why it is not, as `closed`; of a connection or a user `defined`; of a call
            `running` or `ended`. Of each `gone` once the thing is out of force, `workbench closed` once the workbench
            is, and `taken down` once the cell that made the widget has run again, or the widget was closed.
        last_outcome: What came of it last; empty before anything did. Of a limit `{"outcome": word, "used": calls
            in the window that runs, "refused": calls since it is in force or was reset}`: `refused` while a line that
            has refused is full, else `ok`. Of all others `{"outcome": word, "at": seconds since the epoch, "cid": CID,
            "error": sentence or ""}`: of a job the word of its newest run (`running`, `ok`, `failed`, `timed_out`,
            `interrupted`, `skipped`, `missed`), else of its newest call (`running`, `ok`, `attention`, `failed`).
        value: The same as `last_outcome`, for `interact(show, outcome=wb.jobs["a"].widget())`.
    """

    layout = InstanceDict(Layout).tag(sync=True, **widget_serialization)
    state = traitlets.Unicode().tag(sync=True)
    last_outcome = traitlets.Dict().tag(sync=True)
    value = traitlets.Dict()

    def __init__(self, desk: Desk | FarDesk, draw: Draw, saved: Saved, text: str, publisher: Any) -> None:
        self._saved, self._text, self._publisher = saved, text, publisher
        super().__init__(desk, draw, "", Shown(publisher, saved))
        self._stand(self.facts)
        # Also while nobody looks at it: somebody may observe it.
        desk.courier.watch(self, True)

    def __repr__(self) -> str:
        return self._text

    def _looked_at(self, more: int) -> None:
        """Stay watched, however many look."""

    def _stand(self, facts: Mapping[str, Any]) -> None:
        now = facts["stands"]
        # All three are set before anybody is told.
        with self.hold_trait_notifications():
            self.state, self.last_outcome, self.value = now["state"], now["last_outcome"], now["last_outcome"]

    def _deliver(self, messages: list[dict[str, Any]], facts: bool) -> None:
        super()._deliver(messages, facts)
        try:
            self._stand(self.facts)
        except Exception:
            log.exception("what observes the widget of %s failed", self._text)

    def _ipython_display_(self) -> None:
        """Show it in the running cell, and beside it what is saved of it."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        self._publisher.publish({"application/vnd.jupyter.widget-view+json": view})
        self.shown = Shown(self._publisher, self._saved)
        self.shown.show(self.facts)

    def close(self) -> None:
        """Take it down; whoever observes its state is told."""
        if self.comm is not None and self.state != "workbench closed":
            self.state = "workbench closed" if self._desk.closed else "taken down"
        super().close()
        with _lock:
            for _, widgets in _made.values():
                if self in widgets:
                    widgets.remove(self)


def keep(widget: LiveWidget, cell: str, run: str) -> None:
    """Remember a widget; those that its cell made when it ran before are taken down.

    Args:
        widget: The new one.
        cell: What tells the cell from others; empty if nobody knows, and then the widget stays.
        run: What tells this run of the cell from others.
    """
    with _lock:
        before, widgets = _made.get(cell, ("", []))
        old = widgets if cell and before != run else []
        _made[cell] = (run, [*([] if old else widgets), widget])
    for each in old:
        each.close()


def close_all() -> None:
    """Take every widget down."""
    with _lock:
        widgets = [each for _, made in _made.values() for each in made]
        _made.clear()
    for each in widgets:
        each.close()
