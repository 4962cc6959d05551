"""The beginning of a start: callables change configuration before a workbench is made of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import invalidate_caches
from importlib.machinery import PathFinder
from pathlib import Path
from types import MappingProxyType
from typing import Any

from workbench.app.configuration.kinds import LONGEST_SECONDS, ON_ERROR
from workbench.app.configuration.overrides import places_of
from workbench.app.configuration.startup.callables import SECONDS, Startup
from workbench.app.configuration.startup.groups import Groups, pickups_in, ruled_in, switched_in
from workbench.app.configuration.startup.switches import unknown
from workbench.app.configuration.startup.zato_files import ZatoFiles
from workbench.app.configuration.toml_file import Configuration, Told, Watched
from workbench.connections.common.hosts import host_of, is_outside
from workbench.core.errors import WorkbenchError
from workbench.core.source import forget_module

EXTLIB = "extlib"
ELSEWHERE = (
    "since this notebook comes from elsewhere. "
    "Fix: read what is beside it, then wb.outside.allow() and restart the kernel."
)


class Beginning:
    """What the start of a workbench has set in this process, and how it is taken back.

    Attributes:
        from_file: Variables that files or callables have set, with who did so.
    """

    def __init__(self) -> None:
        self.from_file: dict[str, Told] = {}
        self._overwritten: dict[str, str] = {}
        self._path = ""

    def begin(
        self,
        folder: Path,
        configuration: Configuration,
        files: ZatoFiles,
        is_own: Callable[[], bool],
        of_cells: Mapping[str, Any] = MappingProxyType({}),
    ) -> tuple[Startup, Configuration]:
        """Tell startup callables of FS_CONFIG_ONLY, and take what they change.

        Args:
            folder: The notebook's folder, in whose `extlib` modules are found.
            configuration: What `workbench.toml` says.
            files: What Zato's own files say.
            is_own: Says whether the notebook is one's own; of one from elsewhere nothing is called, here or on other
                hosts. Where there is nothing to be called it is not asked, since an answer may take seconds.
            of_cells: Callables that cells have made for an earlier start in this process, by name.

        Raises:
            WorkbenchError: A setting of the start cannot be so, or a callable failed and that ends the start.
        """
        names = _names(os.environ.get("WORKBENCH_STARTUP_CALLABLE", ""))
        outside = self._outside()
        is_from_elsewhere = bool(names or outside) and not is_own()
        startup = Startup(() if is_from_elsewhere else names, _seconds(), _stops(), of_cells)
        if is_from_elsewhere:
            if names:
                startup.warn(f"{', '.join(names)} were not called at the start, {ELSEWHERE}")
            self._leave(outside, startup)
        self._add_to_path(folder / EXTLIB)
        # A server.conf that Zato has written has switches that are Zato's alone.
        for switch in configuration.tables.get("component_enabled", {}):
            if said := unknown(switch):
                startup.warn(f"workbench.toml [component_enabled]: {said}")
        if not startup.names:
            # Groups that nobody reads would cost the start some 50 ms: what makes them knows every kind of connection.
            switched, ruled = switched_in(configuration, files), ruled_in(configuration, files)
            watched = pickups_in(configuration, files)
            return startup, configuration._replace(switched=switched, ruled=ruled, pickups=watched)
        groups = Groups(configuration, files, os.environ)
        kwargs = {
            "server_config": groups.server,
            "pickup_config": groups.pickup,
            "sio_config": groups.sio,
            "sso_config": groups.sso,
            "base_dir": str(folder),
        }
        startup.read_configuration(kwargs, lambda who: self._take(groups, who))
        return startup, groups.configuration()

    def _outside(self) -> list[str]:
        """The variables that files have set to a Redis on another host."""
        addresses = {variable: told.value.strip().lower() for variable, told in self.from_file.items()}
        redis = [variable for variable, each in addresses.items() if each.startswith(("redis://", "rediss://"))]
        return [variable for variable in redis if is_outside(host_of(addresses[variable]))]

    def _leave(self, outside: list[str], startup: Startup) -> None:
        """Take these variables back: a password may go to another host before anybody is asked."""
        for variable in outside:
            told = self.from_file.pop(variable)
            del os.environ[variable]
            startup.warn(f"{variable} of {told.where} leads to another host, and was not taken, {ELSEWHERE}")

    def end(self) -> None:
        """Leave environment, import path and modules of `extlib` as they were."""
        while self.from_file:
            variable, told = self.from_file.popitem()
            if os.environ.get(variable) == told.value:
                del os.environ[variable]
        while self._overwritten:
            variable, value = self._overwritten.popitem()
            os.environ.setdefault(variable, value)
        if self._path in sys.path:
            sys.path.remove(self._path)
        if self._path:
            # The next start reads them anew, as they are then.
            for name in [name for name, module in sys.modules.items() if _is_below(module, self._path)]:
                forget_module(name)
            invalidate_caches()
        self._path = ""

    @contextmanager
    def anew(self) -> Iterator[None]:
        """Take back what was set, for another start; if that raises, it is all set again."""
        environ, path = dict(os.environ), list(sys.path)
        before = self.from_file, self._overwritten, self._path
        # Its settings go on showing the former.
        self.from_file, self._overwritten = dict(self.from_file), dict(self._overwritten)
        self.end()
        try:
            yield
        except BaseException:
            self.end()
            os.environ.clear()
            os.environ.update(environ)
            sys.path[:] = path
            self.from_file, self._overwritten, self._path = before
            raise

    def _take(self, groups: Groups, who: str) -> list[str]:
        """Put what a callable has changed into the environment and switches; what was wrong with the rest."""
        changes = groups.changes()
        for variable, value in changes.variables.items():
            if variable in os.environ and variable not in self.from_file:
                self._overwritten[variable] = os.environ[variable]
            os.environ.pop(variable, None)
            self.from_file.pop(variable, None)
            if value is not None:
                os.environ[variable] = value
                self.from_file[variable] = Told(value, who)
        groups.switched.update({switch: Told(value, who) for switch, value in changes.switches.items()})
        groups.ruled.update({name: Told(value, who) for name, value in changes.rules.items()})
        groups.places = places_of(changes.fields, who, groups.places)
        for name, channel in changes.pickups.items():
            groups.pickups.pop(name, None)
            if channel is not None:
                groups.pickups[name] = Watched(channel, who)
        return changes.problems

    def _add_to_path(self, extlib: Path) -> None:
        if extlib.is_dir() and str(extlib) not in sys.path:
            self._path = str(extlib)
            sys.path.insert(0, self._path)


def _is_below(module: Any, folder: str) -> bool:
    return str(getattr(module, "__file__", None) or "").startswith(folder + os.sep)


def _names(told: str) -> list[str]:
    return [each.strip() for each in told.split(",") if each.strip()]


def missing_modules(folder: Path, names: str) -> list[str]:
    """Modules of startup callables that are nowhere, by dotted names and commas; none is imported."""
    places = [str(folder / EXTLIB), str(folder), *sys.path]
    modules = dict.fromkeys(each.partition(".")[0] for each in _names(names))
    return [each for each in modules if each not in sys.modules and PathFinder.find_spec(each, places) is None]


def _seconds() -> float:
    told = os.environ.get("WORKBENCH_STARTUP_TIMEOUT_SECONDS", "").strip()
    try:
        seconds = float(told) if told else SECONDS
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_SECONDS:
        raise WorkbenchError(
            f"WORKBENCH_STARTUP_TIMEOUT_SECONDS is {told!r}. Fix: seconds, more than 0 and at most {LONGEST_SECONDS:,}."
        )
    return seconds


def _stops() -> bool:
    told = os.environ.get("WORKBENCH_STARTUP_ON_ERROR", "").strip()
    if told not in ("", *ON_ERROR):
        raise WorkbenchError(f"WORKBENCH_STARTUP_ON_ERROR is {told!r:.80}. Fix: one of {', '.join(ON_ERROR)}.")
    return told == "stop"
