"""What `start` and `stop` of a quickstart run: a file served in the background, and started again if it is killed.

python -m workbench.cli.quickstart.keeping start FILE [options of workbench serve]
python -m workbench.cli.quickstart.keeping stop FILE
"""

from __future__ import annotations

import fcntl
import http.client
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from workbench.app.serving.crew.backing_off import BackingOff
from workbench.app.serving.runtime_file import Running, running
from workbench.core.errors import WorkbenchError

START_SECONDS = 60.0
STOP_SECONDS = 60.0
READY_SECONDS = 5.0
LOOK_SECONDS, LOOKS = 0.1, 10
LONGEST_LOG_BYTES = 10 << 20
ENDS = (signal.SIGTERM, signal.SIGINT)


class Kept:
    """A file that is served in the background: by whom, and where that is written.

    Args:
        file: The notebook or module.
    """

    def __init__(self, file: str) -> None:
        self.path = Path(file).resolve()
        self.log = self.path.parent / "serve.log"
        self._lock = self.path.parent / ".workbench" / "keeper.lock"

    @property
    def serving(self) -> Running | None:
        """The process that serves it, however it was started."""
        return next((each for each in running() if Path(each.path) == self.path), None)

    @property
    def keeper(self) -> int:
        """The process that keeps it; 0 if none does. Whoever holds the lock lives, whatever is written."""
        try:
            with self._lock.open("r+") as file:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return 0
        except OSError:
            told = self._lock.read_text().strip()
            return int(told) if told.isdecimal() else 0
        return 0

    def take(self) -> int | None:
        """Become its keeper until this process ends: the open file that is locked; None if another is."""
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        number = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        for _ in range(LOOKS):
            with suppress(OSError):
                fcntl.lockf(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(number, 0)
                os.write(number, f"{os.getpid()}\n".encode())
                return number
            time.sleep(LOOK_SECONDS)  # It may be somebody who looks who has it.
        os.close(number)
        return None


def start(kept: Kept, options: Sequence[str]) -> str:
    """Serve a file in the background; gives its address once it answers.

    Raises:
        WorkbenchError: It cannot be served, with what it said; or it does not answer in time.
    """
    if not kept.path.is_file():
        raise WorkbenchError(f"There is no file {kept.path}. Fix: put it back.")
    if kept.keeper or kept.serving:
        there = kept.serving
        return f"It runs already{f', at {there.url} (pid {there.pid})' if there else ''}."
    began = _log_size(kept)
    command = [sys.executable, "-m", "workbench.cli.quickstart.keeping", "keep", str(kept.path), *options]
    with kept.log.open("ab") as log:
        keeper = subprocess.Popen(
            command, cwd=kept.path.parent, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if keeper.poll() is not None:
            with kept.log.open("rb") as log:
                log.seek(began)
                said = log.read().decode(errors="replace").strip().splitlines()
            raise WorkbenchError("\n".join(each.removeprefix("workbench: ") for each in said[-5:]) or "It has ended.")
        if (there := kept.serving) is not None and _is_ready(there.url):
            return f"It answers at {there.url} (pid {there.pid}); the panel: workbench panel {kept.path.name}"
        time.sleep(LOOK_SECONDS)
    raise WorkbenchError(f"It does not answer within {START_SECONDS:g} s. Fix: look into {kept.log}, then ./stop")


def stop(kept: Kept) -> str:
    """Have it end, after calls in flight; in words."""
    keeper, deadline = kept.keeper, time.monotonic() + STOP_SECONDS
    if not keeper and kept.serving is None:
        return "It does not run."
    if keeper:
        os.kill(keeper, signal.SIGTERM)
    elif (there := kept.serving) is not None:
        os.kill(there.pid, signal.SIGTERM)
    while kept.keeper or kept.serving is not None:
        if time.monotonic() > deadline:
            raise WorkbenchError(f"It does not end within {STOP_SECONDS:g} s. Fix: look into {kept.log}")
        time.sleep(LOOK_SECONDS)
    return "It has ended."


class Keeper:
    """Runs `workbench serve` until told to end, and again if that is killed.

    Args:
        command: What serves.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command, self._backing_off = command, BackingOff()
        self._ends = False
        self._child: subprocess.Popen[bytes] | None = None
        for number in (*ENDS, signal.SIGHUP):
            signal.signal(number, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._ends = self._ends or number in ENDS
        if self._child is not None and self._child.returncode is None:
            self._child.send_signal(number)

    def run(self) -> int:
        """The exit status of the last that served."""
        while True:
            began = time.monotonic()
            self._child = subprocess.Popen(self._command)
            if self._ends:
                self._child.send_signal(signal.SIGTERM)
            code = self._child.wait()
            if self._ends or (code >= 0 and not self._backing_off.ends):
                return max(code, 0)
            wait = self._backing_off.wait_seconds(time.monotonic() - began)
            how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
            print(f"workbench serve {how}; it starts again in {wait:g} s.", file=sys.stderr, flush=True)
            self._pause(wait)
            if self._ends:
                return 0

    def _pause(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._ends and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)


def keep(kept: Kept, options: Sequence[str]) -> int:
    """Serve it and keep it served; the exit status."""
    if kept.take() is None:
        print("Another process keeps it already.", file=sys.stderr)
        return 1
    return Keeper([sys.executable, "-m", "workbench.cli.main", "serve", str(kept.path), *options]).run()


def _log_size(kept: Kept) -> int:
    """How long the log is [bytes]; one that is too long begins anew, and the former one is kept beside it."""
    with suppress(FileNotFoundError):
        if kept.log.stat().st_size > LONGEST_LOG_BYTES:
            kept.log.replace(kept.log.with_suffix(".log.1"))
        return kept.log.stat().st_size
    return 0


def _is_ready(url: str) -> bool:
    """Whether all is there that is to be served at an address of this machine, past any proxy.

    No secret is sent, so that any certificate will do.
    """
    address = urlsplit(url)
    host, port = address.hostname or "", address.port
    connection = http.client.HTTPConnection(host, port, timeout=READY_SECONDS)
    if address.scheme == "https":
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, port, timeout=READY_SECONDS, context=trust)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(arguments: Sequence[str]) -> int:
    """Run one of the three."""
    action, file, *options = arguments
    kept = Kept(file)
    if action == "keep":
        return keep(kept, options)
    try:
        print(start(kept, options) if action == "start" else stop(kept))
    except (WorkbenchError, OSError) as exc:
        print(f"workbench: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
