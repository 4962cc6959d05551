"""A service whose `handle` is written in the test: `wb.invoke("does", lambda self: ...)`."""

from __future__ import annotations

from typing import Any

from workbench import Service


class Does(Service):
    """Does what the test says, to the service."""

    name = "does"

    def handle(self) -> Any:
        return self.request.payload(self)
