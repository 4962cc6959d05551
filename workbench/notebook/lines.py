"""The quiet lines under cells: what is on, what went live, what did not."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.app.deploy.draft import Deployed
from workbench.app.reports import opened
from workbench.app.workbench import Workbench
from workbench.channels.definition import ChannelDefinition
from workbench.notebook.html import dot, escape
from workbench.runtime.registry import Version
from workbench.scheduler.records import Absence, Away


class Greeting:
    """The first line of a notebook."""

    title = "Workbench on"
    text = f"{title}. Services go live when their cell has run. Type wb to see everything."

    def __init__(self, wb: Workbench) -> None:
        self.wb = wb

    @property
    def notes(self) -> list[str]:
        """What else there is to say where the address stands beside it."""
        held = f"{elsewhere}. " if (elsewhere := self.wb.ports.elsewhere) else ""
        return [held + self.text.removeprefix(f"{self.title}. ")]

    def __repr__(self) -> str:
        return self.text


class DeployLine:
    """What a good cell brought: services with their versions, and channels that opened with them."""

    def __init__(self, deployed: Deployed, wb: Workbench, cell: str = "") -> None:
        self._deployed = deployed
        self.wb, self.cell = wb, cell

    @property
    def services(self) -> list[str]:
        """Names of the services that went live, or wait to."""
        return [each.name for each in (*dict(self._deployed.versions), *self._deployed.waiting)]

    @property
    def channels(self) -> list[ChannelDefinition]:
        """The channels that opened with them."""
        return [each for each in self._deployed.definitions if isinstance(each, ChannelDefinition)]

    @property
    def warnings(self) -> list[str]:
        """A line for each service that no call survives."""
        return [without_handle(version.name) for version, _ in self._deployed.versions if not version.has_handle]

    def _answers(self) -> list[str]:
        """How new versions answer recorded calls, a line for each where that is otherwise."""
        found = [live.compared for each in self.services if (live := self.wb.services.get(each)) is not None]
        return [f"{each.service}: {each.said}" for each in found if each is not None and each.said]

    def __repr__(self) -> str:
        said = [self._said(version, before) for version, before in self._deployed.versions]
        said += [f"{version} waits." for version in self._deployed.waiting]
        return "\n".join([*said, *self.warnings, *self._answers(), *map(opened, self.channels)])

    def _said(self, version: Version, before: int) -> str:
        return f"{version} is live{was(version, before)}.{undefined(self._deployed.missing.get(version.name, ()))}"


def was(version: Version, before: int) -> str:
    """What was live before, if anything was."""
    if not before:
        return ""
    return ", unchanged" if before == version.number else f" (was v{before}: roll back)"


def without_handle(service: str) -> str:
    """What to say of a service that has neither `handle` nor a method for a verb."""
    return f"{service} has no handle, so that every call of it fails. Fix: write def handle(self)."


def undefined(missing: Sequence[str]) -> str:
    """The connections that a service names and nobody defined."""
    if not missing:
        return ""
    count = f"{len(missing)} connection{'s' if len(missing) > 1 else ''}"
    return f" It uses {count} that nobody defined yet: {', '.join(missing)}."


class NothingLine:
    """What a failing cell did not do."""

    def __init__(self, names: Sequence[str], undone: bool) -> None:
        self._names, self._undone = names, undone

    def __repr__(self) -> str:
        what = f" ({', '.join(self._names)})" if self._names else ""
        taken = " Its definitions are taken back." if self._undone else ""
        return f"Nothing of this cell{what} is live, since it failed; what was live still is.{taken}"

    def html(self) -> str:
        """The same, in the colour of trouble."""
        return f"{dot('bad')} {escape(repr(self))}"


class TestLine:
    """How a `%%test` cell went."""

    def __init__(self, name: str, passed: bool) -> None:
        self._name, self._passed = name, passed

    def __repr__(self) -> str:
        named = f": {self._name}" if self._name else ""
        return f"Test {'passed' if self._passed else 'failed'}{named}."

    def html(self) -> str:
        """The same, green or red."""
        return f"{dot('live' if self._passed else 'bad')} {escape(repr(self))}"


class Notice:
    """What a person may not expect of the cell that has run, a sentence a line, each with what to do."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = list(lines)

    def __repr__(self) -> str:
        return "\n".join(self._lines)

    def html(self) -> str:
        """The same, each line with a warning's dot."""
        return "<br>".join(f"{dot('warn')} {escape(line)}" for line in self._lines)


class Restarted:
    """What is back since the workbench has started anew."""

    def __init__(self, said: str) -> None:
        self._said = said

    def __repr__(self) -> str:
        return self._said

    def html(self) -> str:
        """The same, with a dot."""
        return f"{dot('live')} {escape(self._said)}"


class AwayLine:
    """What came of the jobs that a cell has brought back while they were left: a line for all, one for each."""

    def __init__(self, away: Away, wb: Workbench) -> None:
        self._lines = [away.title, *(f"{each}{_policies(each, wb)}." for each in away.absences)]
        self._mood = "live" if away.is_well else "warn"

    def __repr__(self) -> str:
        return "\n".join(self._lines)

    def html(self) -> str:
        """The same, in amber unless all is well."""
        return "<br>".join([f"{dot(self._mood)} {escape(self._lines[0])}", *map(escape, self._lines[1:])])


def _policies(absence: Absence, wb: Workbench) -> str:
    """The fields of the job that say so."""
    if absence.job not in wb.jobs:
        return " (it is removed)"
    job = wb.jobs[absence.job].definition
    named = [f"missed={job.missed!r}"] if absence.late or absence.others else []
    named += [f"on_interrupt={job.on_interrupt!r}"] if absence.interrupted else []
    return f" ({', '.join(named)})" if named else ""


class ClickedLine:
    """What became of clicks when a cell had run: a sentence a line."""

    def __init__(self, lines: Sequence[str], wb: Workbench) -> None:
        self.lines, self.wb = list(lines), wb

    def __repr__(self) -> str:
        return "\n".join(self.lines)

    def html(self) -> str:
        """The same, each line with a dot."""
        return "<br>".join(f"{dot('calm')} {escape(line)}" for line in self.lines)


class Question:
    """What a notebook from elsewhere may do, until its person has answered."""

    def __init__(self, text: str, wb: Workbench) -> None:
        self._text, self.wb = text, wb

    def __repr__(self) -> str:
        return f"{self._text} [Use stand-ins] [Allow]"

    def html(self) -> str:
        """The same, in amber."""
        return f"{dot('warn')} {escape(repr(self))}"
