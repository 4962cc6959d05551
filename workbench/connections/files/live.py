"""An open connection to files: `Files` over any backend, with retries, a deadline, and a step in the trace per call."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

from workbench.connections.common.colours import expect_no_loop
from workbench.connections.common.fields import LARGEST_ANSWER_BYTES
from workbench.connections.common.trying import Due, trying
from workbench.connections.definition import ConnectionDefinition, Live, tag
from workbench.connections.files.aliases import FileAliases
from workbench.connections.files.errors import AccessRefused, FileThere, Interrupted, IsAFolder, NoSuchFile, NotAFolder
from workbench.connections.files.names import is_ours, joined, name_of, parent_of, path_of, problem_of
from workbench.connections.files.protocol import Backend, Contents, FileInfo, Hasher, Infos, Sink, Source, said_bytes
from workbench.connections.files.streams import Download, Upload, blocks_of, ends_at
from workbench.core.current import begin, outgoing
from workbench.core.errors import ConnectionFailed, ServiceUsage
from workbench.core.trace import Outgoing

T = TypeVar("T")
METHODS = {"get": "read", "put": "write"}
"""The methods behind the verbs in a trace, where they differ."""
log = logging.getLogger("workbench.connections")


class LiveFiles(FileAliases, Live):
    """What a service holds: `self.out.ftp["name"]`. Safe to use from many threads at once.

    Args:
        definition: What the connection is called in errors and traces.
        backend: What speaks to the other side.
        deadline_seconds: Longest whole call, streams left out [s].
        retries: Further tries after an interruption.
    """

    def __init__(
        self, definition: ConnectionDefinition, backend: Backend, *, deadline_seconds: float | None, retries: int
    ) -> None:
        self.definition, self.backend = definition, backend
        self.deadline_seconds, self.retries = deadline_seconds, retries

    def list(self, path: str = "") -> Infos:
        """What is in a folder, by name; names that may not be used are left out, and the log says so."""
        folder = self._path(path)
        with self._step("list", folder) as step:
            found = self._trying(lambda due, _: [*self.backend.scan(folder, due)])
            infos = sorted((info for info in found if self._is_shown(info, folder)), key=lambda info: info.name)
            step.answered(infos)
            step.end(f"{len(infos)} name{'' if len(infos) == 1 else 's'}")
        return infos

    def read(self, path: str) -> bytes:
        """The whole file.

        Raises:
            AnswerTooLarge: It is over the definition's `max_answer_bytes`; `open` streams it.
        """
        name = self._path(path)
        most = getattr(self.definition, "max_answer_bytes", LARGEST_ANSWER_BYTES)
        with self._step("get", name) as step:
            contents = self._stream(name, Due(self.deadline_seconds)).readall(most)
            step.answered(contents)
            step.end(said_bytes(len(contents)))
        return contents

    def write(self, path: str, contents: Contents, *, overwrite: bool = False) -> FileInfo:
        """Write a file; it appears whole or not at all.

        Raises:
            FileThere: Something has that name, and `overwrite` is not set.
        """
        name = self._path(path)
        blocks, again = blocks_of(contents)
        token, due = new_token(), Due(self.deadline_seconds)

        def put(due: Due, attempt: int) -> int:
            # What a try before this one has left under its own name is ours.
            self._expect_no(name, overwrite or (attempt > 1 and not self.may_look), due)
            sink = self.backend.sink(name, token, attempt > 1, due)
            try:
                for block in blocks(sink.offset):
                    sink.write(block)
                size = sink.offset
                sink.commit(overwrite)
            except BaseException as exc:
                sink.abort(keep=again and isinstance(exc, Interrupted))
                raise
            return size

        whole = {"contents": contents} if isinstance(contents, bytes | bytearray | memoryview | str) else {}
        with self._step("put", name, **whole) as step:
            try:
                size = trying(self.definition, put, due, self.retries if again else 0)
            except ConnectionFailed:
                if not due.over:
                    self.backend.give_up(name, token, due)
                raise
            step.end(said_bytes(size))
        return FileInfo(name_of(name), name, size)

    def open(self, path: str, mode: str = "rb", *, overwrite: bool = False) -> Any:
        """A stream of bytes: `rb` reads, `wb` writes. One that is written appears when it is closed."""
        name = self._path(path)
        if mode.replace("b", "") not in ("r", "w", "x"):
            raise ServiceUsage(
                f"{self.definition} opens files in mode 'rb' or 'wb', not {mode!r}. Fix: pass one of them."
            )
        self._expect_no_loop("open")
        if mode[0] == "r":
            stream = self.stream(path)
            return stream.recorded(self._new_step("get", name))

        def begin(due: Due, attempt: int) -> Sink:
            self._expect_no(name, overwrite, due)
            return self.backend.sink(name, new_token(), False, Due())

        sink = self._trying(begin)
        return Upload(self.definition, name, sink, overwrite, self._new_step("put", name))

    def stream(self, path: str, offset: int = 0) -> Download:
        """A stream from an offset [bytes] on, which is no step of its own."""
        stream = self._stream(self._path(path), Due(), offset)
        stream.begin()
        return stream

    def delete(self, path: str) -> None:
        """Remove a file."""
        name = self._path(path)

        def remove(due: Due, attempt: int) -> None:
            try:
                self.backend.remove(name, due)
            except NoSuchFile:
                # An earlier try may have done it without living to hear so.
                if attempt == 1:
                    raise

        with self._step("delete", name):
            self._trying(remove)

    def move(self, source: str, target: str, *, overwrite: bool = False) -> None:
        """Give a file another name or folder.

        Raises:
            NoSuchFile: The source is not there (any more: somebody else was faster).
            FileThere: Something has the target's name, and `overwrite` is not set.
        """
        old, new = self._path(source), self._path(target)

        def rename(due: Due, attempt: int) -> None:
            try:
                self.backend.rename(old, new, overwrite, due)
            except NoSuchFile:
                if attempt == 1 or self.backend.info(new, due) is None:
                    raise

        with self._step("move", f"{old} to {new}", source=old, target=new):
            self._trying(rename)

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""
        name = self._path(path)
        with self._step("exists", name) as step:
            is_there = self._trying(lambda due, _: self.backend.info(name, due)) is not None
            step.end("yes" if is_there else "no")
        return is_there

    def look(self, path: str) -> FileInfo | None:
        """What is there, or None: to look is not to fail, so the step in the trace is a good one."""
        name = self._path(path)
        with self._step("look", name) as step:
            info = self._trying(lambda due, _: self.backend.info(name, due))
            step.answered(info)
            step.end("not there" if info is None else _words(info))
        return info

    def stat(self, path: str) -> FileInfo:
        """What is there; raises NoSuchFile."""
        name = self._path(path)
        with self._step("stat", name) as step:
            info = self._trying(lambda due, _: self.backend.info(name, due))
            if info is None:
                raise NoSuchFile(self.definition, name)
            step.answered(info)
            step.end(_words(info))
        return info

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it; one that is there is left alone."""
        name = self._path(path)
        with self._step("make folder", name):
            self._trying(lambda due, _: self._make(name, due))

    def _make(self, name: str, due: Due) -> None:
        if not name:
            return
        if (info := self.backend.info(name, due)) is not None:
            if not info.is_dir:
                raise NotAFolder(self.definition, name)
            return
        self._make(parent_of(name), due)
        try:
            self.backend.make_folder(name, due)
        except FileThere:
            info = self.backend.info(name, due)
            if info is None or not info.is_dir:
                raise

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        name = self._path(path)
        with self._step("remove folder", name):
            self._trying(lambda due, _: self.backend.remove_folder(name, due))

    def digest(self, path: str) -> str | None:
        """The hash that the other side gives for a file, of the kind of `hasher()`; None if it tells none."""
        self._expect_no_loop("digest")
        name = self._path(path)
        return self._trying(lambda due, _: self.backend.digest(name, due))

    def ends_at(self, path: str, size: int) -> bool:
        """Whether a file has exactly so many bytes, as reading its end shows, whatever size is told [bytes]."""
        self._expect_no_loop("ends_at")
        name = self._path(path)
        return self._trying(lambda due, _: ends_at(self.backend.reader, name, size, due))

    @property
    def may_look(self) -> bool:
        """Whether a file can be looked at once it was written; not where the other side takes it away at once."""
        return not getattr(self.definition, "direct_uploads", False)

    def hasher(self) -> Hasher | None:
        """A new hash of the kind that `digest` gives."""
        return self.backend.hasher()

    def ping(self, cid: str = "") -> str:
        """One round trip; says in a few words what answered."""
        self._expect_no_loop("ping")
        return self._trying(lambda due, _: self.backend.ping(due))

    def close(self) -> None:
        """Let go of what lies idle; calls in flight may end, and another call opens anew."""
        self.backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        # The connection belongs to the workbench; leaving a service's block keeps it for the next call.
        return None

    def __str__(self) -> str:
        return str(self.definition)

    def _path(self, path: str) -> str:
        return path_of(path, self.definition)

    def _stream(self, name: str, due: Due, offset: int = 0) -> Download:
        def begin(offset: int) -> Source:
            return self.backend.reader(name, offset, due)

        return Download(self.definition, name, begin, due, retries=self.retries, offset=offset)

    def _expect_no(self, name: str, overwrite: bool, due: Due) -> None:
        """A name that is taken is better said before a long upload than after it."""
        try:
            there = self.backend.info(name, due)
        except AccessRefused:
            # Who may not look may still write, as into a folder for uploads.
            if not overwrite:
                raise
            there = None
        if not name or (there is not None and there.is_dir):
            raise IsAFolder(self.definition, name)
        if there is not None and not overwrite:
            raise FileThere(self.definition, name)

    def _is_shown(self, info: FileInfo, folder: str) -> bool:
        if problem := problem_of(info.name):
            log.warning("%s left out a name in %s: %.120r %s", self.definition, folder or "/", info.name, problem)
            return False
        return not is_ours(info.name) and info.path == joined(folder, info.name)

    def _trying(self, work: Callable[[Due, int], T]) -> T:
        return trying(self.definition, work, Due(self.deadline_seconds), self.retries)

    @contextmanager
    def _step(self, verb: str, path: str, **arguments: Any) -> Iterator[Outgoing]:
        self._expect_no_loop(verb)
        definition = self.definition
        asked = arguments if "source" in arguments else {"path": path, **arguments}
        with outgoing(
            tag(definition), self._said(verb, path), asked, connection=definition.name, operation=verb
        ) as step:
            yield step

    def _new_step(self, verb: str, path: str) -> Outgoing:
        definition, said = self.definition, self._said(verb, path)
        return begin(tag(definition), said, {"path": path}, connection=definition.name, operation=verb)

    def _expect_no_loop(self, verb: str) -> None:
        expect_no_loop(self.definition, f"await conn.aio.{METHODS.get(verb, verb.replace(' ', '_'))}(...)")

    def _said(self, verb: str, path: str) -> str:
        return f"{self.definition.kind} {self.definition.name} {verb} {path or '/'}"


def new_token() -> str:
    """What tells writers of one path apart."""
    return secrets.token_hex(4)


def _words(info: FileInfo) -> str:
    return "folder" if info.is_dir else said_bytes(info.size)
