"""The one workbench of a process, kept apart so that reloading other modules never makes a second one."""

from __future__ import annotations

import atexit
import os
from pathlib import Path
from typing import cast, get_args

from workbench.app.configuration.bounds import bounds_in
from workbench.app.configuration.settings import OpenAPIFor, take_files
from workbench.app.configuration.startup.begin import Beginning
from workbench.app.outside import is_ones_own
from workbench.app.workbench import Workbench
from workbench.core.errors import ServiceUsage, WorkbenchError
from workbench.core.ports import Clock

_kept: list[Workbench] = globals().get("_kept", [])
_beginning: Beginning = globals().get("_beginning", Beginning())
"""What its start has set in this process, for as long as the workbench is there."""
_making: list[bool] = globals().get("_making", [])


def the_workbench(clock: Clock | None = None) -> Workbench:
    """The workbench of this process, made at the first call, which may bring a clock.

    Raises:
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
            _kept.append(_make(clock))
        except BaseException:
            _beginning.end()
            raise
        finally:
            _making.clear()
        atexit.register(_kept[0].close)
    return _kept[0]


def _make(clock: Clock | None) -> Workbench:
    folder, path = notebook_folder(), notebook_path()
    environ = dict(os.environ)
    taken, configuration, files = take_files(folder)
    _beginning.from_file.update(taken)
    # What lies beside a notebook does not say whether it is one's own, nor that somebody runs all of it.
    is_own = "WORKBENCH_HEADLESS" in environ or path is None or is_ones_own(path, environ)
    startup, configuration = _beginning.begin(folder, configuration, files, is_own)
    wb = Workbench(
        app=notebook_name(),
        folder=folder,
        port=wanted_port(),
        clock=clock,
        store=store_url(folder),
        counters=os.environ.get("WORKBENCH_COUNTERS") or "memory://",
        hosts=_listed("WORKBENCH_HOSTS"),
        proxies=_listed("WORKBENCH_PROXIES"),
        sandbox=wanted_sandbox(),
        openapi=wanted_openapi(),
        configuration=configuration,
        **bounds_in(os.environ),
    )
    wb.startup = startup
    wb.settings.of_process(_beginning.from_file)
    if path is not None:
        wb.outside.watch(path)
    return wb


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


def wanted_sandbox() -> bool | None:
    """Whether WORKBENCH_SANDBOX has every connection go to a peer, or none; None leaves it to the code.

    Raises:
        WorkbenchError: It says neither.
    """
    told = os.environ.get("WORKBENCH_SANDBOX", "").strip()
    if told not in ("", "0", "1"):
        raise WorkbenchError(f"WORKBENCH_SANDBOX is {told!r}. Fix: 1 for peers, 0 for real addresses, or unset it.")
    return told == "1" if told else None


def wanted_openapi() -> OpenAPIFor:
    """Whom WORKBENCH_OPENAPI has /openapi.json tell of a channel.

    Raises:
        WorkbenchError: It says none of the words for it.
    """
    told = os.environ.get("WORKBENCH_OPENAPI", "").strip() or "callers"
    if told not in get_args(OpenAPIFor):
        raise WorkbenchError(f"WORKBENCH_OPENAPI is {told!r:.80}. Fix: one of {', '.join(get_args(OpenAPIFor))}.")
    return cast(OpenAPIFor, told)


def _listed(variable: str) -> list[str]:
    return [each.strip() for each in os.environ.get(variable, "").split(",") if each.strip()]


def store_url(folder: Path) -> str:
    """The store that WORKBENCH_STORE names; else a file in `.workbench` in the notebook's folder."""
    return os.environ.get("WORKBENCH_STORE") or f"sqlite:///{folder / '.workbench' / 'store.db'}"


def forget() -> None:
    """Close the workbench of this process; the next use makes a new one."""
    for wb in _kept:
        atexit.unregister(wb.close)
        wb.close()
    _kept.clear()
    _beginning.end()


def notebook_path() -> Path | None:
    """The notebook or module that runs here, as `workbench serve` or Jupyter says; None when nothing tells."""
    for told in ("WORKBENCH_NOTEBOOK", "JPY_SESSION_NAME"):
        if path := os.environ.get(told):
            found = Path(path).resolve()
            # Some servers tell the path from their own root on; a kernel starts in the notebook's folder.
            return found if found.parent.is_dir() else Path.cwd() / found.name
    return None


def notebook_folder() -> Path:
    """The folder of the notebook, whoever opened it and from where; the current one when nothing tells."""
    path = notebook_path()
    return path.parent if path is not None else Path.cwd()


def notebook_name() -> str:
    """The notebook's file name, which is its application's name in its folder; `notebook` when nothing tells."""
    path = notebook_path()
    return path.name if path is not None else "notebook"
