"""Startup callables: functions and classes that are told how far the start of a workbench is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from time import time
from types import CodeType, MappingProxyType
from typing import Any, NamedTuple, Protocol

from workbench.core.errors import ServiceUsage, WorkbenchError
from workbench.core.failure import Failure, drop_frames, failure_of
from workbench.core.masking import mask
from workbench.runtime.traffic import Log, LogLine
from workbench.runtime.uses import is_same

FS_CONFIG_ONLY, AFTER_STARTED = "fs-config-only", "after-started"
IN_PROCESS_FIRST, IN_PROCESS_OTHER = "in-process-first", "in-process-other"
SECONDS = 30.0
LOGGED_AS = "workbench.startup"
THREAD = "workbench-startup"
"""The name of a thread that calls one."""


class PhaseCtx(NamedTuple):
    """What a startup callable is given: how far the start is, and what there is by then.

    Attributes:
        phase: `fs-config-only`; `in-process-first`, or `in-process-other` in each further process that serves with it;
            `after-started`.
        args: Empty.
        kwargs: `server_config`, `pickup_config`, `sio_config`, `sso_config` and `base_dir`; later on, `server`.
    """

    phase: str
    args: list[Any]
    kwargs: dict[str, Any]


class StartupStopped(WorkbenchError):
    """A startup callable has failed, and configuration says that the start ends with that."""


class Started(Protocol):
    """A workbench."""

    app: str
    folder: Path

    @property
    def kvdb(self) -> Any:
        """Its Redis."""
        ...

    def invoke(self, name: str, payload: Any = "") -> Any:
        """Run a service."""
        ...


class Server:
    """`ctx.kwargs["server"]`: what a callable may ask of the workbench, under Zato's names."""

    cluster_id = 1

    def __init__(self, wb: Started, user_config: Any) -> None:
        self._wb, self.name, self.user_config = wb, wb.app, user_config
        self.cluster_name, self.base_dir = wb.app, str(wb.folder)

    @property
    def kvdb(self) -> Any:
        """Redis, as `self.kvdb` of a service."""
        return self._wb.kvdb

    def invoke(self, service: str, request: Any = "") -> Any:
        """Run a service and give its answer."""
        return self._wb.invoke(service, request)


class _Said(NamedTuple):
    level: str
    text: str
    failure: Failure | None = None


class _Callable(NamedTuple):
    """One callable: its name, how it is found, and whether a cell has made it."""

    name: str
    find: Callable[[], Any]
    is_of_cell: bool = False


class Startup:
    """The callables of one workbench, in order, and what became of them.

    Args:
        names: Dotted names.
        seconds: Longest time for one call [s].
        stops: Whether the start ends with the first one that fails.
        of_cells: Functions that cells made for an earlier start in this process, by name.

    Attributes:
        brought: Definitions that callables have made, with their origins.
        restart: What starts this workbench anew.
        restart_by_click: The same where a person clicks while no cell runs; it is given whom to tell what is back, or
            the error. None where nothing can.
        waits: Whether cells say when the workbench has started; else its server does.
        problems: What has gone wrong, in sentences.
    """

    def __init__(
        self,
        names: Iterable[str] = (),
        seconds: float = SECONDS,
        stops: bool = False,
        of_cells: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self._callables = [_Callable(name, partial(_found, name)) for name in names]
        self._callables += [_of_cell(name, function) for name, function in of_cells.items()]
        self.names = [each.name for each in self._callables]
        self.brought: list[Any] = []
        self.restart: Callable[[], object] = _cannot_restart
        self.restart_by_click: Callable[[Callable[[str | Exception], object]], object] | None = None
        self._seconds, self._stops = seconds, stops
        self._told: dict[str, Any] = {}
        self._new: list[_Callable] = []
        self._unsaid: list[_Said] = []
        self.waits = self.is_done = self._file_runs = False
        self._stopped = ""
        self.problems: list[str] = []

    def read_configuration(self, kwargs: Mapping[str, Any], changed: Callable[[str], list[str]]) -> None:
        """Tell each of FS_CONFIG_ONLY; `changed` takes what one has changed, and says what is wrong with that.

        Raises:
            StartupStopped: One failed, and that ends the start.
        """
        for each in self._callables:
            self._tell(each, PhaseCtx(FS_CONFIG_ONLY, [], dict(kwargs)))
            for said in changed(each.name):
                self.warn(f"Startup callable {each.name}: {said}")

    def warn(self, text: str) -> None:
        """Have a sentence said where a person looks."""
        self._unsaid.append(_Said("WARNING", text))
        self.problems.append(text)

    def add(self, function: Callable[[PhaseCtx], Any]) -> None:
        """Take a callable that a cell or script has made."""
        name = getattr(function, "__qualname__", None) or type(function).__name__
        self._new = [each for each in self._new if each.name != name]
        self._new.append(_of_cell(name, function))

    @property
    def of_cells(self) -> Mapping[str, Any]:
        """The functions that cells have made, by name, for a further start in this process."""
        return {**self._told, **{each.name: each.find() for each in self._new}}

    def expect_going(self) -> None:
        """Raise StartupStopped if a callable has ended the start."""
        if self._stopped:
            raise StartupStopped(self._stopped)

    def forget_new(self) -> None:
        """Forget what a cell has added that has failed."""
        self._new.clear()

    @property
    def is_due(self) -> bool:
        """Whether a callable waits that the start is over for."""
        return self.is_done and bool(self._new)

    @property
    def is_ready(self) -> bool:
        """Whether the file has run, and all have been told that the workbench has started."""
        return self.is_done and not self._file_runs

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While this lasts, nobody is told that the workbench has started: its file still runs."""
        self._file_runs = True
        try:
            yield
        finally:
            self._file_runs = False

    def after_started(self, wb: Started, user_config: Any, is_first: bool = True) -> None:
        """Tell of AFTER_STARTED each that has not been told; one that a cell makes again as it was is not told again.

        Those that are there from the start are told before, phase by phase, in which process they are.

        Raises:
            StartupStopped: One failed, and that ends the start.
        """
        if self._file_runs:
            return
        kwargs = {"server": Server(wb, user_config)}
        first, self.is_done = not self.is_done, True
        if first:
            self._told.update({each.name: each.find() for each in self._callables if each.is_of_cell})
            for phase in (IN_PROCESS_FIRST if is_first else IN_PROCESS_OTHER, AFTER_STARTED):
                for each in self._callables:
                    self._tell(each, PhaseCtx(phase, [], dict(kwargs)))
        new, self._new = self._new, []
        for each in new:
            if self._is_new(each):
                self._tell(each, PhaseCtx(AFTER_STARTED, [], dict(kwargs)))

    def _is_new(self, each: _Callable) -> bool:
        function = each.find()
        if is_same(function, self._told.get(each.name)):
            return False
        self._told[each.name] = function
        if _speaks_of(function, ("FS_CONFIG_ONLY", FS_CONFIG_ONLY)):
            said = (
                f"Startup callable {each.name} was told {AFTER_STARTED} alone: settings were taken before its cell. "
                f"Fix: wb.restart() tells it {FS_CONFIG_ONLY}, too. To have it at every start, write it into "
                f"extlib/my_startup.py beside the notebook, and name my_startup.{each.name} in workbench.toml."
            )
            self._unsaid.append(_Said("WARNING", said))
        return True

    def _tell(self, each: _Callable, ctx: PhaseCtx) -> None:
        """Call one within its time; raises StartupStopped if it fails and that ends the start."""
        error = _bounded(lambda: each.find()(ctx), self._seconds)
        if error is None:
            return
        failure = failure_of(error)
        drop_frames(error)
        where = f" ({failure.place})" if failure.place is not None and failure.place.is_users else ""
        goes_on = "The start ends here" if self._stops else "The start goes on without it"
        text = mask(f"Startup callable {each.name} failed in {ctx.phase}: {failure.kind}: {failure.sentence}{where}.")
        text = f"{text} {goes_on}, as startup_on_error says. Fix: correct it, and restart."
        self.problems.append(text)
        if self._stops:
            self._stopped = text
            raise StartupStopped(text)
        self._unsaid.append(_Said("ERROR", text, failure))

    def say(self, log: Log) -> list[str]:
        """Write into the log what has not been said yet; gives it, too."""
        said, self._unsaid = self._unsaid, []
        for each in said:
            log.append(LogLine(time(), "", LOGGED_AS, each.level, each.text, each.failure))
        return list(dict.fromkeys(each.text for each in said))


def _of_cell(name: str, function: Any) -> _Callable:
    return _Callable(name, lambda: function, is_of_cell=True)


def _cannot_restart() -> None:
    raise ServiceUsage("A workbench that a script made takes no configuration. Fix: close it, and make another one.")


def _found(name: str) -> Any:
    """What a dotted name stands for."""
    module, dot, attribute = name.rpartition(".")
    if not dot or not module:
        raise WorkbenchError(f"{name!r} is no dotted name. Fix: module.function, as my_startup.create_cache")
    try:
        found = getattr(import_module(module), attribute, None)
    except ModuleNotFoundError as exc:
        fix = "put the module into extlib/ beside the notebook, or correct the name"
        raise WorkbenchError(f"no module named {exc.name!r} is found. Fix: {fix}") from exc
    if not callable(found):
        what = "has no such name" if found is None else "has that name, which cannot be called"
        raise WorkbenchError(f"module {module!r} {what}: {attribute!r}. Fix: name a function or class of it")
    return found


def _bounded(work: Callable[[], Any], seconds: float) -> BaseException | None:
    """Do a piece of work on a thread of its own, at most so long [s]; the error it ended with."""
    ended: list[BaseException | None] = []

    def run() -> None:
        try:
            work()
        except BaseException as exc:  # Also SystemExit: it is not for a callable to end the process.
            ended.append(exc)
        else:
            ended.append(None)

    thread = threading.Thread(target=run, name=THREAD, daemon=True)
    thread.start()
    thread.join(seconds)
    return ended[0] if ended else TimeoutError(f"it did not end within {seconds:g} s, and is left behind")


def _speaks_of(function: Any, words: tuple[str, ...]) -> bool:
    """Whether the code of a function, or of a class's functions, has one of these names or texts."""
    codes = [getattr(each, "__code__", None) for each in (function, *getattr(function, "__dict__", {}).values())]
    while codes:
        code = codes.pop()
        if not isinstance(code, CodeType):
            continue
        if any(word in code.co_names or word in code.co_consts for word in words):
            return True
        codes += code.co_consts
    return False
