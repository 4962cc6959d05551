"""The command line as a person runs it: a process of its own, with a runtime folder of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.kernels import kernel_env
from workbench.cli.main import main

WAIT_SECONDS = 45.0
Ran = subprocess.CompletedProcess[str]


class CommandLine:
    """Runs `workbench ...` in a folder; every wait is bounded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = kernel_env(
            WORKBENCH_STORE="memory://",
            WORKBENCH_PORT="0",
            JUPYTER_RUNTIME_DIR=str(folder / "runtime"),
            IPYTHONDIR=str(folder / "ipython"),
        )
        self._started: list[Served] = []

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "workbench.cli.main", *arguments]

    def run(self, *arguments: str, stdin: str | bytes = "", **env: str) -> Ran:
        """Run a command to its end."""
        given = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.env | env,
            input=given,
            capture_output=True,
            timeout=WAIT_SECONDS,
            check=False,
        )
        return Ran(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def said(self, *arguments: str) -> str:
        """What a command says that goes well, run in this process, which takes no start of Python."""
        said = StringIO()
        with pytest.MonkeyPatch.context() as environment, redirect_stdout(said):
            environment.setenv("JUPYTER_RUNTIME_DIR", self.env["JUPYTER_RUNTIME_DIR"])
            assert main(arguments) == 0, said.getvalue()
        return said.getvalue()

    def refused(self, *arguments: str, stdin: str | bytes = "", code: int = 1, **env: str) -> str:
        """Run a command that must fail, in words and without a traceback; the words."""
        done = self.run(*arguments, stdin=stdin, **env)
        assert done.returncode == code, done
        assert "Traceback" not in done.stdout + done.stderr
        assert done.stdout == ""
        return done.stderr.strip()

    def serve(self, file: Path, *arguments: str, **env: str) -> Served:
        """Serve a file until it is stopped or the test ends."""
        served = Served(self.command("serve", str(file), "--json", *arguments), self.folder, self.env | env)
        self._started.append(served)
        return served

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A command that runs until the block ends, at the latest."""
        with subprocess.Popen(
            self.command(*arguments), cwd=self.folder, env=self.env, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def module(self, name: str, text: str) -> Path:
        """A file of services."""
        path = self.folder / name
        path.write_text(text)
        return path

    def close(self) -> None:
        """End what still runs."""
        for each in self._started:
            each.process.kill()
            each.process.communicate(timeout=WAIT_SECONDS)


class Served:
    """A `workbench serve` process that has said where it serves."""

    def __init__(self, command: list[str], folder: Path, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.told: dict[str, Any] = json.loads(self._first_line("{"))
        self.url: str = self.told["url"]

    def _first_line(self, begins: str) -> str:
        """The first line that begins so; what comes before it is kept from nobody."""
        assert self.process.stdout is not None
        before = []
        too_late = threading.Timer(WAIT_SECONDS, self.process.kill)
        too_late.start()
        try:
            for line in self.process.stdout:
                if line.startswith(begins):
                    return line
                before.append(line)
        finally:
            too_late.cancel()
        self.process.kill()
        raise AssertionError(f"It did not begin to serve: {before}{self.process.communicate(timeout=WAIT_SECONDS)}")

    def stop(self, number: int) -> tuple[int, str]:
        """Send a signal and wait for the end: exit status, and what it said to standard error."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=WAIT_SECONDS)
        return self.process.returncode, said


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A command line with a folder of its own."""
    made = CommandLine(tmp_path_factory.mktemp("cli"))
    yield made
    made.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[CommandLine]:
    """A command line of a folder in which nothing has run."""
    made = CommandLine(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def ended() -> Callable[[str], bool]:
    """Whether nobody answers at an address any more."""
    import requests

    def asked(url: str) -> bool:
        try:
            requests.get(f"{url}/ping", timeout=30)
        except requests.ConnectionError:
            return True
        return False

    return asked
