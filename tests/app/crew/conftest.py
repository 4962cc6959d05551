"""A file served by two processes, and what looks at them from outside."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.cli.conftest import WAIT_SECONDS, CommandLine, Served
from tests.cli.conftest import ended as ended
from tests.cli.conftest import fresh as fresh
from tests.serving import until

MODULE = """
import os
import time
from workbench import IntervalJob, RESTChannel, Service, wb

class Pid(Service):
    name = "pid"

    def handle(self):
        self.log.info("asked")
        return os.getpid()

class Slow(Service):
    name = "slow"

    def handle(self):
        open("began", "w").close()
        time.sleep(1)
        return "done"

class Kept(Service):
    name = "kept"

    def handle(self):
        return self.cache.default.get("key")

class Tick(Service):
    name = "tick"

    def handle(self):
        return os.getpid()

wb.define(
    RESTChannel("pid"),
    RESTChannel("slow"),
    RESTChannel("kept"),
    RESTChannel("few", service="pid", limit="7/d"),
    IntervalJob("tick", service="tick", seconds=1),
)
"""


STARTUP = """
import os

def note(ctx):
    with open("phases", "a") as file:
        file.write(f"{os.getpid()} {ctx.phase}\\n")
"""


class Crew:
    """`workbench serve --workers 2`, and what it says of itself."""

    def __init__(self, line: CommandLine, path: Path, *arguments: str) -> None:
        self.line, self.path = line, path
        self.served: Served = line.serve(path, "--workers", "2", *arguments, WORKBENCH_STORE="")
        self.url, self.supervisor = self.served.url, self.served.process.pid

    def get(self, path: str) -> requests.Response:
        """What is answered on a connection of its own."""
        return requests.get(f"{self.url}{path}", timeout=30)

    def command(self, *arguments: str) -> str:
        """What a command says, run in this process."""
        return self.line.said(*arguments)

    @property
    def token(self) -> str:
        """What opens the own addresses."""
        (file,) = (self.line.folder / "runtime").glob(f"workbench-{self.supervisor}-*.json")
        return str(json.loads(file.read_text())["token"])

    @property
    def ticks(self) -> list[dict[str, Any]]:
        """The last runs of the job that runs each second."""
        return list(json.loads(self.command("jobs", "runs", "tick", "--last", "50", "--json")))

    @property
    def status(self) -> dict[str, Any]:
        """What `workbench status` tells."""
        (told,) = json.loads(self.command("status", "--json"))
        return dict(told)

    @property
    def ready(self) -> dict[int, int]:
        """The process of each number that is ready."""
        return {each["number"]: each["pid"] for each in self.status["workers"] if each["state"] == "ready"}

    def until_ready(self, *gone: int) -> dict[int, int]:
        """Wait until two are ready that are none of those, and nobody else is there any more."""
        return dict(until(lambda: self._two(gone), f"two without {gone}", 90))

    def _two(self, gone: tuple[int, ...]) -> dict[int, int] | None:
        there = [each for each in self.status["workers"] if each["state"] != "ended"]
        are_whole = len(there) == 2 and all(each["state"] == "ready" and each["pid"] not in gone for each in there)
        return {each["number"]: each["pid"] for each in there} if are_whole else None


class Said:
    """A command that runs, and the lines that it says."""

    def __init__(self, line: CommandLine, *arguments: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            line.command(*arguments),
            cwd=line.folder,
            env=line.env | {"WORKBENCH_STORE": ""},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def until(self, text: str) -> str:
        """The first line that holds a text, once it is there."""
        found = until(lambda: [each for each in self.lines if re.search(text, each)], f"{text!r} in {self.lines}", 90)
        return str(found[0])

    def close(self) -> None:
        """End it, if it still runs."""
        self.process.kill()
        self.ended()

    def ended(self) -> int:
        """Its exit status, once it has ended by itself."""
        status = self.process.wait(WAIT_SECONDS)
        self._reading.join(WAIT_SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def end(self, number: int = signal.SIGTERM) -> int:
        """Its exit status after a signal."""
        self.process.send_signal(number)
        return self.ended()


Say = Callable[..., Said]


@pytest.fixture
def say(fresh: CommandLine, request: pytest.FixtureRequest) -> Say:
    """Runs a command until the test ends, at the latest."""

    def run(*arguments: str) -> Said:
        said = Said(fresh, *arguments)
        request.addfinalizer(said.close)
        return said

    return run


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """Two processes that serve one file, and stay the same two until all tests with them are over."""
    line = CommandLine(tmp_path_factory.mktemp("crew"))
    path = line.module("services.py", MODULE)
    (path.parent / "extlib").mkdir()
    (path.parent / "extlib" / "my_startup.py").write_text(STARTUP)
    (path.parent / "workbench.toml").write_text('[startup]\nstartup_callable = "my_startup.note"\n')
    made = Crew(line, path)
    try:
        yield made
        status, said = made.served.stop(signal.SIGTERM)
        assert status == 0
        assert "Redeployed" not in said
        assert "another starts" not in said
    finally:
        line.close()
