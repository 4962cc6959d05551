"""`workbench version`: which workbench and Python run here, and of which revision."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from workbench import __version__


def version(as_json: Annotated[bool, Option("--json", help="Print JSON.")] = False) -> Any:
    """Say the version, the revision where it runs from a repository, and the Python."""
    return facts() if as_json else said(facts())


def facts() -> dict[str, str]:
    """Version, revision ('' where nothing tells), Python, its path, and the system."""
    python = ".".join(map(str, sys.version_info[:3]))
    return {
        "version": __version__,
        "revision": revision(Path(__file__).parents[3]),
        "python": python,
        "executable": sys.executable,
        "system": f"{platform.system()} {platform.machine()}",
    }


def said(facts: dict[str, str]) -> str:
    """`workbench 0.1.0 (revision 1a2b3c4), Python 3.11.7`."""
    revision = f" (revision {facts['revision']})" if facts["revision"] else ""
    return f"workbench {facts['version']}{revision}, Python {facts['python']}"


def revision(folder: Path) -> str:
    """The commit of a repository that this very package is in, read from its files: git need not be there."""
    try:
        git = folder / ".git"
        if git.is_file():  # a work tree of another repository
            git = (folder / git.read_text().removeprefix("gitdir:").strip()).resolve()
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref:"):
            return head[:12]
        name = head.removeprefix("ref:").strip()
        common = git / (git / "commondir").read_text().strip() if (git / "commondir").is_file() else git
        if (common / name).is_file():
            return (common / name).read_text().strip()[:12]
        packed = (common / "packed-refs").read_text().splitlines()
        return next((line.split()[0][:12] for line in packed if line.endswith(f" {name}")), "")
    except (OSError, UnicodeDecodeError):
        return ""
