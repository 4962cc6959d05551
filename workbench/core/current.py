"""The call that this thread or task works for, and the tap: all that it asks of other systems gets into its trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from threading import local
from typing import Any

from workbench.core.call import Call, Replay
from workbench.core.payload.asked import Asked
from workbench.core.trace import Line, Outgoing

CURRENT: ContextVar[Call | None] = ContextVar("workbench_call", default=None)
ASKING: ContextVar[Asked | None] = ContextVar("workbench_asking", default=None)
"""What the service asks just now of what it holds: steps that begin meanwhile belong to it."""


class Playing(local):
    """What answers the calls that this thread makes; None while they are asked for real."""

    replay: Replay | None = None


PLAYING = Playing()

MOST_STEPS = 1000
"""Calls to other systems that the trace of one call keeps, the first ones."""


def begin(
    kind: str, name: str, arguments: Mapping[str, Any] | None = None, *, connection: str = "", operation: str = ""
) -> Outgoing:
    """The record of a call to another system that begins now, under the service call that makes it.

    This is the one tap, through which connections of every kind go. Whoever begins a record says how it ended:
    `answered(value)`, then `end(text, mood)` or `fail(error)`. Outside of a service's call nothing is kept.

    Args:
        kind: The kind's short word, as `rest`.
        name: What stands in the trace.
        arguments: What is sent, by name; values of any kind, masked and cut here.
        connection: Name of the connection.
        operation: What is asked, in a word.
    """
    call = CURRENT.get()
    if call is None:
        return Outgoing(kind, name, connection, operation)
    if call.replay is not None:
        call.replay.past(f"ask {name}, which the service does not hold")
    steps, traffic = call.step.steps, call.surroundings.traffic
    if len(steps) < MOST_STEPS:
        step = Outgoing(kind, name, connection, operation, arguments, traffic.grow)
        steps.append(step)
        if (asked := ASKING.get()) is not None:
            asked.steps.append(step)
    else:
        step = Outgoing(kind, name, connection, operation)
        if len(steps) == MOST_STEPS:
            steps.append(
                Line("log", f"more than {MOST_STEPS} steps; later calls to other systems are not kept", "WARNING")
            )
    if connection:
        step.tell(traffic.told)
    return step


@contextmanager
def outgoing(
    kind: str, name: str, arguments: Mapping[str, Any] | None = None, *, connection: str = "", operation: str = ""
) -> Iterator[Outgoing]:
    """Record a call to an outside system, as `begin` does, for as long as the block lasts.

    Say what came back through `step.answered(value)`, and how it ended through `step.end(text, mood)`; otherwise it
    ends `ok`, or with the error.
    """
    step = begin(kind, name, arguments, connection=connection, operation=operation)
    try:
        yield step
    except BaseException as exc:
        step.fail(exc)
        raise
    step.end("ok")
