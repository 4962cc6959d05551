"""One file that was loaded and is followed: what it has now goes live, and what it has no longer goes."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident

from workbench.app.deploy import loading
from workbench.app.deploy.applying import FILES, Applying
from workbench.app.deploy.draft import Deployed
from workbench.app.deploy.folders.letting_go import SERVICES, Key, leave, let_go
from workbench.app.parts import Parts
from workbench.app.reports import Defined
from workbench.core.errors import WorkbenchError


@contextmanager
def hearing(parts: Parts) -> Iterator[set[Key]]:
    """What this thread defines meanwhile."""
    thread, heard = get_ident(), set[Key]()

    def hear(report: Defined) -> None:
        if get_ident() == thread:
            heard.update((each.collection, each.full_name) for each, _ in report.outcomes)

    unsubscribe = parts.events.subscribe(Defined, hear)
    try:
        yield heard
    finally:
        unsubscribe()


def keys_of(deployed: Deployed) -> set[Key]:
    """The services that a file has, one that waits included."""
    return {(SERVICES, version.name) for version in (*dict(deployed.versions), *deployed.waiting)}


def load_one(loader: loading.Loader, parts: Parts, path: Path, *, replace: bool = False, name: str = "") -> Deployed:
    """Load a module, a notebook or a file of definitions.

    Args:
        loader: The workbench; where a module imports `wb`, that is this one.
        parts: Its rooms.
        path: The file.
        replace: Whether what another file has defined may be replaced.
        name: What it is called by what it defines; its path from here if unset.

    Raises:
        DeployRefused: There is no such file, its kind is not known, or it does not run; nothing of it went live.
        WrongManifest: All that is wrong in a file of definitions; nothing of it is in force.
    """
    if path.suffix in FILES:
        return Applying(parts, loader.drafting).load(path, replace=replace, name=name)
    return loading.load(loader, path, replace=replace, name=name)


def load_again(loader: loading.Loader, parts: Parts, path: Path, name: str, *, replace: bool = False) -> list[str]:
    """Load a file that has changed, and take out of force what it has no longer; says what became of it.

    Raises:
        WorkbenchError: Why what was live of it stays.
    """
    try:
        with hearing(parts) as defined:
            deployed = load_one(loader, parts, path, replace=replace, name=name)
    except WorkbenchError:
        raise
    except (Exception, SystemExit) as exc:
        lines = [each.lineno for each in traceback.extract_tb(exc.__traceback__) if each.filename == str(path)]
        where = f"{path.name}, line {lines[-1]}" if lines else path.name
        raise WorkbenchError(f"{where}: {type(exc).__name__}: {exc}. Fix: correct that.") from exc
    kept = {name: defined | keys_of(deployed)}
    return let_go(parts, loader.drafting, leave(parts, loader.drafting, kept))
