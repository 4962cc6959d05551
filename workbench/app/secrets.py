"""Finds the value behind a secret's name: environment, `.env` beside the notebook, or a stand-in while sandboxed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from stat import S_ISREG

from workbench.core.errors import MissingSecret, WorkbenchError
from workbench.core.masking import learn
from workbench.core.secret import Secret, given


class FoundSecrets:
    """Looks in the process's own gifts, the environment, then `.env`.

    Args:
        folder: Where `.env` is; None for no file.
        sandboxed: Whether an unset secret may be played by a random value.
        environ: The environment; the process's by default.
    """

    def __init__(
        self, folder: Path | None, sandboxed: Callable[[], bool], environ: Mapping[str, str] | None = None
    ) -> None:
        self._folder, self._sandboxed = folder, sandboxed
        self._environ = os.environ if environ is None else environ
        self.played: dict[str, str] = {}
        self._file: tuple[tuple[int, ...], dict[str, str | None]] = (), {}

    def reveal(self, secret: Secret, owner: str) -> str:
        """The value as it is now, with the prefix; from now on it is masked in all that is kept or shown.

        Raises:
            MissingSecret: It is set nowhere.
            WorkbenchError: `.env` is there and cannot be read.
        """
        if value := self._set(secret.name):
            learn(value)
            return secret.prefix + value
        if self._sandboxed():
            return secret.prefix + self.played.setdefault(secret.name, secrets.token_urlsafe(12))
        raise MissingSecret(secret.name, owner)

    def has(self, name: str) -> bool:
        """Whether a secret of this name is set somewhere; raises WorkbenchError if `.env` cannot be read."""
        return bool(self._set(name))

    def _set(self, name: str) -> str | None:
        return given(name) or self._environ.get(name) or self.in_file(name)

    def in_file(self, name: str) -> str | None:
        """What `.env` says; None if it says nothing; raises WorkbenchError if it cannot be read."""
        path = None if self._folder is None else self._folder / ".env"
        if path is None:
            return None
        try:
            state = path.stat()
        except OSError:
            return None
        if not S_ISREG(state.st_mode):
            return None
        # Read again when it has changed only: open connections ask at every use whether their secrets are the same.
        mark = state.st_mtime_ns, state.st_size, state.st_ino
        if self._file[0] != mark:
            self._file = mark, self._read(path)
        return self._file[1].get(name)

    @staticmethod
    def _read(path: Path) -> dict[str, str | None]:
        from dotenv import dotenv_values

        try:
            return dotenv_values(path, interpolate=False)
        except (OSError, UnicodeDecodeError) as exc:
            raise WorkbenchError(f"{path} cannot be read: {exc}. Fix: save it as UTF-8 text you may read.") from exc
