"""A run of a job is a piece of work as any other."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.app.workbench import Workbench
from workbench.core.call import Task
from workbench.core.service import Service
from workbench.scheduler.definitions import IntervalJob


def test_a_run_of_a_job_is_a_task_whose_key_names_the_planned_time(wb: Workbench) -> None:
    seen: list[Task] = []

    class Tick(Service):
        name = "tick"

        def handle(self) -> str:
            assert self._call.task is not None
            seen.append(self._call.task)
            return self.job_type

    wb.deploy(Tick)
    wb.define(IntervalJob("every hour", service="tick", hours=1, extra="text"))
    runs = [wb.jobs["every hour"].execute() for _ in range(2)]
    assert [run.outcome for run in runs] == ["ok", "ok"]
    assert [run.returned for run in runs] == ["'interval_based'"] * 2
    assert [(task.service, task.payload, task.channel.name) for task in seen] == [("tick", "text", "every hour")] * 2
    assert [task.cid for task in seen] == [run.cid for run in runs]
    assert [task.key for task in seen] == [f"every hour@{run.planned.isoformat()}" for run in runs]


@pytest.mark.parametrize(
    ("extra", "payload"),
    [
        ("night shift", "night shift"),
        ("[urgent] call", "[urgent] call"),
        ('{"town": "Oslo"}', {"town": "Oslo"}),
        (b'["Oslo"]', ["Oslo"]),
        (b"\xff\x00", b"\xff\x00"),
        ({"town": "Oslo"}, {"town": "Oslo"}),
        (["Oslo"], ["Oslo"]),
    ],
)
def test_a_service_sees_the_extra_as_it_is_and_parsed(wb: Workbench, extra: Any, payload: Any) -> None:
    seen: list[Any] = []

    class Look(Service):
        name = "look"

        def handle(self) -> None:
            seen.append((type(self.request.raw_request), self.request.raw_request, self.request.payload))

    wb.deploy(Look)
    wb.define(IntervalJob("every hour", service="look", hours=1, extra=extra))
    assert wb.jobs["every hour"].execute().ok
    assert wb.jobs["every hour"].execute(extra=extra).ok
    assert seen == [(type(extra), extra, payload)] * 2


def test_a_service_that_changes_its_request_changes_no_definition(wb: Workbench) -> None:
    class Change(Service):
        name = "change"

        def handle(self) -> int:
            self.request.payload["towns"].append("Rome")
            return len(self.request.payload["towns"])

    wb.deploy(Change)
    wb.define(IntervalJob("every hour", service="change", hours=1, extra={"towns": ["Oslo"]}))
    assert [wb.jobs["every hour"].execute().returned for _ in range(2)] == ["2", "2"]
    assert wb.jobs["every hour"].definition.extra == {"towns": ["Oslo"]}
