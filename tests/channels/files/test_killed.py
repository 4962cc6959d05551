"""Processes on one folder that are killed (SIGKILL) at any moment: no file is lost, and none is handed on twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.channels.files.conftest import Bench
from tests.serving import until
from workbench.durable.owners import Owner

SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
FILES, KILLS = (1_000, 20) if SOAK else (60, 3)
PROCESSES = 2

SERVE = """
import os, sys
from threading import Event
from workbench import FileChannel, Service, Workbench

folder, ran = sys.argv[1:]
file = os.open(ran, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

class Takes(Service):
    name = "in"
    def handle(self):
        os.write(file, f"{self.request.payload['data']}\\n".encode())
        Event().wait(0.005)

with Workbench(port=0) as wb:
    wb.deploy(Takes)
    wb.define(FileChannel("in", pickup_from=folder, settle_seconds=0, poll_seconds=0.02))
    print("ready", flush=True)
    sys.stdin.readline()
"""

HOLDS = """
import os, sys
from threading import Event
from workbench import FileChannel, Service, Workbench

class Takes(Service):
    name = "in"
    def handle(self):
        os.write(1, b"begun\\n")
        Event().wait()

with Workbench(port=0) as wb:
    wb.deploy(Takes)
    wb.define(FileChannel("in", pickup_from=sys.argv[1], settle_seconds=0, poll_seconds=0.02))
    sys.stdin.readline()
"""


def started(code: str, *args: Path | str, says: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, args)], stdin=-1, stdout=-1, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == f"{says}\n"
    return process


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=30)


def lines(ran: Path) -> list[str]:
    return ran.read_text().splitlines() if ran.exists() else []


def written_elsewhere(folder: Path, name: str) -> None:
    """A file that is whole from the moment at which it is there."""
    part = folder / f".{name}"
    part.write_text(f'"{name}"')
    part.rename(folder / name)


def files_in(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir() if each.is_file()] if folder.is_dir() else []


@pytest.mark.timeout(900 if SOAK else 180)
def test_whoever_is_killed_no_file_is_lost_and_none_is_handed_on_twice(tmp_path: Path) -> None:
    folder, ran = tmp_path / "in", tmp_path / "ran"
    folder.mkdir()
    names = [f"{number:04}.json" for number in range(FILES)]
    dice = random.Random(20_261_129)
    processes = [started(SERVE, folder, ran, says="ready") for _ in range(PROCESSES)]
    try:
        for number in range(KILLS):
            before, batch = len(lines(ran)), names[number::KILLS]
            for name in batch:
                written_elsewhere(folder, name)
            # Each dies with files before it and behind it.
            so_far = before + dice.randrange(1, len(batch) // 2)
            until(lambda so_far=so_far: len(lines(ran)) >= so_far, f"{so_far} files were handed on", 120)  # type: ignore[misc]
            killed(processes.pop(dice.randrange(PROCESSES)))
            processes.append(started(SERVE, folder, ran, says="ready"))
        until(lambda: not files_in(folder) and not any((folder / ".claimed").rglob("*.json")), "all were put away", 120)
    finally:
        for process in processes:
            killed(process)
    processed, aside = files_in(folder / "processed"), files_in(folder / "failed")
    failed = [name for name in aside if not name.endswith(".reason.txt")]
    ran_of = Counter(lines(ran))
    assert sorted(processed + failed) == names
    assert [name for name, times in ran_of.items() if times > 1] == []
    assert [name for name in processed if ran_of[name] != 1] == []
    assert sorted(aside) == sorted([*failed, *(f"{name}.reason.txt" for name in failed)])
    assert len(failed) <= KILLS
    print(f"{FILES} files, {KILLS} kills: {len(processed)} processed, {len(failed)} of unknown end set aside")


@pytest.mark.parametrize("on_interrupt", ["report", "retry"])
def test_a_file_whose_process_died_with_it_is_told_or_handed_on_again(bench: Bench, on_interrupt: str) -> None:
    bench.define(on_interrupt=on_interrupt)
    bench.put("a.json")
    process = started(HOLDS, bench.folder, says="begun")
    assert bench.outcomes() == []
    killed(process)
    if on_interrupt == "retry":
        assert (bench.outcomes(), bench.names) == ([("a.json", "done")], ["a.json"])
    else:
        assert (bench.outcomes(), bench.names) == ([("a.json", "failed")], [])
        assert "FileInterrupted: The process that had a.json ended while a service had it" in bench.reason("a.json")
        assert "Fix: look what it did" in bench.reason("a.json")
    assert bench.claimed() == []


def left_behind(bench: Bench, name: str, *, begun: bool = False) -> Path:
    """A claim of a process that is dead, as it left it."""
    place = bench.folder / ".claimed" / Owner().name / (".begun" if begun else ".")
    place.mkdir(parents=True)
    return bench.put(name).rename(place / name)


def test_a_file_that_was_claimed_and_given_to_nobody_is_handed_on(bench: Bench) -> None:
    bench.define()
    left_behind(bench, "a.json")
    assert (bench.outcomes(), bench.names, bench.claimed()) == ([("a.json", "done")], ["a.json"], [])


@pytest.mark.parametrize("place", ["processed", "."])
@pytest.mark.parametrize("begun", [True, False])
def test_a_file_that_stands_in_its_next_place_already_is_not_handed_on_from_both(
    bench: Bench, place: str, begun: bool
) -> None:
    bench.define()
    claim = left_behind(bench, "a.json", begun=begun)
    (bench.folder / place).mkdir(exist_ok=True)
    (bench.folder / place / "a.json").hardlink_to(claim)
    assert bench.outcomes() == ([("a.json", "done")] if place == "." else [])
    assert (len(bench.got), bench.files("processed")) == (int(place == "."), ["a.json"])
    assert (bench.files("failed"), bench.claimed()) == ([], [])


def test_a_file_that_was_given_back_and_may_be_with_another_is_told(bench: Bench, tmp_path: Path) -> None:
    bench.define()
    (tmp_path / "elsewhere").hardlink_to(left_behind(bench, "a.json"))
    assert (bench.outcomes(), bench.got, bench.files("failed")) == (
        [("a.json", "failed")],
        [],
        ["a.json", "a.json.reason.txt"],
    )


def test_a_file_that_was_set_aside_without_its_reason_gets_one(bench: Bench) -> None:
    bench.define()
    claim = left_behind(bench, "a.json", begun=True)
    (bench.folder / "failed").mkdir()
    (bench.folder / "failed" / "a.json").hardlink_to(claim)
    bench.outcomes()
    assert "FileInterrupted" in bench.reason("a.json")
    assert (bench.got, bench.claimed(), bench.files("failed")) == ([], [], ["a.json", "a.json.reason.txt"])


def test_what_another_channel_had_claimed_goes_back_where_it_was(bench: Bench) -> None:
    bench.define(patterns="*.csv")
    left_behind(bench, "a.json")
    assert (bench.outcomes(), bench.files(), bench.claimed()) == ([], ["a.json"], [])


def test_what_somebody_dropped_and_did_not_write_whole_is_nobodys_file(bench: Bench) -> None:
    bench.define()
    left_behind(bench, "a.json").rename(bench.folder / ".part")
    place = next((bench.folder / ".claimed").iterdir())
    (bench.folder / ".part").rename(place / ".part")
    assert (bench.outcomes(), bench.files(), bench.got) == ([], [], [])
