"""The text of a limit: one `FROM = RATE/UNIT` a line, as Zato writes it, and the short form `100/m`.

FROM is `*`, an address or a network, IPv4 or IPv6. UNIT is `s`, `m`, `h` or `d`. `FROM = *` is no limit at all.
Blank lines and lines that start with `#` are skipped. A rate below 1 blocks every call.

Source: Zato 3.2's grammar; `s` and the short form are additions.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple

PERIODS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
UNIT_NAMES = {"s": "second", "m": "minute", "h": "hour", "d": "day"}
HIGHEST_RATE = 10**12
_MAPPED = ip_network("::ffff:0:0/96")
_PARTIAL = re.compile(r"\d{1,3}(\.\d{1,3}){0,2}/")


class Line(NamedTuple):
    """One line of a limit: callers from `network` (None: everyone) may call `rate` times a unit (None: no limit)."""

    number: int
    network: IPv4Network | IPv6Network | None
    rate: int | None
    unit: str

    @property
    def network_text(self) -> str:
        """`*`, or the network as `10.0.0.7/32`."""
        return str(self.network) if self.network is not None else "*"

    @property
    def limit_text(self) -> str:
        """`100/m`, or `*` for no limit."""
        return "*" if self.rate is None else f"{self.rate}/{self.unit}"

    @property
    def period_seconds(self) -> int:
        """Length of its window [s]."""
        return PERIODS[self.unit]

    def __str__(self) -> str:
        return f"{self.network_text} = {self.limit_text}"


def read(text: str) -> tuple[list[Line], list[str]]:
    """The lines of a limit, and a sentence for each line that cannot be read: its number, itself, a correct one."""
    rows = [(number, row.strip()) for number, row in enumerate(text.splitlines(), 1)]
    rows = [(number, row) for number, row in rows if row and not row.startswith("#")]
    if not rows:
        return [], ["holds no line; write one, as `* = 100/m`"]
    lines: list[Line] = []
    problems: list[str] = []
    for number, row in rows:
        short = len(rows) == 1 and re.match(r"[+-]?\d+\s*/", row) and "=" not in row
        try:
            lines.append(_line(number, f"* = {row}" if short else row))
        except _BadLine as exc:
            problems.append(f"line {number} `{row}`: {exc.problem}; correct: `{exc.correct}`")
    return lines, problems


class _BadLine(Exception):
    def __init__(self, problem: str, correct: str) -> None:
        self.problem, self.correct = problem, correct
        super().__init__(problem)


def _line(number: int, row: str) -> Line:
    parts = [part.strip() for part in row.split("=")]
    if len(parts) != 2:
        found = "no `=`" if len(parts) == 1 else f"{len(parts) - 1} `=`"
        raise _BadLine(f"has {found} where FROM = RATE/UNIT has one", _fixed(row))
    source, right = parts
    network = _network(source, right)
    if right == "*":
        return Line(number, network, None, "d")
    return Line(number, network, *_rate(source, right))


def _fixed(row: str) -> str:
    words = re.findall(r"[^\s=]+", row)
    if len(words) == 2 and re.fullmatch(r"\d+/[smhd]", words[1]):
        return f"{words[0]} = {words[1]}"
    return "* = 100/m"


def _network(source: str, right: str) -> IPv4Network | IPv6Network | None:
    if source == "*":
        return None
    try:
        network = ip_network(_completed(source), strict=False)
    except ValueError:
        good = right if right == "*" or re.fullmatch(r"\d+/[smhd]", right) else "100/m"
        said = f"`{source}` is not *, an address or a network" if source else "the part before `=` is empty"
        raise _BadLine(said, f"10.0.0.0/8 = {good}" if source else f"* = {good}") from None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):  # type: ignore[arg-type]
        low = int(network.network_address) & 0xFFFFFFFF
        return IPv4Network((low, network.prefixlen - 96))
    if isinstance(network, IPv6Network):  # without its zone, as callers' addresses are read
        return IPv6Network((int(network.network_address), network.prefixlen))
    return network


def _completed(source: str) -> str:
    """`10/8` as `10.0.0.0/8`, which Zato's network parser reads too."""
    if not _PARTIAL.match(source):
        return source
    address, _, prefix = source.partition("/")
    return f"{address}{'.0' * (3 - address.count('.'))}/{prefix}"


def _rate(source: str, right: str) -> tuple[int, str]:
    count, slash, unit = (part.strip() for part in right.partition("/"))
    good_unit = unit.lower()[:1] if unit.lower()[:1] in PERIODS else "m"
    good_count = count if re.fullmatch(r"\d+", count) else "100"
    correct = f"{source} = {good_count}/{good_unit}"
    if not slash:
        raise _BadLine(f"`{right}` names no unit", correct)
    try:
        rate = int(count)
    except ValueError:
        fix = f"{source} = *" if count == "*" else correct
        raise _BadLine(f"`{count}` is not a whole number", fix) from None
    if unit not in PERIODS:
        raise _BadLine(f"`{unit}` is not a unit; the units are s, m, h, d (second, minute, hour, day)", correct)
    if rate > HIGHEST_RATE:
        raise _BadLine(f"`{count}` is above {HIGHEST_RATE:,}", f"{source} = *")
    return rate, unit
