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
_SPOKEN = re.compile(r"\s*(\d+)\s*(?:/|\bper\b|\ban?\b|\bevery\b|\beach\b)\s*(\d+)?\s*([A-Za-z]+)\s*")
_UNIT_BY_WORD = {
    word: unit
    for unit, words in {
        "s": "s sec secs second seconds",
        "m": "m min mins minute minutes",
        "h": "h hr hrs hour hours",
        "d": "d day days",
    }.items()
    for word in words.split()
}
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
            problems.append(f"line {number} `{row}`: {exc.problem}; {exc.fix}")
    return lines, problems


class _BadLine(Exception):
    def __init__(self, problem: str, fix: str) -> None:
        self.problem, self.fix = problem, fix
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
    """How to write a row whose `=` is missing or more than one."""
    first, _, rest = row.partition(" ")
    try:
        is_source = bool(rest) and (first == "*" or bool(ip_network(_completed(first), strict=False)))
    except ValueError:
        is_source = False
    return _fix(first, rest) if is_source else _fix("*", row)


def _fix(source: str, text: str) -> str:
    """The line that says what a text means, its numbers kept; one that is plainly an example where none does."""
    rates = [_meant(each) for each in re.split(r"[;,|&]|\band\b", text) if each.strip()]
    meant = [f"`{source} = {rate}`" for rate in rates if rate]
    if not rates or len(meant) < len(rates):
        return f"an example that is correct: `{source} = 100/m`"
    return f"correct: {meant[0]}" if len(meant) == 1 else f"correct: {len(meant)} lines, {' and '.join(meant)}"


def _meant(text: str) -> str:
    """`5/m` for `5 per minute` or `5/60s`; '' for what no unit can say, as `10/30s` or `5/month`."""
    if (found := _SPOKEN.fullmatch(text)) is None:
        return ""
    rate, many, word = found.groups()
    unit = _UNIT_BY_WORD.get(word.lower())
    seconds = int(many or 1) * PERIODS[unit] if unit else 0
    same = next((each for each, period in PERIODS.items() if period == seconds), "")
    return f"{rate}/{same}" if same else ""


def _network(source: str, right: str) -> IPv4Network | IPv6Network | None:
    if source == "*":
        return None
    try:
        network = ip_network(_completed(source), strict=False)
    except ValueError:
        good = right if right == "*" or re.fullmatch(r"\d+/[smhd]", right) else "100/m"
        said = f"`{source}` is not *, an address or a network" if source else "the part before `=` is empty"
        raise _BadLine(said, f"correct: `10.0.0.0/8 = {good}`" if source else f"correct: `* = {good}`") from None
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
    correct = _fix(source, right)
    if not slash:
        raise _BadLine(f"`{right}` names no unit", f"correct: `{source} = {right}/m`" if right.isdecimal() else correct)
    try:
        rate = int(count)
    except ValueError:
        fix = f"correct: `{source} = *`" if count == "*" else correct
        raise _BadLine(f"`{count}` is not a whole number", fix) from None
    if unit not in PERIODS:
        raise _BadLine(f"`{unit}` is not a unit; the units are s, m, h, d (second, minute, hour, day)", correct)
    if rate > HIGHEST_RATE:
        raise _BadLine(f"`{count}` is above {HIGHEST_RATE:,}", f"correct: `{source} = *`")
    return rate, unit
