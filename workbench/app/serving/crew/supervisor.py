"""The process that has the listening sockets: signals, the runtime file, what is said."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from workbench.app.configuration.environment import (
    notebook_folder,
    notebook_name,
    store_url,
    wanted_certificate,
    wanted_port,
)
from workbench.app.configuration.settings import Settings, pair_of, take_files
from workbench.app.serving.crew.crew import Crew, Plan
from workbench.app.serving.crew.member import Member
from workbench.app.serving.crew.redeploying import Redeploying
from workbench.app.serving.crew.whole import WholeCrew
from workbench.app.serving.own import OwnListener
from workbench.app.serving.ports import Ports
from workbench.app.serving.runtime_file import RuntimeFile
from workbench.channels.guard import Guard
from workbench.channels.http.server import bound
from workbench.core.errors import WorkbenchError
from workbench.stores.opening import sqlite_folder

INTERRUPTED = 130


class Asked(NamedTuple):
    """What a person has asked for: the file, how many processes serve it, and how.

    Attributes:
        command: The program of a worker process.
        how: What it is told of how to serve.
        say: Says a line to whoever looks.
        tell: Says what is served: as data, and in lines.
    """

    file: Path
    command: Sequence[str]
    how: dict[str, Any]
    size: int
    drain_seconds: float
    say: Callable[[str], None]
    tell: Callable[[dict[str, Any], list[str]], None]


class Supervisor:
    """Serves a file by several processes until SIGTERM or SIGINT; SIGHUP, or a save, runs the file anew in fresh ones.

    Args:
        asked: What a person wants.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked, self._guard = asked, Guard(secrets.token_urlsafe(24))
        port, store, certificate = _told()
        folder = sqlite_folder(store)
        settings = Settings(app=notebook_name(), folder=notebook_folder(), store=store, **pair_of(certificate))
        scheme = "http" if settings.tls() is None else "https"
        self._file = RuntimeFile(settings.app, str(settings.folder), settings.shared_store)
        ports = Ports(self._file, settings.folder, folder)
        self._listeners = bound(port, ports)
        self._url = f"{scheme}://localhost:{self._listeners[0].getsockname()[1]}"
        if port is None:
            ports.settle(self._listeners[0].getsockname()[1])
        self._elsewhere = ports.elsewhere
        # A terminal that closes sends the signal by which a person asks for a redeploy.
        self._has_terminal = sys.stdin is not None and sys.stdin.isatty()

    async def run(self) -> int:
        """Serve; the exit status."""
        own = OwnListener(self._guard, {}, lambda cid, root: None)
        own.start()
        member = Member(0, os.getpid(), own.url, self._guard.token)
        file, command, how, size, drain_seconds, say, _ = self._asked
        crew = Crew(Plan(file, command, how, size, self._listeners, member, drain_seconds, say))
        own.admin = WholeCrew(crew, self._url, self._guard.token)
        redeploying = Redeploying(crew)
        ended = self._follow_signals(crew, redeploying)
        begins, tasks = asyncio.create_task(crew.begin()), list[asyncio.Task[None]]()
        try:
            await _first(begins, ended)
            if not begins.done() or not begins.result():
                return INTERRUPTED if ended.done() else crew.status
            self._file.write(self._url, self._guard.token, own.url)
            self._tell(crew)
            tasks = [asyncio.create_task(each) for each in (redeploying.watch(), redeploying.run())]
            await _first(ended, *tasks, *crew.keeping)
            say("Stopping: calls in flight may end.")
            return 0
        finally:
            for task in tasks:
                task.cancel()
            crew.terminate()
            await asyncio.wait([begins])
            await crew.end()
            self._file.remove()
            own.stop()

    def _follow_signals(self, crew: Crew, redeploying: Redeploying) -> asyncio.Future[int]:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[int] = loop.create_future()

        def end(number: int) -> None:
            if not ended.done():
                ended.set_result(number)
                return
            crew.kill()
            self._file.remove()
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

        def hang_up() -> None:
            if self._has_terminal and not _terminal_is_there():
                end(signal.SIGHUP)
            else:
                redeploying.ask("SIGHUP has come")

        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, end, each)
        loop.add_signal_handler(signal.SIGHUP, hang_up)
        return ended

    def _tell(self, crew: Crew) -> None:
        """What is served, where, and by whom."""
        first, pids = crew.places[0].worker.told, [each.worker.pid for each in crew.places]
        assert first is not None
        lines = [f"  {len(pids)} worker processes: pid {', '.join(map(str, pids))}; SIGHUP or a save redeploys"]
        lines += [f"  at this port since {self._elsewhere}"] if self._elsewhere else []
        told = {"url": self._url, "panel": f"{self._url}/workbench/", "pid": os.getpid(), "workers": pids}
        self._asked.tell(first.told | told, first.lines + lines)


def _told() -> tuple[int | None, str, tuple[str, str] | None]:
    """The port that is wanted, the store, the certificate and its key; all else that files say is read by each worker
    process anew.
    """
    before = dict(os.environ)
    try:
        take_files(notebook_folder())
        return wanted_port(), store_url(notebook_folder()), wanted_certificate()
    finally:
        os.environ.clear()
        os.environ.update(before)


async def _first(*waits: asyncio.Future[Any]) -> None:
    """Wait for the first that ends; raises what it raised."""
    done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for each in done:
        each.result()


def _terminal_is_there() -> bool:
    try:
        os.close(os.open(os.ctermid(), os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def supervise(asked: Asked) -> int:
    """Serve by several processes until a signal; the exit status.

    Raises:
        WorkbenchError: The system has no such processes, the port is taken, or a setting is wrong.
    """
    if os.name != "posix":
        raise WorkbenchError(
            "Several worker processes need sockets that processes inherit, which this system has not. "
            "Fix: --workers 1; or serve it under Linux, macOS or WSL."
        )
    return asyncio.run(Supervisor(asked).run())
