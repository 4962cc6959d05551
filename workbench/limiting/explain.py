"""Which lines of a limit count for an address and why, and which can never refuse anybody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import NamedTuple

from workbench.limiting.definition import Limit
from workbench.limiting.grammar import UNIT_NAMES, Line
from workbench.limiting.networks import Networks
from workbench.limiting.plan import Group, Plan

Network = IPv4Network | IPv6Network


class Explained(NamedTuple):
    """What one line means for one caller. `never` says why it can refuse nobody at all, if that is so."""

    on: str
    name: str
    number: int
    line: str
    applies: bool
    why: str
    never: str = ""

    def __str__(self) -> str:
        mark = "counts" if self.applies else "does not count"
        never = f"; it can never refuse: {self.never}" if self.never else ""
        return f"{self.on} {self.name}, line {self.number} `{self.line}` {mark}: {self.why}{never}"


class Explanation(list[Explained]):
    """Lines in the order of their checks."""

    def __str__(self) -> str:
        return "\n".join(map(str, self)) or "no limit is defined on what was asked about"

    __repr__ = __str__

    @property
    def applying(self) -> list[str]:
        """The lines that count."""
        return [each.line for each in self if each.applies]


def explain(limit: Limit, address: str | None) -> Explanation:
    """Say of each line of a limit whether it counts for an address (None: a call that has none), and why."""
    plan = Plan(limit)
    dead = never_refusing(plan)
    place = plan.place(address)
    chosen = None if place is None else plan.groups[place]
    rows = Explanation()
    for line in plan.lines:
        applies = chosen is not None and line in chosen.lines
        why = _why_counted(limit, line, address) if applies else _why_not(plan, line, chosen, address)
        rows.append(Explained(limit.on, limit.name, line.number, str(line), applies, why, dead.get(line.number, "")))
    if chosen is None:
        fate = "denied (403)" if limit.deny_others and address is not None else "not limited here"
        why = f"{_said(address)} is on no line, so it is {fate}"
        rows.append(Explained(limit.on, limit.name, 0, "others", True, why))
    return rows


def _said(address: str | None) -> str:
    return "a call without an address" if address is None else address


def _why_counted(limit: Limit, line: Line, address: str | None) -> str:
    if line.network is None:
        where = f"`*` is everyone, and no narrower line is for {_said(address)}"
    else:
        where = f"{line.network_text} is the narrowest network that holds {_said(address)}"
    if limit.match == "first":
        where = f"it is the first line that matches {_said(address)}"
    if line.rate is None:
        return f"{where}; no bound"
    if line.rate <= 0:
        return f"{where}; every call is refused"
    each = "each address apart" if limit.per == "address" else "all its callers together"
    span = f"in any {UNIT_NAMES[line.unit]}" if limit.window == "sliding" else f"a {UNIT_NAMES[line.unit]}"
    return f"{where}; {line.rate:,} calls {span}, {each}"


def _why_not(plan: Plan, line: Line, chosen: Group | None, address: str | None) -> str:
    if Networks([line.network]).narrowest(address) is None or chosen is None:
        return f"{_said(address)} is not in {line.network_text}"
    first = chosen.lines[0]
    if plan.first:
        return f"line {first.number} `{first}` matches first"
    return f"{_said(address)} falls to the narrower {first.network_text} (line {first.number})"


def never_refusing(plan: Plan) -> dict[int, str]:
    """Why a line can refuse nobody, by line number; lines that can are left out."""
    dead = _never_reached_first(plan) if plan.first else _never_narrowest(plan)
    for group in plan.groups:
        for line in group.lines:
            if line.number not in dead and (why := _outdone(line, group.lines)):
                dead[line.number] = why
    return dict(sorted(dead.items()))


def _never_reached_first(plan: Plan) -> dict[int, str]:
    dead: dict[int, str] = {}
    star = plan.lines[0] if plan.lines[0].network is None else None
    for place, line in enumerate(plan.lines):
        for earlier in [star] if star and place else plan.lines[:place]:
            if _holds(earlier.network, line.network):
                dead[line.number] = f"line {earlier.number} `{earlier}` always matches first"
                break
        else:
            if place and _covered(line.network, [each.network for each in plan.lines[:place]]):
                dead[line.number] = "the lines before it match all of its addresses"
    return dead


def _never_narrowest(plan: Plan) -> dict[int, str]:
    dead: dict[int, str] = {}
    for group in plan.groups:
        narrower = [each.network for each in plan.groups if each.network != group.network and each.network is not None]
        if _covered(group.network, [each for each in narrower if _holds(group.network, each)]):
            for line in group.lines:
                dead[line.number] = "narrower lines hold all of its addresses"
    return dead


def _holds(outer: Network | None, inner: Network | None) -> bool:
    if outer is None or inner is None:
        return outer is None
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def _covered(whole: Network | None, parts: Iterable[Network | None]) -> bool:
    """Whether parts together hold every address of the whole; everyone (`*`) includes calls that have no address."""
    if whole is None:
        return any(part is None for part in parts)
    inside: Sequence[Network] = [part for part in parts if part is not None and _holds(whole, part)]
    if any(part is None or _holds(part, whole) for part in parts):
        return True
    return list(collapse_addresses(inside)) == [whole]  # type: ignore[type-var]


def _outdone(line: Line, others: Sequence[Line]) -> str:
    """Another line of the same network that is always reached before this one."""
    if line.rate is None:
        return "it sets no bound" if len(others) == 1 else "it sets no bound, the other lines of its network do"
    for other in others:
        if other is line or other.rate is None:
            continue
        tighter = _most(other, line.period_seconds) < line.rate
        same = _most(other, line.period_seconds) == line.rate and other.number < line.number
        if tighter or same:
            return f"line {other.number} `{other}` is always reached first"
    return ""


def _most(line: Line, seconds: int) -> int:
    """The most calls a line can let through in a span of whole windows, or inside one of its own [calls].

    Units nest: a minute is 60 seconds that belong to one hour of one day.
    """
    return max(0, line.rate or 0) * max(1, seconds // line.period_seconds)
