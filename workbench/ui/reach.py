"""What cards need of a workbench beyond its public verbs, in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from workbench.app.definitions import key_of
from workbench.app.mentions import mentions
from workbench.app.workbench import Workbench
from workbench.connections import catalog
from workbench.core.definition import Definition
from workbench.core.errors import UnknownName
from workbench.core.trace import Trace
from workbench.limiting.shared import Use
from workbench.scheduler.jobs import Job

Done = Callable[[Any, BaseException | None, Trace], None]


def submit(wb: Workbench, service: str, payload: Any, done: Done) -> None:
    """Run a service on a worker, and tell `done` there how it ended.

    Raises:
        ServiceUnavailable: No worker is free and the queue is full.
    """
    wb._parts.invoker.background(lambda: run(wb, service, done, payload))


def run(wb: Workbench, service: str, done: Done, payload: Any = "") -> None:
    """Run a service on this thread. Nobody's cell waits for it, so its prints go to its trace alone."""
    invoker = wb._parts.invoker
    call = invoker.new_call(service, payload)
    wb.traffic.record(call.cid, call.step)
    trace = wb.traffic.find(call.cid)
    try:
        answer = invoker.run(call)
    except BaseException as exc:
        call.step.end(f"failed: {type(exc).__name__}", exc)
        done(None, exc, trace)
    else:
        done(answer, None, trace)


def withdraw(wb: Workbench, definition: Definition) -> None:
    """Take a definition out of force; nothing happens if it is gone."""
    removed = wb._parts.book.remove(definition.collection, key_of(definition))
    if removed is None and definition.collection == "jobs" and definition.name in wb.jobs:
        wb.jobs[definition.name].remove()


def defined(wb: Workbench, like: Definition) -> Definition | None:
    """The definition in force under the same name as `like`, if there is one."""
    if like.collection == "jobs":
        return next((job.definition for job in jobs(wb) if job.name == like.name), None)
    return wb._parts.book.of(like.collection).get(key_of(like))


def jobs(wb: Workbench) -> Iterable[Job]:
    """Every job; none, and the store left closed, while nobody has asked for one."""
    return list(wb.jobs.values()) if wb._parts.job_count else []


def uses(wb: Workbench) -> list[Use]:
    """How far each line of each limit is used."""
    return wb.limits.use()


def names_in(wb: Workbench) -> dict[str, list[str]]:
    """Names that definitions may refer to, by collection."""
    return {each: sorted(getattr(wb, each)) for each in ("services", "channels", "connections", "security")}


def missing(wb: Workbench, service: str) -> list[tuple[str, str, str]]:
    """Connections that a service's source names and nobody has defined: kind, label, name."""
    try:
        source = wb.services[service].source
    except UnknownName:
        return []
    live = {name: str(item.config.__struct_config__.tag) for name, item in wb.connections.items()}
    named = mentions(source, catalog.kinds_by_attribute())
    return [
        (each.kind, catalog.label_of(each.kind), each.name)
        for each in named
        if live.get(each.name) not in catalog.members(each.kind)
    ]
