"""`wb.cassette`: the calls of a block, answered by a cassette, or compared with the outside as it is now."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from workbench.app.asking.expecting import ExpectationFailed
from workbench.app.cassettes.call import said
from workbench.app.cassettes.cassette import Cassette, Cassettes
from workbench.app.cassettes.errors import Drifted, StaleCassette
from workbench.app.cassettes.noise import difference
from workbench.app.cassettes.playing import Playing, answering, expect_fresh
from workbench.app.cassettes.recorded import asked_by, loosened
from workbench.app.cassettes.stage import Stage
from workbench.app.parts import Parts
from workbench.core.errors import short
from workbench.core.payload.asked import Told

VARIABLE, LIVE = "WORKBENCH_CASSETTES", "live"
"""The variable that has cassettes compared with the outside, and its value: `workbench test --live` sets it."""


class InUse:
    """A cassette that answers; `answer` is what is expected of its call, where that is too long for a cell."""

    def __init__(self, cassette: Cassette) -> None:
        self.answer = cassette.answer


@contextmanager
def in_use(parts: Parts, folder: Path, name: str, raises: str = "") -> Iterator[InUse]:
    """What `Workbench.cassette` does."""
    cassette = Cassettes(folder).load(name, parts.live.definitions)
    expect_fresh(name, cassette, parts)
    if os.environ.get(VARIABLE) == LIVE:
        before = {id(trace) for trace in parts.traffic}
        with _raising(raises):
            yield InUse(cassette)
        now = [told for trace in parts.traffic if id(trace) not in before for told in asked_by(trace)]
        if differences := list(_drift(cassette, now)):
            raise Drifted(name, differences)
        return
    stage = Stage(parts, cassette)
    playing = Playing(name, cassette, stage)
    try:
        with _told(playing), answering(playing), _raising(raises):
            yield InUse(cassette)
    finally:
        stage.close()


@contextmanager
def _told(playing: Playing) -> Iterator[None]:
    """Have a stale cassette say so, whatever came of that."""
    try:
        yield
    except StaleCassette:
        raise
    except Exception as exc:
        if playing.differs is not None:
            raise playing.differs from exc
        raise
    if (stale := playing.ended()) is not None:
        raise stale


@contextmanager
def _raising(expected: str) -> Iterator[None]:
    """Expect this error of the block; '' expects none."""
    try:
        yield
    except StaleCassette:
        raise
    except Exception as exc:
        if not expected:
            raise
        if said(exc) != expected:
            raise ExpectationFailed(f"expected the error {expected!r}, got {said(exc)!r}.") from exc
    else:
        if expected:
            raise ExpectationFailed(f"expected the error {expected!r}, and there was none.")


def _drift(cassette: Cassette, now: Sequence[Told]) -> Iterator[str]:
    """How the outside differs from the record, side by side, a sentence each."""
    for name in cassette.sides:
        was, theirs = ([told for told in each if told.connection == name] for each in (cassette.asked, now))
        for place in range(max(len(was), len(theirs))):
            if place >= len(theirs):
                yield f"{name} {was[place].operation} was asked then, and is not now."
            elif place >= len(was):
                yield f"{name} {theirs[place].operation} is asked now, and was not then."
            elif told := _differs(was[place], theirs[place]):
                yield told


def _differs(was: Told, now: Told) -> str:
    words = f"{was.connection} {was.operation}"
    if was.operation != now.operation:
        return f"{words} was asked then, and {now.operation} is now."
    if was.error is not None or now.error is not None:
        kinds = [each.error[0].__name__ if each.error is not None else "an answer" for each in (was, now)]
        return f"{words} gave {kinds[0]} then, and gives {kinds[1]} now." if kinds[0] != kinds[1] else ""
    if was.why or now.why:
        return ""
    one, two = loosened(was.answer), loosened(now.answer)
    at = difference(one, two)
    if at is None:
        return ""
    place = f"; they part at {at}" if at else ""
    return f"{words} answered {short(one)} then, and answers {short(two)} now{place}."
