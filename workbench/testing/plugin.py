"""The pytest plugin: makes `pytest --nbval` compare what is stable of a notebook, in kernels that leave nothing behind.

Every output of the workbench exists as stable `text/plain` and as live `text/html`; only the first is compared.
"""

from __future__ import annotations

import os
from typing import Any


def pytest_configure(config: Any) -> None:
    """Kernels started by nbval keep their state in memory, and take no port that a person's notebook counts on."""
    if config.getoption("nbval", False) or config.getoption("nbval_lax", False):
        os.environ.setdefault("WORKBENCH_STORE", "memory://")
        os.environ.setdefault("WORKBENCH_PORT", "0")


def pytest_collectstart(collector: Any) -> None:
    """Leave live forms out of nbval's comparison."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("text/html", "stderr")
