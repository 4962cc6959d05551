"""Where a service's prints and log lines go: into its call's trace and `wb.log`, never into a cell that happens to run.

A call made inline in a cell is watched by the person who made it, so its prints show under that cell too. When
something else (`%%capture`, `redirect_stdout`) has put itself in place of `sys.stdout`, prints go there.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from time import time
from typing import Any, TextIO

from workbench.core.call import Call
from workbench.core.trace import CURRENT, Line
from workbench.runtime.traffic import LogLine

Told = Callable[[Call, str, str], None]


class Tee:
    """Stands in for `sys.stdout`: a write inside a service's call goes to the call, any other passes through.

    There is deliberately no `__setattr__` that delegates: IPython patches `sys.stdout.write` around every cell, and
    delegating the patch would make it call itself.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        call = CURRENT.get()
        if call is None:
            return self._stream.write(text)
        keep_print(call, text)
        return self._stream.write(text) if call.surroundings.inline(call) else len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def keep_print(call: Call, text: str) -> None:
    """Add printed text to the call's trace; `print` writes its line and its end apart."""
    steps = call.step.steps
    last = steps[-1] if steps else None
    if isinstance(last, Line) and last.kind == "print" and not last.text.endswith("\n"):
        last.text += text
    else:
        last = Line("print", text)
        steps.append(last)
    if last.text.endswith("\n"):
        call.surroundings.log.append(LogLine(time(), call.cid, call.service, "", last.text.rstrip("\n")))


class ServiceLog(logging.Handler):
    """Puts log records made during a call into the call's trace and the log of its workbench."""

    def emit(self, record: logging.LogRecord) -> None:
        call = CURRENT.get()
        if call is None:
            return
        try:
            text = record.getMessage()
            if record.exc_info:
                text += "\n" + logging.Formatter().formatException(record.exc_info)
        except Exception:
            self.handleError(record)
            return
        call.step.steps.append(Line("log", record.getMessage(), record.levelname))
        call.surroundings.log.append(LogLine(time(), call.cid, call.service, record.levelname, text))


_handler = ServiceLog()


def install() -> None:
    """Begin to capture in this process; safe to call again, also after something else replaced `sys.stdout`."""
    services, root = logging.getLogger("workbench.service"), logging.getLogger()
    for logger in (services, root):
        if _handler not in logger.handlers:
            logger.addHandler(_handler)
    if services.level == logging.NOTSET:
        services.setLevel(logging.INFO)
    services.propagate = False
    if not isinstance(sys.stdout, Tee):
        sys.stdout = Tee(sys.stdout)


def uninstall() -> None:
    """Stop capturing; `sys.stdout` is restored only if it is still ours."""
    for logger in (logging.getLogger("workbench.service"), logging.getLogger()):
        logger.removeHandler(_handler)
    logging.getLogger("workbench.service").propagate = True
    if isinstance(sys.stdout, Tee):
        sys.stdout = sys.stdout._stream
