"""Which files of a folder are read, in a stable order, and which are left out, with the reason."""

from __future__ import annotations

import os
from collections.abc import Iterator
from os.path import exists, isdir, isfile
from pathlib import Path
from typing import NamedTuple

from workbench.core.errors import DeployRefused

MOST_FILES = 2_000
"""Largest number of modules and files of definitions in one folder [files]."""
MODULE, NOTEBOOK, DEFINITIONS = ".py", ".ipynb", (".yaml", ".yml", ".json")
SOURCES = ("src", "source")
"""Below a folder of this name a module is called by its whole path. Source: Zato 3.2 and 4."""
PASSED_OVER = frozenset(("__pycache__", "node_modules", "site-packages"))
"""Folders that nobody means; hidden ones are not meant either."""
TESTS = "is a test, and left out"


class NothingToRead(DeployRefused):
    """A folder has no file that is read."""


class LeftOut(NamedTuple):
    """A file or folder that is not read, and why."""

    path: Path
    why: str


class Found(NamedTuple):
    """What is read of a folder, each kind in the order of its paths, and what is not."""

    modules: list[Path]
    definitions: list[Path]
    left_out: list[LeftOut]


def files_in(folder: Path, shown: str = "") -> Found:
    """What to read of a folder, at any depth; links are followed, each folder once.

    Args:
        folder: The folder.
        shown: What errors call it; its path if unset.

    Raises:
        DeployRefused: There is no such folder, or nothing in it to read, or too much.
    """
    shown = shown or str(folder)
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "is not there"
        raise DeployRefused(f"{shown!r} {what}. Fix: name a folder of services (.py) and definitions (.yaml).")
    found = Found([], [], [])
    for each in _walk(folder, {folder.resolve()}):
        if isinstance(each, LeftOut):
            found.left_out.append(each)
        elif each.suffix == MODULE:
            found.modules.append(each)
        else:
            found.definitions.append(each)
        if len(found.modules) + len(found.definitions) > MOST_FILES:
            raise DeployRefused(
                f"{shown!r} has more than {MOST_FILES:,} modules and files of definitions. "
                f"Fix: name the folder of the services alone."
            )
    if not found.modules and not found.definitions:
        raise NothingToRead(
            f"{shown!r} has neither modules (.py) nor files of definitions (.yaml, .json). "
            f"Fix: name the folder that has them."
        )
    return found


def _walk(folder: Path, seen: set[Path]) -> Iterator[Path | LeftOut]:
    try:
        (folder / "..").stat()  # since a folder may be listed though nothing in it can be reached
        with os.scandir(folder) as there:
            entries = sorted(there, key=lambda each: each.name)
    except OSError as exc:
        yield LeftOut(folder, f"cannot be read ({str(exc.strerror).lower()}), and is left out")
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name in PASSED_OVER:
            continue
        # Most files are nobody's concern, and the folder says what they are: no look at each. Where a link leads into a
        # folder that is closed, pathlib raises.
        if isdir(entry.path) if entry.is_symlink() else entry.is_dir():  # noqa: PTH112
            yield from _below(folder / entry.name, seen)
        elif entry.name.endswith((MODULE, NOTEBOOK, *DEFINITIONS)):
            yield _file(folder / entry.name)


def _file(path: Path) -> Path | LeftOut:
    if path.suffix == NOTEBOOK:
        return LeftOut(path, f"is a notebook, and left out; workbench serve {path.name} runs it")
    return LeftOut(path, why) if (why := _why_not(path)) else path


def _below(folder: Path, seen: set[Path]) -> Iterator[Path | LeftOut]:
    if exists(folder / "pyvenv.cfg"):  # noqa: PTH110
        yield LeftOut(folder, "is an environment of Python, and left out")
    elif (real := folder.resolve()) in seen:
        yield LeftOut(folder, "is a link to a folder that is read already")
    else:
        seen.add(real)
        yield from _walk(folder, seen)


def _why_not(path: Path) -> str:
    if not isfile(path):  # noqa: PTH113
        return "is a link to nothing" if path.is_symlink() and not exists(path) else "is no file"  # noqa: PTH110
    stem = path.stem
    if path.suffix == MODULE and (stem in ("conftest", "setup") or stem.startswith("test_") or stem.endswith("_test")):
        return TESTS if stem != "setup" else "installs a package, and is left out"
    return ""


def module_name(path: Path, folder: Path) -> str:
    """What a module of a folder is called, by Zato's rule: its stem; below a folder `src`, its whole path from there.

    A module that stands in a folder `services` has its stem all the same.
    """
    parts = [folder.resolve().name, *path.relative_to(folder).with_suffix("").parts]
    sources = [place for place, part in enumerate(parts[:-1]) if part in SOURCES]
    if not sources or parts[-2] == "services":
        return parts[-2] if parts[-1] == "__init__" else parts[-1]
    below = parts[sources[-1] + 1 :]
    return ".".join(below[:-1] if below[-1] == "__init__" and len(below) > 1 else below)


def places(found: Found, folder: Path) -> list[Path]:
    """Where modules of a folder find each other: it, its `src` and `extlib`, and each folder of modules."""
    own = {folder}
    for path in found.modules:
        for each in path.relative_to(folder).parents:
            place = folder / each
            if each.name in (*SOURCES, "extlib") or (place == path.parent and not (place / "__init__.py").exists()):
                own.add(place)
    return [folder, *sorted(own - {folder})]
