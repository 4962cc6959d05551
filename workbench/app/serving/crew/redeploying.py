"""Replaces worker processes one by one, so that at each moment as many serve as are wanted."""

from __future__ import annotations

import asyncio

from workbench.app.serving.crew.backing_off import BackingOff
from workbench.app.serving.crew.crew import Crew, Place
from workbench.app.serving.crew.watching import LOOK_SECONDS, Watched
from workbench.app.serving.crew.worker import Worker


class Redeploying:
    """Runs the file anew in fresh processes when it has changed, when somebody asks, and after a click.

    Args:
        crew: Those who are replaced.
    """

    def __init__(self, crew: Crew) -> None:
        self._crew, self._say, self._file = crew, crew.plan.say, crew.plan.file
        self._asked = asyncio.Event()
        self._why = ""
        self._but: Worker | None = None
        crew.clicked = self._clicked

    def ask(self, why: str) -> None:
        """Have all of them replaced; asked meanwhile, once more afterwards."""
        self._why, self._but = why, None
        self._asked.set()

    def _clicked(self, worker: Worker) -> None:
        if not self._asked.is_set():
            self._why, self._but = f"by click in worker process {worker.number} something was changed", worker
            self._asked.set()
        elif worker is not self._but:  # of two, neither knows what was made in the other
            self._but = None

    async def watch(self) -> None:
        """Look at the file, for ever."""
        watched = Watched(self._file)
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            found = watched.look()
            if found == "changed":
                self.ask(f"{self._file.name} has changed")
            elif found:
                self._say(f"{self._file.name} is gone; what is served stays as it was. Fix: put it back.")

    async def run(self) -> None:
        """Replace whenever it is asked, for ever."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            why, but = self._why, self._but
            places = [each for each in self._crew.places if each.worker is not but]
            if await self._replace_all(places, why):
                count = len(self._crew.places)
                self._say(f"Redeployed, since {why}: {count} worker processes serve {self._file.name}.")

    async def _replace_all(self, places: list[Place], why: str) -> bool:
        """Replace them, until none of them takes a further connection; whether all are replaced."""
        replaced = []
        for place in places:
            async with place.changing:
                fresh = await self._fresh(place.worker, why if place is places[0] else "")
                if fresh is None:
                    return False
                before, place.worker = place.worker, fresh
                place.backing_off = BackingOff()
            self._crew.let_go(before)
            replaced.append(before)
        await self._crew.expect_left(replaced)
        return True

    async def _fresh(self, before: Worker, first: str) -> Worker | None:
        """One that is ready to come in place of another; None if the others stay as they are.

        Args:
            before: The other.
            first: Why all are replaced, if none has been yet: they stay as they are then if this one fails.
        """
        backing_off = BackingOff()
        while True:
            try:
                fresh = await self._crew.start(before.number)
            except OSError as exc:
                how = f"cannot start ({exc})"
            else:
                if await fresh.is_up():
                    return fresh
                how = fresh.how_it_ended
            if self._crew.is_ending:
                return None
            if first:
                fix = "correct it and save it, or send SIGHUP to try again"
                self._say(f"{first}, but a fresh process {how}; what is served stays as it was. Fix: {fix}.")
                return None
            wait = max(1.0, backing_off.wait_seconds(0.0))
            self._say(f"A fresh process for worker process {before.number} {how}; tried again in {wait:g} s.")
            await asyncio.sleep(wait)
            if self._asked.is_set():
                self._but = None  # whoever it is may be one that is still to be replaced
                return None
