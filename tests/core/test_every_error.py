"""Every error class of the package says in a sentence what it stands for; those of the core are drawn as a tree."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module

import pytest

import workbench
from workbench.core import errors
from workbench.core.errors import WorkbenchError
from workbench.core.mood import Mood

SKIPPED = ("workbench.__main__", "workbench.cli.__main__")


def classes() -> list[type[BaseException]]:
    """All that the package defines, in every room."""
    found: set[type[BaseException]] = set()
    for module in pkgutil.walk_packages(workbench.__path__, "workbench."):
        if module.name in SKIPPED or ".zato." in module.name:
            continue
        for each in vars(import_module(module.name)).values():
            if isinstance(each, type) and issubclass(each, BaseException) and each.__module__ == module.name:
                if each.__name__.startswith("_"):
                    continue
                found.add(each)
    return sorted(found, key=lambda each: (each.__module__, each.__name__))


ALL = classes()


def test_the_list_is_of_all_rooms() -> None:
    rooms = {each.__module__.split(".")[1] for each in ALL}
    assert {"channels", "connections", "core", "durable", "limiting", "sandbox", "stores", "transfer"} <= rooms
    assert len(ALL) > 50


@pytest.mark.parametrize("error", ALL, ids=lambda each: each.__qualname__)
def test_an_error_class_has_a_sentence_of_its_own(error: type[BaseException]) -> None:
    text = (vars(error).get("__doc__") or "").strip()
    assert re.match(r"[A-Z0-9`].{9,}[.:]", text.replace("\n", " ")), f"{error.__name__} says {text!r}"


@pytest.mark.parametrize("error", [each for each in ALL if issubclass(each, WorkbenchError)], ids=lambda e: e.__name__)
def test_an_error_of_the_workbench_has_a_mood(error: type[WorkbenchError]) -> None:
    moods: tuple[Mood, ...] = ("attention", "failed")
    assert error.mood in moods


def test_the_tree_in_the_docstring_is_that_of_the_code() -> None:
    """Each class of the file stands in the drawing, below its parent."""
    lines = (errors.__doc__ or "").splitlines()
    drawn = {
        match[2]: len(match[1]) // 2
        for line in lines
        if (match := re.match(r"^( *)([A-Z]\w+)(?: |$)", line)) is not None
    }
    here = [each for each in ALL if each.__module__ == errors.__name__ and issubclass(each, WorkbenchError)]
    for error in here:
        parents = [each for each in error.__mro__[1:] if issubclass(each, WorkbenchError)]
        if error.__name__ in drawn:
            assert drawn[error.__name__] == len(parents), error
        else:
            assert re.search(rf"\b{error.__name__}\b", errors.__doc__ or ""), error
