"""A kernel that is killed with a job in flight and started again says what became of it, under the cell of the job."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.kernels import IPYKERNELS, Kernel
from tests.notebook.conftest import TURN_ON

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
