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
ENTRIES = {"widget.js": "render", "opened.js": "open", "page.js": "", "api.js": ""}
"""What a browser is given: as a card, as a view of its own, as a page of either kind; and what that gives."""
IMPORTS = re.compile(r'^import \{([^}]*)\} from "(\.[\w./-]+)";\n', re.MULTILINE)
EXPORTS = re.compile(r"^export (?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)
TOP = re.compile(r"^(?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)


def test_each_module_is_joined_once_and_before_its_use() -> None:
    texts = {entry: joined(entry) for entry in ENTRIES}
    assert [entry for entry, text in texts.items() if "import {" in text] == []
    exported = {entry: re.findall(r"^export .*", text, re.MULTILINE) for entry, text in texts.items()}
    assert exported == {entry: [f"export default {{ {gives} }};"] if gives else [] for entry, gives in ENTRIES.items()}
    for path in STATIC.rglob("*.js"):
        first = next(line for line in path.read_text().splitlines() if TOP.match(line.removeprefix("export ")))
        times = [text.count(first.removeprefix("export ")) for text in texts.values()]
        assert set(times) in ({1}, {0, 1}), path.name
    for entry, text in texts.items():
        first, later = ("class Shapes", "class APIPage") if entry == "api.js" else ("class Talk", "class CardView")
        assert text.index(first) < text.index(later)


@pytest.mark.parametrize("entry", ENTRIES)
def test_names_differ_between_modules(entry: str) -> None:
    names = Counter(TOP.findall(joined(entry)))
    assert [name for name, count in names.items() if count > 1] == []


def test_each_module_imports_from_who_exports_it_and_only_what_it_uses() -> None:
    # Joined, all names are in one place, so that a wrong import does no harm there: as modules they would not load.
    texts = {path.resolve(): path.read_text() for path in STATIC.rglob("*.js")}
    exported = {path: set(EXPORTS.findall(text)) for path, text in texts.items()}
    wanted: set[str] = set()
    for path, text in texts.items():
        found = [(name.strip(), place) for names, place in IMPORTS.findall(text) for name in names.split(",")]
        imported = {name: (path.parent / place).resolve() for name, place in found}
        body = IMPORTS.sub("", text)
        assert {name: place for name, place in imported.items() if name not in exported[place]} == {}, path.name
        assert {name for name in imported if not re.search(rf"\b{name}\b", body)} == set(), path.name
        wanted |= imported.keys()
    assert set().union(*exported.values()) - wanted == set()


def test_only_what_carries_a_talk_knows_of_widgets_and_kernels() -> None:
    views = [path for path in STATIC.rglob("*.js") if path.parent.name != "talks" and path.name not in ENTRIES]
    found = {
        path.name: re.findall(r"\b(?:model|widget_manager|sessionContext|kernel\.)\b", path.read_text())
        for path in views
    }
    assert {name: words for name, words in found.items() if words} == {}


def test_nothing_is_fetched_from_elsewhere() -> None:
    for path in FILES:
        assert not re.search(r"https?://|@import|url\(", path.read_text()), path.name


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_module_parses_as_one(entry: str, tmp_path: Path) -> None:
    if (node := shutil.which("node")) is None:
        pytest.skip("needs node, which JupyterLab users have not always (Debian: apt install nodejs)")
    (tmp_path / "one.mjs").write_text(joined(entry))
    subprocess.run([node, "--check", tmp_path / "one.mjs"], check=True, timeout=30, stdin=subprocess.DEVNULL)


def test_the_wheel_brings_the_front_end() -> None:
    brought = {each.distribution_path for each in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {path.relative_to(ROOT).as_posix() for path in FILES} <= brought
