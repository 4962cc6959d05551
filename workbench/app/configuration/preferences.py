"""What one user prefers in all of their notebooks: a file in their configuration folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from workbench.core.errors import WorkbenchError


def preferences_file() -> Path:
    """The file that keeps them, where the system keeps its users' configuration; it need not be there."""
    return user_config_path("workbench", appauthor=False) / "settings.json"


def preference(name: str) -> str:
    """What the user prefers; '' if they have not said.

    Raises:
        WorkbenchError: The file is there and cannot be read.
    """
    return str(_read().get(name) or "")


def prefer(name: str, value: str) -> None:
    """Keep what the user prefers; '' forgets it.

    Raises:
        WorkbenchError: The file cannot be read or written.
    """
    kept = {**_read(), name: value}
    path = preferences_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Whole or not at all: another notebook may read it right now.
        new = path.with_name(f"{path.name}.{os.getpid()}")
        new.write_text(json.dumps({key: each for key, each in kept.items() if each}, indent=2) + "\n")
        new.replace(path)
    except OSError as exc:
        raise WorkbenchError(f"{path} cannot be written: {exc.strerror}. Fix: make it writable.") from exc


def _read() -> dict[str, Any]:
    path = preferences_file()
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as exc:
        raise WorkbenchError(f"{path} cannot be read: {exc}. Fix: mend or remove it.") from exc
    if not isinstance(found, dict):
        raise WorkbenchError(f"{path} holds no settings. Fix: mend or remove it.")
    return found
