"""What a bench says: samples of us and of a peer, or of us and a bound, and whether the wanted figure is reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

STEADY = 0.25


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        name: What was done.
        unit: Of the samples, as `us` or `calls/s`.
        ours: Our samples, one per round.
        peer: The peer's, of the same rounds in the same order; none if `wanted` bounds ours alone.
        peer_name: Who the peer is.
        wanted: With a peer, how many times better we must be; alone, the bound of our median; None only tells.
        more_is_better: Whether larger samples are better, as calls/s, or smaller ones, as seconds.
        only_if_steady: Whether samples that scatter by more than a quarter around their median judge nothing.
        note: What the reader should know besides.
        skipped: Why nothing was measured; empty if something was.
    """

    name: str
    unit: str = ""
    ours: Sequence[float] = ()
    peer: Sequence[float] = ()
    peer_name: str = ""
    wanted: float | None = None
    more_is_better: bool = False
    only_if_steady: bool = False
    note: str = ""
    skipped: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times better we are: the median over the rounds, each of which met one mood of the machine."""
        if not self.peer:
            return None
        ratios = [peer / ours for ours, peer in zip(self.ours, self.peer, strict=True)]
        return 1 / median(ratios) if self.more_is_better else median(ratios)

    @property
    def verdict(self) -> str:
        """`yes`, `NO`, or why nothing is judged: `context`, `noisy` or `skipped`."""
        if self.skipped:
            return "skipped"
        if self.wanted is None:
            return "context"
        if self.only_if_steady and max(spread(self.ours), spread(self.peer)) > STEADY:
            return "noisy"
        if self.ratio is not None:
            return "yes" if self.ratio >= self.wanted else "NO"
        value = median(self.ours)
        return "yes" if (value >= self.wanted if self.more_is_better else value <= self.wanted) else "NO"

    def cells(self) -> tuple[str, ...]:
        """The line as text, column by column."""
        peer = ratio = wanted = ""
        if self.ratio is not None:
            peer, ratio = f"{said(self.peer, self.unit)} {self.peer_name}", f"{self.ratio:.2f}x"
        if self.wanted is not None:
            sign = ">=" if self.more_is_better or self.peer else "<="
            wanted = f"{sign} {self.wanted:g}x" if self.peer else f"{sign} {shown(self.wanted)} {self.unit}"
        return self.name, said(self.ours, self.unit), peer, ratio, wanted, self.verdict, self.skipped or self.note


TITLES = ("what", "ours: median [spread]", "peer: median [spread]", "ratio", "wanted", "reached", "note")


def spread(samples: Sequence[float]) -> float:
    """How far the middle four fifths of the samples reach around their median, as a share of it."""
    if len(samples) < 2 or not (middle := median(samples)):
        return 0.0
    ordered, cut = sorted(samples), len(samples) // 10
    return (ordered[-1 - cut] - ordered[cut]) / middle / 2


def said(samples: Sequence[float], unit: str) -> str:
    """Median, unit and spread; nothing of no samples."""
    if not samples:
        return ""
    text = f"{shown(median(samples))} {unit}".rstrip()
    return f"{text} [±{spread(samples):.0%}]" if len(samples) > 1 else text


def shown(value: float) -> str:
    """A number with three significant digits, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def percentile(samples: Iterable[float], share: float) -> float:
    """The value that a share of the samples does not exceed; share 0.99 is the p99."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


VERDICTS = {
    "yes": "reached",
    "NO": "missed",
    "noisy": "not judged, since the samples scatter by more than a quarter",
    "skipped": "skipped",
    "context": "context, which nothing is wanted of",
}


def summary(rows: Sequence[Row]) -> str:
    """How many figures came to what, and the names of all that were wanted and not reached."""
    named = {verdict: [row for row in rows if row.verdict == verdict] for verdict in VERDICTS}
    lines = [
        f"{len(rows)} figures: " + "; ".join(f"{len(found)} {VERDICTS[each]}" for each, found in named.items()) + "."
    ]
    for verdict in ("NO", "noisy", "skipped"):
        for row in named[verdict]:
            why = row.skipped or (f"beside {row.peer_name}" if row.peer_name else "")
            lines.append(f"  {VERDICTS[verdict].partition(',')[0]}: {row.name}{f' ({why})' if why else ''}")
    return "\n".join(lines)


def table(rows: Sequence[Row]) -> str:
    """All rows, columns aligned."""
    return aligned([TITLES, *(row.cells() for row in rows)])


@dataclass(frozen=True)
class Grid:
    """Many who were asked the same, a line each, with no judgement.

    Args:
        title: What was done.
        columns: What was measured, with its unit.
        lines: By who it was, samples for each column; none where nothing was measured.
    """

    title: str
    columns: Sequence[str]
    lines: Mapping[str, Sequence[Sequence[float]]]

    def __str__(self) -> str:
        cells = [(who, *(said(each, "") for each in samples)) for who, samples in self.lines.items()]
        return f"{self.title}: median [spread]\n{aligned([('', *self.columns), *cells])}"


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells as text, each column as wide as its widest cell."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
