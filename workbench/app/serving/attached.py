"""Another workbench that runs on this machine, seen from this one."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from workbench.app.serving.asking import ask
from workbench.app.serving.choosing import Several, chosen
from workbench.app.serving.runtime_file import Running
from workbench.core.errors import WorkbenchError
from workbench.core.ports import Clock

LOOK_SECONDS = 30.0
"""Longest wait for an answer [s]; who waits for news is answered within 20 s."""


class Attached:
    """Another running workbench; in a notebook it is shown as its panel.

    Args:
        app: Its name, its file's path, its process or its port; '' if there is only one other.
        clock: Where time comes from here.

    Raises:
        NothingRuns, UnknownName, Several: It is not to be found.
    """

    def __init__(self, app: str, clock: Clock) -> None:
        self.clock, self._app = clock, app
        self._running = self._found()
        self.name = self._running.name

    def _found(self) -> Running:
        try:
            return chosen(self._app, lambda each: each.pid != os.getpid())
        except Several as exc:
            raise Several(exc.app, exc.found, 'wb.attach("{}")') from None

    @property
    def url(self) -> str:
        """Address of its server."""
        return self._running.url

    @property
    def process(self) -> tuple[int, str]:
        """Which process it is, and its address; another workbench may have that address later."""
        return self._running.pid, self._running.url

    def ask(self, path: str, content: Any) -> Any:
        """What it answers at one of its own addresses.

        Raises:
            ConnectionFailed: It does not answer, or has ended.
            Refused: It said no.
        """
        return ask(self._running, "POST", path, content, LOOK_SECONDS)

    def find_again(self) -> None:
        """Look whether it runs as another process now, as after a restart."""
        with suppress(WorkbenchError):
            self._running = self._found()

    def __repr__(self) -> str:
        return f"Attached to {self.name!r}, another workbench on this machine."
