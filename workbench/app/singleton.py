"""The one workbench of a process, kept apart so that reloading other modules never makes a second one."""

from __future__ import annotations

import atexit
import os

from workbench.app.configuration.bounds import bounds_in
from workbench.app.configuration.environment import (
    names_in,
    notebook_folder,
    notebook_name,
    notebook_path,
    shared_counters_url,
    store_url,
    wanted_port,
    wanted_sandbox,
)
from workbench.app.configuration.settings import take_files
from workbench.app.configuration.startup.begin import Beginning
from workbench.app.configuration.toml_file import Told
from workbench.app.outside import is_ones_own
from workbench.app.serving.member import Member
from workbench.app.workbench import Workbench
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
    if not _kept:
        if _making:
            raise ServiceUsage(
                "There is no workbench yet while configuration is read (FS_CONFIG_ONLY). "
                "Fix: import wb inside the function, once ctx.phase is AFTER_STARTED, or use ctx.kwargs['server']."
            )
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


def _make(clock: Clock | None, member: Member | None) -> Workbench:
    folder, path = notebook_folder(), notebook_path()
    environ = dict(os.environ)
    taken, configuration, files = take_files(folder)
    _beginning.from_file.update(taken)
    # What lies beside a notebook does not say whether it is one's own, nor that somebody runs all of it.
    is_own = "WORKBENCH_HEADLESS" in environ or path is None or is_ones_own(path, environ)
    startup, configuration = _beginning.begin(folder, configuration, files, is_own)
    if member is not None and not os.environ.get(COUNTERS):
        os.environ[COUNTERS] = shared_counters_url(store_url(folder))
        _beginning.from_file[COUNTERS] = Told(os.environ[COUNTERS], "serve --workers")
    wb = Workbench(
        app=notebook_name(),
        folder=folder,
        port=wanted_port() if member is None else 0,
        clock=clock,
        store=store_url(folder),
        counters=os.environ.get(COUNTERS) or "memory://",
        hosts=names_in("WORKBENCH_HOSTS"),
        proxies=names_in("WORKBENCH_PROXIES"),
        sandbox=wanted_sandbox(),
        configuration=configuration,
        **bounds_in(os.environ),
    )
    wb.startup = startup
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
