"""What was made by click comes back when its service is live again, and gives way to a cell that defines the same."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

from workbench.app.deploy.clicks import Click, Clicks
from workbench.core.definition import Definition
from workbench.core.errors import WorkbenchError
from workbench.core.origin import Origin

log = logging.getLogger("workbench.app")


class Returning:
    """Brings clicks back into force, and lets cells have the last word.

    Args:
        clicks: What is kept.
        lacks: What a definition names and is not there, as collection and name.
        define: Puts a definition into force as of its origin.
        is_defined: Whether something of that collection and name is in force here.
    """

    def __init__(
        self,
        clicks: Clicks,
        lacks: Callable[[Definition], list[tuple[str, str]]],
        define: Callable[[Definition, Origin], object],
        is_defined: Callable[[Definition], bool],
    ) -> None:
        self._clicks, self._lacks, self._define, self._is_defined = clicks, lacks, define, is_defined
        self._said: list[str] = []
        self._told: set[str] = set()
        self._has_looked = False

    def bring(self) -> None:
        """Put into force what waits and names nothing that is not there; round by round, since one names another."""
        tried: set[str] = set()
        while ready := [
            each for each in self._waiting() if each.name not in tried and not self._lacks(each.definition)
        ]:
            for click in ready:
                tried.add(click.name)
                self._bring_one(click)
        if not self._has_looked:
            # A store that gives no answer, of which `_waiting` has told, keeps no cell from going live.
            with suppress(WorkbenchError):
                self._said += self._clicks.left_behind()
                self._has_looked = True

    def bring_for(self, definition: Definition) -> None:
        """Put into force what a definition names and a click made."""
        for collection, name in self._lacks(definition):
            self.bring_named(collection, name)

    def bring_named(self, collection: str, name: str) -> None:
        """Put into force what a click made under that name, and what it names itself."""
        for click in self._waiting():
            if (click.definition.collection, click.definition.name) == (collection, name):
                self.bring_for(click.definition)
                # Looked at anew: what it lacked may be there by now.
                if not self._lacks(click.definition):
                    self._bring_one(click)

    def _waiting(self) -> list[Click]:
        """What is not in force; a change of what a cell defines waits for that cell, which then has the last word."""
        try:
            clicks = list(self._clicks.values())
        except WorkbenchError as exc:
            self._say_once(f"What was made by click cannot be read. {exc}")
            return []
        return [each for each in clicks if not each.edits and not self._is_defined(each.definition)]

    def _bring_one(self, click: Click) -> None:
        try:
            self._define(click.definition, click.origin)
        except WorkbenchError as exc:
            self._say_once(f"{self._clicks.describe(click)} It is not in force: {exc}")
        else:
            self._said.append(self._clicks.describe(click))

    def give_way(self, word: str, definition: Definition) -> None:
        """Let a cell have what it defines: the copy by click goes, and its code is said if it was another."""
        try:
            self._clicks.read()
            click = self._clicks.drop(word, definition.full_name)
        except WorkbenchError as exc:
            self._say_once(f"What was made by click cannot be read. {exc}")
            return
        if click is None:
            return
        if click.definition == definition:
            self._said.append(f"{click} is in a cell now, so its copy by click is gone.")
        else:
            told = self._clicks.describe(click)
            self._said.append(f"{told} The cell has the last word; it was: {click.code}")
            # A file that is served has no cell below which it could be said, and each new process reads it again.
            code = click.definition.to_code()
            log.warning("%s The code that defines it was run again, and holds. Fix: change it there, to %s", told, code)

    def _say_once(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            self._said.append(line)

    def said(self) -> list[str]:
        """What there is to say since the last time."""
        said, self._said = self._said, []
        return said
