"""Worker processes that only speak as such are replaced: who, why, and when it is said."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.serving import WAIT_SECONDS
from workbench.app.serving.crew import crew as crews
from workbench.app.serving.crew.crew import Crew, Plan
from workbench.app.serving.crew.line import Compare
from workbench.app.serving.crew.member import Member
from workbench.app.serving.crew.redeploying import Redeploying
from workbench.app.serving.crew.worker import Worker

# What it has by click is what the store had when it began, until a file of its pid says otherwise when it is asked, or
# when it leaves. Where there is a pipe, one waits in it: before it is ready, or before it has left.
PROGRAM = """
import json, os, pathlib, socket, sys

def tell(**said):
    line.sendall(json.dumps(said).encode() + b"\\n")

def waits(why):
    if pathlib.Path(f"{why} {number}").exists():
        pathlib.Path(f"{why} {number}").write_text(why)
        pathlib.Path(f"may go on {number}").read_text()

def click():
    global clicks
    if pathlib.Path(str(os.getpid())).exists():
        clicks = pathlib.Path(str(os.getpid())).read_text()
    tell(type="Clicked", clicks=clicks)

line = socket.socket(fileno=int(sys.argv[1]))
heard = line.makefile("r")
number = json.loads(heard.readline())["member"]["number"]
clicks = pathlib.Path("store").read_text()
if number == 2 and pathlib.Path("second fails").exists():
    sys.exit(3)
if number == 2 and pathlib.Path("second lacks").exists():
    clicks = "nothing"
waits("starts")
if pathlib.Path("each dies").exists():
    sys.exit(3)
tell(type="Ready", own_url="", addresses=[], told={}, lines=[], clicks=clicks)
while (said := json.loads(heard.readline())["type"]) != "Leave":
    if said == "Compare" and not pathlib.Path("is silent").exists():
        click()
waits("leaves")
tell(type="Left")
click()
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
    (tmp_path / "store").write_text("nothing")
    return tmp_path


class Waits:
    """The pipes in which each worker process of a number waits when it comes to a point."""

    def __init__(self, folder: Path, why: str, *numbers: int) -> None:
        self._folder, self._why = folder, why
        for number in numbers:
            os.mkfifo(folder / f"{why} {number}")
            os.mkfifo(folder / f"may go on {number}")

    async def come(self, number: int) -> None:
        """Wait until one has come; the next ones go by."""
        pipe = self._folder / f"{self._why} {number}"
        assert await asyncio.to_thread(pipe.read_text) == self._why
        pipe.unlink()

    async def go_on(self, number: int) -> None:
        """Let it go on."""
        await asyncio.to_thread((self._folder / f"may go on {number}").write_text, "now")


def redeployed(why: str) -> str:
    return f"Redeployed, since {why}: 2 worker processes serve services.py."


def pids(crew: Crew) -> list[int]:
    return [each.worker.pid for each in crew.places]


async def click(worker: Worker, folder: Path, clicks: str) -> None:
    """Have somebody change what one has by click, and wait until it has told that."""
    (folder / str(worker.pid)).write_text(clicks)
    worker.tell(Compare())
    await coming(lambda: worker.clicks == clicks)


async def coming(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not holds():
            await asyncio.sleep(0.005)


def clicks_of(crew: Crew) -> list[str]:
    return [each.worker.clicks for each in crew.places]


def changed_in(number: int) -> str:
    return redeployed(f"what was made by click or applied had changed in worker process {number}")


def test_a_redeploy_is_told_once_the_old_ones_take_no_further_connection(folder: Path) -> None:
    leaving = Waits(folder, "leaves", 1, 2)

    async def play() -> None:
        async with two(folder) as (_, redeploying, told):
            redeploying.ask("it was asked")
            for number in (1, 2):
                await leaving.come(number)
                assert told.is_silent
                await leaving.go_on(number)
            assert await told.next() == redeployed("it was asked")

    asyncio.run(play())


def test_those_that_do_not_leave_in_time_are_told_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crews, "LEAVE_SECONDS", 0.1)
    Waits(folder, "leaves", 1, 2)

    async def play() -> None:
        async with two(folder) as (crew, redeploying, told):
            before = pids(crew)
            redeploying.ask("it was asked")
            for number, pid in enumerate(before, 1):
                who = f"Worker process {number} (pid {pid})"
                assert await told.next() == f"{who} has not left the address within 0.1 s; until it ends it may answer."
            assert await told.next() == redeployed("it was asked")

    asyncio.run(play())


def test_those_that_end_again_and_again_are_started_less_and_less_often(folder: Path) -> None:
    async def play() -> None:
        async with two(folder) as (crew, _, told):
            (folder / "each dies").touch()
            crew.places[0].worker.kill()
            for when in ("now", "in 1 s, since 2 have ended soon", "in 2 s, since 3 have ended soon"):
                assert (await told.next()).endswith(f"; another starts {when}.")
            (folder / "each dies").unlink()
            await coming(lambda: crew.places[0].worker.state == "ready")

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


def test_those_that_have_the_same_stay_however_late_the_other_has_it(folder: Path) -> None:
    async def play() -> None:
        async with two(folder) as (crew, redeploying, told):
            before = pids(crew)
            with crew.defining:  # as while `workbench apply` goes to one after the other
                for place in crew.places:
                    await click(place.worker, folder, "applied")
            (folder / "store").write_text("applied")
            assert pids(crew) == before
            redeploying.ask("it was asked")
            assert await told.next() == redeployed("it was asked"), "nobody was replaced for another reason"

    asyncio.run(play())


@pytest.mark.parametrize("number", [1, 2])
def test_one_that_lacks_what_another_has_is_replaced_and_the_other_stays(folder: Path, number: int) -> None:
    async def play() -> None:
        async with two(folder) as (crew, _, told):
            before = pids(crew)
            for clicks in ("made", "nothing"):  # and once it is removed, too
                (folder / "store").write_text(clicks)
                await click(crew.places[number - 1].worker, folder, clicks)
                assert await told.next() == changed_in(number)
                assert clicks_of(crew) == [clicks, clicks]
            assert pids(crew)[number - 1] == before[number - 1]
            assert pids(crew)[2 - number] != before[2 - number]

    asyncio.run(play())


def test_two_that_were_each_clicked_in_are_both_replaced(folder: Path) -> None:
    async def play() -> None:
        async with two(folder) as (crew, _, told):
            before = set(pids(crew))
            (folder / "store").write_text("both")
            with crew.defining:
                for place in crew.places:
                    await click(place.worker, folder, f"in {place.worker.number}")
            assert await told.next() == changed_in(2)
            assert clicks_of(crew) == ["both", "both"]
            assert not before & set(pids(crew))

    asyncio.run(play())


def test_what_is_clicked_in_one_that_leaves_reaches_those_that_began_before_it(folder: Path) -> None:
    leaving = Waits(folder, "leaves", 1)

    async def play() -> None:
        async with two(folder) as (crew, redeploying, told):
            old, other = (each.worker for each in crew.places)
            redeploying.ask("it was asked")
            await leaving.come(1)
            await coming(lambda: crew.places[1].worker is not other)
            (folder / "store").write_text("clicked")
            (folder / str(old.pid)).write_text("clicked")
            await leaving.go_on(1)
            assert await told.next() == redeployed("it was asked")
            assert await told.next() == changed_in(1)
            assert clicks_of(crew) == ["clicked", "clicked"]

    asyncio.run(play())


def test_one_that_read_the_store_before_a_click_and_is_ready_after_it_is_replaced(folder: Path) -> None:
    async def play() -> None:
        async with two(folder) as (crew, _, told):
            killed, clicked = (each.worker for each in crew.places)
            starting = Waits(folder, "starts", 1)
            killed.kill()
            assert "was ended by SIGKILL; another starts now." in await told.next()
            await starting.come(1)
            (folder / "store").write_text("clicked")
            await click(clicked, folder, "clicked")
            await starting.go_on(1)
            assert await told.next() == changed_in(2)
            assert clicks_of(crew) == ["clicked", "clicked"]
            assert crew.places[1].worker is clicked

    asyncio.run(play())


def test_those_that_began_with_another_store_each_have_the_newest(folder: Path) -> None:
    starting = Waits(folder, "starts", 2)

    async def play() -> None:
        async def change() -> None:
            await starting.come(2)
            (folder / "store").write_text("newer")
            await starting.go_on(2)

        changing = asyncio.create_task(change())
        async with two(folder) as (crew, _, told):
            await changing
            before = pids(crew)
            crew.places[0].worker.kill()
            assert "was ended by SIGKILL; another starts now." in await told.next()
            assert await told.next() == changed_in(1)
            assert clicks_of(crew) == ["newer", "newer"]
            assert not set(before) & set(pids(crew))

    asyncio.run(play())


def test_one_that_cannot_have_it_is_told_of_and_each_is_replaced_once(folder: Path) -> None:
    async def play() -> None:
        async with two(folder) as (crew, redeploying, told):
            (folder / "second lacks").touch()
            (folder / "store").write_text("made")
            before = pids(crew)
            await click(crew.places[0].worker, folder, "made")
            assert await told.next() == changed_in(1)
            assert not set(before) & set(pids(crew))
            who = f"Worker process 2 (pid {pids(crew)[1]}) was replaced and still differs"
            fix = "Fix: send SIGHUP to try again."
            assert await told.next() == f"{who} in what was made by click or applied. {fix}"
            (folder / "second lacks").unlink()
            redeploying.ask("it was asked")
            assert await told.next() == redeployed("it was asked"), "it was not tried again meanwhile"
            assert clicks_of(crew) == ["made", "made"]

    asyncio.run(play())


@pytest.mark.parametrize("what", ["compare", "leave"])
def test_who_waits_for_them_may_be_ended_and_no_error_is_told(folder: Path, what: str) -> None:
    async def play() -> None:
        errors: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, told: errors.append(told))
        async with two(folder) as (crew, redeploying, told):
            redeploying.ask("it was asked")
            assert await told.next() == redeployed("it was asked")
            (folder / "is silent").touch()
            waits = crew.compare() if what == "compare" else crew.expect_left([each.worker for each in crew.places])
            waiting = asyncio.create_task(waits)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
            del waiting, waits
            gc.collect()
        assert errors == []

    asyncio.run(play())


def test_a_save_before_anybody_looks_is_told(folder: Path) -> None:
    async def play() -> None:
        async with two(folder) as (_, redeploying, told):
            (folder / "services.py").write_text("saved")
            watching = asyncio.create_task(redeploying.watch())
            assert await told.next() == redeployed("services.py has changed")
            watching.cancel()

    asyncio.run(play())


def test_one_that_is_still_to_be_replaced_is_though_somebody_clicked_there(folder: Path) -> None:
    async def play() -> None:
        async with two(folder) as (crew, redeploying, told):
            second = crew.places[1].worker
            (folder / "second fails").touch()
            redeploying.ask("it was saved")
            failed = "A fresh process for worker process 2 ended with status 3; tried again in 1 s."
            assert await told.next() == failed
            (folder / "store").write_text("clicked")
            await click(second, folder, "clicked")
            (folder / "second fails").unlink()
            assert await told.next() == redeployed("it was saved")
            assert await told.next() == changed_in(2)
            assert clicks_of(crew) == ["clicked", "clicked"]
            assert crew.places[1].worker is not second

    asyncio.run(play())
