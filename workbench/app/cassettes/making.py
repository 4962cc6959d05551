"""Makes a test of a recorded call: replayed three times at once, and written only if it is green.

The replays have other CIDs, another time and another port each. What differs between them is noise, which is named and
not compared; what is the same in all and not as recorded is a regression, of which no test is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from workbench.app.cassettes import cell
from workbench.app.cassettes.call import Came, WrittenCall, call_of, recorded
from workbench.app.cassettes.cassette import Cassette, Cassettes
from workbench.app.cassettes.errors import NotATest
from workbench.app.cassettes.noise import at_place, common, difference, like, noisy, without_credentials
from workbench.app.cassettes.playing import Playing
from workbench.app.cassettes.recorded import asked_by, loosened, sides_of
from workbench.app.cassettes.stage import Stage
from workbench.app.parts import Parts
from workbench.core.errors import short
from workbench.core.masking import mask
from workbench.core.payload.asked import Told
from workbench.core.ports import Showable
from workbench.core.trace import Trace

SHIFTS_SECONDS = (3_661.0, 90_061.0, 34_563_723.0)
"""How far the clocks of the three replays are ahead: another hour, another day, another year [s]."""


class MadeTest(Showable):
    """A test made of a call: the text of its cell, and its cassette.

    Attributes:
        name: The cassette's name.
        path: The cassette's file.
        code: The cell.
        noise: What differs in each run and is not compared, by name.
        by: What plays each other side, `peer` or `record`.
    """

    def __init__(self, name: str, path: Path, code: str, noise: Sequence[str], cassette: Cassette) -> None:
        self.name, self.path, self.code, self.noise = name, path, code, list(noise)
        self.by = {each: side.by for each, side in cassette.sides.items()}

    @property
    def verdict(self) -> str:
        """`pass`, or `noise` if something differs in each run."""
        return "noise" if self.noise else "pass"

    def __repr__(self) -> str:
        differs = f" Not compared, since it differs in each run: {', '.join(self.noise)}." if self.noise else ""
        return f"Test {self.name}: three replays at once passed.{differs}\n\n{self.code}"


class Replayed(NamedTuple):
    """One replay: what came of it, and what was sent for each thing in the cassette."""

    came: Came
    sent: dict[int, Any]
    left: str


def make_test(start: Callable[[], str], parts: Parts, folder: Path, trace: Trace, name: str = "") -> MadeTest:
    """What `Trace.make_test` does; `start` starts the server if it does not run."""
    cassettes, call = Cassettes(folder), call_of(parts, trace)
    name = name or _free_name(cassettes, call)
    cassettes.path(name)
    asked = asked_by(trace)
    cassette = Cassette(call.service, sides_of(parts, asked), asked)
    if call.way == "request":
        start()
    made = _Making(parts, cassettes, name, call, recorded(trace))
    cassette, came, noise = made.proved(cassette)
    expected = cell.expectation(call, came)
    if expected.is_long:
        cassette = cassette._replace(answer=came.value)
    path = cassettes.save(name, cassette)
    return MadeTest(name, path, cell.text(name, call, expected, noise, cassette), noise, cassette)


def _free_name(cassettes: Cassettes, call: WrittenCall) -> str:
    words = re.sub(r"[^A-Za-z0-9]+", "-", call.service).strip("-") or "call"
    taken = {each.lower() for each in cassettes.names}
    names = (words[:80] if number == 1 else f"{words[:80]}-{number}" for number in range(1, len(taken) + 2))
    return next(each for each in names if each.lower() not in taken)


class _Making:
    """The proof of one test."""

    def __init__(self, parts: Parts, cassettes: Cassettes, name: str, call: WrittenCall, was: Came) -> None:
        self._parts, self._cassettes, self._name, self._call, self._was = parts, cassettes, name, call, was

    def proved(self, cassette: Cassette) -> tuple[Cassette, Came, list[str]]:
        """The cassette as it answers three times at once, what comes of the call then, and the names of what differs.

        Raises:
            NotATest: It would not be green.
        """
        cassette = self._with_sides(cassette)
        try:
            return self._thrice(cassette)
        except NotATest:
            if (by_record := _by_record(cassette)) == cassette or _unkept(by_record):
                raise
        return self._thrice(by_record)

    def _with_sides(self, cassette: Cassette) -> Cassette:
        """The cassette, whose peers are those that answer as the other side did."""
        while any(side.by == "peer" for side in cassette.sides.values()):
            replayed = self._replay(cassette, 0.0)
            differ = _differing(cassette.asked, asked_by(replayed.came.trace) if replayed.came.trace else ())
            differ = {each for each in differ if cassette.sides[each].by == "peer"}
            if not differ:
                break
            cassette = _by_record(cassette, differ)
        if told := _unkept(cassette):
            what = f"The answer of {told.connection} {told.operation}"
            raise NotATest(what, told.why, "have a peer answer it, or ask for less at once")
        return cassette

    def _thrice(self, cassette: Cassette) -> tuple[Cassette, Came, list[str]]:
        cassette = self._cassettes.as_read(cassette, self._parts.live.definitions)
        with ThreadPoolExecutor(len(SHIFTS_SECONDS), "workbench-replay") as pool:
            replays = list(pool.map(lambda shift: self._replay(cassette, shift), SHIFTS_SECONDS))
        cassette, noise = self._with_sent(cassette, replays)
        came, differences = replays[0].came, [each.left for each in replays if each.left]
        value = without_credentials(common(*(each.came.value for each in replays)))
        was = self._was
        for what, one, others in (
            ("status", was.status, {each.came.status for each in replays}),
            ("error", was.error, {each.came.error for each in replays}),
        ):
            if others != {one}:
                differences.append(
                    f"{what}: recorded {one!r}, replayed {', '.join(map(repr, sorted(others, key=str)))}"
                )
        if not self._is_as_it_was(value, replays):
            differences.append(self._difference(value))
        if differences:
            raise self._regression(differences)
        noise += noisy(value)
        return cassette, came._replace(value=value), noise

    def _with_sent(self, cassette: Cassette, replays: Sequence[Replayed]) -> tuple[Cassette, list[str]]:
        """The cassette in which `...` stands for what is sent otherwise in each replay."""
        asked, noise = list(cassette.asked), list[str]()
        for place, told in enumerate(asked):
            sent = [each.sent[place] for each in replays if place in each.sent]
            if not sent:
                continue
            shared = common(*sent)
            if (differs := difference(shared, told.arguments)) is not None:
                raise self._regression([f"{told.connection} {told.operation} is sent something else{_at(differs)}"])
            kept = common(told.arguments, *sent)
            before = set(noisy(told.arguments))
            noise += [f"{told.connection} {told.operation}{_at(each)}" for each in noisy(kept) if each not in before]
            asked[place] = told._replace(arguments=kept)
        return cassette._replace(asked=tuple(asked)), noise

    def _is_as_it_was(self, value: Any, replays: Sequence[Replayed]) -> bool:
        was = self._was
        if was.error or like(value, was.value) or was.text in {each.came.text for each in replays}:
            return True
        if was.is_whole:
            # Of text, unlike JSON, the parts that differ have no names.
            return not was.is_json and value is ...
        return value is ... or any(each.came.text.startswith(was.text[:1000]) for each in replays)

    def _difference(self, value: Any) -> str:
        at = difference(value, self._was.value)
        recorded_, replayed = (short(at_place(each, at or "")) for each in (self._was.value, value))
        return f"answer{_at(at or '')}: recorded {recorded_}, replayed {replayed}"

    def _regression(self, differences: Sequence[str]) -> NotATest:
        why = f"would be no green test: {'; '.join(mask(each) for each in differences[:1])}, in each of three replays"
        fix = "see whether its code has changed since, or whether it depends on what no cassette has, as a global"
        return NotATest(f"The call of {self._call.service!r}", why, fix, differences)

    def _replay(self, cassette: Cassette, shift_seconds: float) -> Replayed:
        stage = Stage(self._parts, cassette, shift_seconds)
        playing = Playing(self._name, cassette, stage, exact=False)
        try:
            if self._call.way != "request":
                came = self._call.make(self._parts, "", playing)
            else:
                server = self._parts.another_server()
                server.start()
                try:
                    came = self._call.make(self._parts, server.url, playing)
                finally:
                    server.stop()
        finally:
            stage.close()
        # Nobody called: it is neither what a person looks for, nor what a new version is compared by.
        if came.trace is not None:
            self._parts.traffic.drop(came.trace)
        ended = playing.ended()
        return Replayed(came, playing.sent, str(ended).partition(". ")[0] if ended is not None else "")


def _by_record(cassette: Cassette, names: set[str] | None = None) -> Cassette:
    sides = {
        name: side._replace(by="record") if names is None or name in names else side
        for name, side in cassette.sides.items()
    }
    return cassette._replace(sides=sides)


def _unkept(cassette: Cassette) -> Told | None:
    return next((told for told in cassette.asked if told.why and cassette.sides[told.connection].by == "record"), None)


def _differing(asked: Sequence[Told], now: Sequence[Told]) -> set[str]:
    """The connections whose answers are not as recorded."""
    names = {told.connection for told in asked}
    return {name for name in names if not _as_recorded([one for one in asked if one.connection == name], name, now)}


def _as_recorded(asked: Sequence[Told], name: str, now: Sequence[Told]) -> bool:
    theirs = [told for told in now if told.connection == name]
    return len(asked) == len(theirs) and all(map(_alike, asked, theirs))


def _alike(one: Told, two: Told) -> bool:
    if one.operation != two.operation or bool(one.why) != bool(two.why):
        return False
    if one.error is not None or two.error is not None:
        return one.error is not None and two.error is not None and one.error[0] is two.error[0]
    return like(loosened(one.answer), loosened(two.answer))


def _at(place: str) -> str:
    return f" at {place}" if place else ""
