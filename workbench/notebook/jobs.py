"""How jobs look, as a table and as a calendar: SVG that reads without a kernel and a script, on light and on dark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from workbench.notebook.html import BORDER, COLOURS, escape, muted, strong, table
from workbench.scheduler.records import mood_of_outcome
from workbench.scheduler.runs.calendar import HOUR, MOST_LANES, Calendar, Lane, shortened, worst
from workbench.scheduler.runs.table import LATEST, RECENT, JobsTable, bars
from workbench.ui.trace import COLOURS as MOODS

BAR, GAP, HEIGHT, LEAST = 5, 1, 18, 3
"""Width of a bar, room between two, room for the longest run, height of the shortest [px]."""
LEFT, WIDTH, LANE, TOP = 210, 672, 22, 24
"""Room for names, width of the days, height of a job, room for the days' names [px]."""

PLANNED = "#3b82c4"
FAINTEST = 0.35
"""How strong an hour with one of many is drawn, of 1."""


def table_of_jobs(found: JobsTable) -> str:
    """A row for each job, with its recent runs as bars."""
    if not found.rows:
        return escape(repr(found))
    heads, *texts = found.cells
    rows = []
    for row, said in zip(found.rows, texts, strict=True):
        cells = [escape(each) for each in said]
        if RECENT in heads:
            cells[heads.index(RECENT)] = drawn(
                [(each.run.outcome, each.share, each.said(row.zone), MOODS[each.run.mood]) for each in bars(row.runs)]
            )
        rows.append(cells)
    return table(heads, rows)


def drawn(shown: Sequence[tuple[str, float, str, str]]) -> str:
    """Recent runs as bars: how each ended, how long it took as a share of the longest, and both in words."""
    if not shown:
        return ""
    counts = Counter(outcome.replace("_", " ") for outcome, *_ in shown)
    words = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
    rects = "".join(_bar(number, *each) for number, each in enumerate(shown, LATEST - len(shown)))
    return (
        f'<svg role="img" aria-label="recent runs: {escape(words)}" width="{LATEST * (BAR + GAP)}" height="{HEIGHT}" '
        f'style="display:block">{rects}</svg>'
    )


def _bar(place: int, _: str, share: float, said: str, mood: str) -> str:
    height = LEAST + (HEIGHT - LEAST) * share
    return (
        f'<rect x="{place * (BAR + GAP)}" y="{HEIGHT - height:.1f}" width="{BAR}" height="{height:.1f}" rx="1" '
        f'fill="{COLOURS[mood]}"><title>{escape(said)}</title></rect>'
    )


def calendar(calendar: Calendar) -> str:
    """The days from left to right, a row for each job, a mark for each hour in which it is due."""
    head = strong(calendar.title)
    told = [*filter(None, (calendar.left_out, *calendar.changes, calendar.busiest))]
    if not calendar.lanes:
        return head
    return f"{head}{_drawn(calendar)}{muted(escape('; '.join(told)))}"


def _drawn(calendar: Calendar) -> str:
    lanes = calendar.lanes[:MOST_LANES]
    height = TOP + LANE * len(lanes) + 4
    style = (
        ".f{font:11px sans-serif;fill:var(--jp-ui-font-color2,#6b7280)}"
        f".l{{stroke:{BORDER}}}.t{{font:12px sans-serif;fill:var(--jp-ui-font-color1,currentColor)}}"
    )
    drawn = "".join([*_days(calendar, height), *(_lane(calendar, *each) for each in enumerate(lanes))])
    return (
        f'<svg role="img" aria-label="{escape(calendar.title)}" viewBox="0 0 {LEFT + WIDTH + 4} {height}" '
        f'style="display:block;max-width:{LEFT + WIDTH + 4}px;margin:4px 0"><style>{style}</style>{drawn}</svg>'
    )


def _days(calendar: Calendar, height: int) -> Iterator[str]:
    span = calendar.end - calendar.origin
    right = LEFT
    for day in calendar.days:
        x = LEFT + WIDTH * ((day - calendar.origin) / span)
        yield f'<line class="l" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 16}" y2="{height}"/>'
        # One that has no room beside the day before is left out.
        if x >= right and x + 40 <= LEFT + WIDTH:
            right = int(x) + 44
            yield f'<text class="f" x="{x + 4:.1f}" y="{TOP - 7}">{day.astimezone(calendar.zone):%a %d}</text>'


def _lane(calendar: Calendar, number: int, lane: Lane) -> str:
    y = TOP + LANE * number
    most = max(sum(each.values()) for each in lane.hours.values())
    wide = WIDTH * (HOUR / (calendar.end - calendar.origin))
    note = f' <tspan class="f">{escape(lane.note)}</tspan>' if lane.note else ""
    drawn = [
        f'<text class="t" x="0" y="{y + 15}">{escape(shortened(lane.name))}{note}'
        f"<title>{escape(lane.name)}: {escape(calendar.counted(lane.total))}</title></text>",
        f'<line class="l" x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y + LANE - 1}" y2="{y + LANE - 1}"/>',
    ]
    for hour, found in sorted(lane.hours.items()):
        outcome, count = worst(found), sum(found.values())
        colour = PLANNED if outcome == "planned" else COLOURS[MOODS[mood_of_outcome(outcome)]]
        strength = (FAINTEST + (1 - FAINTEST) * count / most) * (0.45 if lane.note else 1)
        at = (calendar.origin + hour * HOUR).astimezone(calendar.zone)
        said = ", ".join(f"{each} {outcome.replace('_', ' ')}" for outcome, each in sorted(found.items()))
        drawn.append(
            f'<rect x="{LEFT + hour * wide:.1f}" y="{y + 4}" width="{max(wide - 0.6, 1.2):.1f}" height="{LANE - 9}" '
            f'rx="1" fill="{colour}" fill-opacity="{strength:.2f}">'
            f"<title>{at:%a %d %H:%M}: {escape(said)}</title></rect>"
        )
    return "".join(drawn)
