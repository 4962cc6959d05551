"""Asks once before a notebook from elsewhere opens its first connection to the outside.

A notebook is one's own if one of these holds; a person is never asked about such a one:

- nothing tells its path: scripts, `Workbench()`, `.py` files that are served, kernels outside of Jupyter;
- it has no code yet when the workbench is turned on, as a new one;
- this user's Jupyter trusts it as it is then (`nbformat.sign`): it has saved it since its cells ran here;
- this user has allowed it before, by its path.

That keeps a mishap from happening, no malice: the code of a notebook can call whom it likes without a connection.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple, Protocol

from workbench.app.deploy.notebooks import has_code
from workbench.connections.common.hosts import host_of, is_outside
from workbench.core.errors import ConnectionFailed, WorkbenchError
from workbench.core.events import Events
from workbench.core.ports import Store
from workbench.stores.opening import open_store
from workbench.stores.values import key_part

log = logging.getLogger("workbench.app")

VARIABLE = "WORKBENCH_ALLOW_OUTSIDE"
ASKED, OWN = b"asked", b"own"


class Calls(Protocol):
    """A definition of what calls another system: a connection, or a cache on a server."""

    @property
    def called(self) -> str:
        """The address that it calls; '' for none."""
        ...


class OutsideAsked(NamedTuple):
    """An event: a connection to the outside was refused until a person has answered; its text is the question."""

    hosts: tuple[str, ...]

    def __str__(self) -> str:
        *others, last = self.hosts
        named = f"{', '.join(others)} and {last}" if others else last
        return f"This notebook comes from elsewhere and would call {named}."


class OutsideRefused(ConnectionFailed):
    """A notebook from elsewhere would have opened a connection to the outside, and nobody has allowed that."""

    mood = "attention"

    def __init__(self, definition: Calls, asked: OutsideAsked) -> None:
        super().__init__(
            f"{definition} was not opened. {asked} "
            f"Fix: wb.sandbox() to use stand-ins; or press Allow, in a headless run --allow-outside or {VARIABLE}=1."
        )


class Outside:
    """Whether connections may be opened to the outside.

    Args:
        definitions: The connections and caches in force.
        events: Told the first time that one is refused.
        environ: The environment; the process's by default.
    """

    def __init__(
        self,
        definitions: Callable[[], Iterable[Calls]],
        events: Events,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._definitions, self._events = definitions, events
        self._environ = os.environ if environ is None else environ
        self._notebook: Path | None = None
        self._text, self._signatures = b"", frozenset[str]()
        self._is_own: bool | None = True
        self._asked: OutsideAsked | None = None
        self._lock = RLock()

    def watch(self, notebook: Path) -> None:
        """Say which notebook this is. What it holds and Jupyter trusts now decides: its next save may change both."""
        with suppress(OSError):
            text = notebook.read_bytes() if notebook.suffix == ".ipynb" else b""
            if has_code(text):
                self._notebook, self._text, self._is_own = notebook.resolve(), text, None
                self._signatures = signatures()

    @property
    def question(self) -> str:
        """What is asked and nobody has answered; '' if nothing is."""
        return str(self._asked) if self._asked is not None and not self._is_own else ""

    @property
    def is_own(self) -> bool:
        """Whether the notebook is one's own."""
        return bool(self._is_own) or self._may()

    def check(self, definition: Calls) -> None:
        """Raise OutsideRefused for what would call the outside and nobody has allowed."""
        if self._is_own or not is_outside(host_of(definition.called)) or self._may():
            return
        asked = OutsideAsked(self._hosts(definition))
        with self._lock:
            is_first, self._asked = self._asked is None, asked
        if is_first:
            self._record(ASKED)
            self._events.emit(asked)
        raise OutsideRefused(definition, asked)

    def _hosts(self, wanted: Calls) -> tuple[str, ...]:
        called = [*(each.called for each in self._definitions()), wanted.called]
        hosts = (host_of(each) for each in called)
        return tuple(dict.fromkeys(host for host in hosts if is_outside(host)))

    def _may(self) -> bool:
        if self._environ.get(VARIABLE, "") not in ("", "0"):
            return True
        with self._lock:
            if self._is_own is None:
                known = self._recorded()
                # One that was asked about stays so: Jupyter trusts what it saved, whatever the answer was.
                self._is_own = known == OWN or (known is None and is_signed(self._text, self._signatures))
                if self._is_own and known is None:
                    self._record(OWN)
                self._text, self._signatures = b"", frozenset()
            return self._is_own

    def allow(self) -> None:
        """Take this notebook as one's own, from now on and by its path."""
        with self._lock:
            self._is_own = True
        self._record(OWN)

    def go_on(self, other: Outside) -> None:
        """Take this notebook for one's own if another one did, earlier in this process; nothing is kept of that."""
        if other._is_own:
            self._is_own = True

    def _recorded(self) -> bytes | None:
        return self._with_store(lambda store, key: store.get(key))

    def _record(self, what: bytes) -> None:
        self._with_store(lambda store, key: store.put(key, what))

    def _with_store(self, use: Callable[[Store, str], bytes | None]) -> bytes | None:
        """What is known of notebooks is kept for the user, not beside them: what comes from elsewhere says nothing."""
        if self._notebook is None:
            return None
        try:
            store = open_store(f"sqlite:///{jupyter_data() / 'workbench' / 'notebooks.db'}")
            try:
                return use(store, f"notebook/{key_part(str(self._notebook))}")
            finally:
                store.close()
        except (WorkbenchError, ValueError) as exc:
            log.warning("whether %s is one's own is not kept, so it is asked again: %s", self._notebook, exc)
            return None


def is_ones_own(notebook: Path, environ: Mapping[str, str]) -> bool:
    """Whether a notebook is one's own, before there is a workbench; of `environ`, what allows a notebook counts."""
    outside = Outside(tuple, Events(), environ)
    outside.watch(notebook)
    return outside.is_own


def jupyter_data() -> Path:
    """Where this user's Jupyter keeps its data."""
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir())


def signatures() -> frozenset[str]:
    """The signatures of all notebooks that this user's Jupyter trusts now; to look makes nothing of Jupyter's."""
    path = jupyter_data() / "nbsignatures.db"
    if not path.is_file():
        return frozenset()
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=1.0)) as database:
            return frozenset(row[0] for row in database.execute("SELECT signature FROM nbsignatures"))
    except sqlite3.Error as exc:
        log.warning("what Jupyter trusts is not known: %s: %s", path, exc)
        return frozenset()


def is_signed(text: bytes, known: frozenset[str]) -> bool:
    """Whether one of the signatures is that of this notebook, as Jupyter computes it."""
    if not known:
        return False
    # Its import takes a second and more, so it comes last; what it decides is kept.
    nbformat: Any = import_module("nbformat")
    sign: Any = import_module("nbformat.sign")
    try:
        notary = sign.NotebookNotary(data_dir=str(jupyter_data()), store_factory=sign.MemorySignatureStore)
        return notary.compute_signature(nbformat.reads(text.decode(), as_version=4)) in known
    except Exception as exc:
        log.warning("whether Jupyter trusts this notebook is not known: %s", exc)
        return False
