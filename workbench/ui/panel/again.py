"""One call, opened: what it came with, did and answered, who refused it, and how it is run again."""

from __future__ import annotations

from typing import Any

from workbench.app.serving.again import CallsOutside, Repeated, service_of
from workbench.core.errors import WorkbenchError
from workbench.core.masking import masked
from workbench.core.trace import Line, RequestStep, Trace
from workbench.limiting.decision import Decision
from workbench.limiting.definition import Limit
from workbench.runtime.compared import Compared, Side, answer_text, given_of, given_text
from workbench.ui.desk import Content, Desk, Tell
from workbench.ui.trace import COLOURS, milliseconds, rows_of

SHOWN_ROWS = 200
"""Steps of two calls that are shown side by side."""

REFUSED = 401


def call_facts(desk: Desk, trace: Trace) -> dict[str, Any]:
    """All that is shown of one call."""
    root, came = trace.root, given_of(trace)
    service = service_of(trace)
    kept = desk.wb.services.get(service)
    versions = [{"number": each.number, "live": each is kept.live} for each in reversed(kept.versions)] if kept else []
    facts: dict[str, Any] = {"cid": trace.cid, "name": root.name, "outcome": root.outcome, "mood": COLOURS[root.mood]}
    facts |= {"ms": milliseconds(root), "service": service, "versions": versions, "trace": rows_of(trace)}
    facts |= {"input": given_text(trace), "answer": answer_text(trace), "body": _body(trace)}
    facts |= {"lines": [step.describe() for _, step in root.tree() if isinstance(step, Line)]}
    facts |= {"can": came is not None and root.seconds is not None, "why": why(desk, trace)}
    if isinstance(root, RequestStep):
        facts |= {"user": root.user, "address": root.address}
    told: dict[str, Any] = masked(facts)
    return told


def _body(trace: Trace) -> str:
    """The input as it is edited; '' where it is no text."""
    came = given_of(trace)
    body = came.body if came is not None else None
    if isinstance(body, bytes):
        try:
            return body.decode()
        except UnicodeDecodeError:
            return ""
    return body if isinstance(body, str) else ""


def why(desk: Desk, trace: Trace) -> dict[str, Any] | None:
    """Which limit, at which line, or whose credentials refused a call; None if nobody did."""
    for _, step in trace.root.tree():
        if isinstance(step, Decision) and not step.allowed:
            said = {"on": step.on, "name": step.name, "text": step.describe()}
            limit = desk.wb.limits.get(f"{step.on} {step.name}")
            return said | {"line": _line(limit, step) if isinstance(limit, Limit) else 0, "there": limit is not None}
    root = trace.root
    if isinstance(root, RequestStep) and root.outcome == str(REFUSED) and root.user in desk.wb.users:
        text = f"The credentials of user {root.user} were missing or wrong."
        return {"on": "", "name": root.user, "text": text, "line": 0, "there": True}
    return None


def _line(limit: Limit, decision: Decision) -> int:
    """The place of the line that refused; of the first one if none is for the address."""
    texts = [(each.network_text, f"{each.rate}/{each.unit}") for each in limit.parsed()]
    exact = (decision.network, decision.limit)
    same_rate = [place for place, (_, rate) in enumerate(texts) if rate == decision.limit]
    return texts.index(exact) if exact in texts else same_rate[0] if same_rate else 0


def panel_call(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """One call with all that it caused."""
    return call_facts(desk, desk.wb.traffic.find(str(message["cid"])))


def again(desk: Desk, message: Content, tell: Tell) -> None:
    """Run a call again on a worker; or name whom it would call, if that is to be said yes to first."""
    trace = desk.wb.traffic.find(str(message["cid"]))
    how = _how(message)

    def work() -> None:
        try:
            found = trace.again(**how)
            said = _ended(trace, found if isinstance(found, list) else [found])
        except CallsOutside as exc:
            said = {"asks": [f"{host} ({name})" for name, host in exc.hosts.items()]}
        except WorkbenchError as exc:
            said = {"failed": str(exc)}
        except Exception as exc:  # as of a server that is stopped meanwhile
            said = {"failed": f"{type(exc).__name__}: {exc}"}
        tell(masked(said))
        desk.courier.refresh_all()

    desk.wb.background(work)


def _how(message: Content) -> dict[str, Any]:
    how: dict[str, Any] = {"outside": bool(message.get("outside")), "times": int(message.get("times") or 1)}
    for name in ("version", "since"):
        if message.get(name) is not None:
            how[name] = int(message[name])
    if message.get("data") is not None:
        how["data"] = str(message["data"])
    return how


def _ended(before: Trace, repeated: list[Repeated]) -> dict[str, Any]:
    """How the runs ended, and how the last of them differs."""
    runs = [_run(each) for each in repeated]
    last = repeated[-1]
    said = {"runs": runs, "not_run": last.not_run}
    if last.trace is not None:
        said |= compared_facts(Compared(before, last.trace)) | {"trace": rows_of(last.trace)}
    return said


def _run(each: Repeated) -> dict[str, Any]:
    trace, error = each.trace, each.error
    said = {"error": str(error) if error is not None else "", "cid": trace.cid if trace is not None else ""}
    if trace is None:
        return said | {"outcome": "ended", "mood": "calm", "ms": None}
    return said | {"outcome": trace.root.outcome, "mood": COLOURS[trace.root.mood], "ms": milliseconds(trace.root)}


def compare(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Two calls side by side."""
    traffic = desk.wb.traffic
    said: dict[str, Any] = masked(
        compared_facts(Compared(traffic.find(str(message["cid"])), traffic.find(str(message["other"]).strip())))
    )
    return said


def compared_facts(compared: Compared) -> dict[str, Any]:
    """A comparison as plain data."""
    rows = [
        {"left": _side(row.left), "right": _side(row.right), "difference": row.difference}
        for row in compared.rows[:SHOWN_ROWS]
    ]
    return {"first": compared.first, "pairs": rows, "cids": list(compared.cids), "times": list(compared.milliseconds)}


def _side(side: Side | None) -> dict[str, Any] | None:
    if side is None:
        return None
    return {"depth": side.depth, "text": side.name, "outcome": side.outcome, "ms": side.milliseconds}
