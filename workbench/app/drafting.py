"""Makes a draft live, or takes it back: what a good or a failing cell commits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock

from workbench.app.definitions import SINGULAR
from workbench.app.draft import Deployed, Draft
from workbench.app.mentions import mentions
from workbench.app.parts import Parts
from workbench.connections import catalog
from workbench.core.errors import DanglingReference
from workbench.core.service import Service
from workbench.runtime.registry import Source, Version


class Drafting:
    """Opens, commits and aborts drafts of one workbench, one at a time."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.lock = RLock()

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
        self._leave(draft)
        with self.lock:
            try:
                deployed = self._commit(draft)
            except BaseException:
                draft.abort()
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
        self._check_waiting(draft, versions)
        self._go_live(draft, versions)
        for definition in draft.waiting:
            draft.undo.append(parts.book.put(definition, draft.source.origin, replace=draft.replace)[1])
        parts.registry.announce(versions)
        return Deployed(was, list(draft.waiting), {version.name: self.missing(version) for version in versions})

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

    def _check_waiting(self, draft: Draft, versions: list[Version]) -> None:
        services = {*self._parts.registry.services, *(version.name for version in versions)}
        for definition in draft.waiting:
            for each in definition.references():
                names = services if each.collection == "services" else set(self._parts.known(each.collection))
                if each.name not in names:
                    raise DanglingReference(str(definition), SINGULAR[each.collection], each.name, names)

    def missing(self, version: Version) -> list[str]:
        """Connections that a version names and nobody has defined, as `REST 'My Data Source'`."""
        live = self._parts.live
        return [
            f"{catalog.label_of(each.kind)} {each.name!r}"
            for each in mentions(version.source, live.ways())
            if each.name not in live.names(each.kind)
        ]
