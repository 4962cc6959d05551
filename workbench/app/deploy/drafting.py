"""Makes a draft live, or takes it back: what a good or a failing cell commits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import RLock

from workbench.app.deploy.draft import Deployed, Draft
from workbench.app.deploy.mentions import mentions
from workbench.app.origins import line_in, origin_here
from workbench.app.parts import Parts
from workbench.app.reports import Defined
from workbench.connections import catalog
from workbench.core.definition import Definition
from workbench.core.errors import ServiceUsage
from workbench.core.origin import Origin
from workbench.core.service import Service
from workbench.runtime.registry import Source, Version


class Drafting:
    """Opens, commits and aborts drafts of one workbench, one at a time."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.lock = RLock()

    @property
    def live(self) -> Mapping[str, Version]:
        """The live services by name."""
        return self._parts.registry.services

    def define(
        self, definitions: Sequence[Definition], *, replace: bool = False, origin: Origin | None = None
    ) -> Defined:
        """Put definitions into force, all or none; see `Workbench.define`.

        Inside a cell or file that this thread runs, they are taken back if it does not end well, and a way in that
        leads to what the cell brings opens with its end.

        Args:
            definitions: In any order; a channel may name a user of the same call.
            replace: Whether what another file has defined may be replaced.
            origin: Where they are made, if it is not the code that calls.
        """
        if strange := [each for each in definitions if not isinstance(each, Definition)]:
            raise ServiceUsage(f"wb.define takes definitions, as RESTChannel('api.x'), not {strange[0]!r:.80}.")
        played = set(self._parts.secrets.played)
        orders = [self._parts.book.row_of(each).order for each in definitions]
        words = [""] * len(definitions)
        done: list[Callable[[], None]] = []
        with self.lock:
            draft = self._parts.draft if self._parts.draft is not None and self._parts.draft.is_mine else None
            origin = origin or _origin(draft)
            try:
                for place in sorted(range(len(definitions)), key=orders.__getitem__):
                    words[place] = self._define(definitions[place], origin, replace, draft, done)
            except BaseException:
                for undo in reversed(done):
                    undo()
                raise
            if draft is not None:
                draft.undo += done
        report = Defined(list(zip(definitions, words, strict=True)), sorted(set(self._parts.secrets.played) - played))
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
        if draft is not None and self._parts.must_wait(definition):
            draft.wait(definition, origin)
            return "waiting"
        word, undo = self._parts.book.put(definition, origin, replace=replace)
        done.append(undo)
        return word

    @contextmanager
    def scope(
        self, source: Source, is_bound: Callable[[type[Service]], bool], *, replace: bool = False
    ) -> Iterator[Draft]:
        """Collect what a block defines; it goes live together when the block ends well."""
        outer = self._parts.draft
        draft = self.open(source, is_bound, replace=replace)
        try:
            yield draft
        except BaseException:
            self.abort(draft)
            raise
        else:
            draft.deployed = self.commit(draft)
            if outer is not None:
                outer.undo += draft.undo
        finally:
            self._parts.draft = outer

    def open(self, source: Source, is_bound: Callable[[type[Service]], bool], *, replace: bool = False) -> Draft:
        """Begin a draft; calls of this thread see what it has so far."""
        parts = self._parts
        draft = Draft(parts.registry, source, is_bound, replace=replace)
        parts.draft = draft
        parts.views.drafts[draft.token] = lambda: parts.views.with_draft(draft.waiting, draft.services())
        return draft

    def commit(self, draft: Draft) -> Deployed:
        """Make a draft's classes and waiting definitions live, or nothing of it."""
        with self.lock:
            try:
                for definition in draft.waiting:
                    self._parts.book.check(definition)
                self._leave(draft)
                deployed = self._commit(draft)
            except BaseException:
                self.abort(draft)
                raise
            draft.close()
        self._parts.events.emit(deployed)
        return deployed

    def abort(self, draft: Draft) -> None:
        """Forget a draft's classes and take its definitions back."""
        self._leave(draft)
        with self.lock:
            draft.abort()

    def _leave(self, draft: Draft) -> None:
        self._parts.draft = None
        self._parts.views.drafts.pop(draft.token, None)

    def _commit(self, draft: Draft) -> Deployed:
        parts, versions = self._parts, draft.versions()
        live = parts.registry.services
        was = [(version, before.number if (before := live.get(version.name)) else 0) for version in versions]
        self._go_live(draft, versions)
        for definition, origin in draft.entries:
            draft.undo.append(parts.book.put(definition, origin, replace=draft.replace)[1])
        parts.registry.announce(versions)
        return Deployed(was, draft.waiting, {version.name: self.missing(version) for version in versions})

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
