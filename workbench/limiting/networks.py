"""From a caller's address to the network of a limit it falls to."""

from __future__ import annotations

import socket
from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network
from math import inf
from typing import NamedTuple

_MAPPED = 0xFFFF << 32


def number(address: str | None) -> tuple[int, int] | None:
    """An address as (4 or 6, its number); IPv4 written as IPv6 is IPv4; None for what is no address."""
    if not address:
        return None
    try:
        if ":" not in address:
            return 4, int.from_bytes(socket.inet_pton(socket.AF_INET, address), "big")
        plain = address.partition("%")[0]
        value = int.from_bytes(socket.inet_pton(socket.AF_INET6, plain), "big")
    except (OSError, ValueError):
        return None
    return (4, value & 0xFFFFFFFF) if value >> 32 == 0xFFFF else (6, value)


def caller_key(address: str | None) -> str:
    """Under what a caller is counted when each address counts apart: IPv4 as it is, IPv6 by its /64."""
    if address is None:
        return ""
    if ":" not in address:
        return address
    found = number(address)
    if found is None:
        return address[:64]
    family, value = found
    if family == 4:
        return socket.inet_ntop(socket.AF_INET, value.to_bytes(4, "big"))
    return f"{socket.inet_ntop(socket.AF_INET6, (value >> 64 << 64).to_bytes(16, 'big'))}/64"


class Range(NamedTuple):
    """The addresses of a network, from the first to before `end`, and its place."""

    first: int
    end: int
    place: int


def pieces_of(ranges: Iterable[Range], otherwise: int | None) -> tuple[list[int], list[int | None]]:
    """Where the pieces begin that all addresses fall into, and the place of the narrowest range around each piece."""
    starts, places, around = [0], [otherwise], list[Range]()

    def begin(start: int, place: int | None) -> None:
        if starts[-1] == start:
            places[-1] = place
        else:
            starts.append(start)
            places.append(place)

    def leave_before(start: float) -> None:
        while around and around[-1].end <= start:
            begin(around.pop().end, around[-1].place if around else otherwise)

    for each in sorted(ranges, key=lambda each: (each.first, -each.end)):
        leave_before(each.first)
        begin(each.first, each.place)
        around.append(each)
    leave_before(inf)
    return starts, places


class Networks:
    """A set of networks, each with a place in a list; finds the narrowest, or all, that contain an address.

    The narrowest costs one bisection, however many networks there are; all of them one dict access a prefix length.
    """

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network | None]) -> None:
        tables: dict[int, dict[int, dict[int, int]]] = {4: {}, 6: {}}
        ranges: dict[int, list[Range]] = {4: [], 6: []}
        self._everyone: int | None = None
        for place, network in enumerate(networks):
            if network is None:
                self._everyone = place
                continue
            shift = network.max_prefixlen - network.prefixlen
            table = tables[network.version].setdefault(shift, {})
            first = int(network.network_address)
            table[first >> shift] = place
            ranges[network.version].append(Range(first, first + (1 << shift), place))
        self._pieces = {family: pieces_of(found, self._everyone) for family, found in ranges.items()}
        self._tables = {family: sorted(by_shift.items()) for family, by_shift in tables.items()}

    def narrowest(self, address: str | None) -> int | None:
        """Place of the narrowest network that contains the address; `*` contains everything, no address too."""
        if (found := number(address)) is None:
            return self._everyone
        family, value = found
        starts, places = self._pieces[family]
        return places[bisect_right(starts, value) - 1]

    def containing(self, address: str | None) -> list[int]:
        """Places of all networks that contain the address, the narrowest first."""
        places: list[int] = []
        if (found := number(address)) is not None:
            family, value = found
            places = [table[value >> shift] for shift, table in self._tables[family] if value >> shift in table]
        return places if self._everyone is None else [*places, self._everyone]
