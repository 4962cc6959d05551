"""The tabs: what each counts, what it shows once it is opened, and how the first thing in it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from workbench.app.workbench import Workbench
from workbench.core.definition import Definition
from workbench.core.errors import UnknownName
from workbench.ui import rows
from workbench.ui.desk import Desk
from workbench.ui.panel.figures import figures_of
from workbench.ui.panel.happened import PAGE, Asked, calls_page, lines_page

HELLO = """class Hello(Service):
    name = "api.hello"
    def handle(self):
        return "Hello there!\\n"
"""
"""A service of four lines."""

Shown = dict[str, Any]
Draw = Callable[[Desk, Asked], Shown]


class Tab(NamedTuple):
    """One tab.

    Attributes:
        name: What the front end asks for.
        label: What is written on it.
        number: How many there are; None where counting says nothing.
        draw: What it shows.
        about: One sentence for an empty tab.
        first: What makes the first: the `kind` of a form, or `code` to copy.
    """

    name: str
    label: str
    number: Callable[[Workbench], int | None]
    draw: Draw
    about: str = ""
    first: Mapping[str, str] = {}


def found_by(text: str, facts: Iterable[Shown]) -> list[Shown]:
    """The rows in which a text stands anywhere, in any case of letters."""
    return [each for each in facts if not text or any(text in said.casefold() for said in _said(each))]


def _said(value: Any) -> Iterable[str]:
    if isinstance(value, Mapping):
        value = [each for name, each in value.items() if name not in ("curl", "html", "state")]
    if isinstance(value, list | tuple):
        for each in value:
            yield from _said(each)
    elif isinstance(value, str | int | float):
        yield str(value)


def _services(desk: Desk, asked: Asked) -> Shown:
    wb = desk.wb
    figures = figures_of(wb.traffic)
    shown = rows.services(wb, list(wb.services), desk.last_runs())
    for row in shown:
        row["figures"] = figures[row["service"]].facts() if row["service"] in figures else None
    return {"rows": found_by(asked.text, shown)}


def _definitions(of: Callable[[Workbench], Iterable[Definition]]) -> Draw:
    def draw(desk: Desk, asked: Asked) -> Shown:
        facts = [rows.definition_facts(desk.wb, each, each, desk.moods) for each in of(desk.wb)]
        return {"rows": found_by(asked.text, facts)}

    return draw


def _jobs(desk: Desk, asked: Asked) -> Shown:
    last = desk.last_runs()
    jobs = rows.jobs_of(desk.wb)
    facts = [rows.job_facts(job, last.get(job.name), rows.cell_of(desk.wb, job.definition)) for job in jobs]
    return {"rows": found_by(asked.text, facts), "note": desk.lives if facts else ""}


def _limits(desk: Desk, asked: Asked) -> Shown:
    used = desk.wb.limits.use()
    facts = [rows.limit_facts(each, used, rows.cell_of(desk.wb, each)) for each in desk.wb.limits.values()]
    return {"rows": found_by(asked.text, facts), "restless": bool(facts)}


def _peers(desk: Desk, asked: Asked) -> Shown:
    facts = [
        {"name": name, "html": desk.html_of_peer(peer), "takes": hasattr(peer, "files") and hasattr(peer, "put")}
        for name, peer in desk.wb.peers.items()
        if not asked.text or asked.text in f"{name} {peer}".casefold()
    ]
    return {"rows": facts, "restless": bool(facts)}


def _traffic(desk: Desk, asked: Asked) -> Shown:
    return calls_page(desk.wb.traffic, asked) | {"services": desk.wb.names("services")}


def _log(desk: Desk, asked: Asked) -> Shown:
    return lines_page(desk.wb.log, asked) | {"services": desk.wb.names("services")}


def _settings(desk: Desk, asked: Asked) -> Shown:
    facts = [
        {"name": name, "value": value, "from": came, "what": what, "editable": name == "timezone"}
        for name, value, came, what in desk.wb.settings.rows()
    ]
    return {"rows": found_by(asked.text, facts)}


TABS: Sequence[Tab] = (
    Tab(
        "services",
        "Services",
        lambda wb: len(wb.services),
        _services,
        "A service is a class that does the work. It is live as soon as its cell has run.",
        {"code": HELLO},
    ),
    Tab(
        "channels",
        "Channels",
        lambda wb: len(wb.channels),
        _definitions(lambda wb: [live.definition for live in wb.channels.values()]),
        "A channel is a way in: an address at which callers reach a service.",
        {"kind": "RESTChannel"},
    ),
    Tab(
        "connections",
        "Connections",
        lambda wb: len(wb.connections),
        _definitions(lambda wb: [item.definition for item in wb.connections.values()]),
        "A connection is a way out: to an API, a mailbox, a database, a folder of files.",
        {"kind": "rest"},
    ),
    Tab(
        "users",
        "Users",
        lambda wb: len(wb.users),
        _definitions(lambda wb: wb.users.values()),
        "A user has credentials, and a channel can let that user alone in.",
        {"kind": "BasicAuth"},
    ),
    Tab(
        "jobs",
        "Jobs",
        lambda wb: len(rows.jobs_of(wb)),
        _jobs,
        "A job runs a service by itself: every so often, at set times, or once.",
        {"kind": "job"},
    ),
    Tab(
        "limits",
        "Limits",
        lambda wb: len(wb.limits),
        _limits,
        "A limit says how many calls may come in a time, by whom and from where.",
        {"kind": "limit"},
    ),
    Tab(
        "peers",
        "Peers",
        lambda wb: len(wb.peers.values()),
        _peers,
        "A peer plays a server in here and speaks its real protocol, so that nothing leaves this machine.",
        {"code": "wb.sandbox()"},
    ),
    Tab(
        "traffic",
        "Traffic",
        lambda wb: len(wb.traffic),
        _traffic,
        "Each call is listed here with all that it caused.",
        {"code": 'wb.invoke("api.hello")'},
    ),
    Tab(
        "log",
        "Log",
        lambda wb: len(wb.log),
        _log,
        "What services log and print is listed here.",
        {"code": 'self.log.info("uploaded %s", name)'},
    ),
    Tab("settings", "Settings", lambda wb: None, _settings),
)
"""In the order in which they stand."""
_BY_NAME = {tab.name: tab for tab in TABS}


def counts(wb: Workbench) -> list[Shown]:
    """Each tab with its label and count."""
    return [{"name": tab.name, "label": tab.label, "count": tab.number(wb)} for tab in TABS]


def latest(wb: Workbench) -> list[Any]:
    """What differs once another call began or ended, or another line came."""
    newest = wb.traffic[-PAGE:]
    running = sum(trace.root.seconds is None for trace in newest)
    return [newest[-1].cid if newest else "", running, wb.log.total]


def drawn(desk: Desk, name: str, asked: Asked) -> Shown:
    """What a tab shows.

    Raises:
        UnknownName: There is no such tab.
    """
    if name not in _BY_NAME:
        raise UnknownName("tab", name, _BY_NAME)
    tab = _BY_NAME[name]
    shown = {"tab": name, "note": "", "restless": False, **tab.draw(desk, asked)}
    return shown | ({} if tab.number(desk.wb) else {"about": tab.about, "first": dict(tab.first)})
