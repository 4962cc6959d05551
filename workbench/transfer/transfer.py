"""Files from one connection to another, none of them lost: claimed, copied, confirmed, and only then removed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from itertools import count
from typing import Any, cast

from workbench.connections.files.errors import FileThere, NoSuchFile
from workbench.connections.files.live import LiveFiles
from workbench.connections.files.names import is_ours, joined, name_of, parent_of, path_of
from workbench.connections.files.protocol import FileInfo, Sink, said_bytes
from workbench.connections.files.streams import Download
from workbench.connections.live import LiveConnections
from workbench.connections.rest.live import LiveREST
from workbench.core.current import outgoing
from workbench.core.errors import MissingDependency, ServiceUsage, WorkbenchError, listed
from workbench.core.events import Events
from workbench.transfer.claims import Claims
from workbench.transfer.copying import LOOKS, Copying, Moved, Original, Place, Progress, Unfinished
from workbench.transfer.fetch import Fetch

log = logging.getLogger("workbench.transfer")


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

    def describe(self) -> str:
        """`2 files, 24 bytes`."""
        good = [file for file in self.files if file.error is None]
        text = f"{len(good)} file{'' if len(good) == 1 else 's'}, {said_bytes(sum(file.size for file in good))}"
        return f"{text}; {len(self.failed)} stayed" if self.failed else text

    def to_record(self) -> Any:
        """What it is made of, once every file is at the target."""
        return self.source, self.target, [tuple(file) for file in self.files]

    @classmethod
    def of_record(cls, record: Any, held: Any) -> Transferred:
        """The same again."""
        source, target, files = record
        return cls(source, target, [Moved(*file) for file in files])

    def __repr__(self) -> str:
        return f"Transferred from {self.source} to {self.target}: {self.describe()}."


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


class LeadsNowhere(WorkbenchError):
    """What was claimed is not there: a link that names a place beside itself, or somebody else took it."""

    def __init__(self, source: Place, name: str) -> None:
        super().__init__(f"{source} has nothing behind {name!r} once it was claimed. Fix: see whether it is a link.")


class Transfer(Copying):
    """One run from a connection that keeps files: each is claimed, copied, and then put away.

    Args:
        pattern: Names to take, as `*.csv`.
        done: Folder of the source that copied files go to; without it they are deleted there.
        See `Copying` for the rest.
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
        super().__init__(source, target, overwrite, tell)
        self._pattern = pattern
        self._done = None if done is None else path_of(done, source.conn.definition)
        if source.conn is target.conn and source.path == target.path:
            raise ServiceUsage(f"A transfer from {source} to itself would go on for ever. Fix: name another folder.")

    def run(self) -> list[Moved]:
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
                    if claims.give_back(name) and isinstance(exc, LeadsNowhere):
                        log.warning("%s: the link %r stays, since from elsewhere it leads nowhere", self.source, name)
                        continue
                    files.append(Moved(name, 0, "stayed", exc))
                except BaseException:
                    claims.give_back(name)
                    raise
        return files

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
        outcome = ""
        for _ in range(LOOKS):
            info = self._claimed_info(name, claimed)
            # It is ours alone, so that even a server that tells no time tells no lie.
            original = Original(name, claimed, info.size, str(info.modified))
            done = self.copied(original)
            outcome = outcome or done.outcome
            if self._is_settled(original, done):
                self._put_away(name, claimed)
                self.said(original, done)
                return done._replace(outcome=outcome)
        raise Unfinished(self.source, name)

    def _claimed_info(self, name: str, claimed: str) -> FileInfo:
        try:
            return cast(FileInfo, self.source.conn.stat(claimed))
        except NoSuchFile as exc:
            raise LeadsNowhere(self.source, name) from exc

    def _is_settled(self, original: Original, done: Moved) -> bool:
        """Whether the source still has what the target has, and no more: who writes to it may not know of our claim."""
        info = self.source.conn.stat(original.path)
        # A time that is always another tells nothing where all contents were compared just now.
        is_touched = str(info.modified) != original.version and done.outcome != "there already"
        return not is_touched and self._ends(info, done.size)

    def _ends(self, info: FileInfo, size: int) -> bool:
        # A size of 0 may be said of any file, also of one that was empty and has grown.
        return 0 < size == info.size or bool(self.source.conn.ends_at(info.path, size))

    def has_size(self, original: Original, size: int) -> bool:
        return self._ends(self.source.conn.stat(original.path), size)

    def begins_at(self, sink: Sink) -> int:
        return sink.offset

    def stream(self, original: Original, offset: int = 0) -> Download:
        stream: Download = self.source.conn.stream(original.path, offset)
        return stream

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

        kind = Fetch if isinstance(source.conn, LiveREST) else Transfer
        with outgoing("transfer", f"transfer {source} to {target}") as step:
            report = Transferred(str(source), str(target), kind(source, target, tell=each, **more).run())
            events.emit(report)
            if report.failed:
                raise TransferIncomplete(report)
            step.end(report.describe())
    return report


def place_of(live: LiveConnections, given: str | tuple[str, str], *kinds: str) -> Place:
    """One side of a transfer: `"My FTP:in"`, or `("My FTP", "in")`, of one of these kinds.

    Raises:
        UnknownName: No such connection has that name.
    """
    known = [name for kind in kinds for name in live.names(kind)]
    if isinstance(given, str):
        # Of names that may themselves contain a colon, the longest one that fits.
        fitting = [name for name in known if given == name or given.startswith(f"{name}:")]
        name, path = given.partition(":")[::2] if not fitting else (max(fitting, key=len), "")
        path = given[len(name) + 1 :] if fitting else path
    else:
        name, path = given
    if name not in known and name in live.definitions:
        raise ServiceUsage(
            f"{live.definitions[name]} keeps no files; these connections do: {listed(known)}. Fix: name one of them."
        )
    if name in live.names("rest"):
        return Place(name, live.of(name).conn, path)
    conn: LiveFiles = live.item("files", name).conn
    return Place(name, conn, path_of(path, conn.definition))


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
