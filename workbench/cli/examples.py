"""`workbench examples`: the notebooks that explain the workbench, wherever it was installed from."""

from __future__ import annotations

import shutil
import site
import sysconfig
from pathlib import Path
from typing import Any

from workbench.core.errors import WorkbenchError

_INSTALLED = Path("share", "workbench", "notebooks")


def examples() -> list[Path]:
    """The notebooks: of the clone if this is one, else those that the wheel brought.

    Raises:
        WorkbenchError: There are none.
    """
    clone = Path(__file__).resolve().parents[2]
    places = [clone / "notebooks"] if (clone / "pyproject.toml").is_file() else []
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
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    kept = [each.name for each in examples() if (target / each.name).exists()]
    copied = [each.name for each in examples() if each.name not in kept]
    for each in examples():
        if each.name in copied:
            shutil.copyfile(each, target / each.name)
    return {"folder": str(target.resolve()), "copied": copied, "kept": kept}


def said(told: dict[str, Any]) -> str:
    """What was copied and what was there, and how to go on."""
    count = len(told["copied"])
    lines = [f"Copied {count} notebook{'' if count == 1 else 's'} into {told['folder']}: {', '.join(told['copied'])}."]
    lines = lines if count else []
    if told["kept"]:
        lines.append(f"Left as they are in {told['folder']}: {', '.join(told['kept'])}.")
    return "\n".join([*lines, "Open them with: workbench lab"])
