"""`workbench kernel install` and `remove`: the Workbench kernel of this Python, for any Jupyter of this user."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from shutil import copytree
from typing import Annotated, Any, Literal

from typer import Argument, Option

from workbench.core.errors import WorkbenchError

NAME = "workbench"


def kernel(
    action: Annotated[Literal["install", "remove"], Argument(help="What to do.", show_default=False)],
    name: Annotated[str, Option(metavar="NAME", help="What Jupyter calls it.")] = NAME,
    display_name: Annotated[str, Option(metavar="TEXT", help="install: what a person reads.")] = "",
    prefix: Annotated[str, Option(metavar="FOLDER", help="Of which Python; this user's own Jupyter if unset.")] = "",
    as_json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> Any:
    """Install the kernel of this Python where a Jupyter of another one finds it, or remove it from there."""
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        raise WorkbenchError(f"{name!r} is no name of a kernel. Fix: use letters, digits, dots, hyphens, underscores.")
    told = _install(name, display_name, prefix) if action == "install" else _remove(name, prefix)
    return told if as_json else told["said"]


def _install(name: str, display_name: str, prefix: str) -> dict[str, Any]:
    from jupyter_client.kernelspec import KernelSpecManager

    with tempfile.TemporaryDirectory() as folder:
        spec = Path(copytree(_source(), Path(folder) / name))
        content = json.loads((spec / "kernel.json").read_text())
        # This very Python, whatever is first on the PATH of the Jupyter that starts it.
        content["argv"][0] = sys.executable
        content["display_name"] = display_name or content["display_name"]
        (spec / "kernel.json").write_text(json.dumps(content, indent=2) + "\n")
        target = KernelSpecManager().install_kernel_spec(str(spec), name, user=not prefix, prefix=prefix or None)
    told = {"name": name, "display_name": content["display_name"], "folder": target, "python": sys.executable}
    return told | {"said": f"Installed {content['display_name']!r} in {target}, which runs {sys.executable}."}


def _source() -> Path:
    """The kernel as it comes with the package."""
    places = Path(sys.prefix, "share/jupyter/kernels", NAME), Path(__file__).parents[3] / "kernels" / NAME
    for each in places:
        if (each / "kernel.json").is_file():
            return each
    raise WorkbenchError(f"{places[0]} is not there. Fix: pip install --force-reinstall notebook-workbench")


def _remove(name: str, prefix: str) -> dict[str, Any]:
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_core.paths import jupyter_data_dir

    folder = Path(prefix, "share", "jupyter") if prefix else Path(jupyter_data_dir())
    target = folder / "kernels" / name
    argv = _argv(target)
    if not argv:
        raise WorkbenchError(
            f"There is no kernel {name!r} in {target.parent}. Fix: jupyter kernelspec list says where."
        )
    if "--ext=workbench" not in argv:
        raise WorkbenchError(f"{target} is no Workbench kernel, so it stays. Fix: jupyter kernelspec remove {name}")
    KernelSpecManager(kernel_dirs=[str(folder / "kernels")], ensure_native_kernel=False).remove_kernel_spec(name)
    return {"name": name, "folder": str(target), "said": f"Removed {target}."}


def _argv(spec: Path) -> list[str]:
    """The command of a kernel; none if it is not there or cannot be read."""
    try:
        return list(json.loads((spec / "kernel.json").read_text())["argv"])
    except (OSError, ValueError, KeyError, TypeError):
        return []
