"""Keeps one Redis server while somebody uses it: a process of its own, run as a script, standard library only.

Users hold a connection to `guard.sock`; the first line they read says whether the server answers. When the last of
them has gone, however it went, the server is stopped and the guard ends. Whoever holds the lock is the only guard.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

FIRST_USER_SECONDS = 3.0
START_SECONDS = 60.0
STOP_SECONDS = 3.0
POLL_SECONDS = 0.5
PAUSE_SECONDS = 0.005


class Guard:
    """Its server, its users, its lock.

    Args:
        server: Path of `redis-server` or `valkey-server`.
        runtime: Short folder of mode 0700 for sockets and log; removed at the end.
        data: Folder to keep data in, by append-only file; None keeps nothing.
        patience_seconds: Longest wait for the lock while another guard ends [s].
    """

    def __init__(self, server: str, runtime: str, data: str | None, patience_seconds: float) -> None:
        self.server, self.runtime, self.data = server, Path(runtime), data
        self.door, self.socket = self.runtime / "guard.sock", self.runtime / "redis.sock"
        self.log, self.patience_seconds = self.runtime / "redis.log", patience_seconds
        self.child: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.users = selectors.DefaultSelector()
        self.count = 0
        self.is_told_to_stop = False

    def begin(self) -> bool:
        """Take the lock and open the door; False if another guard serves already."""
        if self.data is None:
            self.runtime.mkdir(mode=0o700, exist_ok=True)
        self.lock = os.open(Path(self.data or self.runtime) / "guard.lock", os.O_RDWR | os.O_CREAT, 0o600)
        until = time.monotonic() + self.patience_seconds
        while not self._locked():
            if self._answers(self.door):
                return False
            if time.monotonic() > until:
                raise SystemExit(f"its lock is held by {os.pread(self.lock, 200, 0).decode() or 'somebody else'}")
            # A server whose guard was killed keeps the lock that it inherited.
            self._tell_server(b"SHUTDOWN\r\n")
            time.sleep(PAUSE_SECONDS * 4)
        # The guard before this one may have removed it while it ended.
        self.runtime.mkdir(mode=0o700, exist_ok=True)
        os.ftruncate(self.lock, 0)
        os.pwrite(self.lock, f"process {os.getpid()} of {socket.gethostname()}".encode(), 0)
        self._open_door()
        return True

    def _locked(self) -> bool:
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _open_door(self) -> None:
        self.door.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.door))
        self.listener.listen(128)
        self.listener.setblocking(False)

    def serve(self) -> None:
        """Run the server until nobody uses it any more."""
        signal.signal(signal.SIGTERM, self._stop)
        failure = self._start()
        alone_since = time.monotonic()
        self.users.register(self.listener, selectors.EVENT_READ)
        while not self.is_told_to_stop:
            for key, _ in self.users.select(POLL_SECONDS):
                self._let_in(failure) if key.fileobj is self.listener else self._let_out(key.fileobj)
            if self.child is not None and self.child.poll() is not None:
                failure = self._start_again()
            if self.count:
                alone_since = 0.0
            elif time.monotonic() > alone_since + FIRST_USER_SECONDS and not self._late_users(failure):
                break
        self._end()

    def _stop(self, number: int, frame: Any) -> None:
        self.is_told_to_stop = True

    def _late_users(self, failure: str) -> bool:
        # Who comes after the door is gone starts another guard; who stands in it already is still let in.
        self.door.unlink(missing_ok=True)
        self._let_in(failure)
        if not self.count:
            return False
        self.users.unregister(self.listener)
        self.listener.close()
        self._open_door()
        self.users.register(self.listener, selectors.EVENT_READ)
        return True

    def _let_in(self, failure: str) -> None:
        with suppress(BlockingIOError):
            while True:
                user, _ = self.listener.accept()
                user.setblocking(False)
                with suppress(OSError):
                    user.send(json.dumps({"failed": failure}).encode() + b"\n")
                self.users.register(user, selectors.EVENT_READ)
                self.count += 1

    def _let_out(self, user: Any) -> None:
        try:
            gone = user.recv(4096) == b""
        except BlockingIOError:
            return
        except OSError:
            gone = True
        if gone:
            self.users.unregister(user)
            user.close()
            self.count -= 1

    def _start(self) -> str:
        """Start the server and wait until it answers; what went wrong, or nothing."""
        self.socket.unlink(missing_ok=True)
        keeps = ["--appendonly", "yes", "--appendfsync", "everysec"] if self.data else ["--appendonly", "no"]
        self.started_at = time.monotonic()
        try:
            self.child = subprocess.Popen(
                [self.server, "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700",
                 "--dir", self.data or str(self.runtime), "--save", "", *keeps, "--daemonize", "no",
                 "--logfile", str(self.log), "--loglevel", "notice"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, umask=0o077,
                pass_fds=(self.lock,), preexec_fn=_die_with_parent,
            )  # fmt: skip
        except OSError as exc:
            return f"{self.server}: {exc.strerror}"
        while self.child.poll() is None and time.monotonic() < self.started_at + START_SECONDS:
            if self._tell_server(b"PING\r\n").startswith(b"+PONG"):
                return ""
            time.sleep(PAUSE_SECONDS)
        return f"{self.server} ended with {self.child.poll()}: {self._last_words()}"

    def _start_again(self) -> str:
        """After the server died: once, but not over and over."""
        if time.monotonic() < self.started_at + POLL_SECONDS * 2:
            self.child = None
            self.is_told_to_stop = True
            return "it died again at once"
        failure = self._start()
        self.is_told_to_stop = bool(failure)
        return failure

    def _last_words(self) -> str:
        with suppress(OSError):
            lines = self.log.read_text(errors="replace").splitlines()
            telling = [line for line in lines if " # " in line] or lines
            return " / ".join(line.partition(" # ")[2] or line for line in telling[-3:])[:500]
        return "no log"

    @staticmethod
    def _answers(door: Path) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(door)) == 0

    def _tell_server(self, command: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1.0)
            try:
                client.connect(str(self.socket))
                client.sendall(command)
                return client.recv(64)
            except OSError:
                return b""

    def _end(self) -> None:
        self.door.unlink(missing_ok=True)
        if self.child is not None and self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        shutil.rmtree(self.runtime, ignore_errors=True)


def _die_with_parent() -> None:
    # PR_SET_PDEATHSIG is Linux alone; elsewhere the next guard stops a server left behind.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def main() -> NoReturn:
    """Begin in the foreground, so that the caller may connect once this returns; then serve in a session of its own."""
    guard = Guard(**json.loads(sys.argv[1]))
    if not guard.begin():
        os._exit(0)
    if os.fork():
        os._exit(0)
    os.setsid()
    for signal_number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(signal_number, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    guard.serve()
    os._exit(0)


if __name__ == "__main__":
    main()
