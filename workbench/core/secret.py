"""A secret's name, which definitions hold, and how the value behind it is found.

A definition never holds a secret: it holds `secret("NAME")`, and the value is read when a connection opens or a
credential is checked.
"""

from __future__ import annotations

import warnings
from itertools import count

from msgspec import Struct

_given: dict[str, str] = {}


class PlainSecretWarning(UserWarning):
    """A secret was written into a cell, where it would be saved with the notebook."""


class Secret(Struct, frozen=True):
    """The name of a secret: an environment variable, or a line of the file `.env` beside the notebook."""

    name: str

    def __repr__(self) -> str:
        return f"secret({self.name!r})"


def secret(name: str) -> Secret:
    """Name the secret to use; its value comes from the environment or `.env`, and is never shown or saved."""
    return Secret(name)


def keep_given(owner: str, value: str) -> Secret:
    """Keep a secret that was given as plain text in this process only, and warn that the cell would save it."""
    warnings.warn(
        f"{owner} was given as plain text, which would be saved in the notebook. "
        f"Fix: set an environment variable and write secret('ITS_NAME').",
        PlainSecretWarning,
        stacklevel=4,
    )
    # Another value gets another name: a definition with it differs from the former, which keeps its own.
    names = (owner if number == 1 else f"{owner} ({number})" for number in count(1))
    name = next(name for name in names if _given.setdefault(name, value) == value)
    return Secret(name)


def give(name: str, value: str) -> None:
    """Keep a value under this name in this process only: one made up here, never one that a person wrote."""
    _given[name] = value


def given(name: str) -> str | None:
    """The value that this process alone knows under this name, if any."""
    return _given.get(name)
