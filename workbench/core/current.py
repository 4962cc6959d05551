"""The call that this thread or task works for, and how what it does outside gets into that call's trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from workbench.core.call import Call
from workbench.core.trace import Step

CURRENT: ContextVar[Call | None] = ContextVar("workbench_call", default=None)


@contextmanager
def outgoing(kind: str, name: str) -> Iterator[Step]:
    """Record a call to an outside system under the service call that makes it.

    Say how it ended through `step.end(text, mood)`; otherwise it ends `ok`, or with the error.
    """
    step = Step(kind, name)
    if (call := CURRENT.get()) is not None:
        call.step.steps.append(step)
    try:
        yield step
    except BaseException as exc:
        step.fail(exc)
        raise
    step.end("ok")
