"""How values of the workbench look in a notebook: `text/plain` is their stable repr, `text/html` adds what is live."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from workbench.app.asking.inline import Answer
from workbench.app.collections import Collection
from workbench.app.configuration.settings import SettingsInForce
from workbench.app.deploy.clicks import Clicks
from workbench.app.deploy.folders.imported import Differences, Imported
from workbench.app.limits import LimitsInForce
from workbench.app.reports import Defined, Sandboxed
from workbench.app.serving.attached import Attached
from workbench.app.singleton import the_workbench
from workbench.app.workbench import Workbench
from workbench.core.errors import WorkbenchError
from workbench.core.masking import mask, masked
from workbench.core.trace import Trace
from workbench.limiting.explain import Explanation
from workbench.limiting.simulate import Simulation
from workbench.notebook import called, folders, jobs, limiting, running
from workbench.notebook.html import block, chip, code, dot, escape, muted, strong, table
from workbench.notebook.lines import (
    AwayLine,
    ClickedLine,
    DeployLine,
    Greeting,
    NothingLine,
    Notice,
    Question,
    Restarted,
    TestLine,
)
from workbench.notebook.still import essence, still
from workbench.sandbox.catalog import Sandbox
from workbench.sandbox.mail import Mail
from workbench.sandbox.peer import Peer
from workbench.scheduler.cron.crontab import Crontab, CrontabLine
from workbench.scheduler.jobs import Jobs
from workbench.scheduler.records import Run, Tally
from workbench.scheduler.runs.calendar import Calendar
from workbench.scheduler.runs.table import JobsTable
from workbench.ui import front, things, views
from workbench.ui.desk import Desk
from workbench.ui.desks import any_desk_of, desk_of


def show(value: Any) -> None:
    """Display a value under the cell that runs."""
    from IPython.display import display

    display(value)  # type: ignore[no-untyped-call]


def register(shell: Any) -> None:
    """Give IPython the HTML form of each type; the plain form is the value's repr."""
    formats = shell.display_formatter
    formatter, plain = formats.formatters["text/html"], formats.formatters["text/plain"]
    for kind, look in CARDS.items():
        formats.ipython_display_formatter.for_type(kind, partial(_show_card, shell, look))
        formatter.for_type(kind, partial(_saved_alone, look))
    front.prime(shell)
    for kind, html in HTML.items():
        formatter.for_type(kind, _framed(html))
    for kind in (*CARDS, *HTML):
        # IPython's own text of a class is `__main__.Hello`.
        if kind is not type:
            plain.for_type(kind, lambda value, printer, cycle: printer.text(mask(repr(value))))


def unregister(shell: Any) -> None:
    """Leave these types to IPython again."""
    html, plain = (shell.display_formatter.formatters[mime] for mime in ("text/html", "text/plain"))
    for kind in (*CARDS, *HTML):
        html.pop(kind, None)
        if kind is not type:
            plain.pop(kind, None)
    for kind in CARDS:
        shell.display_formatter.ipython_display_formatter.pop(kind, None)


class SavedCard:
    """What is saved of a card.

    Args:
        wb: The workbench, whose clock says of when it is.
        text: The plain form.
    """

    def __init__(self, wb: Workbench | Attached, text: str) -> None:
        self._wb, self._text = wb, text

    def bundle(self, facts: Mapping[str, Any]) -> dict[str, str]:
        """Its text and its HTML."""
        html = still(facts, self._wb.clock.now().astimezone(), covered=True)
        return {"text/plain": self._text, "text/html": html}

    def essence(self, facts: Mapping[str, Any]) -> Any:
        """What must change before another bundle is worth an edit of the notebook."""
        return essence(facts)


def _show_card(shell: Any, look_of: LookOf, value: Any) -> None:
    """Show the card of a value in the running cell.

    Raises:
        NotImplementedError: Nobody could click it. IPython then shows the value's text and HTML.
    """
    if isinstance(value, Defined) and value.of("waiting"):
        # What opens with the cell is said at its end.
        if (left := value.settled()) is not None:
            show(left)
        return
    if not front.headless(shell) and (look := look_of(value)) is not None:
        wb, draw, cell = look
        if front.show_card(shell, wb, draw, cell, SavedCard(wb, _text(shell, value))):
            return
    raise NotImplementedError


def _text(shell: Any, value: Any) -> str:
    """The plain form of a value."""
    return str(shell.display_formatter.formatters["text/plain"](value))


def widget_of(shell: Any, thing: Any) -> Any:
    """The widget of a thing, which its cell takes down when it runs again.

    Raises:
        WorkbenchError: The thing is not in force.
    """
    text = _text(shell, thing)
    if (look := _thing(thing)) is None:
        raise WorkbenchError(f"No widget shows {text}, which is not in force here. Fix: define it, or run its cell.")
    wb, draw, _ = look
    return front.make_widget(shell, wb, draw, SavedCard(wb, text), text)


def _saved_alone(look_of: LookOf, value: Any) -> str | None:
    """The HTML of a value's card where there is no card; None if it has no HTML at all."""
    if (look := look_of(value)) is None:
        if isinstance(value, Peer):
            return block(running.peer(value))
        return block("<br>".join(map(escape, value.lines()))) if isinstance(value, Defined) else None
    wb, draw, _ = look
    return still(masked(draw(any_desk_of(wb))), wb.clock.now().astimezone())


def _framed(html: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: block(html(value))


def _collection(collection: Collection[Any]) -> str:
    rows = [(strong(name), code(what)) for name, what in collection.rows()]
    return table(("name", "what"), rows) if rows else muted(escape(repr(collection)))


def _settings(settings: SettingsInForce) -> str:
    rows = [
        (strong(each.setting), code(each.value), muted(each.came), code(each.default), muted(escape(each.what)))
        for each in settings.rows()
    ]
    return table(("setting", "value", "from", "default", "what"), rows)


def _crontab(crontab: Crontab) -> str:
    rows = [(muted(line.number), code(mask(line.text)), _became(line)) for line in crontab.lines]
    below = "<br>".join(muted(escape(mask(each))) for each in crontab.summary)
    return f"{table(('', 'line', 'what became of it'), rows)}{below}"


def _became(line: CrontabLine) -> str:
    said = escape(mask(line.said))
    return f"{chip('left out', 'warn')} {said.removeprefix('left out: ')}" if line.what == "left out" else said


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


def _greeting(greeting: Greeting) -> Look:
    return greeting.wb, views.greeting(greeting.title, greeting.notes), ""


def _deployed(line: DeployLine) -> Look:
    return line.wb, views.services(line.services, line.warnings, line.channels), line.cell


def _defined(said: Defined) -> Look | None:
    wb = the_workbench()
    in_force = [definition for definition, _ in said.outcomes if wb.in_force(definition) == definition]
    mine = [each for each in in_force if each.collection in ("channels", "connections")]
    rest = Defined([pair for pair in said.outcomes if pair[0] not in mine], said.played)
    return (wb, views.definitions(mine, rest.lines()), "") if mine else None


def _jobs(jobs: Jobs) -> Look | None:
    wb = the_workbench()
    return (wb, views.jobs(), "") if wb.has_jobs and jobs is wb.jobs else None


def _thing(thing: object) -> Look | None:
    wb = the_workbench()
    return (wb, draw, "") if (draw := things.view_of(wb, thing)) is not None else None


def _peer(peer: Peer) -> Look | None:
    wb = the_workbench()
    name = next((name for name, each in wb.peers.items() if each is peer), "")
    return (wb, views.peer(name, peer, running.peer), "") if name else None


def _panel(wb: Workbench) -> Look:
    desk(wb)
    return wb, views.everything, ""


def desk(wb: Workbench) -> Desk:
    """The desk of a workbench, which knows how what arrived at its peers is drawn."""
    found = desk_of(wb)
    found.html_of_peer = running.peer
    return found


def _attached(other: Attached) -> Look:
    return other, views.attached, ""


def _clicks(clicks: Clicks) -> Look | None:
    wb = the_workbench()
    return (wb, views.clicked(), "") if clicks and clicks is wb.clicked else None


Look = tuple[Workbench | Attached, views.Draw, str]
"""The workbench of a card, what it shows, and its cell."""
LookOf = Callable[[Any], Look | None]
CARDS: dict[type, LookOf] = {
    DeployLine: _deployed,
    Defined: _defined,
    Greeting: _greeting,
    Jobs: _jobs,
    **dict.fromkeys(things.VIEWS, _thing),
    Peer: _peer,
    ClickedLine: lambda line: (line.wb, views.clicked(line.lines), ""),
    Clicks: _clicks,
    Question: lambda question: (question.wb, views.question, ""),
    Workbench: _panel,
    Attached: _attached,
}
"""What has a card; what is saved of it is the card's HTML, too."""
HTML: dict[type, Callable[[Any], str]] = {
    Answer: called.answer,
    Trace: called.trace,
    Collection: _collection,
    Crontab: _crontab,
    Sandboxed: _sandboxed,
    SettingsInForce: _settings,
    NothingLine: NothingLine.html,
    TestLine: TestLine.html,
    Notice: Notice.html,
    Restarted: Restarted.html,
    AwayLine: AwayLine.html,
    Imported: folders.imported,
    Differences: folders.differences,
    LimitsInForce: limiting.limits,
    Explanation: limiting.explanation,
    Simulation: limiting.simulation,
    Calendar: jobs.calendar,
    JobsTable: jobs.table_of_jobs,
    Run: running.run,
    Tally: running.tally,
    Sandbox: running.peers,
    Mail: running.opened_mail,
}
