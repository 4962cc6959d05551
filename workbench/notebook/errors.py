"""Errors of the workbench as a person should see them: one sentence, and a traceback that begins in their line."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import workbench
from workbench.core.errors import WorkbenchError

OURS = str(Path(workbench.__file__).parent)


def register(shell: Any) -> None:
    """Show workbench errors without the workbench's own frames."""
    shell.set_custom_exc((WorkbenchError,), _show)


def unregister(shell: Any) -> None:
    """Show them as any other."""
    shell.set_custom_exc((), None)


def _show(shell: Any, kind: type, error: BaseException, trace: TracebackType | None, tb_offset: Any = None) -> Any:
    kept = trimmed(trace)
    error.__cause__, error.__context__ = None, None
    shown = shell.InteractiveTB.structured_traceback(kind, error, kept, tb_offset=0)
    shell._showtraceback(kind, error, shown)
    return shown


def trimmed(trace: TracebackType | None) -> TracebackType | None:
    """The frames of the user's own code: neither ours nor IPython's."""
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    kept: TracebackType | None = None
    for each in reversed(frames):
        path = each.tb_frame.f_code.co_filename
        if not path.startswith(OURS) and "IPython" not in path:
            kept = TracebackType(kept, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return kept
