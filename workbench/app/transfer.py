"""Files from one connection to another, none of them lost: claimed, copied, confirmed, and only then removed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from fnmatch import fnmatchcase
from itertools import count
from typing import Any, NamedTuple

from workbench.app.claims import Claims
from workbench.connections.file_errors import FileThere, NoSuchFile, StorageFull
from workbench.connections.file_names import is_ours, joined, name_of, parent_of, part_of, path_of
from workbench.connections.files import FileInfo, Sink, said_bytes
from workbench.connections.live import LiveConnections
from workbench.connections.live_files import LiveFiles
from workbench.connections.trying import Due, trying
from workbench.core.errors import ConnectionFailed, MissingDependency, ServiceUsage, WorkbenchError, listed
from workbench.core.events import Events
from workbench.core.trace import outgoing

BLOCK_BYTES = 1 << 20
CHECKED_BYTES = 1 << 16
LEAST_RETRIES = 5
TELL_SECONDS = 0.1


class Progress(NamedTuple):
    """An event: how far a file is; `done_bytes` may fall back when an interrupted upload begins again."""

    source: str
    target: str
    name: str
    done_bytes: int
    size_bytes: int


class Moved(NamedTuple):
    """What became of one file: `copied`, or `there already` with the same contents; or why it stayed."""

    name: str
    size: int
    outcome: str
    error: WorkbenchError | None = None


class Transferred:
    """The outcome of a transfer, file by file; also an event."""

    def __init__(self, source: str, target: str, files: list[Moved]) -> None:
        self.source, self.target, self.files = source, target, files

    @property
    def copied(self) -> list[str]:
        """Names that are at the target now, those that were there already included."""
        return [file.name for file in self.files if file.error is None]

    @property
    def failed(self) -> dict[str, WorkbenchError]:
        """Names that stayed at the source, with the reason."""
        return {file.name: file.error for file in self.files if file.error is not None}

    def said(self) -> str:
        """`2 files, 24 bytes`."""
        good = [file for file in self.files if file.error is None]
        text = f"{len(good)} file{'' if len(good) == 1 else 's'}, {said_bytes(sum(file.size for file in good))}"
        return f"{text}; {len(self.failed)} stayed" if self.failed else text

    def __repr__(self) -> str:
        return f"Transferred from {self.source} to {self.target}: {self.said()}."


class TransferIncomplete(WorkbenchError):
    """Some files stayed where they were; `report` says which were moved all the same."""

    def __init__(self, report: Transferred) -> None:
        self.report = report
        shown = [f"{name}: {error}" for name, error in list(report.failed.items())[:3]]
        more = f" And {len(report.failed) - 3} more." if len(report.failed) > 3 else ""
        super().__init__(
            f"{len(report.failed)} of {len(report.files)} files stayed at {report.source}, none is lost. "
            f"{' '.join(shown)}{more}"
        )


class Place(NamedTuple):
    """One side of a transfer: an open connection, and a folder (or, of a source, a single file) in it."""

    name: str
    conn: LiveFiles
    path: str

    def __str__(self) -> str:
        return f"{self.name}:{self.path}" if self.path else self.name


class Transfer:
    """One run.

    Args:
        source, target: From where to where.
        pattern: Names to take, as `*.csv`.
        done: Folder of the source that copied files go to; without it they are deleted there.
        overwrite: Replace what the target has under the same name; otherwise a file of other contents is an error.
        tell: Told how far each file is.
    """

    def __init__(
        self,
        source: Place,
        target: Place,
        *,
        pattern: str = "*",
        done: str | None = None,
        overwrite: bool = False,
        tell: Callable[[Progress], object],
    ) -> None:
        self.source, self.target, self._pattern, self._overwrite = source, target, pattern, overwrite
        self._done = None if done is None else path_of(done, source.conn.config)
        self._tell, self._told_at = tell, 0.0
        if source.conn is target.conn and source.path == target.path:
            raise ServiceUsage(f"A transfer from {source} to itself would go on for ever. Mend: name another folder.")

    def run(self) -> Transferred:
        """Move every file that fits; an error of one does not keep the others."""
        single = self.source.conn.stat(self.source.path) if self.source.path else None
        is_file = single is not None and not single.is_dir
        folder = parent_of(self.source.path) if is_file else self.source.path
        files: list[Moved] = []
        with Claims(self.source.conn, folder) as claims:
            for name, path in self._claimed(claims, folder, name_of(self.source.path) if is_file else ""):
                try:
                    files.append(self._move(name, path))
                except WorkbenchError as exc:
                    claims.give_back(name)
                    files.append(Moved(name, 0, "stayed", exc))
                except BaseException:
                    claims.give_back(name)
                    raise
        return Transferred(str(self.source), str(self.target), files)

    def _claimed(self, claims: Claims, folder: str, only: str) -> Iterator[tuple[str, str]]:
        seen = set()
        for name, path in claims.left_behind():
            if self._fits(name, only):
                seen.add(name)
                yield name, path
            else:
                claims.give_back(name)
        names = [only] if only else [info.name for info in self.source.conn.list(folder) if not info.is_dir]
        for name in names:
            if name not in seen and self._fits(name, only) and (claimed := claims.take(name)) is not None:
                yield name, claimed

    def _fits(self, name: str, only: str) -> bool:
        return (name == only if only else fnmatchcase(name, self._pattern)) and not is_ours(name)

    def _move(self, name: str, claimed: str) -> Moved:
        info = self.source.conn.stat(claimed)
        path = joined(self.target.path, name)
        there = self._at_target(path)
        if there is not None and self._is_same(claimed, info, path, there):
            outcome = "there already"
        elif there is not None and not self._overwrite:
            raise FileThere(self.target.conn.config, path)
        else:
            self._copy(claimed, info, path)
            outcome = "copied"
        self._put_away(name, claimed)
        self._say(name, info.size, info.size, last=True)
        return Moved(name, info.size, outcome)

    def _at_target(self, path: str) -> FileInfo | None:
        try:
            return self.target.conn.stat(path)
        except NoSuchFile:
            return None

    def _copy(self, claimed: str, info: FileInfo, path: str) -> None:
        conn = self.target.conn
        # The same file has the same token whoever copies it, so that an upload that was cut can go on.
        identity = f"{self.source} {info.name} {info.size} {info.modified} {path}"
        token = hashlib.sha256(identity.encode()).hexdigest()[:8]
        if self.target.path:
            conn.make_folder(self.target.path)
        retries = max(conn.retries, LEAST_RETRIES)
        sent, digest = trying(
            conn.config, lambda due, attempt: self._send(claimed, info, path, token, attempt), Due(), retries
        )
        there = conn.stat(path)
        found = conn.digest(path) if digest is not None else None
        if sent != info.size or there.size != info.size or found != digest:
            raise ConnectionFailed(
                f"{conn.config} has {path!r} with {said_bytes(there.size)} and other contents than the "
                f"{said_bytes(info.size)} that were sent. The source keeps its file. Mend: transfer it again."
            )

    def _send(self, claimed: str, info: FileInfo, path: str, token: str, attempt: int) -> tuple[int, str | None]:
        conn = self.target.conn
        if attempt > 1 and (there := self._at_target(path)) is not None and self._is_same(claimed, info, path, there):
            # The try before this one did it and did not live to hear so.
            return info.size, self._hash_of(claimed)
        sink = self._begin(claimed, path, token)
        hasher = conn.hasher()
        try:
            with closing(self.source.conn.stream(claimed)) as stream:
                while block := stream.read(BLOCK_BYTES):
                    if hasher is not None:
                        hasher.update(block)
                    fresh = memoryview(block)[max(0, sink.offset - (stream.offset - len(block))) :]
                    if len(fresh):
                        sink.write(fresh)
                    self._say(info.name, stream.offset, info.size)
                sent = stream.offset
            sink.commit(self._overwrite)
        except BaseException as exc:
            sink.abort(keep=not isinstance(exc, StorageFull | FileThere))
            raise
        return sent, None if hasher is None else hasher.hexdigest()

    def _begin(self, claimed: str, path: str, token: str) -> Sink:
        """Where to write, going on with what an earlier try has left if that is of this file."""
        part = part_of(path, token)
        # Storage that gathers uploads elsewhere shows no part, and checks it itself.
        left = self._at_target(part)
        resume = left is None or self._agrees(claimed, part, left.size)
        return self.target.conn.backend.sink(path, token, resume, Due())

    def _agrees(self, claimed: str, part: str, size: int) -> bool:
        """Whether the end of what is there is what the source has at that place."""
        start = max(0, size - CHECKED_BYTES)
        with (
            closing(self.source.conn.stream(claimed, start)) as ours,
            closing(self.target.conn.stream(part, start)) as theirs,
        ):
            return ours.read(size - start) == theirs.read(size - start)

    def _is_same(self, claimed: str, info: FileInfo, path: str, there: FileInfo) -> bool:
        """Whether the target's file has our contents, so that a repeated transfer need not copy it again."""
        conn = self.target.conn
        if there.is_dir or there.size != info.size:
            return False
        if conn.hasher() is not None:
            return conn.digest(path) == self._hash_of(claimed)
        with closing(self.source.conn.stream(claimed)) as ours, closing(conn.stream(path)) as theirs:
            while block := ours.read(BLOCK_BYTES):
                if block != theirs.read(len(block)):
                    return False
            return not theirs.read(1)

    def _hash_of(self, claimed: str) -> str | None:
        hasher = self.target.conn.hasher()
        if hasher is None:
            return None
        with closing(self.source.conn.stream(claimed)) as stream:
            while block := stream.read(BLOCK_BYTES):
                hasher.update(block)
        return hasher.hexdigest()

    def _put_away(self, name: str, claimed: str) -> None:
        conn = self.source.conn
        if self._done is None:
            with suppress(NoSuchFile):
                conn.delete(claimed)
            return
        conn.make_folder(self._done)
        for number in count(1):
            try:
                conn.move(claimed, joined(self._done, name if number == 1 else f"{name}.{number}"))
                return
            except FileThere:
                continue

    def _say(self, name: str, done_bytes: int, size_bytes: int, last: bool = False) -> None:
        now = time.monotonic()
        if last or now - self._told_at >= TELL_SECONDS:
            self._told_at = now
            self._tell(Progress(str(self.source), str(self.target), name, done_bytes, size_bytes))


def transfer(
    source: Place,
    target: Place,
    events: Events,
    progress: bool | Callable[[Progress], object],
    **more: Any,
) -> Transferred:
    """Run a transfer as one step of a trace, and tell of it.

    Raises:
        TransferIncomplete: Some files stayed at the source.
    """
    with _told(progress) as tell:

        def each(event: Progress) -> None:
            events.emit(event)
            tell(event)

        with outgoing("transfer", f"transfer {source} to {target}") as step:
            report = Transfer(source, target, tell=each, **more).run()
            events.emit(report)
            if report.failed:
                raise TransferIncomplete(report)
            step.end(report.said())
    return report


def place_of(live: LiveConnections, given: str | tuple[str, str]) -> Place:
    """One side of a transfer: `"My FTP:in"`, or `("My FTP", "in")`.

    Raises:
        UnknownName: No connection of that name keeps files.
    """
    known = live.names("files")
    if isinstance(given, str):
        # Of names that may themselves contain a colon, the longest one that fits.
        fitting = [name for name in known if given == name or given.startswith(f"{name}:")]
        name, path = given.partition(":")[::2] if not fitting else (max(fitting, key=len), "")
        path = given[len(name) + 1 :] if fitting else path
    else:
        name, path = given
    if name not in known and name in live.definitions:
        raise ServiceUsage(f"{live.definitions[name]} keeps no files; these connections do: {listed(known)}.")
    conn: LiveFiles = live.item("files", name).conn
    return Place(name, conn, path_of(path, conn.config))


@contextmanager
def _told(progress: bool | Callable[[Progress], object]) -> Iterator[Callable[[Progress], object]]:
    """Who is told: a caller's function, a progress bar for a person, or nobody."""
    if not isinstance(progress, bool):
        yield progress
        return
    if not progress:
        yield lambda event: None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError as exc:
        raise MissingDependency("progress=True", "tqdm", "progress") from exc
    with tqdm(unit="B", unit_scale=True, unit_divisor=1024) as bar:

        def show(event: Progress) -> None:
            if bar.desc != f"{event.name}: ":
                bar.set_description(event.name, refresh=False)
                bar.reset(event.size_bytes)
            bar.n = event.done_bytes
            bar.refresh()

        yield show
