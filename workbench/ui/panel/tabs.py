"""The tabs: what each counts, what it shows once it is opened, and how the first thing in it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from workbench.app.workbench import Workbench
from workbench.core.definition import Definition
from workbench.core.errors import UnknownName
from workbench.limiting.definition import Limit
from workbench.scheduler.jobs import Job
from workbench.ui import rows
from workbench.ui.desk import Desk
from workbench.ui.panel.caches import cache_facts
from workbench.ui.panel.figures import figures_of
from workbench.ui.panel.happened import PAGE, Asked, calls_page, lines_page, numbers, on_page
from workbench.ui.panel.peers import peer_facts
from workbench.ui.panel.settings import RESTART, can_restart, settings_facts

HELLO = """class Hello(Service):
    name = "api.hello"
    def handle(self):
        return "Hello there!\\n"
"""
"""A service of four lines."""

T = TypeVar("T")
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


def paged(items: Sequence[T], facts: Callable[[Sequence[T]], list[Shown]], asked: Asked) -> Shown:
    """One page of rows; without a text to look for, no others are made."""
    if asked.text:
        found = found_by(asked.text, facts(items))
        return {"rows": on_page(found, asked), **numbers(len(found), len(items), asked)}
    return {"rows": facts(on_page(items, asked)), **numbers(len(items), len(items), asked)}


def _services(desk: Desk, asked: Asked) -> Shown:
    wb = desk.wb
    figures = figures_of(wb.traffic)

    def facts(names: Sequence[str]) -> list[Shown]:
        shown = rows.services(wb, names, desk.last)
        for row in shown:
            row["figures"] = figures[row["service"]].facts() if row["service"] in figures else None
        return shown

    return paged(list(wb.services), facts, asked)


def _definitions(of: Callable[[Workbench], Iterable[Definition]]) -> Draw:
    def draw(desk: Desk, asked: Asked) -> Shown:
        def facts(shown: Sequence[Definition]) -> list[Shown]:
            return [rows.definition_facts(desk.wb, each, each, desk.moods) for each in shown]

        return paged(list(of(desk.wb)), facts, asked)

    return draw


def _connections(desk: Desk, asked: Asked) -> Shown:
    wb, used = desk.wb, rows.users_of_connections(desk.wb)
    definitions = [each.definition for each in wb.connections.values()]

    def facts(shown: Sequence[Definition]) -> list[Shown]:
        found = [rows.definition_facts(wb, each, each, desk.moods) for each in shown]
        return [row | {"used_by": used.get(row["name"], []), "worked": desk.worked.get(row["name"])} for row in found]

    everyone = [{"label": "Ping all", "ask": "ping all"}] if definitions else []
    return paged(definitions, facts, asked) | {"all": everyone}


def _jobs(desk: Desk, asked: Asked) -> Shown:
    last = desk.last
    jobs = rows.jobs_of(desk.wb)

    def facts(shown: Sequence[Job]) -> list[Shown]:
        return [rows.job_facts(job, last.get(job.name), rows.cell_of(desk.wb, job.definition)) for job in shown]

    return {**paged(jobs, facts, asked), "note": desk.lives if jobs else ""}


def _limits(desk: Desk, asked: Asked) -> Shown:
    used = desk.wb.limits.use()
    limits = list(desk.wb.limits.values())

    def facts(shown: Sequence[Limit]) -> list[Shown]:
        return [rows.limit_facts(each, used, rows.cell_of(desk.wb, each)) for each in shown]

    return {**paged(limits, facts, asked), "restless": bool(limits)}


def _caches(desk: Desk, asked: Asked) -> Shown:
    return paged(list(desk.wb.caches.values()), cache_facts, asked)


def _peers(desk: Desk, asked: Asked) -> Shown:
    peers = list(desk.wb.peers.items())
    found = [pair for pair in peers if asked.text in f"{pair[0]} {pair[1]}".casefold()]
    facts = [peer_facts(name, peer, desk.html_of_peer) for name, peer in on_page(found, asked)]
    return {"rows": facts, "restless": bool(facts), **numbers(len(found), len(peers), asked)}


def _traffic(desk: Desk, asked: Asked) -> Shown:
    return calls_page(desk.wb.traffic, asked) | {"services": desk.wb.names("services")}


def _log(desk: Desk, asked: Asked) -> Shown:
    return lines_page(desk.wb.log, asked) | {"services": desk.wb.names("services")}


def _settings(desk: Desk, asked: Asked) -> Shown:
    restart = RESTART if can_restart(desk.wb) and not asked.over_http else ""
    return {"rows": found_by(asked.text, settings_facts(desk.wb)), "restart": restart}


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
        _connections,
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
        "caches",
        "Caches",
        lambda wb: len(wb.caches),
        _caches,
        "A cache keeps values for a while, in the memory of this process.",
        {"kind": "Cache"},
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
