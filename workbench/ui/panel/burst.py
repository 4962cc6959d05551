"""So many calls that a limit refuses one, each seen from both sides: what the caller got, what the author can read."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from workbench.app.workbench import Workbench
from workbench.core.errors import CallerError, WorkbenchError
from workbench.core.masking import mask
from workbench.core.trace import Trace
from workbench.limiting.definition import Limit
from workbench.ui import rows
from workbench.ui.forms.limit import enough_calls

SHOWN_REFUSALS = 5
LONGEST_SECONDS = 60.0
REPORT_EVERY = 10


def send_burst(wb: Workbench, limit: Limit, service: str, so_far: Callable[[str], None]) -> dict[str, Any]:
    """Make the calls one after another, over HTTP where a channel leads to the service.

    Args:
        wb: The workbench.
        limit: The limit to reach.
        service: The service to call.
        so_far: Told one letter a call now and then: `p` passed, `r` refused, `f` failed.
    """
    one = _caller(wb, limit, service)
    letters, began = "", wb.clock.monotonic()
    refused: list[dict[str, Any]] = []
    for number in range(enough_calls(limit)):
        if wb.clock.monotonic() - began > LONGEST_SECONDS:
            break
        letter, seen = one()
        letters += letter
        if letter == "r" and len(refused) < SHOWN_REFUSALS:
            refused.append(seen | {"number": number + 1})
        if (number + 1) % REPORT_EVERY == 0:
            so_far(letters)
    return {"letters": letters, "refused": refused}


def _caller(wb: Workbench, limit: Limit, service: str) -> Callable[[], tuple[str, dict[str, Any]]]:
    channels = [each for each in rows.channels_of(wb, service) if each.active and "{" not in each.path]
    if limit.on == "channel":
        channels = [each for each in channels if each.name == limit.name]
    elif limit.on == "user":
        channels = [each for each in channels if each.security == limit.name]
    if not channels:
        if limit.on != "service":
            to = f" leads to {service!r}" if service else " is"
            raise WorkbenchError(f"No open channel{to} by the {limit}. Fix: publish a service at a path.")
        return lambda: _invoked(wb, service)
    channel = channels[0]
    method = "GET" if not channel.methods or "GET" in channel.methods else channel.methods[0]
    return lambda: _called(wb, f"{method} {channel.path}", channel.security)


def _called(wb: Workbench, call: str, user: str) -> tuple[str, dict[str, Any]]:
    answer = wb.call(call, user=user, timeout_seconds=LONGEST_SECONDS)
    if answer.status < 400:
        return "p", {}
    log = [f"{line.level} {line.text}".strip() for line in wb.log.of(answer.cid)]
    seen = {"status": answer.status, "cid": answer.cid, "body": mask(answer.text)[:2000], "log": log, "call": call}
    return "r" if answer.status == 429 else "f", seen


def _invoked(wb: Workbench, service: str) -> tuple[str, dict[str, Any]]:
    ended: SimpleQueue[tuple[BaseException | None, Trace]] = SimpleQueue()
    wb.submit(service, "", lambda answer, error, trace: ended.put((error, trace)))
    error, trace = ended.get(timeout=LONGEST_SECONDS)
    if error is None:
        return "p", {}
    status = error.status if isinstance(error, CallerError) else 500
    lines = [step.describe() for _, step in trace.root.tree()][1:]
    seen = {"status": status, "cid": trace.cid, "body": str(error), "log": lines, "call": f'wb.invoke("{service}")'}
    return "r" if status == 429 else "f", seen
