"""The one workbench of a process, kept apart so that reloading other modules never makes a second one."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Mapping
from threading import current_thread, main_thread
from types import MappingProxyType
from typing import Any

from workbench.app.configuration.bounds import bounds_in
from workbench.app.configuration.environment import (
    names_in,
    notebook_folder,
    notebook_name,
    notebook_path,
    shared_counters_url,
    store_url,
    wanted_certificate,
    wanted_openapi,
    wanted_port,
    wanted_sandbox,
)
from workbench.app.configuration.settings import is_headless, take_files
from workbench.app.configuration.startup.anew import Known
from workbench.app.configuration.startup.begin import Beginning
from workbench.app.configuration.startup.callables import THREAD
from workbench.app.configuration.toml_file import Told
from workbench.app.outside import is_ones_own
from workbench.app.serving.crew.member import Member
from workbench.app.workbench import Workbench
from workbench.core.current import CURRENT
from workbench.core.errors import ServiceUsage
from workbench.core.ports import Clock

COUNTERS = "WORKBENCH_COUNTERS"

_kept: list[Workbench] = globals().get("_kept", [])
_beginning: Beginning = globals().get("_beginning", Beginning())
"""What its start has set in this process, for as long as the workbench is there."""
_making: list[bool] = globals().get("_making", [])


def the_workbench(clock: Clock | None = None, member: Member | None = None) -> Workbench:
    """The workbench of this process, made at the first call, which may bring a clock and make it one of several.

    Raises:
        WorkbenchError: It is to be one of several, and its store is of one process.
        ServiceUsage: A startup callable has asked for it before it is made.
    """
    if _making and (not _kept or current_thread().name == THREAD):
        raise ServiceUsage(
            "There is no workbench yet while configuration is read (FS_CONFIG_ONLY). "
            "Fix: import wb inside the function, once ctx.phase is AFTER_STARTED, or use ctx.kwargs['server']."
        )
    if not _kept:
        _making.append(True)
        try:
            _kept.append(_make(clock, member))
        except BaseException:
            _beginning.end()
            raise
        finally:
            _making.clear()
        atexit.register(_kept[0].close)
    return _kept[0]


def restart(before: Callable[[], object] = lambda: None) -> str:
    """Make the workbench of this process anew, with configuration read again, for all who hold it.

    Args:
        before: Called before its server starts.

    Returns:
        What is back, in a sentence; its `startup` says what is not, and why.

    Raises:
        ServiceUsage: A service, a startup callable or a file that is loaded asks for it.
        WorkbenchError: The configuration cannot be; the workbench stays as it was.
    """
    [wb] = _kept
    if CURRENT.get() is not None or wb._own.draft is not None or current_thread() is not main_thread():
        raise ServiceUsage(
            "A service, a startup callable or a loaded file cannot restart its workbench. Fix: restart the process."
        )
    if wb.member is not None:
        raise ServiceUsage(
            "One of several processes that serve a file does not restart alone. Fix: send SIGHUP to `workbench serve`."
        )
    known, port = Known(wb), wb._own.server.port if wb.ports.by_hand else None
    was_on = bool(wb.url)
    with _beginning.anew():
        _making.append(True)
        try:
            made = _make(wb._own.clock, None, wb.startup.of_cells, wb.outside.is_own)
            made.outside.go_on(wb.outside)
            known.begin(made)
        finally:
            _making.clear()
    waits = wb.startup.waits
    wb.become(made)
    said = known.end(wb)
    wb.startup.waits = waits
    before()
    if was_on:
        wb.start(port)
    return said


def _make(
    clock: Clock | None,
    member: Member | None,
    of_cells: Mapping[str, Any] = MappingProxyType({}),
    was_own: bool = False,
) -> Workbench:
    folder, path = notebook_folder(), notebook_path()
    environ = dict(os.environ)
    taken, configuration, files = take_files(folder)
    _beginning.from_file.update(taken)
    # What lies beside a notebook does not say whether it is one's own, nor that somebody runs all of it.
    startup, configuration = _beginning.begin(
        folder,
        configuration,
        files,
        lambda: was_own or is_headless(environ) or path is None or is_ones_own(path, environ),
        of_cells,
    )
    if member is not None and not os.environ.get(COUNTERS):
        os.environ[COUNTERS] = shared_counters_url(store_url(folder))
        _beginning.from_file[COUNTERS] = Told(os.environ[COUNTERS], "serve --workers")
    wb = Workbench(
        app=notebook_name(),
        folder=folder,
        port=wanted_port() if member is None else 0,
        certificate=wanted_certificate(),
        clock=clock,
        store=store_url(folder),
        counters=os.environ.get(COUNTERS) or "memory://",
        hosts=names_in("WORKBENCH_HOSTS"),
        proxies=names_in("WORKBENCH_PROXIES"),
        sandbox=wanted_sandbox(),
        openapi=wanted_openapi(),
        configuration=configuration,
        **bounds_in(os.environ),
    )
    wb.startup, startup.restart = startup, restart
    if member is not None:
        wb.join(member)
    wb.settings.of_process(_beginning.from_file)
    if path is not None:
        wb.outside.watch(path)
    return wb


def forget() -> None:
    """Close the workbench of this process; the next use makes a new one."""
    for wb in _kept:
        atexit.unregister(wb.close)
        wb.close()
    _kept.clear()
    _beginning.end()
