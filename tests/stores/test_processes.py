"""Several processes on one store, and one that dies in the middle of writing."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from workbench.stores import open_store

HAMMER = """
import sys
from workbench.stores import open_store
store = open_store(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
wins = 0
for turn in range(300):
    store.incr("count")
    wins += store.add(f"slot/{turn:04d}", sys.argv[2].encode())
print(wins, flush=True)
"""

SWAP = """
import sys
from workbench.stores import open_store
store = open_store(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
wins = 0
while (now := store.get("count")) != b"150":
    wins += store.swap("count", now, b"%d" % (int(now or b"0") + 1))
print(wins, flush=True)
"""

WRITE_FOR_EVER = """
import sys
from workbench.stores import open_store
store = open_store(sys.argv[1])
while True:
    number = store.incr("count")
    store.put(f"row/{number:08d}", b"x" * 500)
    print(number, flush=True)
"""


def _started(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _let_loose(script: str, shared_url: str) -> list[int]:
    """What two processes that begin at the same moment print at their end."""
    processes = [_started(script, shared_url, name) for name in ("a", "b")]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return [int(process.communicate(timeout=30)[0]) for process in processes]


def test_of_processes_that_swap_the_same_value_one_alone_wins(shared_url: str) -> None:
    assert sum(_let_loose(SWAP, shared_url)) == 150


def test_two_processes_that_open_and_hammer_one_store_count_exactly(shared_url: str) -> None:
    wins = _let_loose(HAMMER, shared_url)
    store = open_store(shared_url)
    assert store.get("count") == b"600"
    assert sum(wins) == 300
    owners = [value for _, value in store.scan("slot/")]
    assert [owners.count(b"a"), owners.count(b"b")] == wins
    store.close()


def test_kill_9_in_the_middle_of_writing_loses_nothing_that_was_committed(shared_url: str) -> None:
    with _started(WRITE_FOR_EVER, shared_url) as process:
        assert process.stdout is not None
        for _ in range(700):
            last = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        last = max([last, *(int(line) for line in process.stdout if line.endswith("\n"))])
        assert process.wait(30) == -signal.SIGKILL
    store = open_store(shared_url)
    rows = [key for key, _ in store.scan("row/")]
    assert rows[:last] == [f"row/{number:08d}" for number in range(1, last + 1)]
    assert int(store.get("count") or 0) in (last, last + 1)
    assert store.incr("count") > last
    store.close()


def test_eight_processes_may_open_a_new_store_at_the_same_moment(tmp_path: Path) -> None:
    script = "import sys; from workbench.stores import open_store; print(open_store(sys.argv[1]).incr('n'))"
    processes = [_started(script, f"sqlite:///{tmp_path}/new/store.db") for _ in range(8)]
    assert sorted(int(process.communicate(timeout=30)[0]) for process in processes) == list(range(1, 9))
