"""How limits look: what is in force and used, why a line counts, and who of some traffic would be let through."""

from __future__ import annotations

from itertools import groupby

from workbench.app.limits import LimitsInForce
from workbench.limiting.explain import Explanation
from workbench.limiting.simulate import Outcome, Simulation
from workbench.notebook.html import BORDER, COLOURS, FAINT, bar, code, dot, escape, muted, prose, strong, table

BUCKETS = 60
WIDTH, HEIGHT, LEFT = 620, 70, 170


def limits(limits: LimitsInForce) -> str:
    """Every line in force with its use in the window that runs."""
    rows = []
    for use in limits.use():
        part = min(use.used / use.limit, 1.0) if use.limit else 0.0
        mood = "bad" if part >= 1 else "warn" if part >= 0.8 else "live"
        refused = muted(f"{use.refused} refused so far") if use.refused else ""
        name = f"{strong(use.name)} {muted(use.on)}"
        rows.append((name, code(use.line), bar(0.0, part, mood), f"{use.used} of {use.limit}", refused))
    return table(("object", "line", "now", "used", ""), rows) if rows else muted("No limit counts anything yet.")


def explanation(explanation: Explanation) -> str:
    """One row a line: whether it counts, and why."""
    if not explanation:
        return muted(escape(str(explanation)))
    rows = [
        (
            f"{dot('live' if each.applies else 'calm')} {strong(each.name)} {muted(each.on)}",
            code(each.line),
            "counts" if each.applies else muted("does not count"),
            prose(each.why) + (f" {muted(f'It can never refuse: {escape(each.never)}.')}" if each.never else ""),
        )
        for each in explanation
    ]
    return table(("object", "line", "", "why"), rows)


def simulation(simulation: Simulation) -> str:
    """Calls over time, those let through and those refused, then the same for each line."""
    if not simulation:
        return muted("No calls to play.")
    head = f"{strong(f'{simulation.passed} of {len(simulation)} calls pass')}"
    lanes = [("every level", [(each, not each.allowed) for each in simulation])]
    for key, said in _by_line(simulation):
        lanes.append((key, said))
    return f"{head}{_drawn(lanes, simulation)}"


def _by_line(simulation: Simulation) -> list[tuple[str, list[tuple[Outcome, bool]]]]:
    asked = [
        (f"{said.on} {said.name}: {said.limit} for {said.network}", outcome, bool(said.denied))
        for outcome in simulation
        for said in outcome.decisions
    ]
    asked.sort(key=lambda each: each[0])
    return [(key, [(outcome, denied) for _, outcome, denied in group]) for key, group in groupby(asked, lambda e: e[0])]


def _drawn(lanes: list[tuple[str, list[tuple[Outcome, bool]]]], simulation: Simulation) -> str:
    """An SVG that reads without a kernel and without a script."""
    first, last = simulation[0].arrival.at, simulation[-1].arrival.at
    span = (last - first).total_seconds() or 1.0
    drawn = []
    for number, (label, calls) in enumerate(lanes):
        drawn.append(_lane(number, label, [(((o.arrival.at - first).total_seconds() / span), no) for o, no in calls]))
    height = HEIGHT * len(lanes) + 22
    axis = f'<text x="{LEFT}" y="{height - 6}" class="f">0 s</text>'
    axis += f'<text x="{LEFT + WIDTH}" y="{height - 6}" class="f" text-anchor="end">{span:.0f} s</text>'
    style = (
        f".f{{font:11px sans-serif;fill:var(--jp-ui-font-color2,#6b7280)}}.l{{stroke:{BORDER}}}"
        f".t{{font:12px sans-serif;fill:var(--jp-ui-font-color1,#222)}}"
    )
    return (
        f'<svg role="img" aria-label="{escape(simulation.passed)} of {len(simulation)} calls pass" '
        f'viewBox="0 0 {LEFT + WIDTH + 10} {height}" style="display:block;max-width:820px;{FAINT}">'
        f"<style>{style}</style>{''.join(drawn)}{axis}</svg>"
    )


def _lane(number: int, label: str, calls: list[tuple[float, bool]]) -> str:
    """One row: passed calls in green, refused ones in red on top, in columns of equal time."""
    columns = [[0, 0] for _ in range(BUCKETS)]
    for place, refused in calls:
        columns[min(int(place * BUCKETS), BUCKETS - 1)][refused] += 1
    most = max((sum(column) for column in columns), default=1) or 1
    top, base = HEIGHT * number + 8, HEIGHT * (number + 1) - 8
    wide = WIDTH / BUCKETS
    drawn = [f'<line class="l" x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{base}" y2="{base}"/>']
    for i, (passed, stopped) in enumerate(columns):
        y = float(base)
        for count, colour in ((passed, COLOURS["live"]), (stopped, COLOURS["bad"])):
            tall = (base - top) * count / most
            if count:
                y -= tall
                x = LEFT + i * wide
                drawn.append(
                    f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide - 1:.1f}" height="{tall:.1f}" fill="{colour}"/>'
                )
    total = sum(not refused for _, refused in calls)
    name, _, rest = label.partition(": ")
    drawn.append(f'<text class="t" x="0" y="{top + 18}">{escape(name)}</text>')
    drawn.append(f'<text class="f" x="0" y="{top + 34}">{escape(rest)} {total} of {len(calls)}</text>')
    return "".join(drawn)
