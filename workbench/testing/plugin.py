"""The pytest plugin: makes `pytest --nbval` compare what is stable of a notebook, in kernels that leave nothing behind.

Every output of the workbench exists as stable `text/plain` and as live `text/html`; only the first is compared.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest


def pytest_addoption(parser: Any) -> None:
    """Let notebooks from elsewhere call the outside, as `workbench serve --allow-outside` does."""
    said = "let notebooks from elsewhere open connections to the outside"
    parser.getgroup("workbench").addoption("--allow-outside", action="store_true", help=said)


def pytest_configure(config: Any) -> None:
    """Kernels started by nbval keep their state in memory, and take no port that a person's notebook counts on."""
    if config.getoption("nbval", False) or config.getoption("nbval_lax", False):
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
