"""A call answered by a cassette: by peers that have what the other side had, or by the record."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from workbench.app.cassettes.cassette import Cassette, side_of
from workbench.app.cassettes.errors import StaleCassette
from workbench.app.cassettes.noise import like, replaced, without_credentials
from workbench.app.cassettes.recorded import CID
from workbench.app.cassettes.stage import Stage
from workbench.app.parts import Parts
from workbench.app.rehearsal.played import is_played
from workbench.app.serving.views import DRAFT_HEADER
from workbench.core.call import Surroundings
from workbench.core.current import PLAYING
from workbench.core.masking import mask
from workbench.core.payload.asked import Asked, Told

SHOWN_CHARACTERS = 300
"""What an error shows of what was sent [characters]."""


class Playing:
    """Answers one call from a cassette; safe to use from many threads at once.

    What a peer answers may be asked in any order and more than once, if it was asked at all; what the record answers,
    as often as it was asked, in any order of different things.

    Args:
        name: The cassette's name.
        cassette: The cassette.
        stage: Where the call plays.
        exact: Whether what is sent must be as recorded. While a test is made, the same operation will do, and `sent`
            keeps what was sent instead.
    """

    def __init__(self, name: str, cassette: Cassette, stage: Stage, *, exact: bool = True) -> None:
        self.name, self.cassette, self.stage, self.exact = name, cassette, stage, exact
        self.differs: StaleCassette | None = None
        self.sent: dict[int, Any] = {}
        self._left: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place, told in enumerate(cassette.asked):
            self._left[told.connection, told.operation].append(place)
        self._lock = Lock()

    def next(self, connection: str, operation: str, sent: Any, cid: str) -> Asked | None:
        """What answers now; None where a peer does, or a service that is invoked.

        Raises:
            StaleCassette: The call asks for something that it did not ask then; also at whatever is asked after that.
        """
        side = self.cassette.sides.get(connection)
        if operation == "invoke" and (side is None or side.kind == "service"):
            return None
        now = without_credentials(Asked(connection, operation, sent, cid).arguments)
        with self._lock:
            if self.differs is not None:
                raise self.differs
            place = self._place(connection, operation, now)
            if place is None:
                self.differs = StaleCassette(
                    self.name, f"the service asks now for {_words(connection, operation, now)}"
                )
                raise self.differs
            self.sent.setdefault(place, now)
        told = self.cassette.asked[place]
        if self.cassette.sides[connection].by == "peer":
            return None
        return Asked.of(told._replace(answer=replaced(told.answer, CID, cid)))

    def _place(self, connection: str, operation: str, now: Any) -> int | None:
        left = self._left[connection, operation]
        fitting = next((each for each in left if like(self.cassette.asked[each].arguments, now)), None)
        if fitting is None and not self.exact:
            fitting = next(iter(left), None)
        if fitting is not None:
            left.remove(fitting)
            return fitting
        side = self.cassette.sides.get(connection)
        if side is None or side.by != "peer":
            return None
        places = (at for at, told in enumerate(self.cassette.asked) if _is_of(told, connection, operation))
        return next((at for at in places if like(self.cassette.asked[at].arguments, now)), None)

    def entered(self) -> Playing:
        """Itself: services that are invoked ask from the same cassette."""
        return self

    def past(self, what: str) -> None:
        """Refuse what is asked neither of a peer nor of the record, since nobody outside is to be called.

        Raises:
            StaleCassette: It is so; also at whatever is asked after that.
        """
        if is_played():
            return
        with self._lock:
            self.differs = self.differs or StaleCassette(self.name, f"the service would now {what}")
        raise self.differs

    def around(self, usual: Surroundings) -> Surroundings:
        """The stage."""
        return self.stage

    def ended(self) -> StaleCassette | None:
        """Why the call was not the one that was recorded; None if it was."""
        with self._lock:
            left = sorted(place for places in self._left.values() for place in places)
            if self.differs is None and left:
                told = self.cassette.asked[left[0]]
                words = _words(told.connection, told.operation, told.arguments)
                self.differs = StaleCassette(self.name, f"the service does not ask any more for {words}")
            return self.differs


def _is_of(told: Told, connection: str, operation: str) -> bool:
    return (told.connection, told.operation) == (connection, operation)


def _words(connection: str, operation: str, sent: Any) -> str:
    match sent:
        case (tuple() as args, dict() as named):
            shown = ", ".join([*map(repr, args), *(f"{name}={each!r}" for name, each in named.items())])
        case _:
            shown = repr(sent)
    shown = mask(shown.replace("Ellipsis", "..."))
    shown = shown if len(shown) <= SHOWN_CHARACTERS else f"{shown[:SHOWN_CHARACTERS]}..."
    return f"{connection} {operation}({shown})"


def expect_fresh(name: str, cassette: Cassette, parts: Parts) -> None:
    """Raise StaleCassette if a connection is not defined as it was when the cassette was recorded."""
    definitions = parts.live.definitions
    for each, side in cassette.sides.items():
        if side.kind in ("redis", "service"):
            continue
        if each not in definitions:
            raise StaleCassette(name, f"there is no connection {each!r} any more")
        now = side_of(definitions[each], side.by)
        if now.kind != side.kind:
            raise StaleCassette(name, f"connection {each!r} is {now.kind} now, and was {side.kind}")
        changed = [
            field for field in sorted({*now.fields, *side.fields}) if now.fields.get(field) != side.fields.get(field)
        ]
        if changed:
            raise StaleCassette(name, f"connection {each!r} has another {', '.join(changed)}")


@contextmanager
def answering(replay: Any) -> Iterator[None]:
    """Have a replay answer the calls that this thread makes."""
    before, PLAYING.replay = PLAYING.replay, replay
    try:
        yield
    finally:
        PLAYING.replay = before


@contextmanager
def own_headers(parts: Parts) -> Iterator[dict[str, str]]:
    """The headers of a request of this thread, which reaches what its cell defines and is answered by its cassette."""
    draft = parts.draft
    mine = parts.views.drafts.get(draft.token) if draft is not None and draft.is_mine else None
    replay = PLAYING.replay
    if replay is None:
        yield {DRAFT_HEADER: draft.token} if draft is not None and draft.is_mine else {}
        return
    token = secrets.token_hex(16)
    parts.views.drafts[token] = lambda: (mine() if mine is not None else parts.views.live)._replace(replay=replay)
    try:
        yield {DRAFT_HEADER: token}
    finally:
        parts.views.drafts.pop(token, None)
