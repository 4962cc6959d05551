"""A run of a job is a piece of work as any other."""

from __future__ import annotations

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
