"""Errors as a person should see them: a traceback that begins in their line and has no frame of the workbench.

A frame of ours stays only where it is the last word: an error that is not the workbench's own and that none of the
user's code raised is a defect of ours, and must show where it is.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from workbench.core.errors import WorkbenchError
from workbench.core.masking import mask
from workbench.notebook.completing import public_names

OURS = f"{Path(__file__).parent.parent}/"
_FOLLOWED = (Exception, KeyboardInterrupt)


def register(shell: Any) -> None:
    """Show errors that came through the workbench without its frames; all others as ever."""
    shell.set_custom_exc(_FOLLOWED, _show)


def unregister(shell: Any) -> None:
    """Leave errors to IPython again."""
    if shell.custom_exceptions == _FOLLOWED:
        shell.set_custom_exc((), None)


def show(shell: Any, error: BaseException) -> None:
    """Show an error that no line of the cell has raised, such as a deploy that was refused."""
    with _masking(shell, error), _chain_trimmed(error):
        shell.showtraceback((type(error), error, trimmed(error, error.__traceback__)), tb_offset=0)


def _show(shell: Any, kind: type, error: BaseException, trace: TracebackType | None, tb_offset: Any = None) -> None:
    if isinstance(error, NameError) and error.name in public_names():
        fix = f"Fix: from workbench import {error.name}"
        if fix not in getattr(error, "__notes__", ()):
            error.add_note(fix)
    with _masking(shell, error):
        _show_trimmed(shell, kind, error, trace, tb_offset)


def _show_trimmed(shell: Any, kind: type, error: BaseException, trace: TracebackType | None, tb_offset: Any) -> None:
    if not any(_is_ours(each) for each in _frames(trace)):
        # A cell that does not even compile has no frame but IPython's.
        runs = not all(_path(each).startswith(_machinery()) for each in _frames(trace))
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset, running_compiled_code=runs)
        return
    with _chain_trimmed(error):
        shell.showtraceback((kind, error, trimmed(error, trace)), tb_offset=0, running_compiled_code=True)


@contextmanager
def _masking(shell: Any, error: BaseException) -> Iterator[None]:
    """Show tracebacks without values of secrets, in lines of source, too; the errors themselves lose them for good.

    The kernel tells the front end the error's text once more when the cell has ended, and nobody can catch it by now.
    """
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        hidden = tuple(mask(said) if isinstance(said, str) else said for said in each.args)
        if hidden != each.args:
            each.args = hidden
        each = each.__cause__ or each.__context__
    former = shell._showtraceback
    shell._showtraceback = lambda kind, shown, lines: former(kind, shown, [mask(line) for line in lines])
    try:
        yield
    finally:
        del shell._showtraceback


@contextmanager
def _chain_trimmed(error: BaseException) -> Iterator[None]:
    """Trim the tracebacks of causes too, and cut the causes of an error that the workbench raised, for the moment."""
    kept: list[tuple[BaseException, tuple[Any, ...]]] = []
    each: BaseException | None = error
    while each is not None and all(each is not one for one, _ in kept):
        kept.append((each, (each.__traceback__, each.__cause__, each.__context__, each.__suppress_context__)))
        following = each.__cause__ or each.__context__
        if _raised_by_us(each):
            each.__cause__, each.__context__ = None, None
            following = None
        if each is not error:
            each.__traceback__ = trimmed(each, each.__traceback__)
        each = following
    try:
        yield
    finally:
        for each, (trace, cause, context, suppressed) in kept:
            each.__traceback__, each.__cause__, each.__context__ = trace, cause, context
            each.__suppress_context__ = suppressed


def _raised_by_us(error: BaseException) -> bool:
    frames = _frames(error.__traceback__)
    return isinstance(error, WorkbenchError) and (not frames or _is_ours(frames[-1]))


def trimmed(error: BaseException, trace: TracebackType | None) -> TracebackType | None:
    """The frames of the user's own code and of the libraries that it calls; none of ours, none of IPython's."""
    shown: list[TracebackType] = []
    tail: list[TracebackType] = []
    visible = False
    for each in _frames(trace):
        if _is_ours(each) or _path(each).startswith(_machinery()):
            visible = False
        elif not _path(each).startswith(_libraries()):
            visible = True
        if visible:
            shown.append(each)
            tail = []
        elif not _path(each).startswith(_machinery()):
            tail.append(each)
    kept: TracebackType | None = None
    for each in reversed(shown if isinstance(error, WorkbenchError | KeyboardInterrupt) else shown + tail):
        kept = TracebackType(kept, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return kept


def _frames(trace: TracebackType | None) -> list[TracebackType]:
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    return frames


def _path(trace: TracebackType) -> str:
    return trace.tb_frame.f_code.co_filename


def _is_ours(trace: TracebackType) -> bool:
    return _path(trace).startswith(OURS)


def _machinery() -> tuple[str, ...]:
    import IPython

    folder = Path(IPython.__file__).parent
    return f"{folder}/", f"{folder.with_name('ipykernel')}/"


def _libraries() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return "<frozen ", *(f"{paths[each]}/" for each in ("stdlib", "platstdlib", "purelib", "platlib"))
