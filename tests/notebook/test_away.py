"""A kernel that is killed with a job in flight and started again says what became of it, under the cell of the job."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.kernels import IPYKERNELS, Kernel
from tests.notebook.conftest import TURN_ON
from workbench import IntervalJob, Service, Workbench
from workbench.notebook.html import dot
from workbench.notebook.lines import AwayLine
from workbench.scheduler.records import Absence, Away

JOB = """
import threading
from workbench import IntervalJob
class Slow(Service):
    name = "slow"
    def handle(self):
        threading.Event().wait(60)
wb.define(IntervalJob("nightly", service="slow", seconds=1, missed="skip", missed_seconds=0.5))
"""
RUNS = "while not wb.jobs['nightly'].running_since: threading.Event().wait(0.02)"
DUE_WITHIN_ITS_CELL = """
from workbench import IntervalJob
class Due(Service):
    name = "due"
    def handle(self):
        return "done"
wb.define(IntervalJob('due', service="due", seconds=1, repeats=1))
print(wb.jobs['due'].wait(runs=1, timeout=20))
"""
SAID = re.compile(
    r"While you were away: (\d+) planned times?, (\d+) missed, 1 interrupted\.\n"
    r"job 'nightly': \1 planned times? since [-\d]+ [:\d]+ UTC, \2 missed, 1 interrupted "
    r"\(missed='skip', on_interrupt='report'\)\."
)


@pytest.mark.parametrize("version", IPYKERNELS[-1:])
def test_what_came_of_a_killed_kernels_jobs_is_said_once_under_their_cell(version: str, tmp_path: Path) -> None:
    env = {
        "WORKBENCH_PORT": "0",
        "WORKBENCH_STORE": f"sqlite:///{tmp_path}/jobs.db",
        "JUPYTER_RUNTIME_DIR": str(tmp_path),
    }
    with Kernel(version=version, env=env) as kernel:
        kernel.run(TURN_ON)
        first = kernel.run(JOB)
        assert "While you were away" not in str(first.displays)
        kernel.run(RUNS)
        kernel.kill()
        kernel.restart()
        assert "While you were away" not in str(kernel.run(TURN_ON).displays)
        kernel.run("import time; time.sleep(1)")  # a planned time comes, and nobody is there for it
        said = [each["text/plain"] for each in kernel.run(JOB).displays]
        (away,) = [each for each in said if "While you were away" in each]
        found = SAID.fullmatch(away)
        assert found is not None, away
        assert int(found[1]) == int(found[2]) + 1 >= 2
        assert "While you were away" not in str(kernel.run(JOB.replace("60", "61")).displays)
        account = kernel.run("account = wb.jobs.account('nightly'); print(account.holds, account.by_outcome)").stdout
        assert account.startswith("True ")
        assert "'interrupted': 1" in account


def test_a_job_that_is_due_within_the_cell_that_brings_its_service_runs_on_it(tmp_path: Path) -> None:
    """As after a restart, when a planned time waits for the cell: it failed, since no such service was live yet."""
    env = {"WORKBENCH_PORT": "0", "WORKBENCH_STORE": "memory://", "JUPYTER_RUNTIME_DIR": str(tmp_path)}
    with Kernel(version=IPYKERNELS[-1], env=env) as kernel:
        kernel.run(TURN_ON)
        said = kernel.run(DUE_WITHIN_ITS_CELL)
        assert said.stdout == "'due': 1 run, 1 ok, finished (1 of 1).\n"
        assert kernel.run(DUE_WITHIN_ITS_CELL.replace("'due'", "'again'") + "1 / 0", fails=True).error is not None
        assert kernel.run("print('again' in wb.jobs)").stdout == "False\n"


def test_a_line_about_runs_elsewhere_names_no_policy_and_is_green_while_all_went_well() -> None:
    first = datetime(2026, 1, 1, 13, tzinfo=UTC)
    ran = Absence("hourly", first, 0, 0, "missed", elsewhere={"ok": 3})

    class Ok(Service):
        name = "ok"

        def handle(self) -> None:
            """Nothing."""

    with Workbench(port=0) as wb:
        wb.deploy(Ok)
        wb.define(IntervalJob("hourly", service="ok", hours=1))
        line = AwayLine(Away([ran]), wb)
        assert repr(line).splitlines() == [
            "While you were away: 3 planned times, 3 ok.",
            "job 'hourly': 3 planned times since 2026-01-01 13:00:00 UTC, 3 ok.",
        ]
        assert dot("live") in line.html()
        worse = AwayLine(Away([replace(ran, others=2, elsewhere={"ok": 3, "failed": 1})]), wb)
        assert repr(worse).splitlines()[1].endswith("3 ok, 1 failed, 2 missed (missed='run_once').")
        assert dot("warn") in worse.html()
