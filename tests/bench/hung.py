"""What callers notice while services and jobs hang: 31 of 32 workers, all of them with their spares, 16 jobs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import requests

from tests.bench.cells import at_once
from tests.bench.client import Request
from tests.bench.figures import Row, percentile
from tests.bench.processes import Served, served
from workbench.app.serving.runtime_file import Running
from workbench.channels.guard import TOKEN_HEADER
from workbench.runtime.workers import STUCK_SECONDS, WORKERS

HANG, HELLO = Request("/hang"), Request("/hello")
CALLS, ASKED = 2000, 20


def rows() -> Iterator[Row]:
    """In a process of its own for each kind of trouble."""
    with served("hung") as (server,):
        yield _status(server, "nothing hung")
        _hang(server, WORKERS - 1)
        waits = [_one(server, HELLO, 200) for _ in range(CALLS)]
        note = f"{CALLS:,} calls, each on a connection of its own"
        yield Row(
            f"{WORKERS - 1} of {WORKERS} workers hung: others' p99",
            "ms",
            [percentile(waits, 0.99)],
            wanted=50,
            note=note,
        )
        yield _status(server, f"{WORKERS - 1} workers hung")
        _hang(server, 1)
        yield Row(
            "all workers hung, spares left: answered after",
            "ms",
            [_one(server, HELLO, 200) for _ in range(ASKED)],
            wanted=50,
        )
        _hang(server, WORKERS)
        time.sleep(2 * STUCK_SECONDS)
        refused = [_one(server, HELLO, 503) for _ in range(ASKED)]
        yield Row("all workers and spares hung: 503 after", "ms", refused, wanted=50)
        yield _status(server, "all workers and spares hung")
    with served("hung") as (server,):
        _one(server, Request("/hang-jobs"), 200)
        late = _until(lambda: float(requests.get(f"http://127.0.0.1:{server.port}/late", timeout=10).text))
        yield Row("16 jobs hung: the 17th starts after", "ms", [late * 1000], wanted=1000)
        yield _status(server, "16 jobs hung")


def _hang(server: Served, number: int) -> None:
    """Have so many more calls hang past their time."""
    answers = asyncio.run(at_once(server.port, HANG, number))
    assert all(status == 504 for _, status in answers), answers


def _one(server: Served, request: Request, wanted: int) -> float:
    """How long one call takes [ms]."""
    [(took, status)] = asyncio.run(at_once(server.port, request, 1))
    assert status == wanted, status
    return took * 1000


def _status(server: Served, when: str) -> Row:
    """How long `workbench status` waits for its answer, without the time in which its own process starts."""
    (path,) = Path(server.runtime_folder).glob("workbench-*.json")
    found = msgspec.json.decode(path.read_bytes(), type=Running)
    waits = []
    for _ in range(ASKED):
        began = time.monotonic()
        answer = requests.get(f"{found.own_url}/workbench/status", headers={TOKEN_HEADER: found.token}, timeout=10)
        waits.append((time.monotonic() - began) * 1000)
        assert answer.status_code == 200
    return Row(f"{when}: status answers after", "ms", waits, wanted=500)


def _until(told: Callable[[], float]) -> float:
    deadline = time.monotonic() + 20
    while (value := told()) < 0:
        assert time.monotonic() < deadline, "it never began"
        time.sleep(0.05)
    return value
