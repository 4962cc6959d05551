"""The file by which the command line finds a running workbench: its address, its token, its application."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import msgspec

from workbench.core.forking import forgets_when_forked


class Running(msgspec.Struct, frozen=True):
    """A workbench that runs on this machine, of this user.

    `own_url` is where its own addresses answer whatever its services do. `folder` is its application's, and `store`
    names the store if other processes may share it; each is '' of an earlier version. `renamed` is what its file is
    called now, if that is another name; its jobs and its port stay those of `app` until it begins anew. `supervisor` is
    the process that answers for this one and others of the same address; 0 if it stands alone.
    """

    pid: int
    url: str
    token: str
    app: str
    python: str = ""
    own_url: str = ""
    folder: str = ""
    store: str = ""
    renamed: str = ""
    supervisor: int = 0

    @property
    def name(self) -> str:
        """What the application is called now."""
        return self.renamed or self.app

    @property
    def path(self) -> str:
        """The application's file, where it is one; or the folder that is served as a whole."""
        file = Path(self.folder, self.name)
        is_folder = file.parent.name == self.name and not file.is_file()
        return str(file.parent if is_folder else file) if self.folder else self.name

    @property
    def port(self) -> str:
        """The port of its server."""
        return self.url.rsplit(":", 1)[-1]

    def shares_jobs_with(self, other: Running) -> bool:
        """Whether each planned time of their jobs runs in one of the two."""
        is_other = other.pid not in (self.pid, self.supervisor)
        return is_other and bool(self.store) and (self.app, self.store) == (other.app, other.store)


def runtime_folder() -> Path:
    """Jupyter's runtime folder, worked out without importing Jupyter."""
    if given := os.environ.get("JUPYTER_RUNTIME_DIR"):
        return Path(given)
    if data := os.environ.get("JUPYTER_DATA_DIR"):
        return Path(data) / "runtime"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Jupyter" / "runtime"
    if run := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(run) / "jupyter"
    data_home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data_home) / "jupyter" / "runtime"


class RuntimeFile:
    """This process's file, written when the server starts and removed when it stops."""

    def __init__(self, app: str, folder: str = "", store: str = "") -> None:
        self.app, self._folder, self._store = app, folder, store
        self._renamed = ""
        self.supervisor = 0
        self._written: tuple[str, str, str] | None = None
        self._path: Path | None = None
        forgets_when_forked(self)

    def forget(self) -> None:
        """In a forked child: the file is the parent's."""
        self._path = None

    def write(self, url: str, token: str, own_url: str = "") -> None:
        """Write it, readable by this user alone; a folder that cannot be written costs only the command line."""
        folder = runtime_folder()
        self._written = (url, token, own_url)
        python, known = sys.executable, (self._folder, self._store, self._renamed, self.supervisor)
        running = Running(os.getpid(), url, token, self.app, python, own_url, *known)
        port = url.rsplit(":", 1)[1]
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = folder / f"workbench-{os.getpid()}-{port}.json"
            if self._path is not None:
                self._path.unlink(missing_ok=True)
            path.unlink(missing_ok=True)  # one that was left behind keeps its own mode
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(msgspec.json.encode(running))
            self._path = path

    def rename(self, name: str) -> None:
        """Have the command line find the application by the name that its file has now."""
        self._renamed = "" if name == self.app else name
        if self._path is not None and self._written is not None:
            self.write(*self._written)

    def remove(self) -> None:
        """Remove it."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None

    def is_held_elsewhere(self) -> bool:
        """Whether another process still runs this application, as the old kernel does early in a restart."""
        mine = self.app, self._folder
        others = (each for each in running() if each.pid != os.getpid() and not each.renamed)
        return any((each.app, each.folder or self._folder) == mine for each in others)

    def sharing(self) -> list[Running]:
        """Other processes that may fire this application's jobs."""
        me = Running(os.getpid(), "", "", self.app, store=self._store, supervisor=self.supervisor)
        return [each for each in running() if me.shares_jobs_with(each)]


def running(*, each_process: bool = False) -> list[Running]:
    """Every workbench of this user that lives, newest first; files of dead processes are removed.

    Args:
        each_process: Whether those are told, too, for which a supervisor answers.
    """
    found: list[tuple[float, Running]] = []
    for path in runtime_folder().glob("workbench-*.json"):
        try:
            each = msgspec.json.decode(path.read_bytes(), type=Running)
            born = path.stat().st_mtime
        except (OSError, msgspec.MsgspecError):
            continue
        if lives(each.pid) and (each_process or not (each.supervisor and lives(each.supervisor))):
            found.append((born, each))
        elif not lives(each.pid):
            with contextlib.suppress(OSError):
                path.unlink()
    return [each for _, each in sorted(found, key=lambda pair: pair[0], reverse=True)]


def lives(pid: int) -> bool:
    """Whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
