"""One that another has come for is awaited until it takes no further connection, and not for ever."""

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

# Speaks as a worker process does. One that is told to leave waits for a word in a pipe, and says that it has left.
PROGRAM = """
import json, pathlib, socket, sys

line = socket.socket(fileno=int(sys.argv[1]))
heard = line.makefile("r")
begin = json.loads(heard.readline())
ready = {"type": "Ready", "own_url": "", "addresses": [], "told": {}, "lines": []}
line.sendall(json.dumps(ready).encode() + b"\\n")
while json.loads(heard.readline())["type"] != "Leave":
    pass
pathlib.Path("is told").write_text("leave")
pathlib.Path("may leave").read_text()
line.sendall(b'{"type":"Left"}\\n')
heard.readline()
"""


@asynccontextmanager
async def redeploying(folder: Path) -> AsyncIterator[tuple[list[str], asyncio.Event]]:
    """What a crew of one says when it is redeployed, and when it does; the old one has been told to leave."""
    for name in ("is told", "may leave"):
        os.mkfifo(folder / name)
    lines, has_said = list[str](), asyncio.Event()

    def say(line: str) -> None:
        lines.append(line)
        has_said.set()

    command = [sys.executable, "-c", PROGRAM]
    crew = Crew(Plan(folder / "services.py", command, {}, 1, [], Member(0, os.getpid(), "", ""), 10.0, say))
    assert await crew.begin()
    redeploys = Redeploying(crew)
    task = asyncio.create_task(redeploys.run())
    try:
        redeploys.ask("it was asked")
        assert await asyncio.to_thread((folder / "is told").read_text) == "leave"
        yield lines, has_said
    finally:
        task.cancel()
        crew.kill()
        await crew.end()


REDEPLOYED = "Redeployed, since it was asked: 1 worker processes serve services.py."


def test_a_redeploy_is_told_once_the_old_one_takes_no_further_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def play() -> None:
        async with redeploying(tmp_path) as (lines, has_said):
            assert lines == []
            await asyncio.to_thread((tmp_path / "may leave").write_text, "now")
            await asyncio.wait_for(has_said.wait(), WAIT_SECONDS)
            assert lines == [REDEPLOYED]

    asyncio.run(play())


def test_one_that_does_not_leave_in_time_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(crews, "LEAVE_SECONDS", 0.1)

    async def play() -> None:
        async with redeploying(tmp_path) as (lines, has_said):
            await asyncio.wait_for(has_said.wait(), WAIT_SECONDS)
            late, redeployed = lines
            assert late.endswith(" has not left the address within 0.1 s; until it ends it may answer.")
            assert redeployed == REDEPLOYED

    asyncio.run(play())
