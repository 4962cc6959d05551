"""A Python in which a package runs: this one where it has what is asked for, else an environment made for it."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from workbench.core.errors import WorkbenchError
from workbench.sharing.environment import OURS

SECONDS = 900.0
"""Longest time in which an environment is made [s]; with all packages in pip's cache it is one minute or two."""


class NotInstallable(WorkbenchError):
    """An environment could not be made."""


def python_in(folder: Path) -> Path:
    """The Python of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def home() -> Path:
    """Where environments are kept, for this user."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("workbench")) / "environments"


def made_before(requirements: Sequence[Requirement], at: Path | None = None) -> Path | None:
    """The Python of an environment that was made for the same packages; None if there is none."""
    pointer = _pointer(requirements, at or home())
    try:
        python = python_in(pointer.parent / str(json.loads(pointer.read_text())["folder"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return python if python.exists() else None


def make(requirements: Sequence[Requirement], at: Path | None = None) -> Path:
    """Make an environment by venv and pip, the workbench itself from where this one came; its Python.

    Raises:
        NotInstallable: pip refuses; what it said last is in the message.
    """
    pointer = _pointer(requirements, at or home())
    folder = pointer.parent / f"{pointer.stem}-{secrets.token_hex(4)}"
    pointer.parent.mkdir(parents=True, exist_ok=True)
    try:
        _run([sys.executable, "-m", "venv", str(folder)])
        quietly = ["--quiet", "--no-input", "--disable-pip-version-check", "--no-compile"]
        _run([str(python_in(folder)), "-m", "pip", "install", *quietly, *_wanted(requirements)])
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    # As the last step, in one piece: what is not whole is no environment, and two that are made at once both serve.
    fresh = folder / "pointer.json"
    fresh.write_text(json.dumps({"folder": folder.name}))
    fresh.replace(pointer)
    return python_in(folder)


def _pointer(requirements: Sequence[Requirement], at: Path) -> Path:
    said = [sys.version.partition(" ")[0], sys.prefix, *_wanted(requirements)]
    return at / f"{hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]}.json"


def _wanted(requirements: Sequence[Requirement]) -> list[str]:
    """What pip is told, the workbench always among it."""
    ours = [each for each in requirements if canonicalize_name(each.name) == OURS]
    others = sorted(str(each) for each in requirements if each not in ours)
    extras = ",".join(sorted({extra for each in ours for extra in each.extras}))
    bounds = ",".join(str(each.specifier) for each in ours if str(each.specifier))
    named = f"{OURS}[{extras}]" if extras else OURS
    # PEP 610: an installation from a file or folder says which.
    told = json.loads(distribution(OURS).read_text("direct_url.json") or "{}")
    url = str(told.get("url", ""))
    return [f"{named} @ {url}" if url.startswith("file:") else f"{named}{bounds}", *others]


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise NotInstallable(f"No environment was made within {SECONDS:g} s. Fix: look at the network.") from exc
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-6:])
        raise NotInstallable(
            f"No environment was made; pip says:\n{said}\nFix: correct environment.yml, or install what it asks for "
            "and pass --here."
        )
