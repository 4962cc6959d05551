"""What a rehearsed call asks is answered from a record or by a stand-in; whatever goes past both is refused."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from threading import Lock
from typing import Any

from workbench.core.call import ServiceStep, Surroundings
from workbench.core.current import ASKING, CURRENT
from workbench.core.errors import WorkbenchError
from workbench.core.masking import masked
from workbench.core.payload.asked import IN_BACKGROUND, Asked, Unknown
from workbench.core.trace import Trace

SAYS_NOTHING = ("null", "true")
"""Answers that tell no more than that it was done: what got one has an effect, and nothing depends on the answer."""

_CONNECTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_LOOKS_UP = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
_STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty")
_CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "os.link", "os.symlink", "os.chmod")
_TO_HOSTS = frozenset((*_CONNECTS, *_LOOKS_UP))
_AUDITED = frozenset((*_TO_HOSTS, *_STARTS, *_CHANGES, "open", "sqlite3.connect"))
"""Audit events of what reaches out of this process (Python's table of audit events)."""

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


class NotRehearsed(WorkbenchError):
    """A rehearsed call would have done what only a real one may."""

    mood = "attention"

    def __init__(self, what: str) -> None:
        super().__init__(f"A rehearsal does not {what}. Fix: call the service itself.")


class Played:
    """Answers what a rehearsed call asks: from the record of an earlier call, in any order.

    What the record does not have is asked of a stand-in. Safe to use from many threads at once.

    Args:
        record: What the earlier call asked; nothing if there is none.

    Attributes:
        why: Why the call could not be rehearsed, the first reason, as the end of a sentence; '' if it could.
    """

    def __init__(self, record: Sequence[Asked] = ()) -> None:
        self.why = ""
        self._record, self._used, self._lock = list(record), set[int](), Lock()

    def next(self, connection: str, operation: str, sent: Any, cid: str) -> Asked | None:
        """The record of what is asked now; None where a stand-in is to be asked.

        Raises:
            NotRehearsed: The answer is not kept, or it is no connection that is asked.
        """
        now = Asked(connection, operation, sent, cid)
        with self._lock:
            told = self._find(now)
        if told is not None and told.why:
            raise self.refuse(f"ask {now.words} again, whose answer {told.why}")
        if told is None and operation in IN_BACKGROUND:
            raise self.refuse(f"send work to {connection!r}, which the record does not have")
        return told

    def _find(self, now: Asked) -> Asked | None:
        found = None
        for place, each in enumerate(self._record):
            if (each.connection, each.operation) != (now.connection, now.operation):
                continue
            if not isinstance(each.arguments, Unknown) and masked(each.arguments) != masked(now.arguments):
                continue
            if place not in self._used:
                self._used.add(place)
                return each
            # Who only reads may read once more.
            found = each if not is_effect(each) else found
        return found

    def entered(self) -> Played:
        """What answers the service that is invoked now: it has no record of its own."""
        return self

    def around(self, usual: Surroundings) -> Surroundings:
        """What is usual, where connections are answered from the record or lead to stand-ins."""
        return usual

    def past(self, what: str) -> None:
        """Refuse what is asked neither of a stand-in nor of the record."""
        if not is_played():
            raise self.refuse(what)

    def refuse(self, what: str) -> NotRehearsed:
        """The error for what may not be done, which is kept, whoever catches the error."""
        self.why = self.why or f"a rehearsal does not {what}"
        return NotRehearsed(what)

    @property
    def unsent(self) -> list[str]:
        """Effects of the record that the call did not have, in words."""
        return [words_of(each) for place, each in enumerate(self._record) if self._missed(place, each)]

    def _missed(self, place: int, each: Asked) -> bool:
        return place not in self._used and is_effect(each)

    def sent(self, trace: Trace) -> list[str]:
        """Effects that the call had and the record does not, in words; notes whether an answer was a stand-in's."""
        found = []
        for _, step in trace.root.tree():
            for asked in (step.asked or ()) if isinstance(step, ServiceStep) else ():
                if asked.is_told or asked.operation == "invoke":
                    continue
                if is_effect(asked):
                    found.append(words_of(asked))
                else:
                    self.why = self.why or f"it asks {words_of(asked)}, which the record does not have"
        return found


def is_effect(asked: Asked) -> bool:
    """Whether what was asked did something, and told no more than that."""
    return asked.answer is not None and asked.answer.text in SAYS_NOTHING


def words_of(asked: Asked) -> str:
    """What was asked, as a call, cut."""
    text = f"{asked.words}({asked.shown_arguments})"
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}..."


MOST_CHARACTERS = 120


def is_played() -> bool:
    """Whether what happens now is asked of a stand-in, through what the service holds."""
    asked = ASKING.get()
    return asked is not None and not asked.operation.startswith("invoke")


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _AUDITED or (call := CURRENT.get()) is None or (replay := call.replay) is None:
        return
    if (event in _TO_HOSTS or isinstance(replay, Played)) and (what := _words(event, arguments)):
        replay.past(what)


def _words(event: str, arguments: tuple[Any, ...]) -> str:
    """What an audit event is about, as the end of a sentence; '' if it reaches nothing."""
    if event == "open":
        path, mode, flags = arguments
        writes = any(each in mode for each in "wax+") if isinstance(mode, str) else bool((flags or 0) & _WRITES)
        # Python keeps the compiled form of what is imported.
        return f"write the file {path!r:.80}" if writes and ".pyc" not in str(path) else ""
    if event in _CHANGES:
        return f"change the file {arguments[0]!r:.80}"
    if event in _STARTS:
        return "start a program"
    if event == "sqlite3.connect":
        return "open a database that is no connection"
    return f"call {arguments[0 if event in _LOOKS_UP else 1]!r:.80} past the connections"


_watched: list[bool] = []


def watch() -> None:
    """Have this process refuse, from now on, what goes past a replay; an audit hook stays.

    No call that is answered by a cassette or rehearsed calls a host; one that is rehearsed changes no file either.
    """
    if not _watched:
        _watched.append(True)
        sys.addaudithook(_audit)
