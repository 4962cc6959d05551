"""`python -m tests.soak.transfers [runs] [seed] [ftp|sftp]`: transfers with random faults and kills, and what became of
the files; with a kind of source, of one that tells wrong sizes.

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
from typing import Any, NamedTuple, Protocol, Self

from workbench.connections.dropbox.definition import DropboxConnection
from workbench.connections.files.names import PART
from workbench.connections.ftp.definition import FTPConnection
from workbench.connections.sftp.definition import SFTPConnection
from workbench.core.definition import Definition
from workbench.core.secret import given, secret
from workbench.sandbox.catalog import Sandbox
from workbench.sandbox.peer import secret_fields

ROOT = Path(__file__).parents[2]
ANSWER_SECONDS = 60.0
HASTY: dict[str, Any] = {"timeout_seconds": 0.6, "deadline_seconds": 5.0, "retries": 2}
SOURCES: dict[str, Definition] = {
    "ftp": FTPConnection("From", host="ftp.example.com", username="me", password=secret("A"), **HASTY),
    "sftp": SFTPConnection("From", host="sftp.example.com", username="me", password=secret("A"), **HASTY),
}
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


SIZES: list[Fault] = [
    lambda chance: {"size_told": "none"},
    lambda chance: {"size_told": 0},
    lambda chance: {"size_told": chance.randrange(1, 1_000)},
    lambda chance: {"size_told": chance.randrange(400_000, 1 << 33)},
]
"""Sizes that are told: none, 0, too small (which is too big for the smallest files), too big."""
CUTS: list[Fault] = [
    lambda chance: {},
    lambda chance: {"hang_up_after_bytes": chance.randrange(300_000), "times": chance.randrange(1, 4)},
    lambda chance: {"delay_seconds": 0.02},
]
WRONG: list[Fault] = [lambda chance: chance.choice(SIZES)(chance) | chance.choice(CUTS)(chance)]
GROWING: list[Fault] = [
    lambda chance: {"grows_by_bytes": chance.randrange(1, 70_000), "times": chance.randrange(1, 5)},
    lambda chance: {
        "grows_by_bytes": chance.randrange(1, 70_000),
        "times": chance.randrange(1, 5),
        "size_told": chance.choice(("none", 0, 100)),
    },
]


class Trouble(NamedTuple):
    """What the source and, by their kind, the targets may have, and how often a transfer is killed.

    With `growing`, files are replaced at the target.
    """

    source: list[Fault]
    targets: dict[str, list[Fault]]
    growing: bool = False
    killed: float = 0.25


BROKEN = Trouble(OF["ftp"], OF)
"""Everything that breaks, all sizes being right."""
WRONG_SIZES = Trouble([*WRONG, *WRONG, *GROWING], {"ftp": WRONG, "sftp": WRONG, "dropbox": CUTS[1:]}, growing=True)
"""Servers whose word on sizes is not worth much, cut as well, or files that grow under the reader's hands."""


class Found(NamedTuple):
    """What went wrong, counted over all runs, and how much was tried.

    `parts` are unfinished uploads at a target, which nobody sees: of a file that changed after a transfer was killed.
    """

    runs: int
    files: int
    kills: int
    failed: int
    lost: list[str]
    truncated: list[str]
    duplicated: list[str]
    left: list[str]
    parts: list[str]


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


class Route(NamedTuple):
    """From a folder of the source, called as the route, to one of the target."""

    source: str
    target: str
    folder: str = ""


class Stage(Protocol):
    """The servers of all routes, by name, whether played or real: each with `put`, `files`, `fail`, `heal`, `asked`."""

    routes: dict[str, Route]
    definitions: list[Definition]

    def __getitem__(self, name: str) -> Any: ...

    def close(self) -> None:
        """End them."""
        ...


class Played:
    """Peers: a source of one kind, and every target.

    Args:
        source: The kind of the source.
    """

    def __init__(self, source: str) -> None:
        self.routes = {name: Route("From", name) for name in TARGETS}
        definitions = {each.name: each for each in (SOURCES[source], *TARGETS.values())}
        self._sandbox = Sandbox(lambda: definitions)
        self._sandbox.switch(True)
        self.definitions = [self._sandbox.stand_in(each) for each in definitions.values()]

    def __getitem__(self, name: str) -> Any:
        return self._sandbox[name]

    def close(self) -> None:
        """End them."""
        self._sandbox.close()


class Soak:
    """The servers, the worker, and a book of every file that was ever put.

    Args:
        seed: Of all that is left to chance.
        stage: The servers.
        trouble: What they may have.
    """

    def __init__(self, seed: int, stage: Stage, trouble: Trouble) -> None:
        self.chance, self._stage, self._trouble = random.Random(seed), stage, trouble
        self._worker = Worker(stage.definitions)
        self.expected: dict[str, dict[str, bytes]] = {name: {} for name in stage.routes}
        self._noted = dict.fromkeys({route.source for route in stage.routes.values()}, 0)
        self._older: dict[str, set[bytes]] = {}
        self._count = self.kills = self.failed = self.runs = 0
        self.lost: set[str] = set()
        self.truncated: set[str] = set()
        self.duplicated: set[str] = set()

    def run(self) -> None:
        """Put files, have trouble, transfer, perhaps be killed, and look at what is where."""
        chance, name = self.chance, self.chance.choice([*self._stage.routes])
        route = self._stage.routes[name]
        self.runs += 1
        for _ in range(chance.randrange(1, 4)):
            self._put(name)
        self._worker.start()
        side = chance.choice(("none", route.source, route.target))
        if side != "none":
            faults = self._trouble.source if side == route.source else self._trouble.targets[side]
            fault = chance.choice(faults)(chance)
            self._stage[side].fail(**fault)
        self._transfer(name)
        if chance.random() < self._trouble.killed:
            # The moment of the kill is what is tried, so that it is time that passes here.
            threading.Event().wait(chance.uniform(0, 0.4))
            self._worker.kill()
            self.kills += 1
        else:
            answer = self._worker.answer(ANSWER_SECONDS)
            assert answer is not None, f"no answer within {ANSWER_SECONDS:g} s (run {self.runs})"
            self.failed += "error" in answer
        for each in (route.source, route.target):
            self._stage[each].heal()
        self._look(name)

    def _transfer(self, name: str) -> None:
        # What has grown since it was copied is another file than the target's.
        route = self._stage.routes[name]
        target = f"{route.target}:{route.folder}" if route.folder else route.target
        self._worker.tell({"source": f"{route.source}:{name}", "target": target, "overwrite": self._trouble.growing})

    def _put(self, name: str) -> None:
        self._count += 1
        size = self.chance.choice((0, 1, 1000, 70_000, self.chance.randrange(400_000)))
        path, contents = f"{self._count}.bin", self.chance.randbytes(size)
        self.expected[name][path] = contents
        self._stage[self._stage.routes[name].source].put(f"{name}/{path}", contents)

    def _note_growth(self, source: str) -> None:
        """Have the book say what a source's files have grown to, by what its journal has got since the last time."""
        journal, dropped, entries = self._stage[source].asked, -1, []
        while dropped != journal.dropped:
            dropped, entries = journal.dropped, [*journal]
        fresh = entries[self._noted[source] - dropped :]
        self._noted[source] += len(fresh)
        assert journal.dropped <= self._noted[source], "the journal has forgotten what nobody noted"
        for asked in [each for each in fresh if each.verb == "grow"]:
            name, _, rest = asked.path.partition("/")
            path = rest.rpartition("/")[2]
            before = self.expected[name][path]
            self._older.setdefault(f"{name}/{path}", set()).add(before)
            self.expected[name][path] = before + b"+" * (asked.size or 0)

    def _is_older(self, name: str, path: str, contents: bytes) -> bool:
        return contents in self._older.get(f"{name}/{path}", set())

    def _look(self, name: str) -> None:
        self._note_growth(self._stage.routes[name].source)
        expected, target = self.expected[name], self._at_target(name)
        sources: dict[str, list[bytes]] = {}
        for path, found in self._below(self._stage.routes[name].source, name).items():
            sources.setdefault(path.rpartition("/")[2], []).append(found)
        for path, contents in expected.items():
            is_at_source = contents in sources.get(path, [])
            if not is_at_source and target.get(path) != contents:
                sizes = [len(each) for each in (contents, *sources.get(path, []))]
                self.lost.add(f"{name}/{path} in run {self.runs}: {sizes}, {len(target.get(path, b''))} at the target")
            # Copied before it grew, it may be there until the source's file is copied again.
            is_older = is_at_source and self._is_older(name, path, target.get(path, contents))
            if path in target and target[path] != contents and not is_older:
                self.truncated.add(f"{name}/{path} in run {self.runs}")
            if len(sources.get(path, [])) > 1:
                self.duplicated.add(f"{name}/{path} at the source in run {self.runs}")
        self.duplicated |= {f"{name}/{path} in run {self.runs}" for path in target if path not in expected}

    def _at_target(self, name: str) -> dict[str, bytes]:
        route = self._stage.routes[name]
        found = self._below(route.target, route.folder)
        return {path: each for path, each in found.items() if not PART.fullmatch(path)}

    def _below(self, side: str, folder: str) -> dict[str, bytes]:
        files, below = self._stage[side].files, f"{folder}/".lstrip("/")
        paths = {path: path.strip("/") for path in files if path.strip("/").startswith(below)}
        return {name.removeprefix(below): files.get(path, b"") for path, name in paths.items()}

    def end(self) -> Found:
        """Transfer what is left, without trouble; what then is not where it belongs was lost or is left."""
        left, parts = [], []
        for name in [each for each in self._stage.routes if self.expected[each]]:
            for _ in range(5):
                self._worker.start()
                self._transfer(name)
                answer = self._worker.answer(ANSWER_SECONDS)
                if answer is None or "error" not in answer:
                    break
            if answer is None or "error" in answer:
                left.append(f"{name}: {answer}")
            self._look(name)
            if self._at_target(name) != self.expected[name]:
                left.append(f"{name}: not all files have arrived")
            left += [f"{name}/{path}" for path in self._below(self._stage.routes[name].source, name)]
        for side in {route.target for route in self._stage.routes.values()}:
            parts += [f"{side}:{part}" for part in getattr(self._stage[side].files, "unfinished", [])]
        lost, truncated, duplicated = sorted(self.lost), sorted(self.truncated), sorted(self.duplicated)
        return Found(self.runs, self._count, self.kills, self.failed, lost, truncated, duplicated, left, parts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.kill()
        self._stage.close()


def soak(runs: int, seed: int, source: str = "ftp", trouble: Trouble = BROKEN) -> Found:
    """So many runs, the same for the same seed as far as time allows."""
    return soaked(runs, Soak(seed, Played(source), trouble))


def soaked(runs: int, soaking: Soak) -> Found:
    """So many runs, and their end."""
    with soaking:
        for _ in range(runs):
            soaking.run()
        return soaking.end()


if __name__ == "__main__":
    began, words = time.monotonic(), sys.argv[1:]
    runs, seed = int(words[0]) if words else 1000, int(words[1]) if len(words) > 1 else 1
    found = soak(runs, seed, words[2], WRONG_SIZES) if len(words) > 2 else soak(runs, seed)
    print(f"{found}\n{time.monotonic() - began:.0f} s")
    sys.exit(bool(found.lost or found.truncated or found.duplicated or found.left))
