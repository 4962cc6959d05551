"""What the environment tells of the notebook or module that runs here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast, get_args

from workbench.app.configuration.settings import OpenAPIFor
from workbench.core.errors import WorkbenchError
from workbench.stores.url import read_url


def wanted_port() -> int | None:
    """The port that WORKBENCH_PORT names; None when it names none.

    Raises:
        WorkbenchError: It names something else.
    """
    told = os.environ.get("WORKBENCH_PORT", "").strip()
    if told and not (told.isascii() and told.isdigit() and int(told) <= 65535):
        raise WorkbenchError(
            f"WORKBENCH_PORT is {told!r}, which is no port. Fix: give a number from 0 to 65535 (0 takes any)."
        )
    return int(told) if told else None


def wanted_certificate() -> tuple[str, str] | None:
    """The files of the certificate and of its key; None where neither is named."""
    pair = os.environ.get("WORKBENCH_CERTIFICATE", ""), os.environ.get("WORKBENCH_CERTIFICATE_KEY", "")
    return pair if any(pair) else None


def wanted_sandbox() -> bool | None:
    """Whether WORKBENCH_SANDBOX has every connection go to a peer, or none; None leaves it to the code.

    Raises:
        WorkbenchError: It says neither.
    """
    told = os.environ.get("WORKBENCH_SANDBOX", "").strip()
    if told not in ("", "0", "1"):
        raise WorkbenchError(f"WORKBENCH_SANDBOX is {told!r}. Fix: 1 for peers, 0 for real addresses, or unset it.")
    return told == "1" if told else None


def wanted_openapi() -> OpenAPIFor:
    """Whom WORKBENCH_OPENAPI has /openapi.json tell of a channel.

    Raises:
        WorkbenchError: It says none of the words for it.
    """
    told = os.environ.get("WORKBENCH_OPENAPI", "").strip() or "callers"
    if told not in get_args(OpenAPIFor):
        raise WorkbenchError(f"WORKBENCH_OPENAPI is {told!r:.80}. Fix: one of {', '.join(get_args(OpenAPIFor))}.")
    return cast(OpenAPIFor, told)


def names_in(variable: str) -> list[str]:
    """The names in a variable, by commas."""
    return [each.strip() for each in os.environ.get(variable, "").split(",") if each.strip()]


def store_url(folder: Path) -> str:
    """The store that WORKBENCH_STORE names; else a file in `.workbench` in the notebook's folder."""
    return os.environ.get("WORKBENCH_STORE") or f"sqlite:///{folder / '.workbench' / 'store.db'}"


def shared_counters_url(store: str) -> str:
    """Where limits count that several processes share, unless somebody says: beside their store, or in it.

    Raises:
        WorkbenchError: The store is of one process.
    """
    given = read_url(store)
    if given.kind == "memory":
        raise WorkbenchError(
            "The store is in the memory of one process (WORKBENCH_STORE=memory://), so that each job would run in each "
            "worker process. Fix: unset WORKBENCH_STORE for a file beside the notebook, or name one, or a Redis."
        )
    return store if given.path is None else f"sqlite:///{given.path.absolute().with_name('counters.db')}"


def notebook_path() -> Path | None:
    """The notebook or module that runs here, as `workbench serve` or Jupyter says; None when nothing tells."""
    for told in ("WORKBENCH_NOTEBOOK", "JPY_SESSION_NAME"):
        if path := os.environ.get(told):
            found = Path(path).resolve()
            # Some servers tell the path from their own root on; a kernel starts in the notebook's folder.
            return found if found.parent.is_dir() else Path.cwd() / found.name
    return None


def notebook_folder() -> Path:
    """The folder of the notebook, whoever opened it and from where; a folder that is served as a whole is its own; the
    current one when nothing tells.
    """
    path = notebook_path()
    if path is None:
        return Path.cwd()
    return path if path.is_dir() else path.parent


def notebook_name() -> str:
    """The notebook's file name, which is its application's name in its folder; `notebook` when nothing tells."""
    path = notebook_path()
    return path.name if path is not None else "notebook"
