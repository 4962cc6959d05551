"""The one workbench of a process, kept apart so that reloading other modules never makes a second one."""

from __future__ import annotations

import atexit
import os
from pathlib import Path

from workbench.app.workbench import Workbench
from workbench.core.errors import WorkbenchError

_kept: list[Workbench] = globals().get("_kept", [])


def the_workbench() -> Workbench:
    """The workbench of this process, made at the first call."""
    if not _kept:
        wb = Workbench(
            app=notebook_name(),
            port=wanted_port(),
            store=store_url(),
            counters=os.environ.get("WORKBENCH_COUNTERS") or "memory://",
            hosts=_listed("WORKBENCH_HOSTS"),
            proxies=_listed("WORKBENCH_PROXIES"),
        )
        if (path := notebook_path()) is not None:
            wb.outside.watch(path)
        _kept.append(wb)
        atexit.register(wb.close)
    return _kept[0]


def wanted_port() -> int | None:
    """The port that WORKBENCH_PORT names; None when it names none.

    Raises:
        WorkbenchError: It names something else.
    """
    told = os.environ.get("WORKBENCH_PORT", "").strip()
    if told and not (told.isascii() and told.isdigit() and int(told) <= 65535):
        raise WorkbenchError(
            f"WORKBENCH_PORT is {told!r}, which is no port. Fix: give a number from 0 to 65535 (0 takes any)."
        )
    return int(told) if told else None


def _listed(variable: str) -> list[str]:
    return [each.strip() for each in os.environ.get(variable, "").split(",") if each.strip()]


def store_url() -> str:
    """The store that WORKBENCH_STORE names; else a file in `.workbench` beside the notebook."""
    return os.environ.get("WORKBENCH_STORE") or "sqlite:///.workbench/store.db"


def forget() -> None:
    """Close the workbench of this process; the next use makes a new one."""
    for wb in _kept:
        atexit.unregister(wb.close)
        wb.close()
    _kept.clear()


def notebook_name() -> str:
    """Which notebook this is, relative to the current folder; `notebook` when nothing tells."""
    path = notebook_path()
    if path is None:
        return "notebook"
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return path.name


def notebook_path() -> Path | None:
    """Where this notebook is, as whoever started the process tells; None when nobody does."""
    told = os.environ.get("WORKBENCH_NOTEBOOK") or os.environ.get("JPY_SESSION_NAME")
    return Path(told) if told else None
