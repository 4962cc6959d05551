"""Under every kind of call at once, while services are deployed anew, nothing fails and memory does not grow.

The whole trial, half an hour after five minutes to get warm, runs under `make soak`; a few seconds of it always.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kernels import ROOT
from tests.soak.load.callers import Callers
from tests.soak.load.memory import Memory

MIB = 1 << 20
SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
RATE = 250.0
"""Calls a second [1/s]: part of a core for the server, so that the rest of the machine is left to others."""
WARM_SECONDS, SECONDS, SAMPLE_SECONDS = (300.0, 1800.0, 2.0) if SOAK else (1.0, 3.0, 0.1)
MOST_GROWTH = 0.05
MOST_IN_A_SAMPLE = 128 * MIB
"""What a server that is still filling what it keeps may take in a few seconds."""


@pytest.mark.timeout(WARM_SECONDS + SECONDS + 180)
def test_nothing_fails_and_memory_does_not_grow_under_everything_at_once(tmp_path: Path) -> None:
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "tests.soak.load.served"],
            cwd=ROOT,
            env=os.environ | {"JUPYTER_RUNTIME_DIR": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as served,
    ):
        assert served.stdin is not None
        assert served.stdout is not None
        try:
            callers, memory = Callers(int(served.stdout.readline()), RATE), Memory(served.pid)
            asyncio.run(callers.call(WARM_SECONDS))
            before = types_in(served)
            watched_while(memory, lambda: asyncio.run(callers.call(SECONDS)))
            more = types_in(served) - before
        finally:
            served.stdin.close()
            served.wait(60)
    said = f"{callers.counts.total()} calls; {memory}\n{callers.counts}\nmore objects: {more.most_common(10)}"
    print(f"\n{said}")
    assert callers.wrong == [], (tmp_path / "log").read_text()[-5_000:]
    assert served.returncode == 0
    if SOAK:
        assert memory.growth() <= MOST_GROWTH, said
    else:
        assert max(memory.resident) - memory.resident[0] <= MOST_IN_A_SAMPLE, said


def types_in(served: subprocess.Popen[str]) -> Counter[str]:
    """How many objects of each type are in a server, of those that have the most."""
    assert served.stdin is not None
    assert served.stdout is not None
    served.stdin.write("types\n")
    served.stdin.flush()
    return Counter(json.loads(served.stdout.readline()))


def watched_while(memory: Memory, does: Callable[[], None]) -> None:
    """Take samples of a process's memory as long as something goes on."""
    ended = threading.Event()

    def sample() -> None:
        while True:
            memory.look()
            if ended.wait(SAMPLE_SECONDS):
                return

    sampling = threading.Thread(target=sample)
    sampling.start()
    try:
        does()
    finally:
        ended.set()
        sampling.join()
