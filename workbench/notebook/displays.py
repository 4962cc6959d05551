"""How values of the workbench look in a notebook: `text/plain` is their stable repr, `text/html` adds what is live."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from workbench.app.collections import Collection
from workbench.app.deploy.clicks import Clicks
from workbench.app.inline import Answer
from workbench.app.limits import LimitsInForce
from workbench.app.reports import Defined, Sandboxed
from workbench.app.settings import SettingsInForce
from workbench.app.singleton import notebook_name, the_workbench
from workbench.app.workbench import Workbench
from workbench.core.masking import mask
from workbench.core.mood import mood_of_status
from workbench.core.trace import Trace
from workbench.limiting.explain import Explanation
from workbench.limiting.simulate import Simulation
from workbench.notebook import limiting, running
from workbench.notebook.html import bar, block, chip, code, dot, escape, folded, measure, muted, strong, table
from workbench.notebook.lines import ClickedLine, DeployLine, Greeting, NothingLine, Notice, Question
from workbench.sandbox.catalog import Sandbox
from workbench.sandbox.imap.mailbox import IMAPMailbox
from workbench.sandbox.mail import Mail
from workbench.sandbox.peer import Peer
from workbench.sandbox.smtp_inbox import SMTPInbox
from workbench.scheduler.jobs import Job, Jobs
from workbench.scheduler.records import Run, Tally
from workbench.ui import front
from workbench.ui.trace import COLOURS, rows_of


def show(value: Any) -> None:
    """Display a value under the cell that runs."""
    from IPython.display import display

    display(value)  # type: ignore[no-untyped-call]


def register(shell: Any) -> None:
    """Give IPython the HTML form of each type; the plain form is the value's repr."""
    formatter = shell.display_formatter.formatters["text/html"]
    plain = shell.display_formatter.formatters["text/plain"]
    bundle = shell.display_formatter.mimebundle_formatter
    for kind, card in CARDS.items():
        bundle.for_type(kind, partial(card, shell))
    front.prime(shell)
    for kind, html in HTML.items():
        formatter.for_type(kind, _framed(html))
        plain.for_type(kind, lambda value, printer, cycle: printer.text(mask(repr(value))))


def unregister(shell: Any) -> None:
    """Leave these types to IPython again."""
    for mime in ("text/html", "text/plain"):
        for kind in HTML:
            shell.display_formatter.formatters[mime].pop(kind, None)
    for kind in CARDS:
        shell.display_formatter.mimebundle_formatter.pop(kind, None)


def _framed(html: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: block(html(value))


def _answer(answer: Answer) -> str:
    kind = muted(escape(str(answer.headers.get("Content-Type", ""))))
    text = "\n".join(answer.describe().splitlines()[1:])
    body = f'<pre style="margin:4px 0 2px 0">{escape(text)}</pre>' if text else ""
    cid = muted(f"&middot; CID {code(answer.cid)}") if answer.cid else ""
    status = chip(answer.status, COLOURS[mood_of_status(answer.status)])
    return f"{status} {kind} {cid}{body}{_trace(answer.trace) if answer.trace else ''}"


def _trace(trace: Trace) -> str:
    return table((), [_trace_row(row) for row in rows_of(trace)])


def _trace_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    indent = f'<span style="display:inline-block;padding-left:{row["depth"] * 18}px">'
    if row["kind"] == "step":
        name = f"{indent}{strong(row['text'])} {escape(row['outcome'])}</span>"
        if values := row.get("values"):
            name = folded(name, values)
        return name, bar(row["start"], row["width"], row["mood"]), measure(f"{row['ms'] or 0.0:.1f} ms")
    mark = "" if row["kind"] == "note" else f"{row['kind']} "
    return (f"{indent}{muted(mark)}{code(row['text'])}</span>",)


def _collection(collection: Collection[Any]) -> str:
    rows = [(strong(name), code(what)) for name, what in collection.rows()]
    return table(("name", "what"), rows) if rows else muted(escape(repr(collection)))


def _settings(settings: SettingsInForce) -> str:
    rows = [
        (strong(name), code(value), muted(came), muted(escape(what))) for name, value, came, what in settings.rows()
    ]
    return table(("setting", "value", "from", "what"), rows)


def _clicks(clicks: Clicks) -> str:
    lines = [f"{dot('calm')} {escape(clicks.describe(each))}" for each in clicks.values()]
    return "<br>".join(lines) + f'<pre style="margin:4px 0 2px 0">{escape(repr(clicks))}</pre>'


def _defined(defined: Defined) -> str:
    return "<br>".join(f"{dot('live')} {escape(line)}" for line in defined.lines())


def _sandboxed(sandboxed: Sandboxed) -> str:
    if not sandboxed.rows:
        return f"{dot('warn' if sandboxed.on else 'calm')} {escape(repr(sandboxed))}"
    rows = [
        (strong(connection), escape(peer), chip(ping, "live" if ping == "ok" else "bad"))
        for connection, peer, ping in sandboxed.rows
    ]
    badge = f"{chip('sandbox', 'warn')} {muted('nothing leaves this machine')}"
    tail = "<br>".join(muted(escape(line)) for line in sandboxed.lines()[len(rows) + 1 :])
    return f"{badge}{table(Sandboxed.head, rows)}{tail}"


def _workbench(wb: Workbench) -> str:
    where = f" at {escape(wb.url)}" if wb.url else ", server stopped"
    return f"{dot('live' if wb.url else 'calm')} {strong(repr(wb))}{muted(where)}"


def _defined_card(shell: Any, said: Defined) -> dict[str, Any]:
    wb = the_workbench()
    channels = [live.definition for live in wb.channels.values()]
    in_force = [*channels, *(item.definition for item in wb.connections.values())]
    mine = [each for each, _ in said.outcomes if each in in_force]
    rest = Defined([pair for pair in said.outcomes if pair[0] not in in_force], said.played)
    return front.definitions_card(shell, wb, mine, rest.lines())


def _jobs_card(shell: Any, jobs: Jobs | Job) -> dict[str, Any]:
    wb = the_workbench()
    if not wb.has_jobs:
        return {}
    if isinstance(jobs, Jobs):
        return front.jobs_card(shell, wb) if jobs is wb.jobs else {}
    mine = wb.jobs.get(jobs.name)
    return front.jobs_card(shell, wb, [jobs.name]) if mine and mine.definition == jobs.definition else {}


def _peer_card(shell: Any, peer: Peer) -> dict[str, Any]:
    wb = the_workbench()
    name = next((name for name, each in wb.peers.items() if each is peer), "")
    return front.peer_card(shell, wb, name, peer, HTML_OF_PEERS.get(type(peer), running.peer)) if name else {}


HTML_OF_PEERS: dict[type, Callable[[Any], str]] = {SMTPInbox: running.inbox, IMAPMailbox: running.mailbox}
CARDS: dict[type, Callable[[Any, Any], dict[str, Any]]] = {
    DeployLine: lambda shell, line: front.services_card(
        shell, line.wb, line.services, [*line.warnings, *line.notes], line.cell
    ),
    Defined: _defined_card,
    ClickedLine: lambda shell, line: front.clicked_card(shell, line.wb, line.lines),
    Clicks: lambda shell, clicks: front.clicked_card(shell, the_workbench()) if clicks else {},
    Question: lambda shell, question: front.question_card(shell, question.wb),
    Job: _jobs_card,
    Jobs: _jobs_card,
    Peer: _peer_card,
    Workbench: front.panel_card,
}
HTML: dict[type, Callable[[Any], str]] = {
    Answer: _answer,
    Trace: _trace,
    Collection: _collection,
    Defined: _defined,
    Sandboxed: _sandboxed,
    SettingsInForce: _settings,
    Workbench: _workbench,
    Greeting: Greeting.html,
    DeployLine: DeployLine.html,
    NothingLine: NothingLine.html,
    Notice: Notice.html,
    ClickedLine: ClickedLine.html,
    Question: Question.html,
    Clicks: _clicks,
    LimitsInForce: limiting.limits,
    Explanation: limiting.explanation,
    Simulation: limiting.simulation,
    Job: running.job,
    Jobs: lambda jobs: running.jobs(jobs, Path(notebook_name()).name),
    Run: running.run,
    Tally: running.tally,
    Sandbox: running.peers,
    Mail: running.opened_mail,
    Peer: running.peer,
    **HTML_OF_PEERS,
}
