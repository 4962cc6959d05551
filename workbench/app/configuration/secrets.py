"""Finds the value behind a secret's name: environment, `.env` beside the notebook, the keyring, or a stand-in while
sandboxed; and keeps one that was typed into a form."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from stat import S_ISREG
from typing import Any, cast

from workbench.app.configuration.env_file import set_in_file
from workbench.core.errors import MissingSecret, WorkbenchError
from workbench.core.masking import learn
from workbench.core.secret import CRYPTO_KEY, Secret, given

ENV_FILE, KEYRING = ".env", "keyring"
"""Where a value that was typed may be kept."""


class FoundSecrets:
    """Looks in the process's own gifts, the environment, `.env`, then the system's keyring.

    The keyring is that of the package `keyring`, if it is installed. What is kept there is for the folder that kept
    it: a notebook of another folder that names the same secret does not get it.

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
            # What this process alone knows has a name that nobody could set.
            learn(value, "" if given(secret.name) else secret.name)
            return secret.prefix + value
        if self._sandboxed():
            # The one whose form counts is a key of Fernet: 32 bytes in URL-safe base64.
            made = f"{secrets.token_urlsafe(32)}=" if secret.name == CRYPTO_KEY else secrets.token_urlsafe(12)
            return secret.prefix + self.played.setdefault(secret.name, made)
        raise MissingSecret(secret.name, owner)

    def has(self, name: str) -> bool:
        """Whether a secret of this name is set somewhere; raises WorkbenchError if `.env` cannot be read."""
        return bool(self._set(name))

    def is_usable(self, name: str) -> bool:
        """Whether a secret of this name is set somewhere, or a stand-in plays it."""
        return self._sandboxed() or self.has(name)

    def _set(self, name: str) -> str | None:
        return given(name) or self._environ.get(name) or self.in_file(name) or self._from_keyring(name)

    def variable(self, name: str) -> str | None:
        """What the environment or else `.env` has for a name that is no secret; None for what is not set."""
        return self._environ.get(name, self.in_file(name))

    @property
    def names(self) -> list[str]:
        """The names that `.env` has."""
        return sorted(self._file_now())

    @property
    def places(self) -> list[str]:
        """Where a value that is typed may be kept, the usual place first."""
        keyring = _keyring()
        found = [ENV_FILE] if self._folder is not None else []
        return [*found, KEYRING] if keyring is not None and keyring.get_keyring().priority > 0 else found

    def is_fixed(self, name: str) -> bool:
        """Whether a value in `.env` or the keyring would not count, since the environment or the process has one."""
        return bool(given(name) or self._environ.get(name))

    def keep(self, name: str, value: str, place: str = ENV_FILE) -> None:
        """Keep a value that was typed, in place of a former one; it is taken at the next call.

        Args:
            name: The secret's name.
            value: Its value, masked from now on in all that is kept or shown.
            place: One of `places`.

        Raises:
            WorkbenchError: It cannot be kept there; the value is in no message.
        """
        learn(value)
        if place not in self.places or self._folder is None:
            raise WorkbenchError(f"{name} cannot be kept in {place!r}. Fix: choose {' or '.join(self.places)}.")
        if place == ENV_FILE:
            set_in_file(self._folder / ENV_FILE, name, value)
            return
        if name in self._file_now():
            raise WorkbenchError(f"{name} is in .env, which comes before the keyring. Fix: keep it in .env.")
        try:
            cast(Any, _keyring()).set_password(self._service, name, value)
        except Exception as exc:
            raise WorkbenchError(
                f"The keyring does not keep {name}: {type(exc).__name__}. Fix: unlock it, or keep {name} in .env."
            ) from None

    @property
    def _service(self) -> str:
        return f"notebook-workbench {self._folder}"

    def _from_keyring(self, name: str) -> str | None:
        if self._folder is None or (keyring := _keyring()) is None:
            return None
        try:
            return str(keyring.get_password(self._service, name) or "") or None
        except keyring.errors.NoKeyringError:
            return None
        except Exception as exc:
            raise WorkbenchError(
                f"The keyring does not tell {name}: {type(exc).__name__}. Fix: unlock it, or set {name} in .env."
            ) from None

    def in_file(self, name: str) -> str | None:
        """What `.env` says; None if it says nothing; raises WorkbenchError if it cannot be read."""
        return self._file_now().get(name)

    def _file_now(self) -> dict[str, str | None]:
        """What `.env` says."""
        path = None if self._folder is None else self._folder / ENV_FILE
        if path is None:
            return {}
        try:
            state = path.stat()
        except OSError:
            return {}
        if not S_ISREG(state.st_mode):
            return {}
        # Read again when it has changed only: open connections ask at every use whether their secrets are the same.
        mark = state.st_mtime_ns, state.st_size, state.st_ino
        if self._file[0] != mark:
            self._file = mark, self._read(path)
        return self._file[1]

    @staticmethod
    def _read(path: Path) -> dict[str, str | None]:
        from dotenv import dotenv_values

        try:
            return dotenv_values(path, interpolate=False)
        except (OSError, UnicodeDecodeError) as exc:
            raise WorkbenchError(f"{path} cannot be read: {exc}. Fix: save it as UTF-8 text you may read.") from exc


@cache
def _keyring() -> Any:
    """The package `keyring`; None if it is not installed."""
    try:
        return import_module("keyring")
    except ImportError:
        return None
