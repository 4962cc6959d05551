"""`workbench examples`: the notebooks that explain the workbench, or a repository to start from."""

from __future__ import annotations

import shutil
import site
import sysconfig
from pathlib import Path
from typing import Any

from workbench.core.errors import WorkbenchError

_INSTALLED = Path("share", "workbench", "notebooks")
_REPOSITORY = Path(__file__).parent / "repository"
REPOSITORY = {
    "README.md": "README.md",
    "orders.ipynb": "orders.ipynb",
    "requirements.txt": "requirements.txt",
    "tests/test_orders.py": "test_orders.txt",
    ".github/workflows/notebooks.yml": "notebooks.yml",
    ".gitignore": "gitignore",
    ".pre-commit-config.yaml": "pre-commit.yaml",
}
"""The files of a repository to start from, by their path there: those of its own here."""


def examples() -> list[Path]:
    """The notebooks: of the clone if this is one, else those that the wheel brought.

    Raises:
        WorkbenchError: There are none.
    """
    here = Path(__file__).resolve()
    clone = here.parents[2]
    places = [clone / "notebooks"] if (clone / "pyproject.toml").is_file() else []
    # Those beside this very package first: an environment may have another installation below the one that is used.
    places += [folder / _INSTALLED for folder in here.parents]
    places += [Path(base, _INSTALLED) for base in (sysconfig.get_path("data"), site.getuserbase())]
    found = next((notebooks for each in places if (notebooks := sorted(each.glob("*.ipynb")))), None)
    if found is None:
        raise WorkbenchError("The notebooks are missing. Fix: pip install --force-reinstall notebook-workbench")
    return found


def copy(folder: str) -> dict[str, Any]:
    """Copy them into a folder, which is made; a file that is there already is left as it is.

    Raises:
        OSError: The folder cannot be made or written.
    """
    return _copied(folder, {each.name: each for each in examples()})


def start(folder: str) -> dict[str, Any]:
    """Write a repository to start from into a folder, as `copy` does."""
    return _copied(folder, {name: _REPOSITORY / each for name, each in REPOSITORY.items()})


def _copied(folder: str, files: dict[str, Path]) -> dict[str, Any]:
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    kept = [name for name in files if (target / name).exists()]
    copied = [name for name in files if name not in kept]
    for name in copied:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(files[name], target / name)
    return {"folder": str(target.resolve()), "copied": copied, "kept": kept}


def said(told: dict[str, Any], *, of_repository: bool) -> str:
    """What was copied and what was there, and how to go on."""
    count = len(told["copied"])
    what = f"{'file' if of_repository else 'notebook'}{'' if count == 1 else 's'}"
    lines = [f"Copied {count} {what} into {told['folder']}: {', '.join(told['copied'])}."] if count else []
    if told["kept"]:
        lines.append(f"Left as they are in {told['folder']}: {', '.join(told['kept'])}.")
    lines.append("Test it there with: workbench test" if of_repository else "Open them with: workbench lab")
    return "\n".join(lines)
