"""Cards as they are saved: what a card showed, as HTML that reads without a kernel and says of when it is.

A live card covers its own: both are outputs of one cell, the card's view right before the HTML. Where the view has no
card in it, since its kernel is gone, it takes no room, and the HTML is what a person sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from workbench.notebook.called import call
from workbench.notebook.html import FAINT, FONT, address, chip, code, dot, escape, muted, strong
from workbench.notebook.jobs import drawn

COVERED = (
    "<style>"
    ".jp-OutputArea-child:not(:has(.wb-card)):has(+.jp-OutputArea-child .wb-saved),"
    ".jp-OutputArea-child:has(.wb-card)+.jp-OutputArea-child:has(.wb-saved){display:none}"
    "@keyframes wb-late{from{visibility:hidden}}"
    ".wb-saved{animation:wb-late .6s step-end}"
    "</style>"
)
"""In JupyterLab and Notebook; others leave it out. The HTML waits for the card that is about to cover it."""
MOVES = frozenset(
    (
        "now",
        "restless",
        "next",
        "since",
        "recent",
        "failed",
        "cadence",
        "at",
        "seconds",
        "cid",
        "log",
        "returned",
        "used",
        "refused",
        "tabs",
        "changes",
        "stands",
        "ms",
    )
)
"""Facts that change by themselves."""
STEP = "margin-left:18px"
Facts = Mapping[str, Any]


def still(facts: Facts, at: datetime, covered: bool = False) -> str:
    """The HTML of what a card shows, a line for each thing, so that a change is small in a saved notebook.

    Args:
        facts: What the card shows, as plain data.
        at: When that was, in the person's own time zone.
        covered: Whether a live card is the output before it.
    """
    parts = [
        COVERED if covered else "",
        f'<div class="wb-saved" style="{FONT};opacity:0.75;padding:1px 0 1px 6px">',
        f'<div style="{FAINT}">As of',
        f'<time datetime="{at.isoformat(timespec="minutes")}">{at.day} {at:%b}, {at:%H:%M}</time>.',
        "Run the cell to make it live.</div>",
        *_lines(facts),
        "</div>",
    ]
    return "\n".join(filter(None, parts))


def essence(facts: Facts) -> Any:
    """What of a card is worth another saved output: all of it but times, counts of use, and what only moves."""
    if isinstance(facts, Mapping):
        return {key: essence(value) for key, value in facts.items() if key not in MOVES}
    return [essence(each) for each in facts] if isinstance(facts, list | tuple) else facts


def _lines(facts: Facts) -> list[str]:
    title, url = facts.get("title", ""), facts.get("url", "")
    at = f" at {address(url)}" if url else ""
    lines = [f"<div>{strong(title)}{at}</div>"] if title else []
    if question := facts.get("question"):
        lines.append(f"<div>{dot('warn')} {escape(question)}</div>")
    for service in facts.get("services", ()):
        lines += _service(service)
    for name, one in ONE.items():
        lines += [f"<div>{one(each)}</div>" for each in facts.get(name, ())]
    if peer := facts.get("peer"):
        lines += str(peer["html"]).splitlines()
    return [*lines, *(f"<div>{muted(escape(note))}</div>" for note in facts.get("notes", ()))]


def _service(row: Facts) -> list[str]:
    name = f"{dot('calm')} {strong(row['service'])}"
    if row.get("gone"):
        return [f"<div>{name} {muted('is no longer deployed')}</div>"]
    addresses = " ".join(address(each["url"]) if each["link"] else code(each["path"]) for each in row["addresses"])
    missing = ", ".join(f"{each['label']} {each['name']!r}" for each in row["missing"])
    undefined = muted(escape(f" Nobody defined {missing}.")) if missing else ""
    waits = row.get("answering")
    below = [f"{dot('warn')} {escape(waits['said'])}"] if waits else []
    below += [*map(_job, row["jobs"]), *map(_limit, row["limits"])]
    lines = [f"<div>{name} v{row['version']} {addresses}{undefined}</div>"]
    return lines + [f'<div style="{STEP}">{each}</div>' for each in below]


def _job(job: Facts) -> str:
    zone, last, since = job["zone"], job["last"], job["since"]
    said = [escape(job["what"]), escape(job["state"])]
    said += [f"next {moment(job['next'], zone)}"] if job["next"] is not None else []
    said += [f"{muted('running since')} {moment(since, zone)}"] if since is not None else []
    if last is not None:
        said.append(f"{chip(last['outcome'].replace('_', ' '), 'calm')} {muted(escape(last['error']))}")
    said += [escape(job["cadence"])] if job["cadence"] else []
    return f"{dot('calm')} {strong(job['name'])} {' &middot; '.join(said)}{drawn(job['recent'])}"


def moment(at: float, zone: str) -> str:
    """An instant [s since the epoch] in a zone and in UTC."""
    there = datetime.fromtimestamp(at, ZoneInfo(zone))
    year = "" if there.year == datetime.now(there.tzinfo).year else f"{there:%Y} "
    text = f"{there:%a %d %b} {year}{there:%H:%M:%S} {escape(zone)}"
    return text if zone == "UTC" else f"{text} {muted(f'{there.astimezone(UTC):%H:%M} UTC')}"


def _limit(limit: Facts) -> str:
    name = strong(f"limit on {limit['on']} {limit['name']}")
    return f"{dot('calm')} {name} {' '.join(code(line['line']) for line in limit['lines'])}"


def _definition(row: Facts) -> str:
    sandbox = chip("sandbox", "calm") if row["sandbox"] else ""
    where = address(row["link"]) if row["link"] else code(row["where"]) if row["where"] else ""
    words = "is no longer defined" if row["gone"] else row["who"]
    return f"{dot('calm')} {strong(row['text'])} {where} {sandbox} {muted(escape(words))}"


def _clicked(click: Facts) -> str:
    return f'{dot("calm")} {escape(click["said"])}<pre style="margin:4px 0 2px 18px">{escape(click["code"])}</pre>'


ONE = {"jobs": _job, "definitions": _definition, "limits": _limit, "clicked": _clicked, "calls": call}
