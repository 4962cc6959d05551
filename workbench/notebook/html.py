"""Small pieces of HTML in JupyterLab's own colours, readable without a kernel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape as _escape

from workbench.core.masking import mask

COLOURS = {"live": "#2e9e5b", "warn": "#c98a00", "bad": "#d64545", "calm": "#8a94a6"}
FONT = "font-family:var(--jp-ui-font-family,sans-serif);font-size:13px;line-height:1.55"
CODE = "font-family:var(--jp-code-font-family,monospace);font-size:12px"
FAINT = "color:var(--jp-ui-font-color2,#6b7280)"
BORDER = "var(--jp-border-color2,#e0e3e8)"


def ink(mood: str) -> str:
    """The colour of a mood for text, which must be read on light and on dark: 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    return f"color-mix(in srgb,{COLOURS[mood]} 55%,var(--jp-ui-font-color1,#212121))"


def escape(text: object) -> str:
    """Text made safe for HTML, without the values of secrets."""
    return _escape(mask(str(text)))


def block(inner: str) -> str:
    """The frame of every display."""
    return f'<div style="{FONT};padding:1px 0 1px 6px">{inner}</div>'


def dot(mood: str) -> str:
    """A coloured dot: live, warn, bad or calm."""
    return f'<span style="color:{COLOURS[mood]}" aria-hidden="true">&#9679;</span>'


def strong(text: object) -> str:
    """A name."""
    return f"<b>{escape(text)}</b>"


def muted(text: object) -> str:
    """What matters less."""
    return f'<span style="{FAINT}">{text}</span>' if text else ""


def measure(text: object) -> str:
    """A number with its unit, in one line."""
    return f'<span style="{FAINT};white-space:nowrap">{escape(text)}</span>'


def prose(text: object) -> str:
    """A sentence in which names of code stand between backticks."""
    parts = enumerate(str(text).split("`"))
    return "".join(code(part) if place % 2 else escape(part) for place, part in parts)


def code(text: object) -> str:
    """Code or a value, in one line."""
    return f'<code style="{CODE}">{escape(text)}</code>'


def address(url: str) -> str:
    """A link."""
    return f'<a href="{escape(url)}" target="_blank" rel="noopener">{escape(url)}</a>'


def chip(text: object, mood: str) -> str:
    """A word on a coloured ground: a status, an outcome."""
    colour = COLOURS[mood]
    return (
        f'<span style="background:{colour}22;color:{ink(mood)};border-radius:9px;padding:1px 8px;font-weight:600">'
        f"{escape(text)}</span>"
    )


def folded(summary: str, values: Iterable[Sequence[str]]) -> str:
    """A line of HTML that opens to named values, each with its text as it is."""
    cell = f"{CODE};white-space:pre-wrap;overflow-wrap:anywhere;margin:0 0 2px 18px"
    body = "".join(f'<div style="{cell}">{muted(escape(name))} {escape(text)}</div>' for name, text in values)
    return f'<details><summary style="cursor:pointer">{summary}</summary>{body}</details>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are HTML already. A row that is too short fills its width with its last cell."""
    cell = f"padding:3px 14px 3px 0;text-align:left;vertical-align:top;border-bottom:1px solid {BORDER}"
    titles = "".join(f'<th style="{cell};{FAINT};font-weight:500">{escape(each)}</th>' for each in head)
    rows = list(rows)
    width = max((len(row) for row in (head, *rows)), default=0)
    body = "".join(
        '<tr style="background:none">' + "".join(_cells(row, width, f"{cell};white-space:normal")) + "</tr>"
        for row in rows
    )
    top = f'<tr style="background:none">{titles}</tr>' if head else ""
    return f'<table style="border-collapse:collapse;margin:2px 0 6px 0;{FONT}">{top}{body}</table>'


def _cells(row: Sequence[str], width: int, style: str) -> Iterable[str]:
    for number, each in enumerate(row, 1):
        span = f' colspan="{width - number + 1}"' if number == len(row) < width else ""
        yield f'<td{span} style="{style}">{each}</td>'


def bar(start: float, width: float, mood: str) -> str:
    """A bar on a line of time; both in parts of the whole, 0 to 1."""
    left, wide = 100 * start, max(100 * width, 1.0)
    return (
        f'<span style="display:inline-block;position:relative;width:160px;height:8px;background:{BORDER};'
        f'border-radius:4px;overflow:hidden"><span style="position:absolute;left:{left:.1f}%;width:{wide:.1f}%;'
        f'height:8px;background:{COLOURS[mood]}"></span></span>'
    )
