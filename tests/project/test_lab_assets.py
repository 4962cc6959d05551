"""The extension of JupyterLab that is committed is the one that its sources make, and is small."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from tests.kernels import ROOT
from workbench import __version__

LAB = ROOT / "workbench" / "lab"
MOST_BYTES = 300_000


def digest(files: Iterable[Path]) -> str:
    """As workbench/lab/build.mjs does it: path, a zero, content, a zero; in order of paths."""
    whole = hashlib.sha256()
    for path in sorted(file.relative_to(LAB).as_posix() for file in files):
        whole.update(path.encode() + b"\0" + (LAB / path).read_bytes() + b"\0")
    return whole.hexdigest()


def files_in(folder: str) -> list[Path]:
    return [path for path in (LAB / folder).rglob("*") if path.is_file()]


def test_the_extension_was_built_from_these_sources() -> None:
    others = [LAB / name for name in ("build.mjs", "package.json", "package-lock.json", "tsconfig.json")]
    found = {"sources": digest([*files_in("src"), *others]), "assets": digest(files_in("labextension"))}
    assert found == json.loads((LAB / "digest.json").read_text(encoding="utf-8")), "Fix: make lab-assets"


def test_the_extension_has_the_version_of_the_package() -> None:
    for path in ("package.json", "labextension/package.json"):
        assert json.loads((LAB / path).read_text(encoding="utf-8"))["version"] == __version__


def test_all_that_a_browser_loads_is_small() -> None:
    loaded = [*files_in("labextension"), *(ROOT / "workbench" / "ui" / "static").rglob("*.*")]
    assert sum(path.stat().st_size for path in loaded if path.is_file()) <= MOST_BYTES
