"""What happens to several processes at one address when something goes wrong, or a signal comes at any moment."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.app.crew.conftest import MODULE, Crew, Say
from tests.cli.conftest import WAIT_SECONDS, CommandLine
from tests.serving import until
from workbench.app.serving.runtime_file import lives

SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
WORKERS = ("--workers", "2")

pytestmark = pytest.mark.timeout(180)


def pids_in(line: str) -> list[int]:
    return [int(each) for each in re.findall(r"\d+", line.partition("pid")[2])]


def test_a_port_in_use_is_told_and_nothing_starts(fresh: CommandLine) -> None:
    path = fresh.module("services.py", MODULE)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        said = fresh.refused("serve", str(path), *WORKERS, "--port", port, WORKBENCH_STORE="")
    assert re.fullmatch(rf"workbench: Port {port} is in use by .*\. Fix: stop that program, or choose another .*", said)


def test_a_file_that_fails_is_told_once_and_nothing_serves(fresh: CommandLine) -> None:
    path = fresh.module("services.py", f"{MODULE}\n1 / 0\n")
    said = fresh.refused("serve", str(path), *WORKERS, WORKBENCH_STORE="")
    assert said == "workbench: services.py, line 41, failed: ZeroDivisionError: division by zero"
    assert fresh.run("status", "--json").stdout.strip() == "[]"


def test_a_store_in_memory_is_refused_since_jobs_would_run_in_each(fresh: CommandLine) -> None:
    said = fresh.refused("serve", str(fresh.module("services.py", MODULE)), *WORKERS, WORKBENCH_STORE="memory://")
    assert "each job would run in each worker process. Fix: unset WORKBENCH_STORE" in said


def test_one_that_is_killed_is_replaced_and_the_others_answer_meanwhile(fresh: CommandLine) -> None:
    crew = Crew(fresh, fresh.module("services.py", MODULE))
    killed, other = crew.ready[1], crew.ready[2]
    os.kill(killed, signal.SIGKILL)
    until(lambda: not lives(killed) or crew.get("/pid").json() == other, "the other answers")
    assert crew.until_ready(killed)[2] == other
    status, said = crew.served.stop(signal.SIGTERM)
    assert status == 0
    assert f"Worker process 1 (pid {killed}) was ended by SIGKILL; another starts now.\n" in said


def test_a_supervisor_that_is_killed_leaves_no_process_and_what_it_leaves_hinders_nobody(
    fresh: CommandLine, say: Say, ended: Callable[[str], bool]
) -> None:
    path = fresh.module("services.py", MODULE)
    said = say("serve", str(path), *WORKERS)
    pids = pids_in(said.until("worker processes: pid"))
    url = re.findall(r"http://localhost:\d+", said.lines[0])[0]
    said.process.kill()
    until(lambda: not any(map(lives, pids)), "its worker processes have ended")
    assert ended(url)
    port = url.rpartition(":")[2]
    again = say("serve", str(path), *WORKERS, "--port", port)
    again.until("worker processes: pid")
    assert requests.get(f"{url}/pid", timeout=30).status_code == 200
    assert again.end() == 0
    said.ended()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT] if SOAK else [signal.SIGTERM])
def test_a_signal_lets_calls_in_flight_end(fresh: CommandLine, number: int, ended: Callable[[str], bool]) -> None:
    crew = Crew(fresh, fresh.module("services.py", MODULE))
    os.mkfifo(fresh.folder / "began")
    with ThreadPoolExecutor() as pool:
        call = pool.submit(crew.get, "/slow")
        assert (fresh.folder / "began").read_text() == ""
        status, said = crew.served.stop(number)
        answer = call.result(20)
    assert (answer.status_code, answer.text) == (200, "done")
    assert (status, said) == (0, "Stopping: calls in flight may end.\n")
    assert ended(crew.url)
    assert not list((fresh.folder / "runtime").glob("workbench-*.json"))


# Each run of the file leaves a mark, and the run of this number goes on for as long as `hold` is there.
HOLDS = """
from pathlib import Path

Path("marks").mkdir(exist_ok=True)
mark = len(list(Path("marks").iterdir()))
Path("marks", str(os.getpid())).touch()
while mark == {number} and Path("hold").exists():
    time.sleep(0.05)
"""
MOMENTS = {"the first starts": 0, "the second starts": 1, "one is replaced": 2, "the other is replaced": 3}
SAMPLE = [("the first starts", signal.SIGINT), ("one is replaced", signal.SIGTERM)]
ALL = [(moment, number) for moment in MOMENTS for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]


@pytest.mark.parametrize(("moment", "number"), ALL if SOAK else SAMPLE)
def test_a_signal_at_any_moment_is_heeded_and_leaves_nothing_behind(
    fresh: CommandLine, say: Say, moment: str, number: signal.Signals
) -> None:
    held = MOMENTS[moment]
    (fresh.folder / "hold").touch()
    said = say("serve", str(fresh.module("services.py", MODULE + HOLDS.format(number=held))), *WORKERS)
    if held > 1:
        said.until("worker processes: pid")
        said.process.send_signal(signal.SIGHUP)
    until(lambda: len(list(fresh.folder.glob("marks/*"))) > held, f"run {held} of the file")
    if number == signal.SIGHUP:
        said.process.send_signal(number)
        (fresh.folder / "hold").unlink()
        said.until("Redeployed, since SIGHUP has come: 2 worker processes serve")
        assert said.end() == 0
    else:
        assert said.end(number) == (0 if held > 1 else 130)
    assert not [each for each in fresh.folder.glob("marks/*") if lives(int(each.name))]
    assert not list(fresh.folder.glob("runtime/workbench-*.json"))


def test_a_second_signal_ends_all_at_once(fresh: CommandLine) -> None:
    crew = Crew(fresh, fresh.module("services.py", MODULE.replace("time.sleep(1)", "time.sleep(60)")), "--drain", "60")
    pids = list(crew.ready.values())
    os.mkfifo(fresh.folder / "began")
    with ThreadPoolExecutor() as pool:
        call = pool.submit(crew.get, "/slow")
        assert (fresh.folder / "began").read_text() == ""
        crew.served.process.send_signal(signal.SIGTERM)
        crew.served.process.send_signal(signal.SIGINT)
        assert crew.served.process.wait(WAIT_SECONDS) < 0
        with pytest.raises(requests.ConnectionError):
            call.result(20)
    until(lambda: not any(map(lives, pids)), "all have ended")


def test_a_file_that_says_exit_ends_with_its_status_as_it_does_with_one_process(fresh: CommandLine) -> None:
    done = fresh.run("serve", str(fresh.module("early.py", "raise SystemExit(0)")), *WORKERS, WORKBENCH_STORE="")
    told = "workbench: early.py ends the run with exit; nothing is served.\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "", told)
