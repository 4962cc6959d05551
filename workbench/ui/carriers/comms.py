"""Views that a front end opens by itself, over a comm and without a cell: its side panel, and marks beside cells."""

from __future__ import annotations

import contextvars
from collections.abc import Mapping
from threading import Lock
from typing import Any

from workbench.core.errors import WorkbenchError
from workbench.core.masking import mask, masked
from workbench.ui import views
from workbench.ui.carriers.far import FarDesk
from workbench.ui.courier import aside
from workbench.ui.desk import Desk
from workbench.ui.desks import any_desk_of
from workbench.ui.marks import marks
from workbench.ui.modules import joined, styles

_open: set[View] = set()
_lock = Lock()


def _drawn(asked: Mapping[str, Any]) -> views.Draw:
    """What a view shows, by what the front end asked for as it opened it."""
    match asked:
        case {"show": "marks"}:
            return marks
        case {"show": "everything"}:
            return views.everything
        case {"show": "services", "names": list() as names}:
            return views.services(names)
        case {"show": "attached", "app": str()}:
            return views.attached
    raise WorkbenchError(f"Nobody shows {asked!r}. Fix: update the extension, or the package in the kernel.")


class View:
    """One view, from the opening of its comm to its end. It answers as a card does; see `Card` for its threads.

    Args:
        desk: Answers.
        comm: The way to the front end.
        asked: What it is to show: `show`, and `names` of services, or the `app` of another workbench, whose desk it
            is then; `cell` is the id of the cell under which it is opened, if it is; `code` asks for what draws it.
    """

    def __init__(self, desk: Desk | FarDesk, comm: Any, asked: Mapping[str, Any]) -> None:
        self._desk, self._comm, self._draw = desk, comm, _drawn(asked)
        self._cell = str(asked.get("cell") or "")
        self._facts: dict[str, Any] = {}
        self.restless = True
        self._context = contextvars.copy_context()
        comm.on_msg(self._received)
        comm.on_close(lambda message: self._forget())
        # Said at once, and in this thread; see `Card._received`.
        code = {"module": joined("opened.js"), "style": styles("card.css")} if asked.get("code") else {}
        comm.send({"facts": self._renewed()} | code)
        with _lock:
            _open.add(self)

    def _renewed(self) -> dict[str, Any]:
        """What there is to show; {} if it is what was shown."""
        facts: dict[str, Any] = masked(self._draw(self._desk))
        if facts == self._facts:
            return {}
        self._facts = facts
        self.restless = bool(facts.get("restless"))
        return facts | {"now": self._desk.clock.time()}

    def _received(self, message: Mapping[str, Any]) -> None:
        asked = {**message["content"]["data"], "cell": self._cell}
        self._comm.send({"ack": asked.get("id")})
        self._context = contextvars.copy_context()
        if asked.get("ask") in ("hello", "bye"):
            self._desk.courier.watch(self, asked["ask"] == "hello")
        tell = lambda said: self._desk.courier.post(self, {"id": asked.get("id"), **said})  # noqa: E731
        aside(lambda: self._desk.answer(asked, tell), str(asked.get("ask")).replace(" ", "-"))

    def deliver(self, messages: list[dict[str, Any]], facts: bool) -> None:
        """Send what the courier brings, in the context of the last message from the front end."""
        self._context.run(self._deliver, messages, facts)

    def _deliver(self, messages: list[dict[str, Any]], facts: bool) -> None:
        said: dict[str, Any] = {"batch": messages} if messages else {}
        if facts and (renewed := self._renewed()):
            said["facts"] = renewed
        if said:
            self._comm.send(said)

    def _forget(self) -> None:
        self._desk.courier.forget(self)
        with _lock:
            _open.discard(self)

    def close(self) -> None:
        """Tell the front end that nobody answers any more."""
        self._forget()
        self._comm.close()


def open_view(desk: Desk, comm: Any, asked: Mapping[str, Any]) -> None:
    """Open a view, or say why there is none to open."""
    try:
        far = asked.get("show") == "attached"
        View(any_desk_of(desk.wb.attach(str(asked["app"]))) if far else desk, comm, asked)
    except WorkbenchError as exc:
        comm.send({"problem": mask(str(exc))})
        comm.close()


def close_all() -> None:
    """Close every view."""
    with _lock:
        opened = list(_open)
    for each in opened:
        each.close()
