"""Tells a git repository to keep its notebooks clean, by a filter that stands before each commit."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from workbench.core.errors import WorkbenchError

ATTRIBUTE = "*.ipynb filter=workbench"
SECONDS = 30.0
"""Longest wait for git [s]."""


def install(folder: Path) -> Path:
    """Set the filter up in the repository of a folder; the file of attributes that says so.

    The command goes into the settings of this clone, which every colleague sets up once; which files it is for goes
    into `.gitattributes`, which is committed. Where nobody has set it up, git takes notebooks as they are.

    Raises:
        WorkbenchError: There is no git, or no repository.
    """
    root = Path(_git(folder, "rev-parse", "--show-toplevel"))
    command = shlex.join([Path(sys.executable).as_posix(), "-m", "workbench.cli.main", "git-filter"])
    _git(root, "config", "filter.workbench.clean", command)
    attributes = root / ".gitattributes"
    # As bytes: other lines stay as they are, whatever their ends and their encoding.
    there = attributes.read_bytes() if attributes.exists() else b""
    if ATTRIBUTE.encode() not in there.splitlines():
        end = b"" if not there or there.endswith(b"\n") else b"\n"
        attributes.write_bytes(there + end + ATTRIBUTE.encode() + b"\n")
    return attributes


def remove(folder: Path) -> Path:
    """Take the filter out of this clone and its file of attributes.

    Raises:
        WorkbenchError: There is no git, or no repository.
    """
    root = Path(_git(folder, "rev-parse", "--show-toplevel"))
    _git(root, "config", "--remove-section", "filter.workbench", may_fail=True)
    attributes = root / ".gitattributes"
    if attributes.exists():
        lines = attributes.read_bytes().splitlines(keepends=True)
        kept = b"".join(each for each in lines if each.strip() != ATTRIBUTE.encode())
        if kept:
            attributes.write_bytes(kept)
        else:
            attributes.unlink()
    return attributes


def _git(folder: Path, *arguments: str, may_fail: bool = False) -> str:
    if not folder.is_dir():
        raise WorkbenchError(f"There is no folder {str(folder)!r}. Fix: correct the path.")
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except FileNotFoundError as exc:
        raise WorkbenchError("git is not installed. Fix: install git.") from exc
    except subprocess.TimeoutExpired as exc:
        raise WorkbenchError(f"git {arguments[0]} did not end within {SECONDS:g} s. Fix: run it by hand.") from exc
    if done.returncode and not may_fail:
        raise WorkbenchError(f"git {arguments[0]} refused: {done.stderr.strip()}. Fix: run it inside a git repository.")
    return done.stdout.strip()
