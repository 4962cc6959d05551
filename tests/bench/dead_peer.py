"""One connection's calls while many calls of another hang on a dead peer; and how long a deadline really is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from tests.bench.figures import Row
from tests.connections.suites.cases import CASES, found, opened, silent
from tests.connections.suites.examples import played
from tests.connections.suites.test_every_trouble import TIMED, more_tries
from workbench.connections.definition import ConnectionDefinition, Opening
from workbench.core.clock import SystemClock
from workbench.core.errors import ConnectionFailed

STUCK, CALLS, ROUNDS = 64, 20, 9
KINDS = ("rest", "ftp", "dropbox")
DEADLINE_SECONDS = 0.5
MOST_SLOWER = 1.2


def rows() -> Iterator[Row]:
    """Rounds with and without the dead peer, in turns; then the deadlines of every kind that has them."""
    for kind in KINDS:
        yield from _beside(kind)
    for kind in TIMED:
        shares = [_share(kind) for _ in range(3)]
        yield Row(f"{kind}: time to a missed deadline, of deadline_seconds", "x", shares, wanted=1.1)


def _beside(kind: str) -> Iterator[Row]:
    case = CASES[kind]
    with played(case.definition) as (live, sandbox):
        case.prepare(sandbox[case.definition.name])
        conn = live.live(case.definition.name)
        alone, beside = [], []
        for number in range(ROUNDS + 1):
            without = _sample(case.use, conn)
            with ThreadPoolExecutor(STUCK) as threads, silent() as address:
                dead = threads_stuck(case.leading(*address, timeout_seconds=600.0, pool_size=STUCK), threads)
                among = _sample(case.use, conn)
                assert not any(each.done() for each in dead)
            if number:
                alone.append(without)
                beside.append(among)
    name = f"{kind}: a call beside {STUCK} to a dead peer"
    yield Row(name, "us", beside, alone, "without them", 1 / MOST_SLOWER, only_if_steady=True)


def threads_stuck(definition: ConnectionDefinition, threads: ThreadPoolExecutor) -> list[Future[None]]:
    """As many calls, given the time to get stuck; they end when nobody listens there any more."""
    dead = definition.open(Opening(found, SystemClock()))
    knocking = [threads.submit(_knock, dead) for _ in range(STUCK)]
    time.sleep(0.2)
    return knocking


def _knock(dead: Any) -> None:
    with suppress(ConnectionFailed):
        dead.ping()


def _sample(use: Any, conn: Any) -> float:
    """Time of one call [us], the mean of a round."""
    began = time.perf_counter()
    for _ in range(CALLS):
        use(conn)
    return (time.perf_counter() - began) / CALLS * 1e6


def _share(kind: str) -> float:
    case = CASES[kind]
    changes = {"deadline_seconds": DEADLINE_SECONDS, "timeout_seconds": 0.2, **more_tries(case.definition, 20)}
    with silent() as address, opened(case.leading(*address, **changes)) as conn:
        began = time.monotonic()
        _knock(conn)
        return (time.monotonic() - began) / DEADLINE_SECONDS
