"""`python -m tests.soak.transfers [runs] [seed]`: transfers with random faults and kills, and what became of the files.

After every run each file must be whole at its source or at its target, and nothing else may be there; after the last,
every file is at its target alone.
"""

from __future__ import annotations

import json
import random
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from workbench.connections.dropbox import DropboxConnection
from workbench.connections.file_names import PART
from workbench.connections.ftp import FTPConnection
from workbench.connections.sftp import SFTPConnection
from workbench.core.definition import Definition
from workbench.core.secret import given, secret
from workbench.sandbox.catalog import Sandbox
from workbench.sandbox.peer import secret_fields

ROOT = Path(__file__).parents[2]
ANSWER_SECONDS = 60.0
HASTY: dict[str, Any] = {"timeout_seconds": 0.6, "deadline_seconds": 5.0, "retries": 2}
SOURCE = FTPConnection("From", host="ftp.example.com", username="me", password=secret("A"), **HASTY)
TARGETS: dict[str, Definition] = {
    "ftp": FTPConnection("ftp", host="ftp.example.com", tls="explicit", **HASTY),
    "sftp": SFTPConnection("sftp", host="sftp.example.com", username="me", password=secret("B"), **HASTY),
    "dropbox": DropboxConnection(
        "dropbox",
        user_agent="soak/1.0",
        token=secret("C"),
        timeout_seconds=0.6,
        deadline_seconds=5.0,
        max_retries_on_error=2,
        max_retries_on_rate_limit=2,
    ),
}
Fault = Callable[[random.Random], dict[str, Any]]
OF_ALL: list[Fault] = [
    lambda chance: {"hang_up_after_bytes": chance.randrange(300_000), "times": chance.randrange(1, 4)},
    lambda chance: {"delay_seconds": chance.choice((0.02, 0.9))},
    lambda chance: {"refuse": True},
]
OF: dict[str, list[Fault]] = {
    "ftp": [
        *OF_ALL,
        lambda chance: {"cut_file_after_bytes": chance.randrange(300_000), "times": chance.randrange(1, 9)},
        lambda chance: {"short_file_after_bytes": chance.randrange(300_000), "times": chance.randrange(1, 9)},
        lambda chance: {"disk_full_after_bytes": chance.randrange(100_000)},
        lambda chance: {"hang_up_before_answer": chance.choice(("RNTO", "STOR", "RETR", "DELE", "MLST")), "times": 1},
    ],
    "sftp": [
        *OF_ALL,
        lambda chance: {"short_file_after_bytes": chance.randrange(300_000), "times": chance.randrange(1, 9)},
        lambda chance: {"disk_full_after_bytes": chance.randrange(100_000)},
        lambda chance: {"hang_up_before_answer": chance.choice(("rename", "open", "stat")), "times": 1},
    ],
    "dropbox": [
        *OF_ALL,
        lambda chance: {"status": 429, "retry_after_seconds": 1, "times": chance.randrange(1, 4)},
        lambda chance: {"status": 503, "times": chance.randrange(1, 9)},
        lambda chance: {"hang_up": True, "times": chance.randrange(1, 4)},
        lambda chance: {"cut_body_after_bytes": chance.randrange(50), "times": chance.randrange(1, 4)},
        lambda chance: {"quota_bytes": 0},
        lambda chance: {"wrong_hash": True, "times": 1},
    ],
}


class Found(NamedTuple):
    """What went wrong, counted over all runs, and how much was tried."""

    runs: int
    files: int
    kills: int
    failed: int
    lost: list[str]
    truncated: list[str]
    duplicated: list[str]
    left: list[str]


class Worker:
    """The process that transfers."""

    def __init__(self, definitions: list[Definition]) -> None:
        secrets = [getattr(each, field).name for each in definitions for field in secret_fields(each)]
        self._setup = {
            "secrets": {name: given(name) for name in secrets},
            "definitions": [each.to_code() for each in definitions],
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Have one that is ready."""
        if self.process is not None and self.process.poll() is None:
            return
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            bufsize=0,
        )
        self.tell(self._setup)
        assert self.answer(ANSWER_SECONDS) == {"ready": True}

    def tell(self, asked: dict[str, Any]) -> None:
        """Ask for something without waiting."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asked).encode() + b"\n")

    def answer(self, seconds: float) -> dict[str, Any] | None:
        """What it answers; None if it does not within so many seconds."""
        assert self.process is not None
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(seconds):
                return None
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def kill(self) -> None:
        """End it without a word (SIGKILL)."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait(10)
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()


class Soak:
    """The peers, the worker, and a book of every file that was ever put."""

    def __init__(self, seed: int, targets: tuple[str, ...] = tuple(TARGETS)) -> None:
        self.chance, self._targets = random.Random(seed), targets
        definitions = {each.name: each for each in (SOURCE, *(TARGETS[name] for name in targets))}
        self._sandbox = Sandbox(lambda: definitions)
        self._sandbox.switch(True)
        self._worker = Worker([self._sandbox.stand_in(each) for each in definitions.values()])
        self.source: Any = self._sandbox["From"]
        self.expected: dict[str, dict[str, bytes]] = {name: {} for name in targets}
        self._count = self.kills = self.failed = self.runs = 0
        self.lost: set[str] = set()
        self.truncated: set[str] = set()
        self.duplicated: set[str] = set()

    def run(self) -> None:
        """Put files, have trouble, transfer, perhaps be killed, and look at what is where."""
        chance, name = self.chance, self.chance.choice(self._targets)
        self.runs += 1
        for _ in range(chance.randrange(1, 4)):
            self._put(name)
        self._worker.start()
        side = chance.choice(("none", "From", name))
        if side != "none":
            fault = chance.choice(OF["ftp" if side == "From" else name])(chance)
            self._sandbox[side].fail(**fault)
        self._worker.tell({"source": f"From:{name}", "target": name})
        if chance.random() < 0.25:
            # The moment of the kill is what is tried, so that it is time that passes here.
            threading.Event().wait(chance.uniform(0, 0.4))
            self._worker.kill()
            self.kills += 1
        else:
            answer = self._worker.answer(ANSWER_SECONDS)
            assert answer is not None, f"no answer within {ANSWER_SECONDS:g} s (run {self.runs})"
            self.failed += "error" in answer
        for each in ("From", name):
            self._sandbox[each].heal()
        self._look(name)

    def _put(self, name: str) -> None:
        self._count += 1
        size = self.chance.choice((0, 1, 1000, 70_000, self.chance.randrange(400_000)))
        path, contents = f"{self._count}.bin", self.chance.randbytes(size)
        self.expected[name][path] = contents
        self.source.put(f"{name}/{path}", contents)

    def _look(self, name: str) -> None:
        expected, target = self.expected[name], self._at_target(name)
        sources: dict[str, list[bytes]] = {}
        for path in [each for each in self.source.files if each.startswith(f"{name}/")]:
            sources.setdefault(path.rpartition("/")[2], []).append(self.source.files.get(path, b""))
        for path, contents in expected.items():
            if contents not in sources.get(path, []) and target.get(path) != contents:
                self.lost.add(f"{name}/{path} in run {self.runs}")
            if path in target and target[path] != contents:
                self.truncated.add(f"{name}/{path} in run {self.runs}")
            if len(sources.get(path, [])) > 1:
                self.duplicated.add(f"{name}/{path} at the source in run {self.runs}")
        self.duplicated |= {f"{name}/{path} in run {self.runs}" for path in target if path not in expected}

    def _at_target(self, name: str) -> dict[str, bytes]:
        peer: Any = self._sandbox[name]
        return {path.strip("/"): each for path, each in dict(peer.files).items() if not PART.fullmatch(path)}

    def end(self) -> Found:
        """Transfer what is left, without trouble; what then is not where it belongs was lost or is left."""
        left = []
        for name in self._targets:
            for _ in range(5):
                self._worker.start()
                self._worker.tell({"source": f"From:{name}", "target": name})
                answer = self._worker.answer(ANSWER_SECONDS)
                if answer is None or "error" not in answer:
                    break
            if answer is None or "error" in answer:
                left.append(f"{name}: {answer}")
            self._look(name)
            if self._at_target(name) != self.expected[name]:
                left.append(f"{name}: not all files have arrived")
            if hasattr(unfinished := getattr(self._sandbox[name], "files", None), "unfinished"):
                left += [f"{name}/{part}" for part in unfinished.unfinished]
        left += [f"From:{path}" for path in self.source.files]
        lost, truncated, duplicated = sorted(self.lost), sorted(self.truncated), sorted(self.duplicated)
        return Found(self.runs, self._count, self.kills, self.failed, lost, truncated, duplicated, left)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.kill()
        self._sandbox.close()


def soak(runs: int, seed: int, targets: tuple[str, ...] = tuple(TARGETS)) -> Found:
    """So many runs, the same for the same seed as far as time allows."""
    with Soak(seed, targets) as soaking:
        for _ in range(runs):
            soaking.run()
        return soaking.end()


if __name__ == "__main__":
    began = time.monotonic()
    found = soak(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(f"{found}\n{time.monotonic() - began:.0f} s")
    sys.exit(bool(found.lost or found.truncated or found.duplicated or found.left))
