"""A file channel in force: looks at its folder, and hands what is whole there to services, one file after another."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from contextvars import Context
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, NamedTuple, TypeVar

import msgspec

from workbench.channels.bodies.xml import etree_for
from workbench.channels.files.definition import WatchedFolder
from workbench.channels.files.errors import NotDropped
from workbench.channels.files.folder import Claim, PickupFolder, Settling
from workbench.channels.files.handing import Handing, Outcome
from workbench.channels.files.reading import shown
from workbench.channels.live import LiveChannel, Opening
from workbench.core.current import CURRENT
from workbench.core.errors import ServiceUsage
from workbench.core.masking import mask

log = logging.getLogger("workbench.channels")
T = TypeVar("T")
LONGEST_WAIT_SECONDS = 60.0
"""Between two looks, while a limit or the folder itself lets no file through [s]."""


class PickedUp(NamedTuple):
    """What became of a file: `done`, `failed`, or `waits` in its folder; the call's CID, where the file is now, why."""

    name: str
    outcome: Outcome
    cid: str = ""
    path: Path | None = None
    why: str = ""

    def __repr__(self) -> str:
        where = f", now {shown(str(self.path))}" if self.path is not None else ""
        return mask(f"{shown(self.name)} {self.outcome}{where}{f': {self.why}' if self.why else ''}")


class LiveFileChannel(LiveChannel):
    """Looks while it is open; by itself unless its clock is virtual, for which `look` is called by hand.

    Attributes:
        trouble: Why no file can be taken now, and what to do; '' if nothing is wrong.
    """

    def __init__(self, definition: WatchedFolder, opening: Opening) -> None:
        super().__init__(definition)
        self._channel, self._clock = definition, opening.clock
        self._folder = PickupFolder(definition)
        self._settling = Settling(opening.clock, definition.settle_seconds)
        self._handing = Handing(definition, opening)
        self._looking, self._one, self._closed = Lock(), Lock(), Event()
        self._closed.set()
        self._away: list[Callable[[], object]] = []
        self.trouble = self._hindered = self._waits = ""
        self._is_held_up = False

    @property
    def state(self) -> str:
        if not self._channel.active:
            return "inactive"
        if self._closed.is_set():
            return "closed"
        return "unreachable" if self.trouble else "open"

    def open(self, instead_of: LiveChannel | None = None) -> None:
        if instead_of is not None:
            instead_of.close()
        if isinstance(instead_of, LiveFileChannel):
            # A file that it is at ends before the first one of this one begins.
            self._one, self._away = instead_of._one, instead_of._away
        if not self._channel.active or not self._closed.is_set():
            return
        if self._channel.parse_with == "xml":
            etree_for(str(self._channel))
        self._try(lambda: self._folder.root.mkdir(parents=True, exist_ok=True))
        self._closed = Event()
        if not self._clock.is_virtual:
            run, name = Context().run, f"workbench-pickup-{self._channel.name}"
            Thread(target=run, args=(self._keep_looking, self._closed), name=name, daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    def settle(self, timeout: float) -> bool:
        """Wait for the file that a service has; whether that ended within `timeout` [s]."""
        is_free = self._one.acquire(timeout=max(0.0, timeout))
        if is_free:
            self._one.release()
        return is_free

    def _keep_looking(self, closed: Event) -> None:
        wait = self._channel.poll_seconds
        while not closed.is_set():
            try:
                self._look(closed)
                is_held_up = bool(self.trouble) or self._is_held_up
            except Exception:
                log.exception("%s could not look at its folder", self._channel)
                is_held_up = True
            longest = max(LONGEST_WAIT_SECONDS, self._channel.poll_seconds)
            wait = min(2 * wait, longest) if is_held_up else self._channel.poll_seconds
            closed.wait(wait)

    def look(self) -> list[PickedUp]:
        """Look at the folder once, now, and hand on what is whole there; what became of each file.

        Raises:
            ServiceUsage: A service that has a file of this channel asks, which would wait for itself.
        """
        self._expect_no_file_of_ours()
        return self._look(self._closed)

    def _look(self, closed: Event) -> list[PickedUp]:
        picked_up: list[PickedUp] = []
        with self._looking:
            self._hindered, self._is_held_up = "", False
            for claim in self._claims(closed):
                with self._one:
                    picked_up.append(self._handed_on(claim))
                if self._is_held_up or self._hindered:
                    break
            if self.trouble and not self._hindered:
                log.info("%s can use its folder again", self._channel)
            self.trouble = self._hindered
        return picked_up

    def _claims(self, closed: Event) -> Iterator[Claim]:
        """One claim after another, each made when the one before it is done."""
        if closed.is_set() or not self._try(self._put_away_what_stayed):
            return
        left = self._folder.left_behind()
        while (claim := self._tried(lambda: next(left, None))) is not None:
            yield claim
        found = self._tried(self._folder.files) or []
        for each in self._settling.whole(found):
            if closed.is_set():
                return
            claim = self._tried(lambda each=each: self._folder.claim(each))  # type: ignore[misc]
            if claim is not None:
                yield claim

    def _handed_on(self, claim: Claim) -> PickedUp:
        """What becomes of a claimed file, and of the file itself."""
        done = self._handing.hand_on(claim)
        self._settling.forget(claim.name)
        self._is_held_up = done.is_held_up
        if done.outcome == "waits":
            if done.why != self._waits:
                log.warning("%s: %s waits: %s", self._channel, shown(claim.name), done.why)
            self._waits = done.why
            self._try(claim.give_back)
            return PickedUp(claim.name, "waits", done.cid, claim.path, done.why)
        self._waits = ""

        def put_away() -> None:
            if done.outcome == "done":
                self._folder.put_away(claim)
            else:
                self._folder.set_aside(claim, done.reason)

        if not self._try(put_away):
            self._away.append(put_away)
        is_gone = done.outcome == "done" and self._channel.delete_after_pickup
        return PickedUp(claim.name, done.outcome, done.cid, None if is_gone else claim.path, done.why)

    def _put_away_what_stayed(self) -> None:
        while self._away:
            with suppress(FileNotFoundError):
                self._away[0]()
            del self._away[0]

    def _tried(self, work: Callable[[], T]) -> T | None:
        """What the folder answers; None if the system does not let it, which is said once."""
        try:
            return work()
        except OSError as exc:
            where = shown(str(exc.filename or self._folder.root))
            self._hindered = (
                f"{self._channel} cannot use {where}: {exc.strerror}. It looks again by itself, and no file is lost. "
                f"Fix: have the folder there, with the right to read, write and rename in it."
            )
            if self._hindered != self.trouble:
                log.warning("%s", self._hindered)
            self.trouble = self._hindered
            return None

    def _try(self, work: Callable[[], object]) -> bool:
        return self._tried(lambda: (work(),)) is not None

    def drop(self, name: str, contents: str | bytes | dict[str, Any] | list[Any]) -> PickedUp:
        """Put a file into the folder, and have it handed on at once; what became of it.

        Args:
            name: Of the file, as `a.json`.
            contents: Text, bytes, or what is written as JSON.

        Raises:
            NotDropped: The channel is not open, takes no file of that name, or cannot write it.
            ServiceUsage: A service that has a file of this channel asks, which would wait for itself.
        """
        self._expect_no_file_of_ours()
        if self.state != "open":
            raise NotDropped(f"{self._channel} is {self.state}. {self.trouble or 'Fix: open it, by .open().'}")
        if not isinstance(name, str) or Path(name).name != name or not self._folder.fits(name):
            fits = " or ".join(self._channel.patterns)
            raise NotDropped(f"{self._channel} takes no file {name!r}. Fix: a name like {fits}, with no dot at first.")
        body = contents.encode() if isinstance(contents, str) else contents
        if not isinstance(body, bytes):
            body = msgspec.json.encode(body)
        with self._one:
            try:
                claim = self._folder.made(name, body)
            except (OSError, ValueError) as exc:
                why = getattr(exc, "strerror", None) or exc
                raise NotDropped(
                    f"{self._channel} could not write {shown(name)}: {why}. Fix: another name, or see to the folder."
                ) from exc
            return self._handed_on(claim)

    def _expect_no_file_of_ours(self) -> None:
        call = CURRENT.get()
        while call is not None:
            if call.channel.name == self._channel.name and call.channel.type == self._channel.type:
                raise ServiceUsage(
                    f"{self._channel} is handing a file to {call.service!r}, and hands on one at a time. "
                    f"Fix: write the next file into {self._channel.pickup_from}; it is picked up after this one."
                )
            call = call.parent
