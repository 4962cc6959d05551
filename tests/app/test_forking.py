"""A forked child has threads and a server of its own, and leaves its parent's alone."""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest

from workbench import IntervalJob, RESTChannel, Service, Workbench

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]
MOST_SECONDS = 30


class Plain(Service):
    name = "plain"

    def handle(self) -> str:
        return str(os.getpid())


class Waits(Service):
    name = "waits"

    async def handle(self) -> str:
        return str(await self.invoke.aio("plain"))


@contextmanager
def child(work: Callable[[], object]) -> Iterator[tuple[int, str]]:
    """Run `work` in a forked child that lives until the block has ended: its id, and its answer or traceback."""
    answers, answered = os.pipe()
    ends, ended = os.pipe()
    if (pid := os.fork()) == 0:
        signal.alarm(MOST_SECONDS)
        try:
            said = repr(work())
        except BaseException:
            said = traceback.format_exc()
        os.write(answered, said.encode())
        os.close(answered)
        os.close(ended)
        os.read(ends, 1)
        os._exit(0)
    os.close(answered)
    os.close(ends)
    with os.fdopen(answers) as said_by_child:
        yield pid, said_by_child.read()
    os.close(ended)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.fixture
def busy(wb: Workbench) -> Workbench:
    """A workbench all of whose threads have been at work."""
    wb.deploy(Plain, Waits)
    wb.define(RESTChannel("plain"), IntervalJob("job", service="plain", hours=1))
    assert wb.invoke("waits") == wb.call("GET /plain").text == str(os.getpid())
    assert wb.jobs["job"].execute().outcome == "ok"
    return wb


def test_a_child_runs_services_of_every_colour_and_jobs(busy: Workbench) -> None:
    def work() -> bool:
        me = str(os.getpid())
        assert [busy.invoke("plain"), busy.invoke("waits"), busy.call("GET /plain").text] == [me] * 3
        assert me in str(busy.jobs["job"].execute().returned)
        busy.close()
        return True

    with child(work) as (_, said):
        assert said == "True"
        assert [path.name.split("-")[1] for path in (busy.folder / "runtime").iterdir()] == [str(os.getpid())]
        assert busy.invoke("waits") == busy.call("GET /plain").text == str(os.getpid())
        assert busy.jobs["job"].execute().outcome == "ok"


def test_a_child_does_not_keep_its_parents_port(busy: Workbench) -> None:
    with child(lambda: busy.url) as (pid, said):
        assert said == "''"
        assert psutil.Process(pid).net_connections("inet") == []


class Forks(Service):
    """Forks a child that leaves its code in the way it is told; the parent answers with the child's id."""

    name = "forks"

    def handle(self) -> str:
        if (pid := os.fork()) == 0:
            leave(self.request.raw_request)
        return str(pid)


class ForksOnTheLoop(Service):
    name = "forks-on-the-loop"

    async def handle(self) -> str:
        if (pid := os.fork()) == 0:
            if self.request.raw_request == b"await":
                await asyncio.sleep(MOST_SECONDS)
            leave(self.request.raw_request)
        return str(pid)


def leave(told: str | bytes) -> None:
    how = told.decode() if isinstance(told, bytes) else told
    signal.alarm(MOST_SECONDS)
    sys.__stderr__ = None
    match how:
        case "raise":
            raise ValueError("of the child")
        case "exit":
            raise SystemExit(3)
        case "exit in words":
            sys.exit("words")
        case "interrupt":
            raise KeyboardInterrupt
        case "generator":
            raise GeneratorExit


LEAVING = {"return": 0, "raise": 1, "exit": 3, "exit in words": 1, "interrupt": 1, "generator": 1}


@pytest.mark.parametrize("how", LEAVING)
@pytest.mark.parametrize("by", ["a cell", "HTTP", "a job", "the background"])
def test_a_child_that_a_service_forks_ends_where_its_code_ends(wb: Workbench, by: str, how: str) -> None:
    wb.deploy(Forks)
    wb.define(RESTChannel("forks", data_format="raw"), IntervalJob("job", service="forks", hours=1, extra=how))
    match by:
        case "a cell":
            pid = wb.invoke("forks", how)
        case "HTTP":
            pid = wb.call("POST /forks", data=how).text
        case "a job":
            pid = wb.jobs["job"].execute().returned.strip("'")
        case _:
            answers: queue.SimpleQueue[str] = queue.SimpleQueue()
            wb.submit("forks", how, lambda answer, error, trace: answers.put(answer))
            pid = answers.get(timeout=30)
    assert psutil.Process(int(pid)).wait(30) == LEAVING[how]
    assert wb.invoke("forks", "return") != pid


@pytest.mark.parametrize("how", [*LEAVING, "await"])
def test_a_child_that_an_async_service_forks_ends_where_its_code_ends(wb: Workbench, how: str) -> None:
    wb.deploy(ForksOnTheLoop, Plain)
    wb.define(RESTChannel("forks", service="forks-on-the-loop", data_format="raw"), RESTChannel("plain"))
    pid = int(wb.call("POST /forks", data=how).text)
    assert psutil.Process(pid).wait(30) == (LEAVING | {"await": 1})[how]
    assert wb.call("GET /plain").text == str(os.getpid())
