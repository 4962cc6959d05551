"""A file is served anew without one failed call, whatever ends meanwhile; the whole with WORKBENCH_SOAK."""

from __future__ import annotations

import http.client
import os
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from tests.app.crew.conftest import MODULE, Crew, Said, Say
from tests.cli.conftest import CommandLine
from tests.serving import until

SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
CALLS, REDEPLOYS, KILLS = (100_000, 20, 10) if SOAK else (2_000, 2, 1)
CALLERS = 6 if SOAK else 3
CALLS_OF_A_CONNECTION = 25
VERSIONED = MODULE.replace("return os.getpid()", 'return f"{os.getpid()} {VERSION}"', 1)


class Failure(NamedTuple):
    """A call that failed: on a connection to which process, if that is known, and while it was when."""

    pid: int | None
    began: float
    ended: float
    why: str


class Callers:
    """Threads that call all the time, on connections that they keep for a while, until the block ends."""

    def __init__(self, port: int) -> None:
        self._port, self._stops = port, threading.Event()
        self.failures: list[Failure] = []
        self.counts = [0] * CALLERS
        self._threads = [threading.Thread(target=self._call, args=(each,)) for each in range(CALLERS)]

    @property
    def count(self) -> int:
        """Calls that were answered."""
        return sum(self.counts)

    def _call(self, number: int) -> None:
        while not self._stops.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
            pid: int | None = None
            try:
                for _ in range(CALLS_OF_A_CONNECTION):
                    began = time.monotonic()
                    try:
                        connection.request("GET", "/pid")
                        answer = connection.getresponse()
                        told = answer.read().decode()
                        assert answer.status == 200, (answer.status, told)
                    except (OSError, http.client.HTTPException, AssertionError) as exc:
                        self.failures.append(Failure(pid, began, time.monotonic(), repr(exc)))
                        break
                    self.counts[number] += 1
                    pid = int(told.split()[0])
                    if answer.will_close:
                        break
            finally:
                connection.close()

    def __enter__(self) -> Callers:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stops.set()
        for each in self._threads:
            each.join(90)


class Killed(NamedTuple):
    """A worker process that was killed, and when."""

    pid: int
    at: float

    def has(self, failure: Failure) -> bool:
        """Whether a call was inside it."""
        return failure.pid == self.pid or (failure.pid is None and failure.began <= self.at <= failure.ended)


def url_of(said: Said) -> str:
    said.until("worker processes: pid")
    return str(re.findall(r"http://localhost:\d+", said.until("Serving"))[0])


def versions(url: str) -> set[str]:
    """As which versions new connections are answered."""
    return {requests.get(f"{url}/pid", timeout=60).text.split()[1] for _ in range(6)}


def many(said: Said, text: str, number: int) -> None:
    """Wait until it has said something so often."""
    until(lambda: sum(text in each for each in said.lines) >= number, f"{text!r} {number} times: {said.lines}", 90)


@pytest.mark.timeout(1800 if SOAK else 180)
def test_no_call_fails_but_those_inside_a_killed_process(fresh: CommandLine, say: Say) -> None:
    path = fresh.module("services.py", f"VERSION = 0\n{VERSIONED}")
    said = say("serve", str(path), "--workers", "2")
    url, killed, redeploys = url_of(said), list[Killed](), count(1)
    with Callers(int(url.rpartition(":")[2])) as callers:
        _save_what_fails(path, said)
        assert versions(url) == {"0"}
        for number in range(1, REDEPLOYS + 1):
            if number % 2:
                _save(path, number)
            else:
                said.process.send_signal(signal.SIGHUP)
            many(said, "Redeployed, since", next(redeploys))
            assert versions(url) == {str(number - (number + 1) % 2)}
            if len(killed) < KILLS and number % (REDEPLOYS // KILLS) == 0:
                killed.append(_kill_one(url))
                many(said, "was ended by SIGKILL; another starts", len(killed))
        until(lambda: callers.count >= CALLS, f"{CALLS} calls", 1200)
    failed = [each for each in callers.failures if not any(one.has(each) for one in killed)]
    inside = len(callers.failures) - len(failed)
    print(f"{callers.count:,} calls, {REDEPLOYS} redeploys, {len(killed)} kills: {inside} failed inside those killed")
    assert failed == []
    assert inside <= len(killed) * CALLERS
    said.until(r"Redeployed, since services\.py has changed: 2 worker processes serve services\.py\.")
    path.unlink()
    said.until(r"services\.py is gone; what is served stays as it was\. Fix: put it back\.")
    assert said.end() == 0


def _save_what_fails(path: Path, said: Said) -> None:
    """Save a file that fails, and wait until it is told that what is served stays as it was."""
    path.write_text(f"VERSION = 'none'\n{VERSIONED}\n1 / 0\n")
    said.until("workbench: services.py, line 42, failed: ZeroDivisionError: division by zero")
    said.until(
        r"services\.py has changed, but a fresh process ended with status 1; what is served stays as it was\. Fix: "
    )


def _save(path: Path, version: int) -> None:
    path.write_text(f"VERSION = {version}  # {'x' * version}\n{VERSIONED}")


def _kill_one(url: str) -> Killed:
    pid = int(requests.get(f"{url}/pid", timeout=60).text.split()[0])
    at = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    return Killed(pid, at)


@pytest.mark.timeout(180)
def test_what_somebody_makes_by_click_holds_in_all_of_them(fresh: CommandLine) -> None:
    crew = Crew(fresh, fresh.module("services.py", MODULE))
    before, headers = crew.ready, {"X-Workbench-Token": crew.token}
    look = {"viewer": "clicks", "after": 0, "wait_seconds": 0.1}
    requests.post(f"{crew.url}/workbench/look", json=look, headers=headers, timeout=60)
    lines = [{"source": "*", "rate": "2", "unit": "d", "unbounded": False}]
    limit = {"on": "service", "name": "kept", "lines": lines, "values": {}}
    asked = {"ask": "limit save", "id": 1, "viewer": "clicks", **limit}
    assert requests.post(f"{crew.url}/workbench/ask", json=asked, headers=headers, timeout=60).status_code == 200
    assert crew.until_ready(before[2])[1] == before[1], "the one in which it was made stays"
    assert sorted(crew.get("/kept").status_code for _ in range(20)) == [200] * 2 + [429] * 18


if SOAK:  # test_redeploying tries it with processes that only speak

    @pytest.mark.timeout(300)
    def test_what_is_applied_in_one_that_leaves_holds_in_those_that_came_before_it(fresh: CommandLine) -> None:
        text = MODULE.replace("time.sleep(1)", "open('may end').read()")
        crew = Crew(fresh, fresh.module("services.py", text), "--drain", "60")
        for name in ("began", "may end"):
            os.mkfifo(fresh.folder / name)
        file = fresh.folder / "definitions.yaml"
        file.write_text("RESTChannel:\n  - {name: applied, service: pid}\n")
        before = set(crew.ready.values())
        with ThreadPoolExecutor() as pool:
            call = pool.submit(crew.get, "/slow")
            assert (fresh.folder / "began").read_text() == ""
            crew.served.process.send_signal(signal.SIGHUP)
            fresh_ones = until(lambda: _but(crew, before), "two have come, and the one with the call leaves", 90)
            (leaving,) = (each["pid"] for each in crew.status["workers"] if each["state"] == "leaving")
            assert crew.command("apply", str(file), "--app", str(leaving)) == "+ RESTChannel 'applied'\n"
            (fresh.folder / "may end").write_text("now")
            assert call.result(60).text == "done"
        last = set(crew.until_ready(*before, *fresh_ones).values())
        until(lambda: {crew.get("/applied").text for _ in range(8)} == {str(each) for each in last}, "both have it")


def _but(crew: Crew, before: set[int]) -> set[int] | None:
    """The two that have come since, once all but one of those before have ended."""
    there = {each["pid"]: each["state"] for each in crew.status["workers"] if each["state"] != "ended"}
    come = there.keys() - before
    return come if len(come) == 2 and len(there) == 3 and set(there.values()) == {"ready", "leaving"} else None
