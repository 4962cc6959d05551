"""*Explain* of a limit: which lines count for a call, in the order of their checks, and whether it would pass now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from workbench.core.errors import ServiceUsage
from workbench.limiting.definition import Limit
from workbench.limiting.explain import Explained
from workbench.limiting.shared.limiter import Use
from workbench.ui.desk import Content, Desk, Tell, Verb
from workbench.ui.forms.limit import way_in

WAY = ("channel", "user", "service")
"""What a call meets, in the order of its checks."""


def open_explain(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """The form: an address, and by which channel, as whom and for which service a call that meets this limit comes."""
    wb, on, name = desk.wb, str(message["on"]), str(message["name"])
    start = way_in(wb.channels.values(), on, name, message)
    names = {"channel": list(wb.channels), "user": list(wb.users), "service": list(wb.services)}
    return {"names": names, "start": {each: start[each] or "" for each in WAY} | {"address": "127.0.0.1"}}


def explain_limits(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """What each line means for such a call and how far it is used, and whether the call would pass now.

    Nothing is counted: the lines come from the code that the server asks, and their use from its counters.
    """
    way = {each: str(message.get(each) or "") for each in WAY}
    address = str(message.get("address") or "").strip() or None
    found = desk.wb.limits.explain(address, **way)
    reached = _reached(desk, way)
    used = {(each.on, each.name, each.line): each for each in desk.wb.limits.use()}
    limits = {each.identity: each for each in desk.wb.limits.values()}
    steps = [_Step(each, limits[each.on, each.name], used.get((each.on, each.name, each.line))) for each in found]
    return {"lines": [_facts(each) for each in steps], **_verdict(steps, address, reached)}


def _reached(desk: Desk, way: dict[str, str]) -> Sequence[str]:
    """The services of which the call goes to one; raises ServiceUsage for one that the channel does not lead to."""
    chosen, channel = way["service"], way["channel"]
    reached = desk.wb.channels[channel].leads_to if channel else ()
    if chosen and channel and chosen not in reached:
        raise ServiceUsage(f"Channel {channel!r} does not lead to {chosen!r}. Fix: choose {' or '.join(reached)}.")
    return [chosen] if chosen else list(reached)


class _Step(NamedTuple):
    """One line as a call meets it; `use` is None where nothing is counted."""

    row: Explained
    limit: Limit
    use: Use | None

    @property
    def is_full(self) -> bool:
        """Whether some caller of a line that counts has used it up."""
        return self.row.applies and self.use is not None and self.use.used >= self.use.limit

    @property
    def is_apart(self) -> bool:
        """Whether each address has a count of its own, so that a full one says nothing of another."""
        return self.limit.per == "address" and self.use is not None and self.use.limit > 0

    def refusal(self, address: str | None) -> str:
        """Why a call would be refused here now; '' if it would not, or nobody can tell."""
        if self.row.number == 0 and self.limit.deny_others and address is not None:
            return f"refused with 403 by the {self.limit}: no line is for {address}"
        if self.is_full and not self.is_apart:
            what = "is used up" if self.use and self.use.limit else "lets no call through"
            return f"refused with 429 by the {self.limit}: its line {self.row.line} {what}"
        return ""


def _facts(step: _Step) -> dict[str, Any]:
    row = step.row
    shown = {"on": str(step.limit), "line": row.line, "applies": row.applies, "why": row.why, "never": row.never}
    return shown | {"used": _used(step.use) if row.applies and step.use is not None else ""}


def _used(use: Use) -> str:
    if use.addresses and not use.used:
        # Counters of several processes tell no single address.
        return f"{use.addresses:,} addresses counted apart, at most {use.limit:,} each"
    apart = f" by the fullest of {use.addresses:,} addresses" if use.addresses else ""
    return f"{use.used:,} of {use.limit:,} used now{apart}"


def _verdict(steps: Sequence[_Step], address: str | None, services: Sequence[str]) -> dict[str, str]:
    """Whether a call would pass now, in words, and how that stands."""
    doubts = []
    for each in steps:
        why = each.refusal(address)
        doubtful = each.is_full and each.is_apart
        if each.limit.shadow and (why or doubtful):
            doubts.append(f"The {each.limit} would refuse it, and only watches.")
        elif why and each.limit.on == "service" and len(services) > 1:
            doubts.append(f"For {each.limit.name} it would be {why}.")
        elif why:
            return {"verdict": f"This call would be {why}.", "mood": "bad"}
        elif doubtful:
            doubts.append(
                f"Some address has used up {each.row.line} of the {each.limit}; that one is refused with 429."
            )
    return {"verdict": " ".join(["This call would pass.", *doubts]), "mood": "warn" if doubts else "live"}


EXPLAINING: dict[str, Verb] = {"explain": open_explain, "explain limits": explain_limits}
"""What *Explain* asks for."""
