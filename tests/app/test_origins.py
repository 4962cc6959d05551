"""Where a definition was made is known by value: the cell, the form, the file, the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from workbench import BasicAuth, Limit, LocalFolder, RESTChannel, Service, Workbench, secret
from workbench.core.errors import NameTaken
from workbench.core.origin import Origin
from workbench.runtime.registry import Source

MODULE = """\
from workbench import LocalFolder, RESTChannel, Service


class A(Service):
    name = "api.a"

    def handle(self):
        return 1


WB.define(
    LocalFolder("Kept", path="/nowhere"),
    RESTChannel("api.a"),
)
"""


@pytest.fixture
def wb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    monkeypatch.chdir(tmp_path)
    with Workbench(port=0, folder=tmp_path) as wb:
        yield wb


def folder(name: str = "Kept", path: str = "/nowhere") -> LocalFolder:
    return LocalFolder(name, path=path)


def module(path: Path, wb: Workbench, monkeypatch: pytest.MonkeyPatch, text: str = MODULE) -> Path:
    """A file that defines into `wb`."""
    monkeypatch.setattr("builtins.WB", wb, raising=False)
    path.write_text(text, encoding="utf-8")
    return path


def test_what_a_loaded_file_defines_knows_file_and_line(
    wb: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wb.load(module(tmp_path / "shop.py", wb, monkeypatch))
    whole = Origin("file", file="shop.py", loaded=True)
    assert wb.origin_of("api.a") == whole
    assert wb.origin_of(folder()) == whole.at(11)
    assert wb.origin_of(RESTChannel("api.a")) == whole.at(11), "it waited for its service, and keeps its line"


def test_what_a_cell_of_a_loaded_notebook_defines_knows_its_cell(
    wb: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [
        {"cell_type": "markdown", "id": "intro", "source": "# Hello", "metadata": {}},
        {"cell_type": "code", "id": "c0ffee", "source": MODULE, "metadata": {}},
        {"cell_type": "code", "source": "WB.define(LocalFolder('Other', path='/x'))", "metadata": {}},
    ]
    wb.load(module(tmp_path / "shop.ipynb", wb, monkeypatch, json.dumps({"cells": cells})))
    place = Origin("file", "c0ffee", file="shop.ipynb", loaded=True)
    assert (wb.origin_of("api.a"), wb.origin_of(folder())) == (place, place.at(11))
    assert wb.origin_of(folder("Other")) == Origin("file", file="shop.ipynb", line=1, loaded=True)


def test_a_script_that_defines_by_hand_is_a_file_and_owns_nothing(wb: Workbench) -> None:
    class Made(Service):
        name = "api.made"

        def handle(self) -> int:
            return 1

    wb.deploy(Made)
    wb.define(folder())
    for made in ("api.made", Made, folder()):
        origin = wb.origin_of(made)
        assert origin is not None
        assert (origin.kind, Path(origin.file).name, origin.owner) == ("file", "test_origins.py", "this notebook")
        assert origin.line
    assert wb.origin_of("api.none") is wb.origin_of(folder("None")) is None


def test_an_interpreter_without_a_file_is_the_command_line() -> None:
    code = (
        "from workbench import Workbench, LocalFolder\n"
        "with Workbench(port=0) as wb:\n"
        "    wb.define(LocalFolder('x', path='/x'))\n"
        "    print(wb.origin_of(LocalFolder('x', path='/x')))\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout == "the command line\n"


def test_a_name_from_two_files_is_told_with_both(
    wb: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wb.load(module(tmp_path / "shop.py", wb, monkeypatch))
    with pytest.raises(NameTaken, match=r"comes from two places: shop\.py and this notebook, cell \[7\]\. Fix: "):
        wb.drafting.define([folder(path="/else")], origin=Origin("cell", "abc", 7))
    wb.drafting.define([folder(path="/else")], origin=Origin("cell", "abc", 7), replace=True)
    assert wb.origin_of(folder()) == Origin("cell", "abc", 7)


def test_limits_that_contradict_are_told_with_the_cell(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "x")
    wb.define(BasicAuth("me", password=secret("WORD")))
    wb.drafting.define([Limit("me", on="user", lines="100/m")], origin=Origin("cell", "a", 3))
    with pytest.raises(NameTaken, match=r"Limit in this notebook, cell \[3\] and Basic Auth 'me' limit="):
        wb.define(BasicAuth("me", password=secret("WORD"), limit="5/m"))


def test_the_next_run_of_a_cell_moves_the_origin_of_what_is_unchanged(wb: Workbench) -> None:
    first, later = Origin("cell", "a", 3, line=1), Origin("cell", "a", 9, line=4)
    wb.drafting.define([folder()], origin=first)
    assert wb.drafting.define([folder()], origin=later).of("unchanged") == [folder()]
    assert wb.origin_of(folder()) == later


def test_a_cell_that_fails_leaves_the_origin_as_it_was(wb: Workbench) -> None:
    first = Origin("cell", "a", 3, line=1)
    wb.drafting.define([folder()], origin=first)
    draft = wb.drafting.open(Source(Origin("cell", "b", 4), ""), lambda cls: True)
    wb.define(folder())
    found = wb.origin_of(folder())
    assert found is not None
    assert found.cell_id == "b"
    wb.drafting.abort(draft)
    assert wb.origin_of(folder()) == first


def test_what_another_file_defines_alike_keeps_its_first_owner(
    wb: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wb.load(module(tmp_path / "shop.py", wb, monkeypatch))
    wb.define(folder())
    origin = wb.origin_of(folder())
    assert origin is not None
    assert origin.file == "shop.py"


@pytest.mark.parametrize(
    ("origin", "text"),
    [
        (Origin("cell"), "this notebook"),
        (Origin("cell", "abc", 3, line=2), "this notebook, cell [3]"),
        (Origin("form", "abc", 3), "a form in this notebook, cell [3]"),
        (Origin("file", file="a/b.py", line=7, loaded=True), "a/b.py"),
        (Origin("command line"), "the command line"),
    ],
)
def test_an_origin_reads_as_a_place_and_can_be_kept(origin: Origin, text: str) -> None:
    assert str(origin) == text
    kept = msgspec.json.decode(msgspec.json.encode(origin), type=Origin)
    assert kept == origin
    assert hash(kept) == hash(origin)
