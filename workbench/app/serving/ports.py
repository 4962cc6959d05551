"""The port of a notebook, the same from run to run, and who holds it when it is not to be had."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import msgspec

from workbench.app.serving.runtime_file import RuntimeFile, running
from workbench.channels.http.port_owner import owner_of
from workbench.channels.http.server import DEFAULT_PORT

_FIRST, _MANY = 11224, 776  # as far as 11999


class Ports:
    """What is known of an application's port.

    Its first one is kept in a file beside its store, so that tomorrow's address is today's. When another program holds
    it, the application takes a second one, which its path alone decides, and which is the same each time, too.

    Args:
        file: Names the application, and knows whether a former process of it still ends.
        folder: Where the application lives.
        kept: The folder of its store; None keeps nothing.
    """

    def __init__(self, file: RuntimeFile, folder: Path, kept: Path | None) -> None:
        self.is_returning = file.is_held_elsewhere
        self._app, self._whole = file.app, str(folder / file.app)
        self._file = kept / "ports.json" if kept is not None else None
        self.by_hand = False
        """Whether `wb.start(port=...)` has chosen another port than the settings say."""
        self.elsewhere = ""
        """Why the address is not the usual one: `11223 was held by 00-hello.ipynb`; '' if it is."""

    def ports(self) -> tuple[int, int]:
        """The port to have, and the one to take where that is held."""
        number = int.from_bytes(hashlib.sha256(self._whole.encode()).digest()[:4])
        return self._read().get(self._app, DEFAULT_PORT), _FIRST + number % _MANY

    def settle(self, port: int) -> None:
        """Keep the first port that is had at all; find out who holds the one that was not to be had."""
        wanted, _ = self.ports()
        self.elsewhere = "" if port == wanted else f"{wanted} was held by {self.holder(wanted)}"
        known = self._read()
        if self._file is None or self._app in known:
            return
        # A folder that cannot be written costs only the memory.
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            written = self._file.with_suffix(f".{os.getpid()}")
            written.write_bytes(msgspec.json.encode({**known, self._app: port}))
            written.replace(self._file)

    def _read(self) -> dict[str, int]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, int]) if self._file is not None else {}
        except (OSError, msgspec.MsgspecError):
            return {}

    def holder(self, port: int) -> str:
        """Who holds a port, as `holder_of` says it."""
        return holder_of(port, self._app)


def holder_of(port: int, app: str = "") -> str:
    """The notebook that holds a port, by its path if its name is that of `app`; or the program."""
    for each in running():
        if each.url.endswith(f":{port}"):
            return each.path if each.name == app else each.name
    return owner_of(port) or "another program"
