"""Draws what goes where as SVG: in columns where there is room, one below the other on a phone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from workbench.sharing.flow import Box, Flow

WIDE, NARROW = 760, 340
"""Widths of the two drawings [units of SVG, pixels at full size]."""
LINE, PAD, GAP = 17, 9, 12
"""Height of a line of text, room around the text of a box, room between boxes."""
NAME, MORE = 7.2, 6.5
"""Widest average width of a character of a name (12.5 px, bold) and of what is said of it (12 px), in the fonts that
systems have [px]."""

_COLUMN = 212
_STYLE = {"in": "wb-in", "job": "wb-in", "service": "wb-service", "out": "wb-out", "missing": "wb-missing"}


class Drawn(NamedTuple):
    """A box: what it is, its lines of text, and where it is."""

    what: str
    lines: tuple[str, ...]
    x: float
    y: float
    width: float

    @property
    def height(self) -> float:
        """With its room around."""
        return len(self.lines) * LINE + 2 * PAD

    @property
    def middle(self) -> float:
        """Where lines meet its side."""
        return self.y + self.height / 2

    def svg(self) -> Iterator[str]:
        """Its frame and text; the first line is its name."""
        yield (
            f'<rect class="{_STYLE[self.what]}" x="{self.x:g}" y="{self.y:g}" width="{self.width:g}" '
            f'height="{self.height:g}" rx="7"/>'
        )
        for at, line in enumerate(self.lines):
            y = self.y + PAD + LINE * (at + 0.75)
            style, character = ("wb-name", NAME) if at == 0 else ("wb-more", MORE)
            text = _cut(line, int((self.width - 2 * PAD) / character))
            yield f'<text class="{style}" x="{self.x + PAD:g}" y="{y:g}">{escape(text)}</text>'


def drawings(flow: Flow) -> str:
    """Both drawings; the page shows the one that fits. '' where there is nothing to draw."""
    if not flow.services:
        return ""
    return f'<div class="wb-wide">{columns(flow)}</div><div class="wb-narrow">{stacked(flow)}</div>'


def columns(flow: Flow) -> str:
    """Ways in, services and ways out side by side, each thing once."""
    left = [(("job" if each.what == "job" else "in"), _way_in(each.how, each.name)) for each in flow.ways_in]
    names = list(dict.fromkeys(out for box in flow.services.values() for out in box.uses))
    xs = (0, (WIDE - _COLUMN) // 2, WIDE - _COLUMN)
    ins = _column(left, xs[0])
    services = _column([("service", _service(each)) for each in flow.services.values()], xs[1])
    outs = _column([_out(flow, each) for each in names], xs[2])
    service_at = dict(zip(flow.services, services, strict=True))
    out_at = dict(zip(names, outs, strict=True))
    joined = [(box, service_at.get(each.service)) for box, each in zip(ins, flow.ways_in, strict=True)]
    joined += [(service_at[name], out_at[out]) for name, box in flow.services.items() for out in box.uses]
    lines = [_arrow(one, other) for one, other in joined if other is not None]
    calls = [(name, other) for name, box in flow.services.items() for other in box.calls if other in service_at]
    lines += [_bow(service_at[one], service_at[other]) for one, other in calls]
    return _svg(WIDE, [*ins, *services, *outs], lines)


def stacked(flow: Flow) -> str:
    """Each service with what leads to it above and what it uses below."""
    boxes, lines, y = list[Drawn](), list[str](), 0.0
    for box in flow.services.values():
        above = [
            (("job" if each.what == "job" else "in"), _way_in(each.how, each.name)) for each in flow.into(box.name)
        ]
        below = [_out(flow, each) for each in box.uses]
        below += [("service", (f"→ {each}", "a service")) for each in box.calls]
        for part, group in enumerate((above, [("service", _service(box))], below)):
            if part and group and boxes and (part == 2 or above):
                lines.append(_down(y - GAP + 1, y + GAP - 3))
                y += GAP
            inset = 0 if part == 1 else 20
            for what, text in group:
                boxes.append(Drawn(what, text, inset, y, NARROW - 2 * inset))
                y += boxes[-1].height + GAP
        y += 1.5 * GAP
    return _svg(NARROW, boxes, lines)


def _column(items: Sequence[tuple[str, tuple[str, ...]]], x: float) -> list[Drawn]:
    made, y = list[Drawn](), 0.0
    for what, lines in items:
        made.append(Drawn(what, lines, x, y, _COLUMN))
        y += made[-1].height + GAP
    return made


def _way_in(how: str, name: str) -> tuple[str, ...]:
    return (how,) if how.endswith(name) else (how, name)


def _service(box: Box) -> tuple[str, ...]:
    return (box.name, box.says) if box.says else (box.name,)


def _out(flow: Flow, name: str) -> tuple[str, tuple[str, ...]]:
    way = flow.ways_out.get(name)
    if way is None:
        return "missing", (name, "no cell defines it")
    return "out", (name, f"{way.kind} {way.where}".strip())


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _arrow(one: Drawn, other: Drawn) -> str:
    x, end = one.x + one.width, other.x - 2
    middle = (x + end) / 2
    curve = f"C{middle:g} {one.middle:g} {middle:g} {other.middle:g}"
    return f'<path d="M{x:g} {one.middle:g} {curve} {end:g} {other.middle:g}" marker-end="url(#wb-{WIDE})"/>'


def _bow(one: Drawn, other: Drawn) -> str:
    """From a service to one that it calls, along the side of their column."""
    x, out = one.x + one.width, one.x + one.width + 26
    ends = f"C{out:g} {one.middle:g} {out:g} {other.middle:g} {x + 2:g} {other.middle:g}"
    return f'<path class="wb-call" d="M{x:g} {one.middle:g} {ends}" marker-end="url(#wb-{WIDE})"/>'


def _down(y: float, end: float) -> str:
    return f'<path d="M{NARROW / 2:g} {y:g} V{end:g}" marker-end="url(#wb-{NARROW})"/>'


def _svg(width: int, boxes: Sequence[Drawn], lines: Sequence[str]) -> str:
    height = max(each.y + each.height for each in boxes)
    tip = '<path d="M0 0 L8 4 L0 8 z"/>'
    # Each drawing has its own: one that is not shown lends none.
    box = 'viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"'
    return "\n".join(
        [
            f'<svg class="wb-flow" viewBox="-1 -1 {width + 2} {height + 2:g}" role="img" '
            'aria-label="What goes where: ways in, services, connections">',
            f'<defs><marker id="wb-{width}" {box}>{tip}</marker></defs>',
            *lines,
            *(part for each in boxes for part in each.svg()),
            "</svg>",
        ]
    )
