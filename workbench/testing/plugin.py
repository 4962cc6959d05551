"""The pytest plugin: runs notebooks as tests, and makes `pytest --nbval` compare what is stable of them.

`pytest nb.ipynb` runs a notebook's cells as tests, each in its turn, in one kernel that leaves nothing behind; those of
a folder are taken with `--notebooks`, as `workbench test` does. With `--nbval` they are left to nbval.
Every output of the workbench exists as stable `text/plain` and as live `text/html`; only the first is compared.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: Any) -> None:
    """How notebooks are run."""
    group = parser.getgroup("workbench")
    said = "let notebooks open connections to the outside, where they say so, in place of peers"
    group.addoption("--allow-outside", action="store_true", help=said)
    said = "let the outside answer where a cassette would, and compare; as --allow-outside, for all of a notebook"
    group.addoption("--live-cassettes", action="store_true", help=said)
    group.addoption("--notebooks", action="store_true", help="take the notebooks of folders, and not only named ones")
    group.addoption("--set", action="append", default=[], metavar="NAME=VALUE", help="give a parameter a value")
    group.addoption("--cell-timeout", type=_seconds, default=60.0, metavar="SECONDS", help="longest time of one cell")
    group.addoption(
        "--notebook-timeout", type=_seconds, default=600.0, metavar="SECONDS", help="longest time of one notebook"
    )
    group.addoption(
        "--clock",
        choices=("fixed", "virtual", "real"),
        default="fixed",
        help="wb.clock begins at 2026-01-01, or stands still until wb.clock.advance(), or is the machine's",
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no time. Fix: give seconds, above 0.")
    return seconds


def _value(text: str) -> tuple[str, Any]:
    """Name and value of a parameter: JSON or a Python literal where it is one, else the text, as of NaN."""
    name, separator, value = text.partition("=")
    if not separator or not name.isidentifier():
        raise pytest.UsageError(f"--set {text!r} gives no value. Fix: --set NAME=VALUE")
    for read in (json.loads, ast.literal_eval):
        with suppress(ValueError, SyntaxError):
            found = read(value)
            # The kernel is told its repr, which of infinity and of no number is no value there.
            ast.literal_eval(repr(found))
            return name, found
    return name, value


def _is_nbvals(config: Any) -> bool:
    return bool(config.getoption("nbval", False) or config.getoption("nbval_lax", False))


def _nbval_tags(item: Any) -> list[str]:
    """The tags of one of nbval's cells; none of any other item."""
    metadata = getattr(getattr(item, "cell", None), "metadata", {})
    tags = metadata.get("tags", ()) if hasattr(item.parent, "skip_compare") else ()
    return list(map(str, tags))


def pytest_collect_file(file_path: Path, parent: Any) -> Any:
    """Take a notebook, unless nbval does."""
    config = parent.config
    wanted = parent.session.isinitpath(file_path) or config.getoption("notebooks")
    if file_path.suffix != ".ipynb" or not wanted or _is_nbvals(config) or ".ipynb_checkpoints" in file_path.parts:
        return None
    from workbench.testing.items import How, Notebook

    notebook = Notebook.from_parent(parent, path=file_path)
    notebook.how = How(
        config.getoption("cell_timeout"),
        config.getoption("notebook_timeout"),
        config.getoption("clock"),
        config.getoption("allow_outside") or config.getoption("live_cassettes"),
        config.getoption("live_cassettes"),
        dict(map(_value, config.getoption("set"))),
    )
    return notebook


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    """Refuse a value for a parameter that no notebook has; leave scratch cells out where nbval runs notebooks."""
    if _is_nbvals(config):
        items[:] = [item for item in items if "scratch" not in _nbval_tags(item)]
    # With xdist no process may fail here, and none has all notebooks; `workbench test` looks beforehand.
    if not config.getoption("set") or hasattr(config, "workerinput"):
        return
    from workbench.testing.saved import not_a_parameter

    notebooks = {id(item.parent): item.parent for item in items if hasattr(item.parent, "parameters")}
    known = frozenset[str]().union(*(each.parameters for each in notebooks.values()))
    for name, _ in map(_value, config.getoption("set")):
        if name not in known:
            raise pytest.UsageError(not_a_parameter(name, known))


def pytest_configure(config: Any) -> None:
    """Kernels started by nbval keep their state in memory, and take no port that a person's notebook counts on."""
    for each in config.getoption("set"):
        _value(each)
    if _is_nbvals(config):
        os.environ.setdefault("WORKBENCH_STORE", "memory://")
        os.environ.setdefault("WORKBENCH_PORT", "0")
    if config.getoption("allow_outside"):
        os.environ["WORKBENCH_ALLOW_OUTSIDE"] = "1"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: Any) -> Generator[None, Any, Any]:
    """Tell the kernel that nbval starts for a notebook which one it is."""
    with pytest.MonkeyPatch.context() as environment:
        if hasattr(item.parent, "skip_compare"):
            environment.setenv("WORKBENCH_NOTEBOOK", str(item.path))
        return (yield)


def pytest_collectstart(collector: Any) -> None:
    """Leave live forms out of nbval's comparison."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("text/html", "stderr")
