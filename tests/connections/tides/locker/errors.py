"""What goes wrong with a locker, in our words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from locker.definition import LockerConnection
from workbench.connections.files.errors import (
    FileThere,
    Interrupted,
    IsAFolder,
    NoSuchFile,
    NotAFolder,
    Refused,
    StorageFull,
)
from workbench.core.errors import ConnectionFailed

OF_WORD: dict[str, Callable[[object, str], ConnectionFailed]] = {
    "absent": NoSuchFile,
    "there": FileThere,
    "folder": IsAFolder,
    "file": NotAFolder,
    "in use": lambda owner, path: Refused(f"{owner}: the folder {path!r} is not empty."),
    "full": lambda owner, path: StorageFull(f"{owner} has no room for {path!r}. Fix: make room there."),
}
"""The error of each word that a locker says instead of an answer."""


@contextmanager
def troubles(definition: LockerConnection) -> Iterator[None]:
    """Raise what goes wrong with the network as errors of `files/errors.py`."""
    try:
        yield
    except ConnectionFailed:
        raise
    except (EOFError, OSError) as exc:
        raise Interrupted(f"{definition} cannot be reached: {exc or 'it hung up'}. Fix: check host and port") from exc
