"""Which lines of a limit count for which caller: worked out once per definition."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from workbench.limiting.definition import Limit
from workbench.limiting.grammar import Line
from workbench.limiting.networks import Networks


class Group(NamedTuple):
    """The callers of one network and what counts for them.

    `lines` are all lines written for the network that apply; `binding` the tightest of each unit, in order of
    definition: a looser line of the same unit can never be the one that refuses.
    """

    network: IPv4Network | IPv6Network | None
    lines: tuple[Line, ...]
    binding: tuple[Line, ...]

    @property
    def network_text(self) -> str:
        """`*`, or the network as `10.0.0.7/32`."""
        return self.lines[0].network_text


class Plan:
    """A limit's lines by network, and how a caller finds its own."""

    def __init__(self, limit: Limit) -> None:
        self.first = limit.match == "first"
        self.lines = limit.parsed()
        heard = self.lines[:1] if self.first and self.lines[0].network is None else self.lines
        by_network: dict[IPv4Network | IPv6Network | None, list[Line]] = {}
        for line in heard:
            by_network.setdefault(line.network, []).append(line)
        self.groups = [_group(lines[:1] if self.first else lines) for lines in by_network.values()]
        self._networks = Networks(group.network for group in self.groups)

    def place(self, address: str | None) -> int | None:
        """Place in `groups` of a caller's group, None if no line is for it; only `*` is for no address."""
        if self.first:
            return min(self._networks.containing(address), default=None)
        return self._networks.narrowest(address)

    def containing(self, address: str | None) -> list[Group]:
        """Every group whose network contains the address, the narrowest first."""
        return [self.groups[place] for place in self._networks.containing(address)]


def _group(lines: list[Line]) -> Group:
    tightest: dict[str, Line] = {}
    for line in lines:
        if line.rate is None:
            continue
        known = tightest.get(line.unit)
        if known is None or known.rate is None or line.rate < known.rate:
            tightest[line.unit] = line
    binding = sorted(tightest.values(), key=lambda line: line.number)
    return Group(lines[0].network, tuple(lines), tuple(binding))
