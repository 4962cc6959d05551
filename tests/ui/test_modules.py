from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from tests.kernels import ROOT
from workbench.ui.modules import STATIC, joined

FILES = [path for path in STATIC.rglob("*") if path.is_file()]
TOP = re.compile(r"^(?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)


def test_each_module_is_joined_once_and_before_its_use() -> None:
    text = joined("widget.js")
    assert "import {" not in text
    assert re.findall(r"^export .*", text, re.MULTILINE) == ["export default { render };"]
    for path in STATIC.rglob("*.js"):
        first = next(line for line in path.read_text().splitlines() if TOP.match(line.removeprefix("export ")))
        assert text.count(first.removeprefix("export ")) == 1, path.name
    assert text.index("class Talk") < text.index("class CardView")


def test_names_differ_between_modules() -> None:
    names = Counter(TOP.findall(joined("widget.js")))
    assert [name for name, count in names.items() if count > 1] == []


def test_only_what_carries_a_talk_knows_of_widgets_and_kernels() -> None:
    views = [path for path in STATIC.rglob("*.js") if path.parent.name != "talks" and path.name != "widget.js"]
    found = {
        path.name: re.findall(r"\b(?:model|widget_manager|sessionContext|kernel\.)\b", path.read_text())
        for path in views
    }
    assert {name: words for name, words in found.items() if words} == {}


def test_nothing_is_fetched_from_elsewhere() -> None:
    for path in FILES:
        assert not re.search(r"https?://|@import|url\(", path.read_text()), path.name


def test_every_module_parses_as_one(tmp_path: Path) -> None:
    if (node := shutil.which("node")) is None:
        pytest.skip("needs node, which JupyterLab users have not always (Debian: apt install nodejs)")
    (tmp_path / "widget.mjs").write_text(joined("widget.js"))
    subprocess.run([node, "--check", tmp_path / "widget.mjs"], check=True, timeout=30, stdin=subprocess.DEVNULL)


def test_the_wheel_brings_the_front_end() -> None:
    brought = {each.distribution_path for each in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {path.relative_to(ROOT).as_posix() for path in FILES} <= brought
