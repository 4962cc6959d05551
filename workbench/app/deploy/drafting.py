"""Makes a draft live, or takes it back: what a good or a failing cell commits."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from threading import RLock

from workbench.app.configuration.overrides import unused
from workbench.app.deploy.draft import Deployed, Draft
from workbench.app.deploy.mentions import mentions
from workbench.app.deploy.returning import Returning
from workbench.app.deploy.texts import CellTexts
from workbench.app.origins import line_in, origin_here
from workbench.app.parts import Parts
from workbench.app.rehearsal.versions import NewVersions
from workbench.app.reports import Defined
from workbench.connections import catalog
from workbench.core.current import CURRENT
from workbench.core.definition import Definition
from workbench.core.errors import ServiceUsage, UnknownName, listed
from workbench.core.origin import Origin
from workbench.core.service import Service
from workbench.runtime.registry import Source, Version

MANY = 500
"""Definitions at once from which on the garbage collector waits for them."""


@contextmanager
def _no_collector() -> Iterator[None]:
    """Keep the garbage collector from looking, again and again, at all there is while many objects come that stay.

    10,000 jobs are defined in 0.50 s of CPU in place of 0.58, and loaded at start in 0.44 in place of 0.51.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Drafting:
    """Opens, commits and aborts drafts of one workbench, one at a time."""

    def __init__(self, parts: Parts) -> None:
        self.texts = CellTexts()
        self._parts = parts
        self.lock = RLock()
        self._changed_by_click: dict[tuple[str, str], Definition] = {}
        self._watched = list(parts.settings.configuration.pickups.values())
        self.new_versions = NewVersions(parts)
        self.returning = Returning(
            parts.clicks,
            self._lacks,
            parts.book.put,
            lambda each: parts.book.origin(each.collection, each.full_name) is not None,
        )
        parts.clicks.follow(self._bring_taken, self._withdraw)
        # A service may call, in its own cell, a connection that waits for the end of that very cell.
        parts.live.bring = self._bring_connection

    @property
    def live(self) -> Mapping[str, Version]:
        """The live services by name."""
        return self._parts.registry.services

    def defined(self, collection: str) -> Mapping[str, Definition]:
        """The definitions of a collection, by their full names."""
        return self._parts.book.of(collection)

    def in_code(self, definition: Definition) -> Definition:
        """What code says of a definition that was changed by click since and is not written there; else itself."""
        return self._changed_by_click.get((definition.collection, definition.full_name), definition)

    def take_edits(self, other: Drafting) -> None:
        """Know, as another one does, what was changed by click and not written in code, and modes that were chosen."""
        self._changed_by_click |= other._changed_by_click
        self.new_versions.take_choices(other.new_versions)

    def define(
        self,
        definitions: Sequence[Definition],
        *,
        replace: bool = False,
        origin: Origin | None = None,
        notes: Sequence[str] = (),
    ) -> Defined:
        """Put definitions into force, all or none; see `Workbench.define`.

        Inside a cell or file that this thread runs, they are taken back if it does not end well, and a way in that
        leads to what the cell brings opens with its end.

        Args:
            definitions: In any order; a channel may name a user of the same call.
            replace: Whether what another file has defined may be replaced.
            origin: Where they are made, if it is not the code that calls.
            notes: What the report says besides.
        """
        self._refuse_on_trip()
        if strange := [each for each in definitions if not isinstance(each, Definition)]:
            raise ServiceUsage(f"wb.define takes definitions, as RESTChannel('api.x'), not {strange[0]!r:.80}.")
        played = set(self._parts.secrets.played)
        rows = [self._parts.book.row_of(each) for each in definitions]
        words = [""] * len(definitions)
        done: list[Callable[[], None]] = []
        with self.lock:
            draft = self._parts.draft if self._parts.draft is not None and self._parts.draft.is_mine else None
            made = origin or _origin(draft)
            try:
                with ExitStack() as blocks:
                    if len(definitions) >= MANY:
                        blocks.enter_context(_no_collector())
                    for row in {row.name: row for row in rows}.values():
                        names = [each.full_name for each in definitions if each.collection == row.name]
                        blocks.enter_context(row.together(names))
                    for place in sorted(range(len(definitions)), key=lambda place: rows[place].order):
                        words[place] = self._define(definitions[place], made, replace, draft, done)
                said = self._said_of_clicks(definitions, made, draft, quietly=origin is not None and not origin.loaded)
            except BaseException:
                for undo in reversed(done):
                    undo()
                raise
            if draft is not None:
                draft.undo += done
        new = sorted(set(self._parts.secrets.played) - played)
        report = Defined(list(zip(definitions, words, strict=True)), new, [*said, *notes])
        self._parts.events.emit(report)
        return report

    def _define(
        self,
        definition: Definition,
        origin: Origin,
        replace: bool,
        draft: Draft | None,
        done: list[Callable[[], None]],
    ) -> str:
        """Define one; adds the way back to `done`, and says what became of it."""
        book = self._parts.book
        self.returning.bring_for(definition)
        if draft is not None and self._parts.must_wait(definition):
            draft.wait(definition, origin)
            return "waiting"
        key = definition.collection, definition.full_name
        was, before = book.origin(*key), book.definition(*key)
        word, undo = book.put(definition, origin, replace=replace)
        done.append(undo)
        if not origin.is_kept:
            self._changed_by_click.pop(key, None)
        elif word != "unchanged" or origin.applied:
            edits = was is not None and not was.is_kept
            if edits and before is not None:
                self._changed_by_click[key] = before
            done.append(self._parts.clicks.keep(definition, book.row_of(definition).word, origin, edits=edits))
        return word

    def _said_of_clicks(
        self, definitions: Sequence[Definition], origin: Origin, draft: Draft | None, *, quietly: bool
    ) -> list[str]:
        """Let what is defined by code take the place of clicks: that of a cell when the cell ends well."""
        if origin.is_kept:
            return []
        if draft is not None:
            draft.defined += definitions
            return []
        for each in definitions:
            word = self._parts.book.row_of(each).word
            if quietly:
                self._parts.clicks.drop(word, each.full_name)
            else:
                self.returning.give_way(word, each)
        return self.returning.said()

    def _lacks(self, definition: Definition) -> list[tuple[str, str]]:
        """What a definition names and is not there."""
        known = self._parts.known
        named = [(each.collection, each.name) for each in definition.references()]
        return [(collection, name) for collection, name in named if name not in known(collection)]

    def _bring_taken(self) -> None:
        with self.lock:
            self.returning.bring()

    def _bring_connection(self, name: str) -> None:
        with self.lock:
            self.returning.bring_named("connections", name)

    def _withdraw(self, definition: Definition) -> None:
        """Take what a click made out of force."""
        with self.lock, suppress(UnknownName):
            self._parts.book.remove(definition.collection, definition.full_name)

    @contextmanager
    def scope(
        self, source: Source, is_bound: Callable[[type[Service]], bool], *, replace: bool = False
    ) -> Iterator[Draft]:
        """Collect what a block defines; it goes live together when the block ends well."""
        outer = self._parts.draft
        draft = self.open(source, is_bound, replace=replace)
        draft.is_inner = outer is not None
        try:
            yield draft
        except BaseException:
            self.abort(draft)
            raise
        else:
            draft.deployed = self.commit(draft)
            if outer is not None:
                outer.undo += draft.undo
                outer.defined += [*draft.defined, *draft.waiting]
        finally:
            self._parts.draft = outer

    def _refuse_on_trip(self) -> None:
        if (call := CURRENT.get()) is not None and call.surroundings in self._parts.trips:
            raise ServiceUsage(
                f"{call.service!r} is on a trip, where nothing is defined or deployed. "
                f"Fix: define it before the trip, or travel dry=True."
            )

    def open(self, source: Source, is_bound: Callable[[type[Service]], bool], *, replace: bool = False) -> Draft:
        """Begin a draft; calls of this thread see what it has so far."""
        self._refuse_on_trip()
        parts = self._parts
        draft = Draft(parts.registry, source, is_bound, replace=replace)
        parts.draft = draft
        parts.views.drafts[draft.token] = lambda: parts.views.with_draft(draft.waiting, draft.services())
        return draft

    def commit(self, draft: Draft) -> Deployed:
        """Make a draft's classes and waiting definitions live, or nothing of it; a version that must wait stays out."""
        try:
            comparing = self.new_versions.begin(draft.versions())
            held = comparing.held()
        except BaseException:
            self.abort(draft)
            raise
        with self.lock:
            try:
                for definition in draft.waiting:
                    self.returning.bring_for(definition)
                    self._parts.book.check(definition)
                self._leave(draft)
                deployed = self._commit(draft, held)
            except BaseException:
                self.abort(draft)
                raise
            draft.close()
        self._parts.events.emit(deployed)
        comparing.live()
        return deployed

    def abort(self, draft: Draft) -> None:
        """Forget a draft's classes and take its definitions back."""
        self._leave(draft)
        with self.lock:
            draft.abort()

    def _leave(self, draft: Draft) -> None:
        self._parts.draft = None
        self._parts.views.drafts.pop(draft.token, None)

    def _commit(self, draft: Draft, held: Sequence[Version]) -> Deployed:
        parts, versions = self._parts, [each for each in draft.versions() if each not in held]
        live = parts.registry.services
        was = [(version, before.number if (before := live.get(version.name)) else 0) for version in versions]
        self._go_live(draft, versions)
        for definition, origin in draft.entries:
            draft.undo.append(parts.book.put(definition, origin, replace=draft.replace)[1])
        opened = self._open_watched(draft)
        parts.registry.announce(versions)
        said = [] if draft.is_inner else self._settle_clicks([*draft.defined, *draft.waiting])
        missing = {version.name: self.missing(version) for version in versions}
        return Deployed(was, [*draft.waiting, *opened], missing, said, held)

    def _open_watched(self, draft: Draft) -> list[Definition]:
        """Open folders that configuration has watched and whose services are all live now; what code defines counts."""
        opened: list[Definition] = []
        for each in list(self._watched):
            if self._lacks(each.channel):
                continue
            self._watched.remove(each)
            draft.undo.append(partial(self._watched.append, each))
            if self._parts.book.in_force(each.channel) is None:
                draft.undo.append(self._parts.book.put(each.channel, Origin("file", file=each.where))[1])
                opened.append(each.channel)
        return opened

    def waits_for(self) -> list[str]:
        """A sentence for what configuration names and is not there: services of folders, and connections."""
        told = self._parts.settings.configuration
        return [
            f"{each.channel} of {each.where} is not open, since no service is named "
            f"{listed(name for _, name in self._lacks(each.channel))}. Fix: deploy it, or correct services= there."
            for each in self._watched
        ] + list(unused(told.connections, told.places, self._parts.book.names("connections")))

    def take(self, name: str) -> None:
        """Make the version of a service live that waits; raises DeployRefused if none does."""
        parts = self._parts
        with self.lock:
            version = self.new_versions.waiting(name)
            before = parts.registry.get(name).number
            parts.limit_service(name, version.cls.limit)
            parts.registry.deploy([version])
            parts.registry.announce([version])
            parts.views.follow_services()
            self.new_versions.settled(name)
        parts.events.emit(Deployed([(version, before)], [], {name: self.missing(version)}))

    def keep(self, name: str) -> None:
        """Forget the version of a service that waits; raises DeployRefused if none does."""
        version = self.new_versions.waiting(name)
        self.new_versions.settled(name)
        self._parts.events.emit(Deployed([], [], {}, (), [version]))

    def _settle_clicks(self, defined: Sequence[Definition]) -> list[str]:
        """After a good cell: it has what it defines, and clicks whose service is live are back."""
        book = self._parts.book
        for each in defined:
            self.returning.give_way(book.row_of(each).word, each)
        if self._parts.registry.services or any(True for _ in book):
            self.returning.bring()
        return self.returning.said()

    def _go_live(self, draft: Draft, versions: list[Version]) -> None:
        parts, names = self._parts, [version.name for version in versions]
        put_back: Callable[[], None] | None = None

        def undo() -> None:
            if put_back is not None:
                put_back()
            for name in names:
                parts.follow_service(name)

        draft.undo.append(undo)
        for version in versions:
            parts.limit_service(version.name, version.cls.limit)
        put_back = parts.registry.deploy(versions)
        parts.views.follow_services()

    def missing(self, version: Version) -> list[str]:
        """Connections that a version names and nobody has defined, as `REST 'My Data Source'`."""
        live = self._parts.live
        return [
            f"{catalog.label_of(each.kind)} {each.name!r}"
            for each in mentions(version.source, live.ways())
            if each.name not in live.names(each.kind)
        ]


def _origin(draft: Draft | None) -> Origin:
    """Where the code stands that defines something now."""
    if draft is None:
        return origin_here()
    return draft.source.origin.at(line_in(draft.source.origin))
