"""Which of the workbenches that run on this machine a person means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from workbench.app.serving.runtime_file import Running, running
from workbench.core.errors import UnknownName, WorkbenchError


class NothingRuns(WorkbenchError):
    """No workbench runs on this machine."""

    def __init__(self) -> None:
        super().__init__(
            "No workbench runs on this machine. Fix: run a notebook's first cells, or: workbench serve FILE"
        )


class Several(WorkbenchError):
    """More than one workbench may be meant."""

    def __init__(self, app: str, found: Sequence[Running], how: str = "--app {}") -> None:
        self.app, self.found = app, found
        names = sorted({each.name for each in found})
        if len(names) == len(found):
            which = how.format("NAME")
            super().__init__(f"Several workbenches run here: {', '.join(names)}. Fix: say which with {which}")
            return
        each_one = "; ".join(f"{each.path} (pid {each.pid}, port {each.port})" for each in found)
        called = f"are meant by {app!r}" if app else "run here"
        which = f"{how.format('PATH')}, PID or PORT"
        super().__init__(f"Several workbenches {called}: {each_one}. Fix: say which with {which}")


def chosen(app: str, has: Callable[[Running], bool] | None = None) -> Running:
    """The workbench meant.

    Args:
        app: Its name, its file's path, its process or its port; '' leaves it open.
        has: Whether one has what is asked for; of several that may be meant, the only one that has it is taken.

    Raises:
        NothingRuns: There is none.
        UnknownName: None is called so.
        Several: More than one may be meant.
    """
    found = running()
    if not found:
        raise NothingRuns
    meant = [each for each in found if not app or _is(each, app)]
    meant = meant or [each for each in running(each_process=True) if app == str(each.pid)]
    if not meant:
        raise UnknownName("running workbench", app, {each.name for each in found})
    if len(meant) > 1 and has is not None:
        having = [each for each in meant if has(each)]
        meant = having if len(having) == 1 else meant
    if len(meant) > 1:
        raise Several(app, meant)
    return meant[0]


def _is(running: Running, app: str) -> bool:
    if app in (running.name, Path(running.name).name, str(running.pid), running.port, running.url):
        return True
    return bool(running.folder) and Path(app).resolve() == Path(running.path).resolve()
