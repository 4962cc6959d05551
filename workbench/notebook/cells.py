"""Follows the cells of a shell: a good cell deploys its services, a failing one changes nothing.

A cell is the outermost run of code that a person started: `%%capture` and `%run` run their body as inner cells, and
any inner failure fails the whole.
"""

from __future__ import annotations

import gc
import linecache
import re
import sys
from collections.abc import Callable
from threading import get_ident
from types import FrameType, FunctionType
from typing import Any, TypeGuard

from workbench.app.deploy.draft import Draft
from workbench.app.deploy.folders.imported import Imported
from workbench.app.outside import OutsideAsked
from workbench.app.reports import Defined, Sandboxed
from workbench.app.scheduling.travel.trip import CallsForReal
from workbench.app.workbench import Workbench
from workbench.core.errors import ServiceUsage, WorkbenchError
from workbench.core.origin import Origin, digest_of
from workbench.core.service import Service
from workbench.notebook import displays, errors
from workbench.notebook.bindings import Bindings, late, stale
from workbench.notebook.left_out import Beside, left_out
from workbench.notebook.lines import (
    AwayLine,
    ClickedLine,
    DeployLine,
    NothingLine,
    Notice,
    Question,
    Restarted,
    TestLine,
)
from workbench.notebook.own_class import OwnClass
from workbench.runtime import capture
from workbench.runtime.registry import Source, Version, class_source
from workbench.runtime.uses import Code
from workbench.scheduler.records import Away
from workbench.testing.cell_tests import test_name
from workbench.ui import front

_WB = re.compile(r"\bwb\b")


class Cells:
    """Drafts for the cells of one shell.

    Args:
        shell: The shell.
        wb: The workbench.
        greet: Called before the first cell that speaks of `wb`, where it is there without an import.
        restart: Starts the workbench anew, and says what is back.
    """

    def __init__(
        self,
        shell: Any,
        wb: Workbench,
        greet: Callable[[], None] = lambda: None,
        restart: Callable[[], str] = str,
    ) -> None:
        self._shell, self._wb, self._greet, self._restart = shell, wb, greet, restart
        self._restarts = False
        self._depth = 0
        self._failed = False
        self._message = ""
        self._draft: Draft | None = None
        self._reports: list[Defined | Imported | Sandboxed] = []
        self._told_away = 0
        self._asked: list[OutsideAsked] = []
        # A subshell of ipykernel runs cells in a thread of its own, beside a cell of the notebook.
        self._thread = get_ident()
        self._beside = Beside()
        self._bindings = Bindings(lambda: self._shell.user_ns)
        self._own_class = OwnClass(lambda: self._shell.user_ns)
        self._greeted: tuple[str, str] | None = None

    def follow(self) -> None:
        """Begin; the cell that runs now, if one does, is followed from here on."""
        self._shell.events.register("pre_run_cell", self.before)
        self._shell.events.register("post_run_cell", self.after)
        self._shell.ast_transformers.append(self._own_class)
        self._listen()
        if runs_a_cell():
            self._depth, self._message = 1, self._running_message()
            self._open("", self._origin(None))

    def _listen(self) -> None:
        """Hear what the workbench has to say, which is made, or made anew."""
        startup, events = self._wb.startup, self._wb.events
        startup.waits, startup.restart = True, self._restart_later
        if (kernel := getattr(self._shell, "kernel", None)) is not None:
            # Its loop is there once it has started; this may be before.
            startup.restart_by_click = lambda told: kernel.io_loop.add_callback(self._restart_between, told)
        self._deaf = [events.subscribe(Defined, self._heard), events.subscribe(Sandboxed, self._heard)]
        self._deaf.append(events.subscribe(Imported, self._heard))
        self._deaf.append(events.subscribe(OutsideAsked, self._asked.append))
        # At once: it names what the cell is about to call.
        self._deaf.append(events.subscribe(CallsForReal, lambda event: displays.show(Notice([event.text]))))

    def _restart_later(self) -> None:
        """Have the workbench start anew once the running cell has ended well, so that all it made is known by then."""
        if self._draft is None or not self._draft.is_mine:
            raise ServiceUsage("A service cannot restart its workbench. Fix: call wb.restart() in a cell.")
        self._restarts = True

    def unfollow(self) -> None:
        """Stop."""
        self._shell.events.unregister("pre_run_cell", self.before)
        self._shell.events.unregister("post_run_cell", self.after)
        if self._own_class in self._shell.ast_transformers:
            self._shell.ast_transformers.remove(self._own_class)
        for unsubscribe in self._deaf:
            unsubscribe()
        self._drop()

    def is_first_to_greet(self) -> bool:
        """Whether the running cell is to say that the workbench is on: the first one that asks, once in each run."""
        cell, message = front.running_cell(self._shell), self._running_message()
        if self._greeted is not None and (not cell or cell != self._greeted[0] or message == self._greeted[1]):
            return False
        self._greeted = (cell, message)
        return True

    def _heard(self, report: Defined | Imported | Sandboxed) -> None:
        """Keep what the running cell did, to be said at its end."""
        if self._draft is not None and self._draft.is_mine:
            self._reports.append(report)

    def _running_message(self) -> str:
        """The id of the request that runs a cell: an inner cell shares it with its outer one."""
        parent = getattr(self._shell, "parent_header", None) or {}
        return str(parent.get("header", {}).get("msg_id", ""))

    def _is_bound(self, cls: type[Service]) -> bool:
        return cls.__module__ == "__main__" and self._shell.user_ns.get(cls.__name__) is cls

    def _origin(self, info: Any) -> Origin:
        """The cell that runs: its id as the front end calls it, where it does, and its number."""
        cell_id = getattr(info, "cell_id", None) or front.running_cell(self._shell)
        counts = info is None or info.store_history
        text = getattr(info, "raw_cell", None)
        return Origin(
            "cell", str(cell_id or ""), _number() if counts else None, written=digest_of(text) if text else ""
        )

    def _open(self, text: str, origin: Origin) -> None:
        self._drop()
        capture.install()
        # ipykernel 6 keeps, by thread number, into which cell a thread prints, and lets go of threads that have ended
        # when garbage is collected. Calls from outside come and go in threads between cells: without this, a thread of
        # this cell that gets the number of one of theirs prints into nothing.
        gc.collect(0)
        self._failed = self._restarts = False
        self._reports = []
        self._bindings.begin()
        self._draft = self._wb.drafting.open(Source(origin, self._python(text)), self._is_bound)

    def _python(self, text: str) -> str:
        """A cell's text without the lines of cell magics, and with line magics as the calls they stand for."""
        lines = text.lstrip().splitlines(keepends=True)
        while lines and lines[0].startswith("%%"):
            lines.pop(0)
        try:
            return str(self._shell.transform_cell("".join(lines)))
        except SyntaxError:
            return text

    def _drop(self) -> None:
        draft, self._draft = self._draft, None
        if draft is not None:
            self._wb.drafting.abort(draft)

    def before(self, info: Any) -> None:
        """A cell begins."""
        if get_ident() != self._thread:
            self._beside.begin()
            return
        message = self._running_message()
        if self._depth and message == self._message:
            self._depth += 1
            # What `%%capture` has put in place of `sys.stdout` is this cell's, and not for calls from outside.
            capture.install()
            return
        self._message, self._depth = message, 1
        if self._shell.user_ns.get("wb") is self._wb and _WB.search(info.raw_cell or ""):
            try:
                self._greet()
            except WorkbenchError as exc:
                # IPython would show it with all of our frames.
                errors.show(self._shell, exc)
        self._open(info.raw_cell or "", self._origin(info))

    def after(self, result: Any) -> None:
        """A cell has ended; the outermost one commits. A cell with `await` that was interrupted has no result."""
        if get_ident() != self._thread:
            _notice(self._beside.end())
            return
        self._failed = self._failed or result is None or not result.success
        self._depth = max(0, self._depth - 1)
        draft = self._draft
        if self._depth or draft is None:
            return
        self._draft = None
        self._ask()
        if self._failed:
            self._take_back(draft)
        else:
            self._commit(draft, result)
            if self._restarts and result.success:
                self._start_anew(result)
        _notice(self._wb.startup.say(self._wb.log))
        if (name := test_name(result.info.raw_cell or "" if result is not None else "")) is not None:
            displays.show(TestLine(name, result.success))

    def _commit(self, draft: Draft, result: Any) -> None:
        """Make live what a good cell brings, and say so."""
        self._complete_source(draft, result.info.raw_cell or "")
        try:
            deployed = self._wb.drafting.commit(draft)
        except Exception as exc:
            self._fail(result, exc)
            return
        self._wb.drafting.texts.keep(draft.source.origin.cell_id, result.info.raw_cell or "")
        self._say(result.result)
        _notice(self._unexpected(draft))
        if deployed.versions or deployed.definitions or deployed.waiting:
            try:
                self._wb.start()
            except WorkbenchError as exc:
                self._fail(result, exc)
            displays.show(DeployLine(deployed, self._wb, draft.source.origin.cell_id))
            self._after_started(result)
        elif self._wb.startup.is_due:
            self._after_started(result)
        if deployed.said:
            displays.show(ClickedLine(deployed.said, self._wb))
        self._tell_away()

    def _tell_away(self) -> None:
        """Say what came of jobs while no process was there, once they are back; each once."""
        # Asked only where there are jobs, so that no store is opened for it.
        absences = self._wb.jobs.away.absences if self._wb.drafting.defined("jobs") else []
        new, self._told_away = absences[self._told_away :], len(absences)
        if new:
            displays.show(AwayLine(Away(new), self._wb))

    def _after_started(self, result: Any) -> None:
        """Tell startup callables that the workbench has started."""
        try:
            self._wb.after_started()
        except WorkbenchError as exc:
            self._fail(result, exc)

    def _made_anew(self) -> str:
        """Start the workbench anew; what is back."""
        said = self._restart()
        self._told_away = 0
        self._listen()
        return said

    def _restart_between(self, told: Callable[[str | Exception], object]) -> None:
        """On the kernel's main thread, start anew between two cells, and tell whoever clicked."""
        if self._draft is not None:
            told(ServiceUsage("A cell runs. Fix: wait until it has ended, and click again."))
            return
        try:
            said = [self._made_anew()]
            self._wb.after_started()
        except Exception as exc:
            # Whoever clicked is to hear of anything.
            told(exc)
        else:
            told(" ".join([*said, *self._wb.startup.say(self._wb.log)]))

    def _start_anew(self, result: Any) -> None:
        """Start the workbench anew, and say what is back."""
        try:
            said = self._made_anew()
        except WorkbenchError as exc:
            self._fail(result, exc)
            return
        displays.show(Restarted(said))
        self._after_started(result)
        self._tell_away()

    def _ask(self) -> None:
        """Put the question that a connection to the outside has raised, under the cell that ends now; once."""
        asked, self._asked[:] = self._asked[:1], []
        if asked and self._wb.outside.question and not self._wb.peers.on:
            displays.show(Question(str(asked[0]), self._wb))

    def _complete_source(self, draft: Draft, raw_cell: str) -> None:
        """Add what was not known at the cell's beginning: the cell's own text, and classes that `%run` brought."""
        text = draft.source.text
        text = text if text.strip() else self._python(raw_cell)
        brought = [cls for cls in draft.classes if self._is_bound(cls) and not class_source(text, cls.__name__)]
        text = "\n\n".join([text, *(_source_elsewhere(cls) for cls in brought)])
        if text != draft.source.text:
            draft.retell(Source(draft.source.origin, text))

    def _say(self, shown: Any) -> None:
        """One line for each thing the cell changed that its own value does not show."""
        told = [each for report in self._reports if isinstance(report, Imported) for each in report.defined]
        for report in self._reports:
            if report in told:
                continue
            left = report.settled() if isinstance(report, Defined) else report
            if report is not shown and left is not None:
                displays.show(left)

    def _unexpected(self, draft: Draft) -> list[str]:
        """What a good cell did not bring, though it looks as if it had."""
        live = self._wb.drafting.live
        text = draft.source.text
        made = [*draft.classes, *(each for each in self._bindings.new().values() if _is_service(each))]
        changed = self._bindings.changed(text)
        self._bindings.keep(text)
        mine = {version.name for version in draft.versions()}
        others = [version for version in live.values() if version.name not in mine and _is_of_cells(version)]
        return [*stale(others, changed), *left_out(made, self._shell.user_ns, live)]

    def _fail(self, result: Any, error: Exception) -> None:
        """Show what went wrong at the cell's end; the reply then says that the cell failed, which stops "Run all"."""
        result.error_in_exec = error
        errors.show(self._shell, error)

    def _take_back(self, draft: Draft) -> None:
        names = sorted({cls.__name__ for cls in draft.classes if self._is_bound(cls)})
        undone = bool(draft.undo or draft.waiting)
        self._wb.drafting.abort(draft)
        self._wb.startup.forget_new()
        if names or undone:
            displays.show(NothingLine(names, undone))
        live = [version for version in self._wb.drafting.live.values() if _is_of_cells(version)]
        _notice(late(live, self._bindings.changed(draft.source.text)))


def _notice(lines: list[str]) -> None:
    if lines:
        displays.show(Notice(lines))


def _is_of_cells(version: Version) -> bool:
    return version.cls.__module__ == "__main__"


def _is_service(value: Code) -> TypeGuard[type[Service]]:
    return isinstance(value, type) and issubclass(value, Service) and value is not Service


def _source_elsewhere(cls: type[Service]) -> str:
    """The text of a class that another cell or a script made, by the place of one of its functions."""
    for each in vars(cls).values():
        if isinstance(each, FunctionType):
            linecache.checkcache(path := each.__code__.co_filename)
            return class_source("".join(linecache.getlines(path)), cls.__name__)
    return ""


def _number() -> int | None:
    """The number of the cell that runs.

    The shell's own counter is one ahead of it, or not, as its version will have it (it is in IPython 9.18), so it is
    read where IPython keeps the cell's outcome.
    """
    from IPython.core.interactiveshell import InteractiveShell

    running = InteractiveShell.run_cell_async.__code__
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code is not running:
        frame = frame.f_back
    number = getattr(frame.f_locals.get("result"), "execution_count", None) if frame is not None else None
    return number if isinstance(number, int) else None


def runs_a_cell() -> bool:
    """Whether this thread is inside a cell, and not in a kernel's start or a script."""
    from IPython.core.interactiveshell import InteractiveShell

    running = InteractiveShell.run_code.__code__
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code is running:
            return True
    return False
