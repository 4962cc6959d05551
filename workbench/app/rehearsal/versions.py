"""A new version must answer as the old: the last recorded calls are run on it.

Where a service says `gate` that is before it takes traffic, since it may not take any. Else it is live at once, and its
cell ends once the calls are compared.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from threading import Event, Lock, Thread
from typing import NamedTuple, cast, get_args

from workbench.app.parts import Parts
from workbench.app.rehearsal.rehearsal import Rehearsal
from workbench.app.rehearsal.verdict import Judge, Verdict
from workbench.core.call import ServiceStep
from workbench.core.errors import DeployRefused, ServiceUsage
from workbench.core.service import NewVersion
from workbench.core.trace import RequestStep, Trace
from workbench.runtime.compared import given_of
from workbench.runtime.registry import Version

log = logging.getLogger("workbench.rehearsal")

MODES: tuple[NewVersion, ...] = get_args(NewVersion)
FEWEST_CALLS = 3
"""Recorded calls from which on a new version is compared."""

MOST_CALLS = 20
"""Recorded calls of a service that are compared, the last ones."""

LONGEST_SECONDS = 1.0
"""How long a cell waits for comparisons, all of its services together [s]; what is left then goes on afterwards."""

GATE_SECONDS = 10.0
"""How long it waits where a service says `gate` [s]; a version that has not been compared with all calls then waits."""

END_SECONDS = 1.0
"""How long a stop waits for the call that is rehearsed [s]."""


class VersionsCompared:
    """How a new version answers the recorded calls of the old one.

    Attributes:
        service, old, new: The service, and the numbers of both versions.
        verdicts: One for each call that has been compared, newest call first.
        calls: How many are to be.
        waits: Whether the new version waits for somebody to take it, and the old one goes on.
    """

    def __init__(self, service: str, old: int, new: int, calls: int) -> None:
        self.service, self.old, self.new, self.calls = service, old, new, calls
        self.verdicts: list[Verdict] = []
        self.waits = False

    def of(self, word: str) -> list[Verdict]:
        """The calls of one verdict: `same`, `differs`, `cannot compare`."""
        return [each for each in self.verdicts if each.word == word]

    @property
    def said(self) -> str:
        """What came of it, in a sentence or two; '' where every call is answered the same."""
        differs, unknown, done = self.of("differs"), self.of("cannot compare"), len(self.verdicts)
        if not differs and not unknown and not self.waits:
            return ""
        counts = [f"{len(differs)} answered otherwise"] if differs else []
        counts += [f"{len(unknown)} could not be compared"] if unknown else []
        text = (
            f"Of {done} recorded call{'' if done == 1 else 's'}, {' and '.join(counts) or 'none answered otherwise'}."
        )
        if self.waits:
            text += f" Not compared yet: {self.calls - done}." if done < self.calls else ""
            text += f" v{self.old} stays live. Fix: {_access(self.service)}.take() if that is meant, or .keep()."
        return text

    def __repr__(self) -> str:
        done, every = len(self.verdicts), self.calls
        head = f"{self.service} v{self.new} against v{self.old}: {done} of {every} recorded calls compared."
        return "\n".join([head, *(f"  {each!r}" for each in self.verdicts)])


def _access(service: str) -> str:
    return f"wb.services[{service!r}]"


class _Work(NamedTuple):
    """One service to be compared."""

    said: VersionsCompared
    judge: Judge
    traces: Sequence[Trace]


class _Round:
    """The comparisons of one cell, on a thread of their own.

    Args:
        is_wanted: Says whether a comparison goes on; one whose version is not the newest any more is left as it is.
        told: Called with each comparison whose verdicts are complete.
    """

    def __init__(
        self,
        parts: Parts,
        work: Sequence[_Work],
        is_wanted: Callable[[VersionsCompared], bool],
        told: Callable[[VersionsCompared], object],
    ) -> None:
        self._parts, self._work, self._is_wanted, self._told = parts, work, is_wanted, told
        self._stopped, self.done = Event(), Event()
        self.thread = Thread(target=self._run, name="workbench-comparing", daemon=True)

    def stop(self) -> None:
        """Begin no further call."""
        self._stopped.set()

    def _run(self) -> None:
        try:
            with Rehearsal(self._parts) as rehearsal:
                for said, judge, traces in self._work:
                    for trace in traces:
                        if self._stopped.is_set():
                            return
                        if not self._is_wanted(said):
                            break
                        said.verdicts.append(judge.judge(rehearsal, trace))
                    if self._is_wanted(said):
                        self._told(said)
        except Exception:
            if not self._stopped.is_set():
                log.exception("new versions could not be compared")
        finally:
            self.done.set()


class Comparing:
    """What is compared of the versions that one cell brings, before or after they are live."""

    def __init__(self, to: NewVersions, versions: Sequence[Version], work: Sequence[_Work]) -> None:
        self._to, self._versions, self._work = to, versions, work
        gated = {each.name for each in versions if to.mode(each.name, each) == "gate"}
        self._is_gate = any(each.said.service in gated for each in work)

    def held(self) -> list[Version]:
        """Compare them now if one is gated, for at most `GATE_SECONDS`; those that must not go live."""
        if not self._is_gate:
            return []
        self._to.compare(self._work, GATE_SECONDS)
        return self._to.hold(self._versions)

    def live(self) -> None:
        """They are live: compare them if that has not been done, for at most `LONGEST_SECONDS`."""
        if self._work and not self._is_gate:
            self._to.compare(self._work, LONGEST_SECONDS)


class NewVersions:
    """Compares new versions with what is live, and keeps those that wait.

    Attributes:
        compared: What came of the last comparison of each service.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.compared: dict[str, VersionsCompared] = {}
        self._chosen: dict[str, tuple[str, str]] = {}
        self._waiting: dict[str, Version] = {}
        self._rounds: list[_Round] = []
        self._beginning = Lock()
        self.preferred: Callable[[], str] = lambda: "warn"
        """What holds for a service that does not say."""
        parts.own.ends.append(self.stop)

    def mode(self, name: str, version: Version | None = None) -> NewVersion:
        """What holds for a service: what was chosen for it, what its class says, what holds for all."""
        return cast(NewVersion, self.chosen(name, version) or self._said(name, version) or self.preferred())

    def chosen(self, name: str, version: Version | None = None) -> str:
        """What was chosen for a service; '' if nothing was, or its class has said something else since."""
        mode, said = self._chosen.get(name, ("", ""))
        return mode if said == self._said(name, version) else ""

    def _said(self, name: str, version: Version | None = None) -> str:
        version = version or self._parts.registry.services.get(name)
        return version.cls.new_version if version is not None else ""

    def choose(self, name: str, mode: str) -> None:
        """Have a mode hold for a service until its class says another; '' leaves it to its class again.

        Raises:
            ServiceUsage: There is no such mode.
        """
        if mode and mode not in MODES:
            raise ServiceUsage(f"new_version cannot be {mode!r:.80}. Fix: one of {', '.join(MODES)}.")
        if mode:
            self._chosen[name] = mode, self._said(name)
        else:
            self._chosen.pop(name, None)

    def take_choices(self, other: NewVersions) -> None:
        """Have the modes hold that were chosen for services elsewhere."""
        self._chosen |= other._chosen

    def begin(self, versions: Sequence[Version]) -> Comparing:
        """Look what there is to compare of versions that are about to go live."""
        for version in versions:
            self._forget(version.name)
        snapshot = {**self._parts.registry.services, **{each.name: each for each in versions}}
        work = [found for each in versions if (found := self._work(each, snapshot)) is not None]
        return Comparing(self, versions, work)

    def compare(self, work: Sequence[_Work], seconds: float) -> None:
        """Compare versions, and wait for it at most so long [s]; what is left then goes on."""
        self.compared |= {each.said.service: each.said for each in work}
        made = _Round(self._parts, work, lambda said: self.compared.get(said.service) is said, self._parts.events.emit)
        with self._beginning:
            self._rounds = [each for each in self._rounds if not each.done.is_set()] + [made]
            made.thread.start()
        made.done.wait(seconds)

    def hold(self, versions: Sequence[Version]) -> list[Version]:
        """Keep those of compared versions that must wait."""
        held = [each for each in versions if self._must_wait(each)]
        for version in held:
            self._waiting[version.name], self.compared[version.name].waits = version, True
        return held

    def _must_wait(self, version: Version) -> bool:
        said = self.compared.get(version.name)
        if said is None or said.old == said.new or self.mode(version.name, version) != "gate":
            return False
        return bool(said.of("differs")) or len(said.verdicts) < said.calls

    def _work(self, version: Version, snapshot: Mapping[str, Version]) -> _Work | None:
        """What there is to compare of one version; None if there is nothing."""
        live = self._parts.registry.services.get(version.name)
        if live is None or self.mode(version.name, version) == "off":
            return None
        changed = live.changed_helpers()
        if live.number == version.number and not changed:
            return None
        but = 0 if live.number == version.number else version.number
        traces = list(islice(recorded(self._parts.traffic, version.name, but), MOST_CALLS))
        if len(traces) < FEWEST_CALLS:
            return None
        judge = Judge(version.name, live.number, self._parts.registry.services, snapshot, changed)
        return _Work(VersionsCompared(version.name, live.number, version.number, len(traces)), judge, traces)

    def _forget(self, name: str) -> None:
        self._waiting.pop(name, None)
        self.compared.pop(name, None)

    def waiting(self, name: str) -> Version:
        """The version that waits.

        Raises:
            DeployRefused: None does.
        """
        if (version := self.waits(name)) is None:
            raise DeployRefused(f"No version of service {name!r} waits. Fix: run the cell of the service first.")
        return version

    def waits(self, name: str) -> Version | None:
        """The version of a service that waits, if one does."""
        return self._waiting.get(name)

    def settled(self, name: str) -> None:
        """A waiting version was taken, or the old one kept."""
        self._waiting.pop(name, None)
        if name in self.compared:
            self.compared[name].waits = False

    def stop(self) -> None:
        """End what still compares."""
        with self._beginning:
            rounds, self._rounds = self._rounds, []
        for each in rounds:
            each.stop()
        for each in rounds:
            each.thread.join(END_SECONDS)


def recorded(traffic: Sequence[Trace], service: str, but: int) -> Iterator[Trace]:
    """The calls of a service that can be run again, newest first; those of version number `but` left out."""
    return (trace for trace in reversed(list(traffic)) if _fits(trace, service, but))


def _fits(trace: Trace, service: str, but: int) -> bool:
    root = trace.root
    if root.seconds is None or (isinstance(root, RequestStep) and root.outcome in NOT_ANSWERED):
        return False
    ran = [step for _, step in root.tree() if isinstance(step, ServiceStep)]
    mine = [step for step in ran if step is root or step in root.steps]
    if len(mine) != 1 or mine[0].name != service or mine[0].version in (0, but) or mine[0].seconds is None:
        return False
    if any(getattr(step, "denied", "") for step in (*root.steps, *mine[0].steps)):
        return False
    came = given_of(trace)
    return came is not None and not came.why


NOT_ANSWERED = ("503", "504")
"""Answers that depend on how busy the server was."""
