"""Where a service's prints and log lines go: into its call's trace and `wb.log`, never into a cell that happens to run.

Threads and pool tasks that a call starts belong to it: they get a copy of its context, as asyncio's tasks do.

A call made inline in a cell is watched by the person who made it, so its prints show under that cell too. When
something else (`redirect_stdout` in a cell) has put itself in place of `sys.stdout`, prints go there.

What a service prints or logs is masked. What a person prints in a cell, outside of any call, is theirs and stays as it
is; a log line is masked wherever it comes from, since its handlers may keep it in a file.
"""

from __future__ import annotations

import copy
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import partial, wraps
from threading import Thread
from time import time
from typing import Any, TextIO

from workbench.core.call import Call
from workbench.core.current import CURRENT
from workbench.core.failure import cut, cut_middle, failure_of, traceback_of
from workbench.core.masking import MASKER, mask
from workbench.core.source import undisturbed
from workbench.core.trace import Line
from workbench.runtime.traffic import LONGEST_LINE, Log, LogLine

KEPT_IN_TRACE = 1000
"""Lines of one service's call that its trace keeps; of more, the first ones and the last."""


_DEPLOYING: ContextVar[Log | None] = ContextVar("deploying", default=None)


@contextmanager
def deploying_to(log: Log | None) -> Iterator[None]:
    """Have `wb.log` keep what services say as they are deployed, when there is no call."""
    token = _DEPLOYING.set(log)
    try:
        yield
    finally:
        _DEPLOYING.reset(token)


class Tee:
    """Stands in for `sys.stdout` or `sys.stderr`: a write in a service's call goes to the call, others pass through.

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
        if call.surroundings.inline(call):
            self._stream.write(mask(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def keep_print(call: Call, text: str) -> None:
    """Add printed text to the call's trace; `print` writes its line and its end apart."""
    if len(text) > LONGEST_LINE:
        text = cut(mask(text), LONGEST_LINE) + ("\n" if text.endswith("\n") else "")
    steps = call.step.steps
    last = steps[-1] if steps else None
    if isinstance(last, Line) and last.kind == "print" and last.text[-1:] != "\n" and len(last.text) < LONGEST_LINE:
        # Joined first: a value may come in two pieces.
        last.text = mask(last.text + text)
        call.surroundings.traffic.grow(len(text))
    else:
        last = Line("print", text)
        _keep(call, last)
    if last.text.endswith("\n"):
        call.surroundings.log.append(LogLine(time(), call.cid, call.service, "", mask(last.text.rstrip("\n"))))


def _keep(call: Call, line: Line) -> None:
    """Add a line to the call's trace; of a call that never stops talking, the first lines and the last."""
    steps = call.step.steps
    call.surroundings.traffic.grow(len(line.text))
    if len(steps) == KEPT_IN_TRACE:
        steps.append(Line("log", f"more than {KEPT_IN_TRACE} lines; the others are in wb.log alone", "WARNING"))
    if len(steps) > KEPT_IN_TRACE + 1 and isinstance(steps[-1], Line):
        steps[-1] = line
    else:
        steps.append(line)


class ServiceLog(logging.Handler):
    """Puts log records made during a call into its trace and the log of its workbench, others of a deployment there."""

    def emit(self, record: logging.LogRecord) -> None:
        call, log = CURRENT.get(), _DEPLOYING.get()
        if call is None and log is None:
            return
        error = record.exc_info[1] if record.exc_info else None
        try:
            # Masked before it is cut: of a value cut in two, a part would be left.
            text = message = cut(mask(record.getMessage()), LONGEST_LINE)
            if trace := _short_traceback(error) if error is not None else record.exc_text:
                text += "\n" + cut_middle(mask(trace), LONGEST_LINE)
            failure = failure_of(error).brief if error is not None else None
        except Exception:
            self.handleError(record)
            return
        if call is not None:
            _keep(call, Line("log", message, record.levelname))
            log, cid, service = call.surroundings.log, call.cid, call.service
        else:
            cid, service = "", record.name.removeprefix("workbench.service.")
        assert log is not None
        log.append(LogLine(time(), cid, service, record.levelname, text, failure))


def _short_traceback(error: BaseException) -> str:
    try:
        return traceback_of(error)
    except Exception as exc:
        return f"[its traceback cannot be written: {type(exc).__name__}]"


def _traceback_of(record: logging.LogRecord) -> str:
    if record.exc_text or not (error := record.exc_info):
        return record.exc_text or ""
    return undisturbed(lambda: logging.Formatter().formatException(error))


def _without_secrets(record: logging.LogRecord) -> logging.LogRecord:
    """The record, or a copy in which the values of secrets are masked, in its traceback, too."""
    if not MASKER.knows_any:
        return record
    try:
        text = record.getMessage()
    except Exception:
        return record  # the handlers will say what is wrong with it
    try:
        trace = _traceback_of(record)
    except Exception as exc:
        # Nothing of it is passed on unmasked, and whoever logs gets no error for it.
        record = copy.copy(record)
        record.exc_info, trace = None, f"[its traceback cannot be written: {type(exc).__name__}]"
        record.exc_text = trace
    said, traced = mask(text), mask(trace)
    if (said, traced) == (text, trace):
        return record
    masked = copy.copy(record)
    masked.msg, masked.args = said, None
    if traced != trace:
        masked.exc_info, masked.exc_text = None, traced
    return masked


def _inheriting_start(former: Callable[..., Any]) -> Callable[..., Any]:
    """`Thread.start` that gives a thread started within a call the call's context."""

    @wraps(former)
    def start(thread: Thread) -> None:
        # A pool's thread and a worker outlive the call; their tasks inherit one by one.
        pooled = getattr(getattr(thread, "_target", None), "__module__", "") == "concurrent.futures.thread"
        if CURRENT.get() is not None and not pooled and not thread.name.startswith("workbench-"):
            thread.run = partial(copy_context().run, _run_told, thread, thread.run)  # type: ignore[method-assign]
        former(thread)

    start._workbench_former = former  # type: ignore[attr-defined]
    return start


def _run_told(thread: Thread, run: Callable[[], None]) -> None:
    """Run a thread; what it raises is told inside the call's context, too."""
    try:
        run()
    except SystemExit:
        return
    except BaseException:
        threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), thread)))


def _inheriting_submit(former: Callable[..., Any]) -> Callable[..., Any]:
    """`ThreadPoolExecutor.submit` that gives a task submitted within a call the call's context."""

    @wraps(former)
    def submit(pool: ThreadPoolExecutor, task: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        if CURRENT.get() is None:
            return former(pool, task, *args, **kwargs)
        return former(pool, copy_context().run, task, *args, **kwargs)

    submit._workbench_former = former  # type: ignore[attr-defined]
    return submit


def _kept_log(former: Callable[..., Any]) -> Callable[..., Any]:
    """`Logger.callHandlers` that masks secrets for every handler, and keeps what is logged within a call.

    A handler at the root would do the same, but `logging.warning` and `logging.basicConfig` of a cell would find it
    there and say nothing any more.
    """

    @wraps(former)
    def call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
        given, record = record, _without_secrets(record)
        if CURRENT.get() is not None:
            _handler.handle(given)  # masks what it keeps, and tells the error's line, which the masked record has lost
            if not logger.hasHandlers():
                # Only logging's last resort is left, which would write into a cell that happens to run.
                return
        elif _DEPLOYING.get() is not None and logger.name.startswith("workbench.service."):
            _handler.handle(given)
        former(logger, record)

    call_handlers._workbench_former = former  # type: ignore[attr-defined]
    return call_handlers


_PATCHED = (
    (Thread, "start", _inheriting_start),
    (ThreadPoolExecutor, "submit", _inheriting_submit),
    (logging.Logger, "callHandlers", _kept_log),
)
# What these say between calls concerns no cell; handlers that the person adds hear it still.
_QUIET = ("workbench", "tornado", "apscheduler")
_handler, _nobody = ServiceLog(), logging.NullHandler()


def install() -> None:
    """Begin to capture in this process; safe to call again, also after something else replaced `sys.stdout`."""
    services = logging.getLogger("workbench.service")
    for name in _QUIET:
        logging.getLogger(name).addHandler(_nobody)
    if services.level == logging.NOTSET:
        services.setLevel(logging.INFO)
    services.propagate = False
    if not isinstance(sys.stdout, Tee):
        sys.stdout = Tee(sys.stdout)
    if not isinstance(sys.stderr, Tee):
        sys.stderr = Tee(sys.stderr)
    for owner, name, made in _PATCHED:
        if not hasattr(now := getattr(owner, name), "_workbench_former"):
            setattr(owner, name, made(now))


def uninstall() -> None:
    """Stop capturing; `sys.stdout` is restored only if it is still ours."""
    for name in _QUIET:
        logging.getLogger(name).removeHandler(_nobody)
    logging.getLogger("workbench.service").propagate = True
    if isinstance(sys.stdout, Tee):
        sys.stdout = sys.stdout._stream
    if isinstance(sys.stderr, Tee):
        sys.stderr = sys.stderr._stream
    for owner, name, _ in _PATCHED:
        if former := getattr(getattr(owner, name), "_workbench_former", None):
            setattr(owner, name, former)
