"""Answers cards about another workbench: what they ask goes there over HTTP, and what they show comes from there."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping
from threading import Event, Lock, Thread
from typing import Any

from workbench.app.serving.attached import Attached
from workbench.core.errors import WorkbenchError
from workbench.core.masking import mask
from workbench.ui.courier import Courier
from workbench.ui.desk import Content, Tell

AGAIN_SECONDS = 1.0
OWN = ("hello", "bye", "here", "renamed")
"""What a card says of itself and its notebook, which is no business of the other workbench."""
LOST = "The connection was lost meanwhile. Whether it was done, the lists say."


class FarDesk:
    """Answers the cards about one attached workbench. While somebody looks at one, or waits for an
    answer, a thread waits for news there.

    Args:
        attached: The other workbench.
        courier: Carries what cards show.
    """

    def __init__(self, attached: Attached, courier: Courier) -> None:
        self.attached, self.courier, self.clock = attached, courier, attached.clock
        self.closed = False
        """Never: it is told in words when the other one has gone, and goes on when that is back."""
        self._name, self._after = secrets.token_urlsafe(12), 0
        self._lock, self._over = Lock(), Event()
        self._waiting: dict[int, Tell] = {}
        self._numbers = itertools.count(1)
        self._facts: dict[str, Any] = {}
        self._thread: Thread | None = None

    def close(self) -> None:
        """Follow no more."""
        self._over.set()
        self.courier.close()

    def facts(self) -> dict[str, Any]:
        """What the other one shows, or why there is nothing."""
        with self._lock:
            is_followed = self._thread is not None
        if not is_followed:
            self._look(wait_seconds=0)
        return self._facts

    def answer(self, message: Content, tell: Tell) -> None:
        """Have the other one answer a question; `tell` is called with the answer, now or later."""
        verb = message.get("ask")
        if verb in OWN:
            self._follow_if_needed()
            tell({})
            return
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = tell
        self._follow_if_needed()
        try:
            self.attached.ask("/workbench/ask", {**message, "id": number, "cell": "", "viewer": self._name})
        except WorkbenchError as exc:
            self._take({"id": number, "failed": mask(str(exc))})

    @property
    def _is_needed(self) -> bool:
        """Whether somebody looks, or waits for an answer."""
        return self.courier.is_watched or bool(self._waiting)

    def _follow_if_needed(self) -> None:
        with self._lock:
            if self._is_needed and self._thread is None:
                self._thread = Thread(target=self._follow, name="workbench-ui-attached", daemon=True)
                self._thread.start()

    def _follow(self) -> None:
        while not self._over.is_set():
            with self._lock:
                if not self._is_needed:
                    # Said under the lock, so that who looks next starts another.
                    self._thread = None
                    return
            if not self._look():
                self._over.wait(AGAIN_SECONDS)
                self.attached.find_again()

    def _look(self, **more: float) -> bool:
        """Take what is new; whether there was an answer."""
        try:
            said = self.attached.ask("/workbench/look", {"viewer": self._name, "after": self._after, **more})
        except WorkbenchError as exc:
            self._lose(mask(str(exc)))
            return False
        self._after = said["last"]
        for told in said["told"]:
            for each in told.get("batch", ()):
                self._take(each)
            if "facts" in told:
                self._show(told["facts"] | {"of": self.attached.name, "trouble": ""})
        if said["anew"]:
            # Last: what is told may already answer one that was asked since.
            self._drop_questions()
        return not said["over"]

    def _lose(self, why: str) -> None:
        self._drop_questions()
        empty = {"title": f"Workbench of {self.attached.name!r}", "notes": []}
        self._show((self._facts or empty) | {"trouble": f"{why} This goes on as soon as it does."})

    def _show(self, facts: dict[str, Any]) -> None:
        self._facts = facts
        self.courier.refresh_all()

    def _drop_questions(self) -> None:
        for number in list(self._waiting):
            self._take({"id": number, "failed": LOST})

    def _take(self, said: Mapping[str, Any]) -> None:
        """Hand a part of an answer, or the answer, to who asked."""
        number = said["id"]
        with self._lock:
            tell = self._waiting.get(number) if "so far" in said else self._waiting.pop(number, None)
        if tell is not None:
            tell({name: value for name, value in said.items() if name != "id"})
