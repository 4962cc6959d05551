"""`workbench git`: what git sees of notebooks, with a real git."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CommandLine
from tests.kernels import ROOT
from tests.programs import found
from tests.testing.notebooks import code, markdown, printed, write
from workbench.sharing.cleaned import NotCleanable, cleaned


class Repository:
    """A git repository of its own, with nothing of the person's settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cli = CommandLine(folder)
        names = {f"GIT_{who}_{what}": "ada" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        alone = {"GIT_CONFIG_GLOBAL": str(folder / "no config"), "GIT_CONFIG_SYSTEM": str(folder / "no config")}
        self.cli.env |= names | alone
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "core.autocrlf", "false")

    def git(self, *arguments: str, fails: bool = False) -> str:
        done = subprocess.run(
            [found("git", "git"), *arguments],
            cwd=self.folder,
            env=self.cli.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert bool(done.returncode) == fails, done
        return done.stdout

    def committed(self, name: str) -> dict[str, Any]:
        notebook: dict[str, Any] = json.loads(self.git("show", f"HEAD:{name}"))
        return notebook

    def commit(self, subject: str) -> None:
        self.git("add", "--all", "*.ipynb", ".gitattributes")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    made = Repository(tmp_path)
    done = made.cli.run("git", "install")
    assert done.returncode == 0, done
    assert "git add --renormalize ." in done.stdout
    yield made
    made.cli.close()


def ran(path: Path, *texts: str, count: int = 1) -> Path:
    """A notebook as JupyterLab saves it after a run: other counts, times and outputs each time."""
    cells = []
    for at, text in enumerate(texts):
        cell = code(text, printed(f"run {count}\n"))
        cell |= {"execution_count": count + at}
        cell["metadata"] = {"execution": {"iopub.execute_input": f"2026-01-0{count}"}, "tags": ["test"]}
        cells.append(cell)
    return write(path, *cells)


def test_a_run_alone_is_no_difference_to_git(repository: Repository) -> None:
    name = "Überblick 1.ipynb"
    ran(repository.folder / name, "a = 1", "print(a)", count=1)
    repository.commit("First")
    ran(repository.folder / name, "a = 1", "print(a)", count=5)
    repository.git("add", "--all")
    assert repository.git("diff", "--cached", "--stat", "--", "*.ipynb") == ""
    # What lies on disk stays as it was run, and what git has keeps the marks of its cells.
    assert "run 5" in (repository.folder / name).read_text()
    committed = repository.committed(name)
    assert [cell["id"] for cell in committed["cells"]] == ["c1", "c2"]
    assert [cell["metadata"] for cell in committed["cells"]] == [{"tags": ["test"]}] * 2
    assert [cell["outputs"] for cell in committed["cells"]] == [[], []]


def test_one_changed_line_is_one_changed_line_to_git(repository: Repository) -> None:
    ran(repository.folder / "a.ipynb", "a = 1\nb = 2\nc = 3", "print(a)", count=1)
    repository.commit("First")
    ran(repository.folder / "a.ipynb", "a = 1\nb = 5\nc = 3", "print(a)", count=7)
    changed = repository.git("diff", "--numstat").split()
    assert changed == ["1", "1", "a.ipynb"]


def test_two_people_who_change_two_cells_are_merged(repository: Repository) -> None:
    path = repository.folder / "a.ipynb"
    texts = ["a = 1", "b = 1", "c = 1"]
    ran(path, *texts, count=1)
    repository.commit("First")
    repository.git("checkout", "--quiet", "-b", "ada")
    ran(path, "a = 2", *texts[1:], count=4)
    repository.commit("Ada")
    repository.git("checkout", "--quiet", "main")
    ran(path, *texts[:2], "c = 2", count=9)
    repository.commit("Grace")
    repository.git("merge", "--quiet", "ada", "-m", "Both")
    assert ["".join(cell["source"]) for cell in repository.committed("a.ipynb")["cells"]] == ["a = 2", "b = 1", "c = 2"]
    assert repository.git("status", "--porcelain", "--", "*.ipynb") == ""


def test_a_cell_tagged_keep_output_keeps_it(repository: Repository) -> None:
    write(
        repository.folder / "a.ipynb",
        code("1", printed("kept\n"), tags=("keep_output",)),
        code("2", printed("left out\n")),
    )
    repository.commit("First")
    kept, left_out = repository.committed("a.ipynb")["cells"]
    assert kept["outputs"][0]["text"] == ["kept\n"]
    assert kept["execution_count"] is None
    assert left_out["outputs"] == []


def test_what_is_no_notebook_is_added_as_it_is_and_said(repository: Repository) -> None:
    text = "<<<<<<< ours\n{}\n=======\n"
    (repository.folder / "a.ipynb").write_text(text)
    repository.commit("In the middle of a merge")
    assert repository.git("show", "HEAD:a.ipynb") == text
    said = repository.cli.run("git-filter", stdin=text)
    assert (said.returncode, said.stdout) == (0, text)
    assert "git gets a notebook as it is." in said.stderr
    assert "Fix:" in said.stderr


def test_the_filter_can_be_set_up_twice_and_be_taken_out(repository: Repository) -> None:
    attributes = repository.folder / ".gitattributes"
    # Other lines stay as they are, whatever their ends and their encoding.
    others = b"*.png binary\r\nb\xfccher/* text\n"
    attributes.write_bytes(others + attributes.read_bytes())
    repository.cli.run("git", "install")
    assert attributes.read_bytes() == others + b"*.ipynb filter=workbench\n"
    repository.cli.run("git", "remove")
    assert attributes.read_bytes() == others
    assert "filter.workbench" not in repository.git("config", "--list")


def test_outside_of_a_repository_it_says_what_to_do(fresh: CommandLine) -> None:
    fresh.env["GIT_CEILING_DIRECTORIES"] = str(fresh.folder.parent)
    assert "Fix: run it inside a git repository." in fresh.refused("git", "install")
    assert "There is no folder 'none'. Fix: correct the path." in fresh.refused("git", "install", "none")


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_cleaning_again_changes_nothing(path: Path) -> None:
    once = cleaned(path.read_bytes())
    assert cleaned(once) == once
    before, after = json.loads(path.read_bytes())["cells"], json.loads(once)["cells"]
    assert ["".join(each["source"]) for each in after] == ["".join(each["source"]) for each in before]
    assert [each.get("id") for each in after] == [each.get("id") for each in before]


@pytest.mark.parametrize(
    "text", ["", "a\n", "a\nb", "\n\n", "a\r\nb", "a\x0bb\x85c\u2028d", "\ud800", "👩‍💻 żółć"], ids=repr
)
def test_any_text_of_a_cell_stays_as_it_is(text: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", code(text), markdown(text))
    once = cleaned(path.read_bytes())
    assert ["".join(cell["source"]) for cell in json.loads(once)["cells"]] == [text, text]
    assert cleaned(once) == once


NOT_CLEANABLE = [
    *(b"", b"[]", b'{"nbformat": 3, "worksheets": []}', b"\xff\xfe\x00", b"[" * 100_000),
    b'{"nbformat": 4, "cells": [1]}',
    b'{"nbformat": 4, "cells": [], "metadata": [1]}',
    b'{"nbformat": 4, "cells": [{"cell_type": "code", "metadata": {"tags": 1}}]}',
    b'{"nbformat": 4, "cells": [{"cell_type": "code", "metadata": [1]}]}',
    b'{"nbformat": 4, "cells": [{"cell_type": "code", "outputs": 1}]}',
    b'{"nbformat": 4, "cells": [], "number": ' + b"9" * 5_000 + b"}",
]


@pytest.mark.parametrize("contents", NOT_CLEANABLE, ids=[repr(each[:60]) for each in NOT_CLEANABLE])
def test_what_cannot_be_cleaned_is_refused_in_words(contents: bytes) -> None:
    with pytest.raises(NotCleanable, match="Fix:"):
        cleaned(contents)
