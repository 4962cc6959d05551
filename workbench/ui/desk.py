"""What cards ask for, by verb: each question answered from any thread, each failure in a sentence."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping
from html import escape
from threading import Lock
from typing import Any

from workbench.app.book import Changed
from workbench.app.code import code_of
from workbench.app.deploy.draft import Deployed
from workbench.app.rehearsal.versions import VersionsCompared
from workbench.app.workbench import Workbench
from workbench.core.definition import Definition
from workbench.core.errors import DanglingReference, InvalidDefinition, WorkbenchError
from workbench.core.events import Closed
from workbench.core.masking import mask
from workbench.core.origin import Origin
from workbench.core.ports import Clock
from workbench.core.trace import OutgoingEnded
from workbench.sandbox.peer import Peer
from workbench.scheduler.records import JobChanged, Run, RunEnded, RunStarted, WatchChanged
from workbench.ui.cells import change_for, offer
from workbench.ui.courier import Courier
from workbench.ui.forms.limit import short_problem
from workbench.ui.forms.reading import Problems, Read
from workbench.ui.forms.secrets import learn_typed
from workbench.ui.panel.history import History
from workbench.ui.trace import COLOURS

log = logging.getLogger("workbench.ui")

Content = Mapping[str, Any]
Tell = Callable[[dict[str, Any]], None]
Verb = Callable[["Desk", Content, Tell], "dict[str, Any] | None"]
KEPT_UNDOS = 100
REFRESHING: tuple[type[Any], ...] = (Changed, Deployed, JobChanged, VersionsCompared, WatchChanged)
"""Events after which every card is drawn anew."""


class Desk:
    """Answers the cards of one workbench.

    Args:
        wb: The workbench.
        courier: Carries what cards show.
        verbs: What cards may ask for, by its word.
    """

    def __init__(self, wb: Workbench, courier: Courier, verbs: Mapping[str, Verb]) -> None:
        self.wb, self.courier, self._verbs = wb, courier, verbs
        self._chosen_zone, self.path = "", ""
        self.last: dict[str, Run] = {}
        self.moods: dict[str, str] = {}
        """How the last ping or call of each connection went, as a colour."""
        self.worked: dict[str, float] = {}
        """When each connection last did what it was asked [s since the epoch], since cards are shown."""
        self.html_of_peer: Callable[[Peer], str] = lambda peer: escape(peer.summary())
        """How what arrived at a peer is drawn: HTML in which all that strangers sent is escaped."""
        self.closed = False
        """Whether the workbench is closed, for good."""
        self.requests = History()
        self._lock = Lock()
        self._undos: dict[int, Callable[[], str]] = {}
        self._offers: dict[int, Callable[[str], dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._ends: list[Callable[[], None]] = []
        self.follow()

    def follow(self) -> None:
        """Hear what happens in the workbench, and show how it stands; after `pause`, again."""
        events, refresh_all = self.wb.events, self.courier.refresh_all
        self._ends = [
            events.subscribe(RunStarted, self._ran),
            events.subscribe(RunEnded, self._ran),
            events.subscribe(OutgoingEnded, self._called),
            events.subscribe(Changed, self._forget_mood),
            events.subscribe(Closed, self._is_over),
            *(events.subscribe(kind, lambda _: refresh_all()) for kind in REFRESHING),
        ]
        refresh_all()

    def pause(self) -> None:
        """Hear nothing, as while the workbench is made anew: that it is closed for that need not be shown."""
        while self._ends:
            self._ends.pop()()

    def close(self) -> None:
        """Listen no more."""
        self.pause()
        self.courier.close()

    def _ran(self, event: RunStarted | RunEnded) -> None:
        self.last[event.run.job] = event.run
        self.courier.refresh_all()

    def _called(self, event: OutgoingEnded) -> None:
        colour = COLOURS[event.mood]
        if event.mood == "ok" and event.connection:
            self.worked[event.connection] = self.wb.clock.time()
        if self.moods.get(event.connection, COLOURS["ok"]) != colour:
            self.moods[event.connection] = colour
            self.courier.refresh_all()

    def _is_over(self, _: Closed) -> None:
        self.closed = True
        self.courier.refresh_all()

    def _forget_mood(self, event: Changed) -> None:
        """What is defined anew has been asked nothing yet."""
        if (shown := event.before or event.after) is not None and shown.collection == "connections":
            self.moods.pop(shown.name, None)
            self.worked.pop(shown.name, None)

    @property
    def clock(self) -> Clock:
        """Where time comes from."""
        return self.wb.clock

    @property
    def zone(self) -> str:
        """The time zone that forms start with: the one last chosen, else the user's own."""
        return self._chosen_zone or self.wb.settings.timezone

    @zone.setter
    def zone(self, zone: str) -> None:
        self._chosen_zone = zone

    @property
    def notebook(self) -> str:
        """The notebook's name, to be served by a command, as the front end calls it now: it may have been renamed."""
        return self.path or (self.wb.app if self.wb.app.endswith(".ipynb") else "NOTEBOOK.ipynb")

    @property
    def lives(self) -> str:
        """How long jobs run, and who else runs them."""
        if others := ", ".join(str(each.pid) for each in self.wb.sharing_jobs()):
            return f"Jobs run while this kernel or process {others} lives, each planned time in one of them."
        return f"Jobs run while this kernel lives. Keep them running: workbench serve {self.notebook}"

    def answer(self, message: Content, tell: Tell) -> None:
        """Answer a question: `tell` is called with the answer, now or later; it is always called."""
        name = str(message.get("ask"))
        learn_typed(message)
        try:
            if name not in self._verbs:
                raise WorkbenchError(f"A card asked for {name!r}, which nobody answers. Fix: run its cell again.")
            said = self._verbs[name](self, message, tell)
        except WorkbenchError as exc:
            said = {"failed": mask(str(exc))}
        except Exception as exc:
            log.exception("what a card asked for failed: %s", name)
            said = {"failed": mask(f"{type(exc).__name__}: {exc}")}
        if said is not None:
            tell(said)

    def put(
        self, found: Read, cell: str, edited: str = "", first: Callable[[], object] = lambda: None
    ) -> dict[str, Any]:
        """Put what a form describes into force at once, or say by field why not.

        Args:
            found: What was read of the form.
            cell: The id of the cell under which it was opened; empty if nobody knows.
            edited: The name of the job that it may replace.
            first: Done before, once nothing speaks against it.
        """
        definition = found.definition
        if definition is None:
            return {"problems": found.problems}
        if problems := self.clashes(definition, edited):
            return {"problems": problems}
        first()
        before = self.wb.in_force(definition)
        was = self.wb.origin_of(definition)
        origin = was.by_form() if was is not None else Origin("form", cell_id=cell)
        try:
            outcome = self.wb.drafting.define([definition], origin=origin)
        except InvalidDefinition as exc:
            return {"problems": exc.problems}
        except DanglingReference as exc:
            return {"problems": {exc.field: exc.problem}}
        self.courier.refresh_all()
        said: dict[str, Any] = {"problems": {}, "code": code_of(definition), "same": bool(outcome.of("unchanged"))}
        said |= {"name": definition.name, "collection": definition.collection}
        if not said["same"]:
            said["hint"] = self._lasts()
            said["undo"] = self.keep_undo(lambda: self._take_back(definition, before, was))
            in_code = self.wb.drafting.in_code(before) if before is not None else None
            said["write"] = change_for(self.wb, definition, in_code, was, cell) | {"full_name": definition.full_name}
            if in_code is not None:
                self.keep_offer(said["undo"], lambda text: offer(text, in_code, definition))
        return said

    def _lasts(self) -> str:
        """How long what was made by click lasts, and what makes it last for good."""
        lasts = "Kept: on again after a restart, once its service's cell has run." if self.wb.clicked.lasts else ""
        return f"{lasts or 'On in this kernel.'} Paste it into a cell to keep it there."

    def clashes(self, definition: Definition, edited: str = "") -> Problems:
        """What a form alone cannot tell: names that do not exist, a limit in short, and a job's name that is taken."""
        problems = {each.field: each.problem for each in self.wb.dangling(definition)}
        if said := short_problem(str(getattr(definition, "limit", ""))):
            problems["limit"] = said
        other = self.wb.in_force(definition)
        if definition.collection == "jobs" and definition.name != edited and other not in (None, definition):
            problems["name"] = f"{definition.name!r} is the name of another job ({other}); choose another"
        return problems

    def keep_offer(self, number: int, offer: Callable[[str], dict[str, Any]]) -> None:
        """Remember what a save would make of a cell's text, by the number of its undo."""
        with self._lock:
            self._offers[number] = offer
            if len(self._offers) > KEPT_UNDOS:
                del self._offers[next(iter(self._offers))]

    def offered(self, number: int, text: str) -> dict[str, Any]:
        """What a cell that a person has edited since would become by what was saved."""
        if number not in self._offers:
            raise WorkbenchError("That was saved too long ago. Fix: save it again.")
        return self._offers[number](text)

    def keep_undo(self, undo: Callable[[], str]) -> int:
        """Remember how to take something back; gives the number to ask for it by."""
        with self._lock:
            number = next(self._numbers)
            self._undos[number] = undo
            self._undos.pop(number - KEPT_UNDOS, None)
        return number

    def undo(self, number: int) -> str:
        """Take something back, once; says what was done."""
        with self._lock:
            undo = self._undos.pop(number, None)
        if undo is None:
            raise WorkbenchError("It was taken back already, or too much was done since. Fix: change it by its form.")
        return undo()

    def _take_back(self, definition: Definition, before: Definition | None, was: Origin | None) -> str:
        if before is None:
            self.wb.withdraw(definition)
            self.last.pop(definition.name, None)
            said = f"{definition} is gone again."
        else:
            self.wb.drafting.define([before], origin=was or Origin("form"))
            said = f"{definition} is as it was before."
        self.courier.refresh_all()
        return said


def names_in(wb: Workbench) -> dict[str, list[str]]:
    """Names that definitions may refer to, by collection."""
    return {name: wb.names(name) for name in ("services", *wb.collections)}
