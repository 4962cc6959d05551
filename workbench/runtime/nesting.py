"""What a call that another one makes owes to those above it: their body, their depth, their callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from workbench.core.call import INVOKE_ASYNC_CALLBACK, Call, Deployment, Spooled, Task
from workbench.core.errors import ServiceUsage
from workbench.core.service import named
from workbench.runtime.registry import unknown_service

DEEPEST = 64

Ended = Callable[[Call, Any, BaseException | None], None]
"""Called once a call has ended, with its answer or its error."""


def callbacks_of(callback: Any, services: Mapping[str, Deployment], parent: Call | None) -> tuple[str, ...]:
    """Names of the services that get an answer; the implicit one if none is named and it is there."""
    if callback:
        names = [named(each) for each in ((callback,) if isinstance(callback, str | type) else callback)]
        for name in names:
            if name not in services:
                raise unknown_service(name, services)
        if names:
            return tuple(names)
    implicit = f"{parent.service}-async-callback" if parent is not None else ""
    return (implicit,) if implicit in services else ()


def replies(call: Call, answer: Any) -> Iterator[Task]:
    """What the callbacks of a call are to do, once it has its answer."""
    for name in call.task.callbacks if call.task is not None else ():
        yield Task(name, answer, INVOKE_ASYNC_CALLBACK, services=call.services, in_reply_to=call.cid)


def spool_of(call: Call | None) -> Spooled | None:
    """The body that a call, or one above it, came with."""
    while call is not None and call.spool is None:
        call = call.parent
    return call.spool if call is not None else None


def check_nesting(name: str, parent: Call) -> None:
    """Raise ServiceUsage for a service that invokes itself, or for a circle of them."""
    if name == parent.service:
        raise ServiceUsage(f"Service {name!r} cannot invoke itself. Fix: put the shared work in a function.")
    depth, above = 0, parent
    while above is not None:
        depth, above = depth + 1, above.parent  # type: ignore[assignment]
    if depth > DEEPEST:
        names = ", ".join(sorted(parent.ancestors() | {parent.service}))
        raise ServiceUsage(f"Services invoke each other more than {DEEPEST} deep: {names}. Fix: break the circle.")
