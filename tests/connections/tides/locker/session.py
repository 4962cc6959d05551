"""One conversation with a locker."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from typing import Any

from locker.definition import LockerConnection
from locker.errors import OF_WORD
from workbench.connections.common.trying import Due


class LockerSession:
    """A connection to one locker; opened by `due`."""

    def __init__(self, definition: LockerConnection, due: Due) -> None:
        self._definition = definition
        seconds = due.left(definition.timeout_seconds)
        self._socket = socket.create_connection((definition.host, definition.port), seconds)
        self._file = self._socket.makefile("rb")
        self._is_over = False

    def ask(self, due: Due, verb: str, path: str, contents: bytes = b"", **more: Any) -> dict[str, Any]:
        """The answer to a request; raises the error of one that says no, EOFError, OSError."""
        self._socket.settimeout(due.left(self._definition.timeout_seconds))
        line = json.dumps({"do": verb, "path": path, "bytes": len(contents), **more})
        self._is_over = True
        self._socket.sendall(line.encode() + b"\n" + contents)
        answer: dict[str, Any] = json.loads(self._read(None))
        answer["contents"] = self._read(answer.get("bytes", 0))
        self._is_over = False
        if word := answer.get("no"):
            raise OF_WORD[word](self._definition, answer["path"])
        return answer

    def _read(self, size: int | None) -> bytes:
        """So many bytes, or a line."""
        found = self._file.readline() if size is None else self._file.read(size)
        if len(found) < (size or 0) or (size is None and not found.endswith(b"\n")):
            raise EOFError
        return found

    @property
    def is_dead(self) -> bool:
        return self._is_over

    def cut(self) -> None:
        self._is_over = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def leave(self) -> None:
        self._file.close()
        self._socket.close()
