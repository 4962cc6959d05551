"""Whether a new version answers a recorded call as the old one did: the same, otherwise, or it cannot be said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from workbench.app.rehearsal.played import Played
from workbench.app.rehearsal.rehearsal import Rehearsal
from workbench.core.call import Deployment, ServiceStep
from workbench.core.trace import RequestStep, Step, Trace
from workbench.runtime.compared import Compared, answer_text, differing

Word = Literal["same", "differs", "cannot compare"]


class Seen(NamedTuple):
    """What can be seen of a call from outside: how it ended, what it answered, and its effects besides the record's."""

    outcome: str
    answer: str
    sent: tuple[str, ...] = ()
    unsent: tuple[str, ...] = ()


class Ran(NamedTuple):
    """One rehearsed call; `why` says why it could not be rehearsed, '' if it could."""

    trace: Trace
    seen: Seen
    why: str


class Verdict:
    """How a new version answers one recorded call.

    Attributes:
        trace: The recorded call.
        word: `same`, `differs` or `cannot compare`.
        why: What differs, or why it cannot be said, as a sentence; '' where all is the same.
        old, new: The call on each version, as far as it was rehearsed; `old` is the recorded one where that is enough.
        noise: Fields of the answer that differ from run to run, and so were left out.
    """

    def __init__(
        self, trace: Trace, word: Word, why: str, old: Trace, new: Trace | None, noise: Sequence[str] = ()
    ) -> None:
        self.trace, self.word, self.why = trace, word, why
        self.old, self.new, self.noise = old, new, list(noise)

    @property
    def cid(self) -> str:
        """The CID of the recorded call."""
        return self.trace.cid

    @property
    def compared(self) -> Compared | None:
        """Both calls side by side; None where the new version did not get as far."""
        return Compared(self.old, self.new) if self.new is not None else None

    def __repr__(self) -> str:
        return f"{self.trace.root.name}: {self.word}{f'. {self.why}' if self.why else ''}"


class Judge:
    """Compares two versions of one service, call by call.

    The answer of the old version is in the record. It is run again only where the new one answers otherwise, to tell a
    change from what differs in each run, as a random number.

    Args:
        service: Its name.
        number: The number of the old version.
        old: What was live.
        new: What is to be.
        changed: Names that the old version uses and that are not what they were when it went live.
    """

    def __init__(
        self,
        service: str,
        number: int,
        old: Mapping[str, Deployment],
        new: Mapping[str, Deployment],
        changed: Sequence[str],
    ) -> None:
        self._service, self._number, self._old, self._new, self._changed = service, number, old, new, changed

    def judge(self, rehearsal: Rehearsal, trace: Trace) -> Verdict:
        """Run a recorded call on the new version, and on the old one if that must be."""
        step = service_step(trace)
        recorded = Seen(_outcome(trace), answer_text(trace)) if step.version == self._number else None
        try:
            new = self._run(rehearsal, trace, step, self._new)
            if new.why or new.seen == recorded:
                word: Word = "cannot compare" if new.why else "same"
                return Verdict(trace, word, _sentence(new.why), trace, new.trace)
            old = self._run(rehearsal, trace, step, self._old)
        except LookupError as exc:
            return Verdict(trace, "cannot compare", _sentence(str(exc)), trace, None)
        if old.why:
            return Verdict(trace, "cannot compare", f"On the old version {old.why}.", trace, new.trace)
        return self._weigh(trace, recorded, old, new)

    def _weigh(self, trace: Trace, recorded: Seen | None, old: Ran, new: Ran) -> Verdict:
        """The new version does not answer as the record says: it, or what both of them use, has changed."""
        if new.seen == old.seen:
            if recorded is None or not self._changed:
                return Verdict(trace, "same", "", old.trace, new.trace)
            why = f"{_difference(recorded, new.seen)} Both versions use what has changed: {', '.join(self._changed)}."
            return Verdict(trace, "differs", why, trace, new.trace)
        if recorded is None or old.seen == recorded:
            return Verdict(trace, "differs", _difference(old.seen, new.seen), old.trace, new.trace)
        noise = differing_fields(recorded.answer, old.seen.answer)
        if not noise or "" in noise:
            return Verdict(trace, "cannot compare", "The old version answers otherwise each time.", trace, new.trace)
        if old.seen._replace(answer="") == new.seen._replace(answer="") and all(
            _is_below(each, noise) for each in differing_fields(old.seen.answer, new.seen.answer)
        ):
            return Verdict(trace, "same", "", old.trace, new.trace, noise)
        return Verdict(trace, "differs", _difference(old.seen, new.seen), old.trace, new.trace, noise)

    def _run(self, rehearsal: Rehearsal, trace: Trace, step: ServiceStep, services: Mapping[str, Deployment]) -> Ran:
        played = Played(step.asked or ())
        ran = rehearsal.again(trace, self._service, services, played)
        sent = played.sent(ran)
        return Ran(ran, Seen(_outcome(ran), answer_text(ran), tuple(sent), tuple(played.unsent)), played.why)


def service_step(trace: Trace) -> ServiceStep:
    """The first run of a service in a call."""
    return next(step for _, step in trace.root.tree() if isinstance(step, ServiceStep))


def _outcome(trace: Trace) -> str:
    root: Step = trace.root if isinstance(trace.root, RequestStep) else service_step(trace)
    return root.outcome


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _difference(old: Seen, new: Seen) -> str:
    """The first thing in which two calls differ, as a sentence."""
    if old.outcome != new.outcome:
        return f"It ends with {new.outcome!r:.200}, where it ended with {old.outcome!r:.200}."
    if more := [each for each in new.sent if each not in old.sent]:
        return f"It does something more: {more[0]}."
    if less := [each for each in new.unsent if each not in old.unsent]:
        return f"It does something no more: {less[0]}."
    return f"The answer differs: {differing(old.answer, new.answer)}."


def differing_fields(one: str, other: str) -> list[str]:
    """The fields in which two answers of JSON differ, as `rows[0].id`; '' for all of it, as where it is no JSON."""
    try:
        return sorted(set(_fields(json.loads(one), json.loads(other), "")))
    except ValueError:
        return [""] if one != other else []


def _fields(one: Any, other: Any, path: str) -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        return [each for key in {**one, **other} for each in _of_key(one, other, key, path)]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [each for place, (left, right) in pairs for each in _fields(left, right, f"{path}[{place}]")]
    return [] if type(one) is type(other) and one == other else [path]


def _of_key(one: Mapping[str, Any], other: Mapping[str, Any], key: str, path: str) -> list[str]:
    where = f"{path}.{key}" if path else key
    return _fields(one[key], other[key], where) if key in one and key in other else [where]


def _is_below(field: str, noise: Sequence[str]) -> bool:
    return any(field == each or field.startswith((f"{each}.", f"{each}[")) for each in noise)
