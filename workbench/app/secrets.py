"""Finds the value behind a secret's name: environment, `.env` beside the notebook, or a stand-in while sandboxed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from workbench.core.errors import MissingSecret, WorkbenchError
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

    def reveal(self, secret: Secret, owner: str) -> str:
        """The value.

        Raises:
            MissingSecret: It is set nowhere.
            WorkbenchError: `.env` is there and cannot be read.
        """
        name = secret.name
        for value in (given(name), self._environ.get(name), self._from_file(name)):
            if value:
                return value
        if self._sandboxed():
            return self.played.setdefault(name, secrets.token_urlsafe(12))
        raise MissingSecret(name, owner)

    def _from_file(self, name: str) -> str | None:
        path = None if self._folder is None else self._folder / ".env"
        if path is None or not path.is_file():
            return None
        from dotenv import dotenv_values

        try:
            return dotenv_values(path, interpolate=False).get(name)
        except (OSError, UnicodeDecodeError) as exc:
            raise WorkbenchError(f"{path} cannot be read: {exc}. Fix: save it as UTF-8 text you may read.") from exc
