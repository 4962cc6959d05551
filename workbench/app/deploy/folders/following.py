"""Folders and files that were loaded are followed: what is saved goes live by itself."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from pathlib import Path
from threading import Event, RLock, Thread, Timer, current_thread, get_ident
from time import time
from typing import NamedTuple

from workbench.app.deploy.draft import Deployed
from workbench.app.deploy.folders.imported import MOST_NAMES, FileRow, Imported
from workbench.app.deploy.folders.importing import Former, load_folder
from workbench.app.deploy.folders.letting_go import Names
from workbench.app.deploy.folders.one_file import load_again, load_one
from workbench.app.deploy.folders.watching import LOOK_SECONDS, Watched
from workbench.app.deploy.loading import Loader
from workbench.app.origins import file_name
from workbench.app.parts import Parts
from workbench.core.errors import DeployRefused, UnknownName, WorkbenchError, listed
from workbench.core.events import Closed
from workbench.core.masking import mask
from workbench.runtime.traffic import LogLine

log = logging.getLogger("workbench.folders")
LAST_SECONDS = 2.0
"""Longest wait at the end for the files that go live just then [s]."""
MEND = "mend it and restart the kernel, or workbench serve"
PATIENCE_SECONDS = 10.0
"""How long files may run, before it is said that others wait for them [s]."""


class Followed(NamedTuple):
    """A folder that is followed.

    Args:
        watched: Says when it has changed.
        shown: What the log calls it.
        replace: Whether what another file has defined may be replaced.
        imported: What became of it the last time.
        names: What its files are called by what they define.
    """

    watched: Watched
    shown: str
    replace: bool
    imported: Imported
    names: Names


class FollowedFile(NamedTuple):
    """A file that is followed by itself.

    Args:
        watched: Says when it has changed.
        shown: What the log calls it.
        replace: Whether what another file has defined may be replaced.
        name: What it is called by what it defines.
    """

    watched: Watched
    shown: str
    replace: bool
    name: str


class Following:
    """`wb.following`: the folders and files that go live when they are saved.

    They are looked at by a thread of their own; with a virtual clock, when `look` is called.

    Args:
        loader: The workbench that has loaded them.
        parts: Its rooms.
        patience_seconds: How long files may run, before it is said that others wait for them [s].
    """

    def __init__(self, loader: Loader, parts: Parts, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._loader, self._parts, self._patience_seconds = loader, parts, patience_seconds
        self._at = Path(), "", 0
        self._followed: dict[Path, Followed | FollowedFile] = {}
        # Held while files go live, so that a cell and a save do not both run them; a cell that takes its folder back
        # does not wait for it, since it holds the lock that a save needs.
        self._one, self._closed = RLock(), Event()
        self._thread: Thread | None = None
        parts.events.subscribe(Closed, lambda event: self.close())

    def load(self, folder: Path, shown: str, *, replace: bool = False) -> Imported:
        """Load a folder and follow it from now on; it is not, if the cell that asks for it fails.

        Args:
            folder: The folder.
            shown: What the outcome and the log call it.
            replace: Whether what another file has defined may be replaced.

        Raises:
            DeployRefused: There is no such folder, or nothing in it to read, or too much; or files that run meanwhile
                do not end.
        """
        folder = folder.absolute()
        with self._in_turn():
            # Watched before it is read: a save meanwhile counts.
            watched, former = Watched(folder), self._followed.get(folder)
            with self._at_work(folder, shown):
                imported = load_folder(self._loader, self._parts, folder, shown, replace=replace)
            imported.follows = True
            names = former.names if isinstance(former, Followed) else Names()
            for path in watched.files:
                names[path]
            self._follow_from_now_on(folder, Followed(watched, shown, replace, imported, names))
        return imported

    def load_one(self, path: Path, *, replace: bool = False) -> Deployed:
        """Load one file and follow it from now on; it is not, if it or the cell that asks for it fails.

        Args:
            path: The file.
            replace: Whether what another file has defined may be replaced.

        Raises:
            DeployRefused: As `load_one` of `one_file`; or files that run meanwhile do not end.
            WrongManifest: All that is wrong in a file of definitions.
        """
        shown, path = str(path), path.absolute()
        with self._in_turn():
            followed = FollowedFile(Watched(path), shown, replace, file_name(path))
            with self._at_work(path.parent, str(path.parent)):
                deployed = load_one(self._loader, self._parts, Path(shown), replace=replace, name=followed.name)
            self._follow_from_now_on(path, followed)
        return deployed

    def _follow_from_now_on(self, path: Path, followed: Followed | FollowedFile) -> None:
        """Follow it; no longer, if the cell that this thread runs fails."""
        former = self._followed.get(path)
        self._follow(path, followed)
        if (draft := self._parts.draft) is not None:
            draft.undo.append(lambda: self._follow(path, former))

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Wait for files that run, which nobody can stop; raises DeployRefused where they do not end."""
        if not self._one.acquire(timeout=self._patience_seconds):
            raise DeployRefused(
                f"{self._slow()} Fix: load it again once that has ended; where it never does, as in a loop at the top "
                f"of a module, {MEND}."
            )
        try:
            yield
        finally:
            self._one.release()

    def _slow(self) -> str:
        folder, shown, thread = self._at
        where = f"{place} of {shown} has" if (place := _running(folder, thread)) else f"Files of {shown} have"
        return f"{where} run for over {self._patience_seconds:g} s, and saves wait for that."

    def _say_slow(self) -> None:
        self._say("WARNING", [f"{self._slow()} Fix: where it never ends, {MEND}."])

    @contextmanager
    def _at_work(self, folder: Path, shown: str) -> Iterator[None]:
        """Say of a folder whose files run for long that others wait."""
        self._at = folder, shown, get_ident()
        late = Timer(self._patience_seconds, self._say_slow)
        late.daemon, late.name = True, "workbench-folders-late"
        late.start()
        try:
            yield
        finally:
            late.cancel()

    def _follow(self, folder: Path, followed: Followed | FollowedFile | None) -> None:
        """Follow a folder or file; None for no longer."""
        self._followed.pop(folder, None)
        if followed is not None:
            self._followed[folder] = followed
            self._begin()

    def stop(self, folder: Path | str) -> None:
        """Follow a folder or file no longer; what of it is live stays.

        Raises:
            UnknownName: It is not followed.
        """
        if (path := Path(folder).absolute()) not in self._followed:
            raise UnknownName("followed folder or file", str(folder), map(str, self._followed), fix="name one of them.")
        self._follow(path, None)

    def take(self, other: Following) -> None:
        """Follow what another one does, in whose place this one comes."""
        for folder, followed in other._followed.items():
            self._follow(folder, followed)

    def _begin(self) -> None:
        """Look by itself from now on; two threads that do would take turns."""
        if self._thread is None and not self._parts.clock.is_virtual and not self._closed.is_set():
            run = Context().run  # none of the cell that happens to be first
            self._thread = Thread(target=run, args=(self._keep_looking,), name="workbench-folders", daemon=True)
            self._thread.start()

    def _keep_looking(self) -> None:
        while not self._closed.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> list[Imported]:
        """Look at each folder and file once, now; what became of folders that have changed."""
        with self._one:
            return [each for one in list(self._followed.items()) if (each := self._look_at(*one)) is not None]

    def _look_at(self, path: Path, followed: Followed | FollowedFile) -> Imported | None:
        watched, shown = followed.watched, followed.shown
        try:
            found = watched.look()
            if found == "lost":
                self._say("WARNING", [watched.lost])
            if found == "changed":
                if isinstance(followed, Followed):
                    return self._load_again(path, followed)
                self._load_one_again(path, followed)
        except DeployRefused as exc:  # it has changed since it was looked at
            self._say("WARNING", [f"What is live of {shown} stays as it was, since {exc}"])
        except Exception:
            log.exception("%s could not be looked at", shown)
        return None

    def _load_again(self, folder: Path, followed: Followed) -> Imported:
        watched, shown, replace, imported, names = followed
        former = Former(imported, watched.changed, names)
        with self._at_work(folder, shown):
            now = load_folder(self._loader, self._parts, folder, shown, replace=replace, former=former)
        files = sorted(path.relative_to(folder).as_posix() for path in watched.changed)
        before = set(map(id, imported.rows))
        ran = [row for row in now.rows if id(row) not in before]
        known = {*imported.failed, *imported.missing}
        failed = [(row, each) for row in ran for each in row.failed if row.file in files or each not in known]
        self._say("INFO", [f"{shown}: {_changed(files, now.removed)}.{self._live(ran)}", *now.gone])
        self._say("WARNING", [f"{self._stays(row, names[folder / row.file])}{each}" for row, each in failed])
        self._say("WARNING", [each for each in now.missing if each not in known])
        imported.become(now)
        return imported

    def _stays(self, row: FileRow, file: str) -> str:
        """That what a file has defined is in force all the same; '' if there is nothing."""
        services = (each.origin for each in self._parts.registry.services.values())
        origins = (*services, *(each.origin for each in self._parts.book.entries))
        has_any = row.kind == "left out" or any(each.loaded and each.file == file for each in origins)
        return "What was live of it stays. " if has_any else ""

    def _load_one_again(self, path: Path, followed: FollowedFile) -> None:
        _, shown, replace, name = followed
        try:
            with self._at_work(path.parent, str(path.parent)):
                told = load_again(self._loader, self._parts, path, name, replace=replace)
        except WorkbenchError as exc:
            self._say("INFO", [f"{shown} changed."])
            self._say("WARNING", [f"What was live of it stays. {exc}"])
        else:
            live = [str(each) for each in self._parts.registry.services.values() if each.origin.file == name]
            brought = f" Live: {listed(live, at_most=MOST_NAMES)}." if live else ""
            self._say("INFO", [f"{shown} changed.{brought}", *told])

    def _live(self, ran: Iterable[FileRow]) -> str:
        """What is live of the files that ran, and in which version."""
        services = self._parts.registry.services
        brought = [str(services.get(each, each)) for row in ran for each in row.brought]
        return f" Live: {listed(brought, at_most=MOST_NAMES)}." if brought else ""

    def _say(self, level: str, said: Iterable[str]) -> None:
        for each in said:
            self._parts.log.append(LogLine(time(), "", "workbench.folders", level, mask(each)))

    def close(self) -> None:
        """Follow nothing any more."""
        self._closed.set()
        if self._thread is not None and self._thread is not current_thread():
            self._thread.join(LAST_SECONDS)

    def __iter__(self) -> Iterator[Path]:
        return iter(list(self._followed))

    def __len__(self) -> int:
        return len(self._followed)

    def __repr__(self) -> str:
        return "\n".join(map(str, self._followed)) or "No folder or file is followed."


def _changed(files: Sequence[str], removed: Collection[str]) -> str:
    """Which files changed, and which are gone."""
    changed, gone = [each for each in files if each not in removed], [each for each in files if each in removed]
    said = [f"{listed(changed)} changed"] if changed else []
    return "; ".join([*said, *([f"{listed(gone)} {'is' if len(gone) == 1 else 'are'} gone"] if gone else [])])


def _running(folder: Path, thread: int) -> str:
    """The file of a folder that a thread runs, and the line; '' if it runs none."""
    frame, real = sys._current_frames().get(thread), folder.resolve()
    while frame is not None:
        for place in (folder, real):
            if (path := Path(frame.f_code.co_filename)).is_relative_to(place):
                return f"{path.relative_to(place).as_posix()}, line {frame.f_lineno},"
        frame = frame.f_back
    return ""
