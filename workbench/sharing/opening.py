"""Opens what another has shared: looks what is in it, says so, and runs nothing of it before a person has said yes."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from packaging.requirements import Requirement

from workbench.core.errors import WorkbenchError, listed
from workbench.sharing.environment import lacking, requirements_in
from workbench.sharing.fetched import fetch
from workbench.sharing.flow import Flow, flow
from workbench.sharing.unpacked import PackageRefused, check_harmless, shown, unpack
from workbench.testing.lint.notebook import UNREADABLE, Notebook, dotted, magic_of, python_of

_SHELL = "a shell"
_OF_SHELLS = frozenset(("bash", "sh", "script", "cmd", "system", "sx", "sc", "!", "getoutput"))
"""Magics and methods of IPython that run commands."""


class Package(NamedTuple):
    """What is about to be opened; nothing of it has run.

    Attributes:
        notebook: The notebook's file.
        flow: What goes where in it.
        cells: Its cells, those of code, and those that are tests [cells].
        imports: Modules that its code imports, `a shell` if it runs commands, and magics of cells that are no Python.
        requirements: What it asks to be installed.
        lacks: What of that this Python has not, in words.
        files: Files beside it.
        left_out: Hidden files of it that were not unpacked.
    """

    notebook: Path
    flow: Flow
    cells: tuple[int, int, int]
    imports: list[str]
    requirements: list[Requirement]
    lacks: list[str]
    files: list[str]
    left_out: list[str]


class Opening:
    """A package on its way in: `with Opening(what) as package: ...`; what was unpacked goes again, unless kept.

    Args:
        what: A notebook, a folder, a ZIP file, or the address of a notebook or ZIP file.
        target: Where the unpacked folder is to be; beside the current ones by its name, if None.
    """

    def __init__(self, what: str, target: Path | None = None) -> None:
        self.what, self._target = what, target
        self._fresh: Path | None = None
        self._root: Path | None = None

    def __enter__(self) -> Package:
        try:
            return self._looked_at()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *exc: object) -> None:
        if self._fresh is not None:
            shutil.rmtree(self._fresh, ignore_errors=True)

    def _looked_at(self) -> Package:
        path, left_out = Path(self.what), list[str]()
        if "://" in self.what:
            self._fresh = Path(tempfile.mkdtemp(prefix="wb-open-"))
            path = fetch(self.what, self._fresh)
        if not path.exists():
            raise WorkbenchError(f"There is no file or folder {self.what!r}. Fix: correct the path.")
        folder = path
        if path.is_file():
            folder = path.parent
            if path.suffix != ".ipynb":
                self._fresh = self._fresh or Path(tempfile.mkdtemp(prefix="wb-open-"))
                folder = self._root = self._fresh / "unpacked" / path.stem
                left_out = unpack(path, folder)
            elif self._fresh is not None:
                folder = self._root = self._fresh / "unpacked" / path.stem
                folder.mkdir(parents=True)
                path = path.rename(folder / path.name)
        notebook = path if path.suffix == ".ipynb" else _notebook_in(folder)
        check_harmless(notebook.parent)
        return look(notebook, left_out)

    def keep(self, package: Package) -> Path:
        """Put what was unpacked where it is to stay; the notebook's file there.

        Raises:
            WorkbenchError: Something is there already.
        """
        if self._root is None:
            return package.notebook.resolve()
        target = self._target or Path(self._root.name)
        if target.exists():
            raise WorkbenchError(f"{target} is there already. Fix: name another folder by --to.")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(self._root, target)
        return (target / package.notebook.relative_to(self._root)).resolve()


def _notebook_in(folder: Path) -> Path:
    """The notebook of a folder: the only one that is no test; of a packed repository, in its only folder."""
    inside = [each for each in folder.iterdir() if not each.name.startswith(".")]
    if len(inside) == 1 and inside[0].is_dir() and not inside[0].is_symlink():
        return _notebook_in(inside[0])
    found = sorted(each for each in inside if each.suffix == ".ipynb" and not each.name.startswith("test_"))
    if len(found) == 1:
        return found[0]
    names = [shown(each.name) for each in found]
    fix = f"name one of {listed(names)}" if found else "name a notebook"
    raise WorkbenchError(f"{shown(folder.name)} holds {len(found)} notebooks, and one is opened. Fix: {fix}.")


def look(notebook: Path, left_out: Iterable[str] = ()) -> Package:
    """What is in a notebook and its folder, without running any of it.

    Raises:
        NotTestable: It is no notebook of Python.
        WorkbenchError: What it asks to be installed is unclear.
    """
    if notebook.is_symlink():
        raise PackageRefused(notebook.name, "it is a link")
    read = Notebook(notebook)
    try:
        goes = flow(read)
    except RecursionError as exc:
        raise PackageRefused(notebook.name, "its code is nested too deep to be looked at") from exc
    code = [each for each in read.written if each.cell_type == "code" and each.text.strip()]
    requirements = requirements_in(notebook.parent)
    files = [each.name for each in sorted(notebook.parent.iterdir()) if each != notebook]
    return Package(
        notebook,
        goes,
        (len(read.written), len(code), sum(each.is_test for each in code)),
        sorted({*_imports(read)}),
        requirements,
        lacking(requirements),
        [each for each in files if not each.startswith(".")],
        list(left_out),
    )


def _imports(notebook: Notebook) -> Iterator[str]:
    """What code imports, whatever tags its cells have: a person may run each of them."""
    for cell in notebook.written:
        if cell.cell_type != "code":
            continue
        if magic := magic_of(cell.text):
            yield _SHELL if magic.removeprefix("%%") in _OF_SHELLS else magic
            continue
        try:
            tree = python_of(cell.text)[1]
        except UNREADABLE:
            yield "what is no Python"
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (each.name.partition(".")[0] for each in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.partition(".")[0]
            elif isinstance(node, ast.Call) and _is_shell(node):
                yield _SHELL


def _is_shell(call: ast.Call) -> bool:
    """Whether it runs a command by IPython, as which `!command` and `%system command` are read."""
    if not isinstance(call.func, ast.Attribute) or not isinstance(call.func.value, ast.Call):
        return False
    if dotted(call.func.value.func) != "get_ipython":
        return False
    first = call.args[0] if call.func.attr.startswith("run_") and call.args else None
    verb = first.value if isinstance(first, ast.Constant) else call.func.attr
    return verb in _OF_SHELLS


def said(package: Package) -> str:
    """What is about to be opened, for a person; a stranger's text is shown without what would change the terminal."""
    cells, code, tests = package.cells
    ways_in = [f"{each.how} -> {each.service or each.name}" for each in package.flow.ways_in]
    ways_out = [
        f"{each.kind} {each.name!r} {each.where}".rstrip() + ("" if each.has_peer else ", which nothing can play")
        for each in package.flow.ways_out.values()
    ]
    here = "as this Python has it" if not package.lacks else f"to be installed, since {'; '.join(package.lacks)}"
    asked = listed(map(str, package.requirements))
    rows = {
        "cells": f"{cells}, {code} of code{f', {tests} of these tests' if tests else ''}",
        "services": listed(package.flow.services),
        "ways in": listed(ways_in),
        "connections": listed(ways_out) + (", played on this machine" if ways_out else ""),
        "secrets": f"{listed(package.flow.secrets)}, made up where unset" if package.flow.secrets else "",
        "imports": ", ".join(each for each in package.imports if each != "workbench"),
        "packages": f"{asked}: {here}" if package.requirements else "as this Python has them",
        "ports": "on this machine alone: one of JupyterLab, one of the services, one of each stand-in",
        "files": listed(package.files),
        "left out": listed(package.left_out) if package.left_out else "",
    }
    lines = [f"  {name:<12}{shown(text)}" for name, text in rows.items() if text and text != "none"]
    return "\n".join([f"{shown(package.notebook.name)}, of which nothing has run yet:", *lines])


def environment() -> dict[str, str]:
    """The environment of what is opened: every connection at its peer, whatever the notebook says."""
    return {**os.environ, "WORKBENCH_SANDBOX": "1"}


def test(python: Path, notebook: Path) -> int:
    """Run the notebook as a test; the exit code of `workbench test`, 0 for green."""
    return subprocess.call([str(python), "-P", "-m", "workbench.cli.main", "test", str(notebook)], env=environment())


def lab(python: Path, notebook: Path, arguments: Iterable[str] = ()) -> None:
    """Become JupyterLab with this notebook open; no cell runs until a person runs it.

    It starts in a folder of its own: Jupyter takes settings, which are code, from the folder in which it starts.
    """
    place = Path(tempfile.mkdtemp(prefix="wb-lab-"))
    env = environment()
    env["PATH"] = os.pathsep.join((str(python.parent), env.get("PATH", os.defpath)))
    as_root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    where = [f"--ServerApp.root_dir={notebook.parent}", f"--LabApp.default_url=/lab/tree/{quote(notebook.name)}"]
    os.chdir(place)
    sys.stdout.flush()
    os.execve(python, [str(python), "-P", "-m", "jupyterlab", *as_root, *where, *arguments], env)
