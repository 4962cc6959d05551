"""Several processes on one store never get one call more than the limit, though one of them is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROCESSES, THREADS = 4, 4
REPETITIONS = 100 if os.environ.get("WORKBENCH_SOAK") else 1


def hammered(url: str, lines: str, calls: int, *, exact: bool = True, kill: bool = False) -> tuple[int, int]:
    """Calls let through by all processes together, and how many may be missing because one was killed."""
    arguments = [url, lines, "exact" if exact else "approximate", str(THREADS), str(calls)]
    command = [sys.executable, "-m", "tests.limiting.hammer", *arguments]
    root = Path(__file__).parents[2]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root, bufsize=0)
        for _ in range(PROCESSES)
    ]
    try:
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        for process in running:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
        admitted = b""
        if kill:
            assert running[0].stdout is not None
            admitted = running[0].stdout.read(3)  # it is in the middle of its calls
            running[0].kill()
        for place, process in enumerate(running):
            rest, _ = process.communicate(timeout=50)
            admitted += rest
            assert (kill and place == 0) or process.returncode == 0
    finally:
        for process in running:
            process.kill()
            process.communicate()
    return admitted.count(b"."), THREADS if kill else 0


@pytest.mark.parametrize("rate", [1, 10, 100, 1000])
def test_sqlite_is_exact_across_processes(tmp_path: Path, rate: int) -> None:
    for repetition in range(REPETITIONS):
        url = str(tmp_path / f"{repetition}.sqlite")
        admitted, _ = hammered(url, f"* = {rate}/d;* = 100000/h", rate // (PROCESSES * THREADS) + 60)
        assert admitted == rate


def test_sqlite_is_exact_though_a_process_is_killed(tmp_path: Path) -> None:
    for repetition in range(REPETITIONS):
        admitted, missing = hammered(str(tmp_path / f"{repetition}.sqlite"), "500/d", 100, kill=True)
        assert 500 - missing <= admitted <= 500
