"""Writes the folder of a quickstart, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import shlex
import socket
import sys
from contextlib import suppress
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit

from workbench.app.configuration.env_file import set_in_file
from workbench.cli.quickstart.asked import DATABASE, PASSWORD, Asked, connection
from workbench.core.errors import WorkbenchError

FOLDER = Path(__file__).parent / "folder"
FILES = {
    "services.ipynb": "services.ipynb",
    "workbench.toml": "workbench.toml",
    "tests/test_services.py": "test_services.txt",
    "start": "start.txt",
    "stop": "stop.txt",
    "README.md": "README.md",
    ".gitignore": "gitignore",
}
"""The files of the folder, by their path there: those of ours."""
UNIT = "workbench.service"
SCRIPTS = ("start", "stop")
LINK = "services"
"""What the link to a folder of services is called."""
DEFAULT_PORT, CONNECT_SECONDS = 11223, 1.0


def make(asked: Asked, servers: int, port: int | None = None, services: str | None = None) -> dict[str, Any]:
    """Write the folder, which is made; what was written is removed again if not all of it can be.

    Args:
        asked: What is wanted.
        servers: How many processes serve.
        port: Their one port; 11223 if unset.
        services: A folder of services that the notebook loads by a link.

    Returns:
        The folder, its files, and what a person should know before the start.

    Raises:
        DeployRefused: There is no such folder of services, or nothing in it to read.
        WorkbenchError: The folder holds something, cannot be written, or this system has no several processes.
    """
    if os.name != "posix":
        raise WorkbenchError(
            "A quickstart serves by several processes, which this system cannot. Fix: run it in WSL; or here with one "
            "process: workbench examples --repo orders, and workbench serve orders/orders.ipynb"
        )
    folder, port = Path(asked.folder).resolve(), port or DEFAULT_PORT
    target = _services(services, folder) if services is not None else None
    texts = _texts(folder, asked, servers, port)
    if target is not None:
        texts["services.ipynb"] = _with_services(texts["services.ipynb"], target.name)
    written = _Written(folder)
    try:
        for name, text in texts.items():
            written.write(name, text)
        if target is not None:
            written.link(LINK, target)
        for variable, value in _environment(asked).items():
            written.paths.append(folder / ".env")
            set_in_file(folder / ".env", variable, value)
    except (OSError, WorkbenchError) as exc:
        written.take_back()
        is_full = isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        why, fix = exc.strerror if isinstance(exc, OSError) else str(exc), "make room" if is_full else "mend that"
        said = f"{folder} cannot be written: {why}; nothing is left of it. Fix: {fix}, or choose another folder."
        raise WorkbenchError(said) from exc
    except BaseException:
        written.take_back()
        raise
    files = [*texts, *([LINK] if target is not None else []), *([".env"] if (folder / ".env").exists() else [])]
    return {"folder": str(folder), "files": files, "url": f"http://localhost:{port}", "notes": _notes(asked)}


class _Written:
    """What has been written so far.

    Args:
        folder: Where to; raises WorkbenchError if it holds something.
    """

    def __init__(self, folder: Path) -> None:
        self.paths: list[Path] = []
        self._folder, self._is_new = folder, not folder.exists()
        try:
            there = [] if self._is_new else sorted(each.name for each in folder.iterdir())
        except NotADirectoryError:
            raise WorkbenchError(f"{folder} is a file. Fix: name a folder that is empty, or not there.") from None
        except OSError as exc:
            raise WorkbenchError(f"{folder} cannot be read: {exc.strerror}. Fix: choose another folder.") from exc
        if there:
            some = ", ".join(there[:3]) + (f" and {len(there) - 3} more" if len(there) > 3 else "")
            raise WorkbenchError(f"{folder} is not empty: {some}. Fix: name a folder that is empty, or not there.")

    def write(self, name: str, text: str) -> None:
        """Write one file."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self.paths.append(path)
        path.write_text(text, encoding="utf-8")
        if name in SCRIPTS:
            path.chmod(0o755)

    def link(self, name: str, target: Path) -> None:
        """Make a link to a folder."""
        self.paths.append(self._folder / name)
        (self._folder / name).symlink_to(target, target_is_directory=True)

    def take_back(self) -> None:
        """Remove all of it; what cannot be removed stays."""
        for path in self.paths:
            path.unlink(missing_ok=True)
        own = {each.parent for each in self.paths} - {self._folder}
        for folder in [*own, *([self._folder] if self._is_new else [])]:
            with suppress(OSError):
                folder.rmdir()


def _services(given: str, folder: Path) -> Path:
    """A folder of services, which stays where it is; raises DeployRefused if there is nothing in it to read."""
    from workbench.app.deploy.folders.finding import files_in

    target = Path(given).resolve()
    files_in(target, given)
    if folder.is_relative_to(target):
        raise WorkbenchError(f"{folder} would be in the folder of services, {given}. Fix: make it beside that.")
    return target


def _texts(folder: Path, asked: Asked, servers: int, port: int) -> dict[str, str]:
    values = {
        "python": shlex.quote(sys.executable),
        "servers": servers,
        "port": port,
        "unit": UNIT,
        "name": folder.name,
        "processes": "one process" if servers == 1 else f"{servers} processes",
        "change": "then ./stop and ./start" if servers == 1 else "save: what is served follows, with no failed call",
    }
    texts = {name: _filled(ours, values) for name, ours in FILES.items()}
    if sys.platform == "linux":
        texts[UNIT] = _filled(UNIT, values | {"folder": _of_unit(folder), "python": _quoted(sys.executable)})
    if asked.database:
        texts["services.ipynb"] = _with_database(texts["services.ipynb"], asked.database)
    return texts


def _filled(name: str, values: dict[str, Any]) -> str:
    return Template((FOLDER / name).read_text(encoding="utf-8")).safe_substitute(values)


def _of_unit(path: Path) -> str:
    """A path in a unit, where % begins a word of systemd's own."""
    return str(path).replace("%", "%%")


def _quoted(word: str) -> str:
    """A word of a command in a unit."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if any(each in word for each in " \t'\"\\") else escaped


def _with_database(notebook: str, url: str) -> str:
    """The notebook with a cell more that defines the connection."""
    made, _ = connection(url)
    imports = "from workbench import SQLConnection, secret"
    return _with_cell(notebook, "database", f"{imports}\n\nwb.define({made.to_code()})")


def _with_services(notebook: str, name: str) -> str:
    """The notebook with a cell more that loads the folder of services."""
    said = f"# The folder {name}, to which {LINK} is a link: a save there goes live."
    return _with_cell(notebook, "services", f"{said}\nwb.load({LINK!r})")


def _with_cell(notebook: str, name: str, code: str) -> str:
    """The notebook with a cell of code more, after its imports."""
    cells = json.loads(notebook)
    cell: dict[str, Any] = {"cell_type": "code", "id": name, "source": code}
    cell |= {"execution_count": None, "metadata": {}, "outputs": []}
    cells["cells"].insert(2, cell)
    return json.dumps(cells, indent=1, ensure_ascii=False) + "\n"


def _environment(asked: Asked) -> dict[str, str]:
    password = connection(asked.database)[1] if asked.database else ""
    told = {"WORKBENCH_REDIS": asked.redis, PASSWORD: password}
    return {variable: value for variable, value in told.items() if value}


def _notes(asked: Asked) -> list[str]:
    """What a person should know."""
    notes = []
    if asked.database:
        kept = "Jobs and what is made by click are kept in SQLite, in .workbench, all the same."
        notes.append(f"The notebook has the connection {DATABASE!r} to PostgreSQL. {kept}")
    if asked.redis and not _answers(asked.redis):
        address = urlsplit(asked.redis).netloc
        notes.append(f"Redis at {address} does not answer now. Fix: start it; until then self.kvdb fails.")
    if sys.platform != "linux":
        notes.append("There is no systemd here, and so no unit: ./start keeps it running until ./stop or a reboot.")
    return notes


def _answers(url: str) -> bool:
    given = urlsplit(url)
    try:
        socket.create_connection((given.hostname or "", given.port or 6379), CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def said(told: dict[str, Any]) -> str:
    """What was made, and how to go on."""
    folder = shlex.quote(told["folder"])
    lines = [f"Made {told['folder']}: {', '.join(told['files'])}.", *told["notes"]]
    return "\n".join([*lines, f"Start it with: {folder}/start", f"Then it answers at {told['url']}/hello"])
