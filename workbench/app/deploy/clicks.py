"""What was made by click and is in no cell: kept in the store, and back after a restart."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import RLock

import msgspec
from msgspec import Struct

from workbench.app.code import code_of
from workbench.app.deploy.manifests.kinds import MODULES, below, kinds
from workbench.connections import catalog
from workbench.core.definition import Definition
from workbench.core.errors import InvalidDefinition, ServiceUsage, StoreUnavailable, UnknownName
from workbench.core.masking import mask
from workbench.core.origin import Origin
from workbench.core.ports import Clock, Store
from workbench.scheduler.runs.extra import as_json
from workbench.stores.values import key_part, name_of_part

log = logging.getLogger("workbench.app")


class _Row(Struct, omit_defaults=True):
    """How a click is stored: `definition` as its kind writes it, secrets by their names."""

    definition: msgspec.Raw
    kind: str
    at: datetime
    origin: Origin
    edits: bool = False


class Click(Struct, frozen=True):
    """One definition that was made by click.

    Args:
        definition: What was made.
        word: The word for it: `job`, `channel`.
        at: When (UTC).
        origin: The form, with the cell under which it was opened.
        edits: Whether it changes what a cell or a file defines, which has the last word when it runs again.
    """

    definition: Definition
    word: str
    at: datetime
    origin: Origin
    edits: bool = False

    @property
    def name(self) -> str:
        """Its name in `wb.clicked`: `job quote`."""
        return f"{self.word} {self.definition.full_name}"

    @property
    def code(self) -> str:
        """What to paste into a cell to keep it there."""
        return code_of(self.definition)

    def __str__(self) -> str:
        return f"{self.word.capitalize()} {self.definition.full_name!r}"

    def __repr__(self) -> str:
        return self.code


def _kind_of(definition: Definition) -> str:
    """What a kind is called in the store: a connection's as in the catalog, any other's by its class."""
    cls = type(definition)
    return str(cls.__struct_config__.tag) if cls.collection == "connections" else cls.__name__


def _class_of(collection: str, kind: str) -> type[Definition]:
    """The class of a kind; raises LookupError."""
    if collection == "connections" and kind in catalog.rows():
        return catalog.definition_class(kind)
    if kind in MODULES:
        kinds()[kind]()  # which imports it
    found = [cls for cls in below(Definition) if (cls.collection, cls.__name__) == (collection, kind)]
    if not found:
        raise LookupError(f"nobody knows the kind {kind!r}; it may be that of a cell that has not run")
    # Of a class whose cell has run again, the newest.
    newest: type[Definition] = found[-1]
    return newest


class KeptClicks:
    """One application's clicks in a store, as `clicks/<app>/<collection>/<name>`.

    Args:
        store: Where they are kept.
        app: The application, a notebook's path.
        word_of: The word for one of a collection.
    """

    def __init__(self, store: Store, app: str, word_of: Callable[[str], str]) -> None:
        self._store, self._app, self._word_of = store, app, word_of

    @property
    def is_shared(self) -> bool:
        """Whether notebooks of other machines may keep theirs in the same store."""
        return self._store.across_machines

    @property
    def lasts(self) -> bool:
        """Whether what is kept outlives this process."""
        return self._store.folder is not None

    def _key(self, definition: Definition) -> str:
        return "/".join(["clicks", *map(key_part, (self._app, definition.collection, definition.full_name))])

    def keep(self, click: Click) -> None:
        """Keep a click in place of one of its name.

        Raises:
            ServiceUsage: It holds the value of a secret.
            StoreUnavailable: It cannot be kept.
        """
        definition = click.definition
        text = msgspec.json.encode(definition, enc_hook=as_json)
        if mask(text.decode()) != text.decode():
            raise ServiceUsage(
                f"{click} holds the value of a secret, which is not kept in the store. "
                f"Fix: name the secret, as secret('ITS_NAME')."
            )
        row = _Row(msgspec.Raw(text), _kind_of(definition), click.at, click.origin, click.edits)
        self._store.put(self._key(definition), msgspec.json.encode(row))

    def drop(self, definition: Definition) -> None:
        """Keep it no longer."""
        self._store.delete(self._key(definition))

    def all(self) -> Iterator[Click]:
        """Every click that can be read; one of a kind that a cell brings can be once that cell has run."""
        prefix = f"clicks/{key_part(self._app)}/"
        for key, value in self._store.scan(prefix):
            collection = name_of_part(key.removeprefix(prefix).partition("/")[0])
            try:
                row = msgspec.json.decode(value, type=_Row)
                definition = msgspec.json.decode(row.definition, type=_class_of(collection, row.kind))
            except (msgspec.MsgspecError, InvalidDefinition, LookupError) as exc:
                log.warning("what was made by click and kept as %r cannot be read and is passed over: %s", key, exc)
                continue
            yield Click(definition, self._word_of(collection), row.at, row.origin, row.edits)

    def others(self) -> dict[str, int]:
        """How many clicks each other application of this store has."""
        found: dict[str, int] = {}
        for key, _ in self._store.scan("clicks/"):
            app = name_of_part(key.split("/")[1])
            if app != self._app:
                found[app] = found.get(app, 0) + 1
        return found

    def take(self, app: str) -> int:
        """Make another application's clicks those of this one; what this one has of a name stays. How many moved."""
        theirs, mine, moved = f"clicks/{key_part(app)}/", f"clicks/{key_part(self._app)}/", 0
        for key, value in list(self._store.scan(theirs)):
            moved += self._store.add(mine + key.removeprefix(theirs), value)
            self._store.delete(key)
        return moved


class Clicks(Mapping[str, Click]):
    """`wb.clicked`: what was made by click and is in no cell, by name as `job quote`; its repr is the code of it all.

    Args:
        kept: Gives what is kept; None while there is no store yet and it need not be made. Told whether to make it.
        clock: Says when.
        folder: Where the notebook is.
    """

    def __init__(self, kept: Callable[[bool], KeptClicks | None], clock: Clock, folder: Path) -> None:
        self._kept, self._clock, self._folder = kept, clock, folder
        self._clicks: dict[str, Click] = {}
        self._is_read = False
        self._lock = RLock()
        self._bring: Callable[[], object] = lambda: None
        self._withdraw: Callable[[Definition], object] = lambda definition: None

    def follow(self, bring: Callable[[], object], withdraw: Callable[[Definition], object]) -> None:
        """Have what is taken over put into force as far as its services are live, and what is removed taken out."""
        self._bring, self._withdraw = bring, withdraw

    def read(self) -> None:
        """Know what the store keeps; it is asked once.

        Raises:
            StoreUnavailable: It gives no answer.
        """
        with self._lock:
            if not self._is_read and (kept := self._kept(False)) is not None:
                self._clicks = {each.name: each for each in kept.all()} | self._clicks
                self._is_read = True

    def keep(self, definition: Definition, word: str, origin: Origin, *, edits: bool = False) -> Callable[[], None]:
        """Keep what a form made, and give the way back; see `KeptClicks.keep` for what it raises."""
        click = Click(definition, word, self._clock.now(), origin, edits)
        with self._lock:
            self.read()
            kept = self._kept(True)
            assert kept is not None
            before = self._clicks.get(click.name)
            if before is not None:
                click = msgspec.structs.replace(click, edits=before.edits)
            kept.keep(click)
            self._clicks[click.name] = click

        return partial(self._undo, kept, click, before)

    def _undo(self, kept: KeptClicks, click: Click, before: Click | None) -> None:
        """Keep what was kept before a click; a store that gives no answer keeps nothing else from being undone."""
        with self._lock:
            self._clicks.pop(click.name, None)
            if before is not None:
                self._clicks[click.name] = before
            try:
                kept.drop(click.definition) if before is None else kept.keep(before)
            except StoreUnavailable as exc:
                log.warning("%s was taken back, but the store brings it back after a restart: %s", click, exc)

    def drop(self, word: str, full_name: str) -> Click | None:
        """Keep it no longer; gives it if it was kept."""
        with self._lock:
            click = self._clicks.get(f"{word} {full_name}")
            if click is not None and (kept := self._kept(True)) is not None:
                kept.drop(click.definition)
                del self._clicks[click.name]
            return click

    def remove(self, name: str) -> None:
        """Take a click back, as `job quote`: it is kept no longer, and what it made is no longer in force.

        A change of what a cell defines stays in force until the cell runs again.

        Raises:
            UnknownName: There is none of that name.
            StillUsed: Other definitions name what it made.
        """
        click = self[name]
        if not click.edits:
            self._withdraw(click.definition)
        self.drop(click.word, click.definition.full_name)

    def take(self, notebook: str) -> None:
        """Take over what was made by click in this notebook while it had another name; jobs begin their count anew.

        Args:
            notebook: Its former path, as `Untitled.ipynb`.

        Raises:
            UnknownName: Nothing is kept under that name.
            ServiceUsage: There is a notebook of that name, whose clicks are its own.
        """
        kept = self._kept(False)
        others = kept.others() if kept is not None else {}
        if notebook not in others or kept is None:
            raise UnknownName("notebook with clicks", notebook, others)
        if (self._folder / notebook).exists():
            raise ServiceUsage(
                f"{notebook} is there, and what was made by click in it is its own. Fix: name a notebook that is gone."
            )
        with self._lock:
            kept.take(notebook)
            self._is_read = False
            self.read()
        self._bring()

    def left_behind(self) -> list[str]:
        """A sentence for each notebook that is gone, with what to do if it was this one.

        Of a store that other machines use, nobody knows here which notebooks are gone.
        """
        kept = self._kept(False)
        if kept is None or kept.is_shared:
            return []
        return [
            f"{app} is no longer here and left {count} definition{'' if count == 1 else 's'} made by click. "
            f"If this notebook had that name: wb.clicked.take({app!r})"
            for app, count in kept.others().items()
            if app.endswith(".ipynb") and not (self._folder / app).exists()
        ]

    def describe(self, click: Click) -> str:
        """`Job 'quote' was set by click on 27 Nov.`; the year is said of another year."""
        year = "" if click.at.year == self._clock.now().year else f" {click.at.year}"
        done = "changed" if click.edits else "set"
        how = f"from {click.origin}" if click.origin.applied else "by click"
        return f"{click} was {done} {how} on {click.at.day} {click.at:%b}{year}."

    @property
    def lasts(self) -> bool:
        """Whether what is made by click outlives this kernel: not in a store in memory."""
        return (kept := self._kept(False)) is not None and kept.lasts

    @property
    def code(self) -> str:
        """All of it, to paste into a cell."""
        return code_of(*(each.definition for each in self.values())) if len(self) else ""

    def _now(self) -> dict[str, Click]:
        self.read()
        with self._lock:
            return dict(self._clicks)

    def __getitem__(self, name: str) -> Click:
        clicks = self._now()
        try:
            return clicks[name]
        except KeyError:
            raise UnknownName("click", name, clicks) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    def __repr__(self) -> str:
        return self.code or "Nothing was made by click that is in no cell."

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)
