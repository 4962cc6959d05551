"""The map of the house, `workbench/README.md`, is that of the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAP = (ROOT / "workbench" / "README.md").read_text(encoding="utf-8")
CODE = {path: path.read_text(encoding="utf-8") for path in (ROOT / "workbench").rglob("*.py")}


NAMED = re.compile(r'(?:name=f?|name_prefix=|name = f?|THREAD = |LoopThread\(|name: str = |, f?)"(workbench-[a-z-]+)')
"""How code names a thread."""


def test_every_room_is_on_its_floor() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = [re.findall(r"\w+", row) for row in contracts["contracts"][0]["layers"]]
    rooms = {path.parent.name for path in (ROOT / "workbench").glob("*/__init__.py")}
    table = MAP.split("## Rooms and floors")[1].split("Where to look:")[0]
    floors = [set(re.findall(r"`(\w+)`", row)) & rooms for row in table.splitlines() if row.startswith("| ")]
    drawn = [floor for floor in floors if floor]
    assert drawn == [built for layer in layers if (built := set(layer) & rooms)]
    assert set().union(*drawn) == rooms


def test_every_thread_is_told() -> None:
    told = set(re.findall(r"`(workbench-[a-z-]+)", MAP.split("## Threads")[1]))
    named = {name.rstrip("-") for text in CODE.values() for name in NAMED.findall(text)}
    assert {each.rstrip("-") for each in told} == named
    starts = (each for text in CODE.values() for each in re.findall(r"\bThread\(([^\n]*)", text))
    assert [start for start in starts if 'name="' in start and 'name="workbench-' not in start] == []


def test_every_file_that_is_named_is_there() -> None:
    files = {each for each in re.findall(r"`([a-z_/]+\.py)`", MAP) if "/" in each}
    assert len(files) > 8
    assert [each for each in sorted(files) if not (ROOT / "workbench" / each).is_file()] == []
