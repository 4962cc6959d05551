"""What a locker says to one client."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from pathlib import Path
from typing import Any, Protocol, cast

from locker_peer.faults import LockerFaults
from workbench.sandbox.faults import Trouble

WORDS = {
    errno.ENOENT: "absent",
    errno.EEXIST: "there",
    errno.EISDIR: "folder",
    errno.ENOTDIR: "file",
    errno.ENOTEMPTY: "in use",
    errno.ENOSPC: "full",
}


class Host(Protocol):
    """What a conversation needs of the server."""

    root: Path

    @property
    def trouble(self) -> Trouble:
        """The faults in force."""
        ...


class Conversation(asyncio.Protocol):
    """One accepted connection; requests are answered in the order in which they come."""

    def __init__(self, peer: Host) -> None:
        self._peer, self._received = peer, bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\n")) >= 0:
            request = json.loads(self._received[:end])
            if len(self._received) < (after := end + 1 + request["bytes"]):
                return
            contents = bytes(self._received[end + 1 : after])
            del self._received[:after]
            self._transport.write(self._answer(request, contents))

    def _answer(self, request: dict[str, Any], contents: bytes) -> bytes:
        path, block = request["path"], b""
        try:
            answer = getattr(self, f"do_{request['do'].replace(' ', '_')}")(self._at(path), request, contents)
            if isinstance(answer, bytes):
                block, answer = answer, {"bytes": len(answer)}
        except OSError as exc:
            about = Path(exc.filename or path)
            shown = about.relative_to(self._peer.root).as_posix() if about.is_absolute() else path
            answer = {"no": WORDS[exc.errno or 0], "path": "" if shown == "." else shown}
        return json.dumps(answer or {}).encode() + b"\n" + block

    def _at(self, path: str) -> Path:
        return self._peer.root / path

    def _expect(self, at: Path, folder: bool) -> None:
        if not at.exists():
            raise FileNotFoundError(errno.ENOENT, "", str(at))
        if at.is_dir() != folder:
            code = errno.ENOTDIR if folder else errno.EISDIR
            raise OSError(code, "", str(at))

    def do_stat(self, at: Path, request: dict[str, Any], contents: bytes) -> dict[str, Any]:
        """What is there."""
        return {"entry": _entry(at) if at.exists() else None}

    def do_list(self, at: Path, request: dict[str, Any], contents: bytes) -> dict[str, Any]:
        """What is in a folder."""
        self._expect(at, folder=True)
        return {"entries": {each.name: _entry(each) for each in at.iterdir()}}

    def do_read(self, at: Path, request: dict[str, Any], contents: bytes) -> bytes:
        """Some of a file; no bytes at its end."""
        with at.open("rb") as file:
            file.seek(request["offset"])
            return file.read(request["most"])

    def do_keep(self, at: Path, request: dict[str, Any], contents: bytes) -> None:
        """Bytes of a file from an offset on; what was behind it goes."""
        trouble = self._peer.trouble
        if contents and cast(LockerFaults, trouble.faults).full and trouble.strikes():
            raise OSError(errno.ENOSPC, "", str(at))
        self._expect(at.parent, folder=True)
        with os.fdopen(os.open(at, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.truncate(request["offset"])
            file.seek(request["offset"])
            file.write(contents)

    def do_rename(self, at: Path, request: dict[str, Any], contents: bytes) -> None:
        """Another name for a file, at once."""
        target = self._at(request["to"])
        if not at.exists():
            raise FileNotFoundError(errno.ENOENT, "", str(at))
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "", str(target))
        if target.exists() and not request["overwrite"]:
            raise FileExistsError(errno.EEXIST, "", str(target))
        self._expect(target.parent, folder=True)
        at.replace(target)

    def do_remove(self, at: Path, request: dict[str, Any], contents: bytes) -> None:
        """A file goes."""
        self._expect(at, folder=False)
        at.unlink()

    def do_remove_folder(self, at: Path, request: dict[str, Any], contents: bytes) -> None:
        """An empty folder goes."""
        self._expect(at, folder=True)
        at.rmdir()

    def do_make_folder(self, at: Path, request: dict[str, Any], contents: bytes) -> None:
        """A new folder."""
        self._expect(at.parent, folder=True)
        at.mkdir()


def _entry(at: Path) -> dict[str, Any]:
    told = at.stat()
    return {"bytes": 0 if at.is_dir() else told.st_size, "modified": told.st_mtime, "folder": at.is_dir()}
