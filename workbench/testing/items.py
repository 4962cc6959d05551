"""Notebooks as pytest sees them: a file whose items are its code cells, run from the top in one kernel."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from workbench.app.cassettes.using import LIVE, VARIABLE
from workbench.testing.compare import Volatile, differences
from workbench.testing.folder import environment, own_folder
from workbench.testing.kernel import Kernel, KernelTrouble, Ran
from workbench.testing.saved import NotTestable, SavedCell, SavedNotebook, read

_WATCH = "__import__('workbench.testing.inside', fromlist=['watch'])"
MOST_TRACEBACK_LINES = 40
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


class How(NamedTuple):
    """How notebooks are run.

    Args:
        cell_seconds: Longest time of one cell [s].
        notebook_seconds: Longest time of one notebook [s].
        clock: One of `CLOCKS`.
        outside: Whether connections go where the notebook says, and not to their peers.
        live: Whether the outside answers where a cassette would.
        values: What parameters are given, by name.
    """

    cell_seconds: float
    notebook_seconds: float
    clock: str
    outside: bool
    live: bool
    values: Mapping[str, Any]


class CellFailed(Exception):
    """A cell is not as it should be: why, in a line, and what is shown below the cell."""

    def __init__(self, why: str, *lines: str) -> None:
        self.why, self.lines = why, list(lines)
        super().__init__(why)


class Notebook(pytest.File):
    """One notebook: one kernel, from the first of its cells that runs to the last."""

    saved: SavedNotebook
    how: How
    home: Path | None = None
    kernel: Kernel | None = None

    def collect(self) -> Iterator[pytest.Item]:
        """Each code cell."""
        try:
            self.saved = read(self.path)
        except NotTestable as exc:
            raise self.CollectError(str(exc)) from None
        self.begun: set[int] = set()
        self.broken = self.stopped = ""
        for cell in self.saved.cells:
            if not cell.is_setup:
                yield Cell.from_parent(self, name=cell.name, cell=cell)

    @property
    def parameters(self) -> frozenset[str]:
        """The names of its parameters."""
        return frozenset().union(*(cell.parameters() for cell in self.saved.cells))

    def setup(self) -> None:
        """Start the kernel, in a folder of its own."""
        self.end = time.monotonic() + self.how.notebook_seconds
        self.home = Path(tempfile.mkdtemp(prefix="wb-"))
        folder = own_folder(self.home, self.path, self.config.rootpath)
        env = environment(self.home, folder / self.path.name, outside=self.how.outside)
        env |= {VARIABLE: LIVE} if self.how.live else {}
        extensions = ("workbench",) if self.saved.kernel == "workbench" else ()
        self.kernel = Kernel(folder, self.home, env, extensions)
        try:
            self.kernel.start()
            begin = f"begin({self.how.clock!r}, {self.how.outside!r})"
            self.kernel.ask(f"__import__('workbench.testing.inside', fromlist=['begin']).{begin}", 60.0)
        except KernelTrouble as exc:
            self.broken = f"{self.path.name} did not begin: {exc}"

    def teardown(self) -> None:
        """End the kernel, and remove all that it wrote."""
        if self.kernel is not None:
            self.kernel.close()
        if self.home is not None:
            shutil.rmtree(self.home, ignore_errors=True)

    def run_before(self, wanted: SavedCell) -> None:
        """Run the cells above one that did not run yet, as those that -k has left out; tests among them do not run."""
        if self.broken:
            why, self.broken, self.stopped = self.broken, "", f"not run: {self.path.name} did not begin"
            raise CellFailed(why)
        for cell in self.saved.cells:
            if cell.number < wanted.number and cell.number not in self.begun and not cell.is_test and not self.stopped:
                try:
                    self.run(cell)
                except CellFailed as exc:
                    raise CellFailed(f"Cell {cell.number} ({cell.name}), above it: {exc.why}", *exc.lines) from None
        if self.stopped:
            pytest.skip(self.stopped)

    def run(self, cell: SavedCell) -> Ran:
        """Run one cell in its time; what follows a failing one that is no test does not run."""
        assert self.kernel is not None
        self.begun.add(cell.number)
        seconds = min(self.how.cell_seconds, self.end - time.monotonic())
        try:
            if seconds <= 0:
                raise KernelTrouble(
                    f"the notebook took longer than {self.how.notebook_seconds:g} s. "
                    f"Fix: shorten it, or give it longer by --notebook-timeout"
                )
            self.kernel.ask(f"{_WATCH}.watch().begin()")
            ran = self.kernel.run(cell.text, seconds, cell.cell_id)
            if ran.error is None and (given := self._given(cell)):
                self.kernel.run(given, seconds)
        except KernelTrouble as exc:
            raise self._lost(cell, exc) from None
        if ran.error is not None and not cell.may_raise:
            if not cell.is_test:
                self.stopped = f"not run: {self._named(cell)} failed with {ran.error['ename']}"
            raise CellFailed(_said(ran), *_traceback(ran), *_missing(ran), *self._traces())
        if ran.error is None and cell.may_raise:
            raise CellFailed(
                "It is tagged raises-exception, and raised nothing. Fix: take the tag away, or have it raise."
            )
        return ran

    def _named(self, cell: SavedCell) -> str:
        return f"{self.path.name}, cell {cell.number} ({cell.name})"

    def _lost(self, cell: SavedCell, trouble: KernelTrouble) -> CellFailed:
        """The failure of a cell with which the kernel went; nothing runs after it."""
        why, *words = f"{self._named(cell)}: {trouble}".splitlines()
        self.stopped = f"not run: {why}"
        return CellFailed(why, *words, *_traceback(trouble.ran))

    def _given(self, cell: SavedCell) -> str:
        """Assignments that follow the cell of parameters, as papermill's injected cell does."""
        names = [name for name in self.how.values if name in cell.parameters()]
        return "\n".join(f"{name} = {self.how.values[name]!r}" for name in names)

    @property
    def compares(self) -> bool:
        """Whether outputs are to be as saved: not if parameters have other values."""
        return not self.parameters & set(self.how.values)

    def check(self, cell: SavedCell, ran: Ran) -> None:
        """Raise CellFailed for outputs that are not as saved, and for what a test leaves behind."""
        assert self.kernel is not None
        said = list[str]()
        try:
            if cell.outputs is not None and self.compares and "ignore-output" not in cell.tags:
                volatile = Volatile(self.kernel.ask(f"{_WATCH}.watch().volatile()"))
                said += map(str, differences(cell.outputs, ran.outputs, volatile))
            if cell.is_test and (left := self.kernel.ask(f"{_WATCH}.watch().left()")):
                said.append(f"It left behind: {', '.join(left)}. Fix: end what it begins, and remove what it makes.")
        except KernelTrouble as exc:
            raise self._lost(cell, exc) from None
        if said:
            why, *lines = "\n".join(said).splitlines()
            raise CellFailed(why, *lines, *self._traces())

    def _traces(self) -> list[str]:
        """What the cell's calls did."""
        if self.kernel is None or not self.kernel.runs:
            return []
        try:
            traces = self.kernel.ask(f"{_WATCH}.watch().traces()")
        except KernelTrouble:
            return []
        return [line for trace in traces for line in ("", "The call:", *(f"  {each}" for each in trace.splitlines()))]


class Cell(pytest.Item):
    """One code cell."""

    parent: Notebook

    def __init__(self, *, cell: SavedCell, **more: Any) -> None:
        super().__init__(**more)
        self.cell = cell
        if cell.is_test:
            self.extra_keyword_matches.add("test")

    def runtest(self) -> None:
        """Run it, after those above it that did not run, and compare."""
        self.parent.run_before(self.cell)
        self.parent.check(self.cell, self.parent.run(self.cell))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The cell, then what is wrong with it; no frame of whoever runs it."""
        if not isinstance(excinfo.value, CellFailed):
            return super().repr_failure(excinfo, style)
        text = (f"    {line}" for line in self.cell.text.rstrip().splitlines())
        return "\n".join([excinfo.value.why, "", *text, "", *excinfo.value.lines])

    @property
    def _title(self) -> str:
        return f"{self.path.name}, cell {self.cell.number}: {self.cell.name}"

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it is."""
        return self.path, self.cell.number - 1, self._title


def _said(ran: Ran) -> str:
    """What the error says, in a line."""
    assert ran.error is not None
    return _ESCAPES.sub("", f"{ran.error['ename']}: {ran.error['evalue']}".partition("\n")[0])


def _traceback(ran: Ran) -> list[str]:
    """A traceback without colours: its beginning, where the cell is, and its end."""
    if ran.error is None:
        return []
    lines = _ESCAPES.sub("", "\n".join(ran.error["traceback"])).splitlines()
    if len(lines) > MOST_TRACEBACK_LINES:
        lines[MOST_TRACEBACK_LINES // 2 : -MOST_TRACEBACK_LINES // 2] = ["..."]
    return lines


def _missing(ran: Ran) -> list[str]:
    """How to get a package that is not there."""
    if ran.error is None or ran.error["ename"] != "ModuleNotFoundError":
        return []
    name = re.search(r"'([^'.]+)", ran.error["evalue"])
    return [f"Fix: pip install {name[1]}, or whatever package brings that module."] if name else []
