"""Replaces worker processes one by one, so that at each moment as many serve as are wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from workbench.app.configuration.toml_file import FILE as SETTINGS_FILE
from workbench.app.deploy.folders.watching import LOOK_SECONDS, Watched
from workbench.app.serving.crew.backing_off import BackingOff
from workbench.app.serving.crew.crew import Crew
from workbench.app.serving.crew.worker import Worker


class Redeploying:
    """Runs the file anew in fresh processes when it has changed, when somebody asks, and where clicks are missing.

    Args:
        crew: Those who are replaced.
    """

    def __init__(self, crew: Crew) -> None:
        self._crew, self._say, self._file = crew, crew.plan.say, crew.plan.file
        # Before the first reads them, so that a save while they start counts.
        self._watched = Watched(self._file)
        self._settings = Watched((self._file if self._file.is_dir() else self._file.parent) / SETTINGS_FILE)
        self._asked = asyncio.Event()
        self._asked.set()  # They did not all read the store at once.
        self._why = ""
        crew.clicked = self._asked.set

    def ask(self, why: str) -> None:
        """Have all of them replaced; asked meanwhile, once more afterwards."""
        self._why = why
        self._asked.set()

    async def watch(self) -> None:
        """Look at the file and at the settings beside it, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._settings.look():
                self.ask(f"{SETTINGS_FILE} has changed")
            found = self._watched.look()
            if found == "changed":
                self.ask(f"{self._file.name} has changed")
            elif found:
                self._say(self._watched.lost)

    async def run(self) -> None:
        """Replace whenever it is asked, for ever."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            why, self._why = self._why, ""
            if why:
                await self._replace(why, lambda worker: True)
            await self._agree()

    async def _agree(self) -> None:
        """Replace those that have not the same by click as the newest, since a fresh one has what the store has."""
        await self._crew.compare()
        if self._why:
            return
        self._asked.clear()  # what was told up to now is looked at right here
        newest = self._crew.newest
        if newest is None or not any(self._differs(each.worker) for each in self._crew.places):
            return
        why = f"what was made by click or applied had changed in worker process {newest.number}"
        if await self._replace(why, self._differs) and not self._asked.is_set():
            for each in self._crew.places:
                if self._differs(each.worker):
                    differs = (
                        f"Worker process {each.worker.number} (pid {each.worker.pid}) was replaced and still differs"
                    )
                    self._say(f"{differs} in what was made by click or applied. Fix: send SIGHUP to try again.")

    def _differs(self, worker: Worker) -> bool:
        """Whether it has not the same by click as the newest; of one that is starting nobody knows yet."""
        newest = self._crew.newest
        return newest is not None and worker.clicks not in ("", newest.clicks)

    async def _replace(self, why: str, is_due: Callable[[Worker], bool]) -> bool:
        """Replace those that are due, each place once, until none takes a further connection; whether all are."""
        replaced, left = list[Worker](), list(self._crew.places)
        while place := next((each for each in left if is_due(each.worker)), None):
            left.remove(place)
            async with place.changing:
                fresh = await self._fresh(place.worker, "" if replaced else why)
                if fresh is None:
                    return False
                before, place.worker = place.worker, fresh
                place.backing_off = BackingOff()
            self._crew.let_go(before)
            replaced.append(before)
        await self._crew.expect_left(replaced)
        self._say(f"Redeployed, since {why}: {len(self._crew.places)} worker processes serve {self._file.name}.")
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
            if self._why:
                return None
