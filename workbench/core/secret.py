"""A secret's name, which definitions hold, and how the value behind it is found.

A definition never holds a secret: it holds `secret("NAME")`, and the value is read when a connection opens or a
credential is checked.
"""

from __future__ import annotations

import linecache
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from pathlib import Path
from types import FrameType

from msgspec import Struct

from workbench.core.masking import learn, mask

_OURS = f"{Path(__file__).parent.parent}/"

CRYPTO_KEY = "WORKBENCH_CRYPTO_KEY"
"""The secret by which services encrypt: 32 bytes in URL-safe base64."""

_given: dict[str, str] = {}
_place = ContextVar("place of a secret", default=("which would be saved in the notebook", "secret('ITS_NAME')"))


class PlainSecretWarning(UserWarning):
    """A secret was written into a cell, where it would be saved with the notebook."""


class Secret(Struct, frozen=True, omit_defaults=True):
    """The name of a secret: an environment variable, or a line of the file `.env` beside the notebook.

    `prefix` goes before the value where it is sent, as `Bearer ` in an Authorization header; it is no secret.
    """

    name: str
    prefix: str = ""

    def __repr__(self) -> str:
        return f"secret({self.name!r}, prefix={self.prefix!r})" if self.prefix else f"secret({self.name!r})"


def secret(name: str, *, prefix: str = "") -> Secret:
    """Name the secret to use; its value comes from the environment or `.env`.

    In all that the workbench shows, logs or keeps, the value, its base64 and its escaped forms are `***`.

    Args:
        name: The environment variable, or the line of `.env`.
        prefix: What goes before the value where it is sent: `headers={"Authorization": secret("TOKEN", prefix="Bearer
            ")}`.
    """
    return Secret(name, prefix)


def keep_given(owner: str, value: str) -> Secret:
    """Keep a secret that was given as plain text in this process only, and warn that the cell would save it."""
    warn_of_plain(owner, value)
    # Another value gets another name: a definition with it differs from the former, which keeps its own.
    names = (owner if number == 1 else f"{owner} ({number})" for number in count(1))
    name = next(name for name in names if _given.setdefault(name, value) == value)
    return Secret(name)


def warn_of_plain(owner: str, value: str) -> None:
    """Warn, with the line of the person's own code, that a secret stands in it; the line is shown without it."""
    learn(value)
    place, instead = _place.get()
    message = PlainSecretWarning(
        f"{owner} was given as plain text, {place}. Fix: set an environment variable and write {instead}."
    )
    frame = _users_frame()
    file, namespace = frame.f_code.co_filename, frame.f_globals
    # Without a module's name nothing would be said.
    where = file, frame.f_lineno, namespace.get("__name__", "__main__"), namespace.setdefault("__warningregistry__", {})
    with _lines_masked(file, namespace):
        warnings.warn_explicit(message, PlainSecretWarning, *where)


@contextmanager
def written_in(file: str, instead: str) -> Iterator[None]:
    """For the moment, say of a secret in plain text that it stands in this file, and what to write there instead."""
    token = _place.set((f"which stands in {file}", instead))
    try:
        yield
    finally:
        _place.reset(token)


def _users_frame() -> FrameType:
    """The innermost frame that is not the workbench's; of a form, which has none, the outermost."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith(_OURS) and frame.f_back is not None:
        frame = frame.f_back
    return frame


@contextmanager
def _lines_masked(file: str, namespace: dict[str, object]) -> Iterator[None]:
    """For the moment, have the lines of a file read without secrets: a warning shows the line that it points at."""
    lines = linecache.getlines(file, namespace)
    kept = linecache.cache.get(file)
    if not lines or kept is None or len(kept) < 4:
        yield
        return
    size, changed, lines, name = kept
    linecache.cache[file] = size, changed, [mask(line) for line in lines], name
    try:
        yield
    finally:
        linecache.cache[file] = kept


def give(name: str, value: str) -> None:
    """Keep a value under this name in this process only: one made up here, never one that a person wrote."""
    _given[name] = value


def given(name: str) -> str | None:
    """The value that this process alone knows under this name, if any."""
    return _given.get(name)
