"""What a workbench gets back when it starts anew in its process: what code has made, as if its cells had run again."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter

from workbench.app.book import Entry
from workbench.app.configuration.toml_file import Watched
from workbench.app.workbench import Workbench
from workbench.core.errors import WorkbenchError
from workbench.core.origin import Origin
from workbench.runtime.registry import Source


class Known:
    """What cells, files and forms have made of a workbench: services, definitions, what is mounted; and its peers.

    What startup callables have made is not in it: they make it again. Nor is what has happened: calls, log and counts
    of limits begin anew, and so does whatever a store in memory held, as when the kernel is restarted.
    """

    def __init__(self, wb: Workbench) -> None:
        self._home, self._drafting, self._following = wb._own, wb.drafting, wb.following
        order = {name: row.order for name, row in self._home.book.rows.items()}
        # What is told again is not brought: by callables, and by configuration.
        again = [Entry(each.channel, Origin("file", file=each.where)) for each in _watched(wb)] + wb.startup.brought
        entries = [each for each in self._home.book.entries if each not in again]
        self._entries = sorted(entries, key=lambda each: order[each.definition.collection])
        self._problems: list[str] = []

    def begin(self, made: Workbench) -> None:
        """Give connections, and the peers as they are, to the workbench that is made, while the former one lives."""
        if self._home.sandbox.on:
            made._own.switch_sandbox(True)
        made._own.secrets.played |= self._home.secrets.played
        for name, row in self._home.book.rows.items():
            if name not in made._own.book.rows:
                made.add_collection(row)
        self._define(made, [each for each in self._entries if each.definition.collection == "connections"])
        made._own.sandbox.take(self._home.sandbox)

    def end(self, made: Workbench) -> str:
        """Give it the rest, once the former one is closed; says what is back. What is not, its start warns of."""
        for version in self._home.registry.services.values():
            if (waited := self._drafting.new_versions.waits(version.name)) is not None:
                self._problems.append(f"{waited} waited to be taken, and is not back: {version} is. Fix: run its cell.")
            try:
                source = Source(version.origin, version.source)
                with made.drafting.scope(source, lambda cls: True, replace=True) as draft:
                    draft.classes = [version.cls]
            except WorkbenchError as exc:
                self._problems.append(f"{version.name} is not back: {exc}")
        self._define(made, [each for each in self._entries if each.definition.collection != "connections"])
        made.drafting.take_edits(self._drafting)
        made._own.pipeline.mounted.take(self._home.pipeline.mounted)
        made.following.take(self._following)
        for problem in self._problems:
            made.startup.warn(problem)
        return self._said(made)

    def _define(self, made: Workbench, entries: list[Entry]) -> None:
        """Define what code has defined, those of one place together; then what the store keeps, unless it is back."""
        written = [each for each in entries if not each.origin.is_kept]
        for origin, group in groupby(written, key=attrgetter("origin")):
            together = [each.definition for each in group]
            try:
                made.drafting.define(together, origin=origin, replace=True)
            except WorkbenchError:
                for definition in together:
                    self._put(made, Entry(definition, origin))
        for each in entries:
            if each.origin.is_kept and made.in_force(each.definition) is None:
                self._put(made, each)

    def _put(self, made: Workbench, entry: Entry) -> None:
        try:
            made._own.book.put(entry.definition, entry.origin, replace=True)
        except WorkbenchError as exc:
            self._problems.append(f"{entry.definition} is not back: {exc}")

    def _said(self, made: Workbench) -> str:
        counts = {"service": len(made.services)}
        counts |= {row.word: len(made._own.book.of(name)) for name, row in made._own.book.rows.items()}
        back = [f"{count} {word}{'s' * (count != 1)}" for word, count in counts.items() if count]
        return f"The workbench has started anew: configuration is read again. Back: {', '.join(back) or 'nothing'}."


def _watched(wb: Workbench) -> Iterable[Watched]:
    return wb._own.settings.configuration.pickups.values()
