"""A limit as its author writes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from workbench.core.definition import Definition, Reference
from workbench.limiting.grammar import Line, read

HIGHEST_SLIDING_RATE = 1_000_000
MOST_SHOWN = 20

On = Literal["channel", "user", "service"]
LEVELS: tuple[On, ...] = ("channel", "user", "service")
"""In the order of their checks."""


class Limit(Definition, tag="limit", frozen=True):
    """How often a channel, a user or a service may be called, by network of the caller.

    `lines` is `FROM = RATE/UNIT` a line (`* = 100/m`, `172.16.0.0/12 = 500/m`, `10.0.0.7 = *`), or `100/m` alone for
    everyone. A caller falls to the narrowest network that contains its address, and every line of that network counts.
    """

    kind: ClassVar[str] = "limit"
    collection: ClassVar[str] = "limits"

    on: Annotated[On, Meta(description="What is limited: a way in, a user whatever the way, or a service.")]
    lines: Annotated[str, Meta(max_length=200_000, description="`FROM = RATE/UNIT` a line; units s, m, h, d.")]
    exact: Annotated[bool, Meta(description="Never one over; or approximate: up to 5 calls or 0.5 % over.")] = True
    per: Annotated[
        Literal["network", "address"],
        Meta(description="All callers of a line share its count, or each address (IPv6: each /64) has its own."),
    ] = "network"
    window: Annotated[
        Literal["calendar", "sliding"],
        Meta(description="Minutes, hours and days of the UTC calendar, or any span of that length."),
    ] = "calendar"
    match: Annotated[
        Literal["narrowest", "first"],
        Meta(description="Which lines count: all of the narrowest network, or the first that matches (as in Zato)."),
    ] = "narrowest"
    deny_others: Annotated[bool, Meta(description="Answer 403 to an address that is on no line.")] = False
    tell_caller: Annotated[bool, Meta(description="Send RateLimit, RateLimit-Policy and Retry-After.")] = False
    shadow: Annotated[bool, Meta(description="Count and report, but refuse nothing.")] = False
    if_store_down: Annotated[
        Literal["refuse", "allow"],
        Meta(description="What becomes of a call while the shared counter gives no answer."),
    ] = "refuse"
    max_addresses: Annotated[
        int, Meta(ge=1, le=10_000_000, description="Addresses counted apart; beyond it new ones share one count.")
    ] = 1_000_000

    @property
    def identity(self) -> tuple[str, str]:
        """What makes it this limit and no other: the level and the name of its object."""
        return self.on, self.name

    @property
    def full_name(self) -> str:
        """What the limit is on, too: `service api.sample`."""
        return f"{self.on} {self.name}"

    def parsed(self) -> list[Line]:
        """Its lines, read."""
        return read(self.lines)[0]

    def references(self) -> Iterator[Reference]:
        yield Reference({"channel": "channels", "user": "security", "service": "services"}[self.on], self.name, "name")

    def problems(self) -> dict[str, str]:
        lines, wrong = read(self.lines)
        if wrong:
            more = [f"and {len(wrong) - MOST_SHOWN} lines more"] if len(wrong) > MOST_SHOWN else []
            return {"lines": " | ".join(wrong[:MOST_SHOWN] + more)}
        if self.window == "sliding":
            high = [line for line in lines if line.rate is not None and line.rate > HIGHEST_SLIDING_RATE]
            if high:
                correct = f"{high[0].network_text} = {HIGHEST_SLIDING_RATE}/{high[0].unit}"
                said = f"line {high[0].number} `{high[0]}`: a sliding window remembers every call, so its rate ends at"
                return {"lines": f"{said} {HIGHEST_SLIDING_RATE:,}; correct: `{correct}`, or window='calendar'"}
        return {}

    def __str__(self) -> str:
        return f"limit on {self.on} {self.name!r}"
