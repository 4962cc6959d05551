"""Which loop the server runs on: asyncio's own, or uvloop's."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from importlib.util import find_spec

from workbench.core.errors import MissingDependency, WorkbenchError


def wanted_loop() -> str:
    """What WORKBENCH_LOOP says; else `uvloop` where a file is served and it is installed, and `asyncio` elsewhere.

    Raises:
        WorkbenchError: It says neither.
    """
    told = os.environ.get("WORKBENCH_LOOP", "").strip()
    if told not in ("", "asyncio", "uvloop"):
        raise WorkbenchError(f"WORKBENCH_LOOP is {told!r:.80}. Fix: asyncio or uvloop, or unset it.")
    is_served = os.environ.get("WORKBENCH_HEADLESS", "") not in ("", "0")
    return told or ("uvloop" if is_served and find_spec("uvloop") is not None else "asyncio")


def maker_of_loops() -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes loops of the wanted kind.

    Raises:
        WorkbenchError: WORKBENCH_LOOP names no kind.
        MissingDependency: It names uvloop, which is not installed.
    """
    if wanted_loop() == "asyncio":
        return asyncio.new_event_loop
    try:
        import uvloop
    except ImportError as exc:
        raise MissingDependency("WORKBENCH_LOOP=uvloop", "uvloop", "speed") from exc
    return uvloop.new_event_loop
