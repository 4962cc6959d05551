"""A coroutine stepped at once behaves as it would in a task."""

from __future__ import annotations

import asyncio
import inspect
import re
import time
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from tests.kernels import ROOT
from workbench.app.workbench import Workbench
from workbench.channels.rest import RESTChannel
from workbench.core.call import INVOKE, Call
from workbench.core.service import Service
from workbench.runtime import eager

CALL = Call("test", "", cid="c", channel=INVOKE, services={}, surroundings=cast(Any, None))


def outcome(make: Callable[[], Coroutine[Any, Any, Any]]) -> tuple[Any, BaseException | None]:
    async def main() -> tuple[Any, BaseException | None]:
        done: asyncio.Future[tuple[Any, BaseException | None]] = asyncio.get_running_loop().create_future()
        eager.start(make(), CALL, lambda answer, error: done.set_result((answer, error)))
        return await asyncio.wait_for(done, 10)

    return asyncio.run(main())


def test_one_that_never_waits_ends_at_once() -> None:
    ended = []

    async def plain() -> int:
        return 5

    async def main() -> None:
        assert eager.start(plain(), CALL, lambda answer, error: ended.append((answer, error))) is None
        assert ended == [(5, None)]

    asyncio.run(main())


@pytest.mark.parametrize("waits", [False, True])
def test_errors_come_to_done(waits: bool) -> None:
    async def fails() -> None:
        if waits:
            await asyncio.sleep(0)
        raise ValueError("boom")

    answer, error = outcome(fails)
    assert answer is None
    assert isinstance(error, ValueError)


def test_timeouts_and_groups_work_from_the_first_step_on() -> None:
    async def uses() -> list[Any]:
        said: list[Any] = []
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(30)
        except TimeoutError:
            said.append("timed out")
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(asyncio.sleep(0, number)) for number in range(3)]
        return said + [task.result() for task in tasks]

    assert outcome(uses) == (["timed out", 0, 1, 2], None)


def test_a_failing_member_cancels_its_group() -> None:
    async def fails() -> None:
        raise ValueError("member")

    async def uses() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails())
            await asyncio.sleep(30)

    _, error = outcome(uses)
    assert isinstance(error, ExceptionGroup)
    assert [str(each) for each in error.exceptions] == ["member"]


def test_cancelling_runs_what_stands_in_finally() -> None:
    said = []

    async def waits() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            said.append("cleaned up")

    async def main() -> None:
        done: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        task = eager.start(waits(), CALL, lambda answer, error: done.set_result(error))
        assert task is not None
        await asyncio.sleep(0)
        task.cancel()
        assert isinstance(await asyncio.wait_for(done, 10), asyncio.CancelledError)

    asyncio.run(main())
    assert said == ["cleaned up"]


def test_one_cancelled_in_its_first_step_still_cleans_up() -> None:
    said = []

    async def cancels_itself() -> None:
        current = asyncio.current_task()
        assert current is not None
        current.cancel()
        try:
            await asyncio.sleep(30)
        finally:
            said.append("cleaned up")

    _, error = outcome(cancels_itself)
    assert isinstance(error, asyncio.CancelledError)
    assert said == ["cleaned up"]


@pytest.mark.parametrize("first_waits", [False, True])
def test_one_that_holds_the_loop_is_named(wb: Workbench, first_waits: bool) -> None:
    class Holds(Service):
        name = "holds"

        async def handle(self) -> None:
            if first_waits:
                await asyncio.sleep(0)
            time.sleep(0.15)

    wb.deploy(Holds)
    wb.define(RESTChannel("holds"))
    assert wb.call("GET /holds").status == 200
    warned = [line.text for line in wb.log if line.level == "WARNING"]
    assert len(warned) == 1
    assert re.fullmatch(
        r"holds is async and held the server's loop for \d{3,} ms; every other caller waited\. "
        r"Fix: await what it waits for, or make it a plain def handle\.",
        warned[0],
    )
    wb.invoke("holds")
    assert "log: WARNING holds is async and held the server's loop" in repr(wb.traffic[-1])


def test_asyncios_private_functions_are_there_and_used_in_one_function_alone() -> None:
    used = ("_enter_task", "_leave_task")
    assert [name for name in used if not callable(getattr(asyncio.tasks, name, None))] == []
    places = [
        (path.name, name) for path in (ROOT / "workbench").rglob("*.py") for name in used if name in path.read_text()
    ]
    assert sorted(places) == [("eager.py", name) for name in used]
    assert all(inspect.getsource(eager._set_current).count(f"tasks.{name}(") == 1 for name in used)
    assert all(inspect.getsource(eager).count(f"tasks.{name}(") == 1 for name in used)
