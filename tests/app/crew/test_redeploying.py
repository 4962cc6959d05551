"""Worker processes that only speak as such are replaced: who, why, and when it is said."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.serving import WAIT_SECONDS
from workbench.app.serving.crew import crew as crews
from workbench.app.serving.crew.crew import Crew, Plan
from workbench.app.serving.crew.member import Member
from workbench.app.serving.crew.redeploying import Redeploying

# One that is told to leave waits for a word in a pipe, if there is one, and says that it has left.
PROGRAM = """
import json, pathlib, socket, sys

line = socket.socket(fileno=int(sys.argv[1]))
heard = line.makefile("r")
if json.loads(heard.readline())["member"]["number"] == 2 and pathlib.Path("second fails").exists():
    sys.exit(3)
ready = {"type": "Ready", "own_url": "", "addresses": [], "told": {}, "lines": []}
line.sendall(json.dumps(ready).encode() + b"\\n")
while json.loads(heard.readline())["type"] != "Leave":
    pass
if pathlib.Path("is told").exists():
    pathlib.Path("is told").write_text("leave")
    pathlib.Path("may leave").read_text()
line.sendall(b'{"type":"Left"}\\n')
"""


class Told:
    """The lines that are said, each as it comes."""

    def __init__(self) -> None:
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        self.say = self._lines.put_nowait

    async def next(self) -> str:
        """The next one."""
        return await asyncio.wait_for(self._lines.get(), WAIT_SECONDS)

    @property
    def is_silent(self) -> bool:
        """Whether all that was said has been asked for."""
        return self._lines.empty()


@asynccontextmanager
async def two(folder: Path) -> AsyncIterator[tuple[Crew, Redeploying, Told]]:
    """Two worker processes that are replaced when it is asked."""
    told = Told()
    command = [sys.executable, "-c", PROGRAM]
    crew = Crew(Plan(folder / "services.py", command, {}, 2, [], Member(0, os.getpid(), "", ""), 10.0, told.say))
    assert await crew.begin()
    redeploying = Redeploying(crew)
    task = asyncio.create_task(redeploying.run())
    try:
        yield crew, redeploying, told
    finally:
        task.cancel()
        crew.kill()
        await crew.end()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def pipes(folder: Path) -> Path:
    """Those who are told to leave say so in one, and read in the other that they may."""
    for name in ("is told", "may leave"):
        os.mkfifo(folder / name)
    return folder


def redeployed(why: str) -> str:
    return f"Redeployed, since {why}: 2 worker processes serve services.py."


def pids(crew: Crew) -> list[int]:
    return [each.worker.pid for each in crew.places]


def test_a_redeploy_is_told_once_the_old_ones_take_no_further_connection(pipes: Path) -> None:
    async def play() -> None:
        async with two(pipes) as (_, redeploying, told):
            redeploying.ask("it was asked")
            for _ in range(2):
                assert await asyncio.to_thread((pipes / "is told").read_text) == "leave"
                assert told.is_silent
                await asyncio.to_thread((pipes / "may leave").write_text, "now")
            assert await told.next() == redeployed("it was asked")

    asyncio.run(play())


def test_those_that_do_not_leave_in_time_are_told_of(pipes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crews, "LEAVE_SECONDS", 0.1)

    async def play() -> None:
        async with two(pipes) as (crew, redeploying, told):
            before = pids(crew)
            redeploying.ask("it was asked")
            for number, pid in enumerate(before, 1):
                who = f"Worker process {number} (pid {pid})"
                assert await told.next() == f"{who} has not left the address within 0.1 s; until it ends it may answer."
            assert await told.next() == redeployed("it was asked")

    asyncio.run(play())


def test_each_redeploy_tells_why_it_was(folder: Path) -> None:
    async def play() -> None:
        async with two(folder) as (crew, redeploying, told):
            redeploying.ask("one came first")
            before = crew.facts
            while crew.facts == before:  # a fresh one starts
                await asyncio.sleep(0)
            redeploying.ask("another came meanwhile")
            assert await told.next() == redeployed("one came first")
            assert await told.next() == redeployed("another came meanwhile")

    asyncio.run(play())


def test_who_was_clicked_in_stays_unless_there_are_two_of_them(folder: Path) -> None:
    async def play() -> None:
        async with two(folder) as (crew, _, told):
            first, second = pids(crew)
            for _ in range(2):
                crew.clicked(crew.places[0].worker)
            assert await told.next() == redeployed("by click in worker process 1 something was changed")
            assert pids(crew)[0] == first
            assert pids(crew)[1] != second
            before = set(pids(crew))
            for place in crew.places:
                crew.clicked(place.worker)
            assert await told.next() == redeployed("by click in worker process 1 something was changed")
            assert not before & set(pids(crew))

    asyncio.run(play())


def test_one_that_is_still_to_be_replaced_is_though_somebody_clicked_there(folder: Path) -> None:
    async def play() -> None:
        async with two(folder) as (crew, redeploying, told):
            second = crew.places[1].worker
            (folder / "second fails").touch()
            redeploying.ask("it was saved")
            failed = "A fresh process for worker process 2 ended with status 3; tried again in 1 s."
            assert await told.next() == failed
            (folder / "second fails").unlink()
            crew.clicked(second)
            assert await told.next() == redeployed("by click in worker process 2 something was changed")
            assert crew.places[1].worker is not second

    asyncio.run(play())
