"""FTP and FTPS: what a service does with files on a server, over the standard library's client."""

from __future__ import annotations

import ftplib
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from workbench.connections.common.pool import Pool
from workbench.connections.common.trying import Deadline, Due, Retries
from workbench.connections.definition import ConnectionDefinition, Opening, Timeout
from workbench.connections.files.errors import FileThere, IsAFolder, NoSuchFile, NotAFolder, StorageFull
from workbench.connections.files.live import LiveFiles
from workbench.connections.files.names import name_of, parent_of, part_of, path_of
from workbench.connections.files.protocol import FileInfo, Hasher
from workbench.connections.ftp.errors import code_of, said_no, troubles
from workbench.connections.ftp.listing import instant, of_fact, of_facts, of_list
from workbench.connections.ftp.session import FTPSession
from workbench.connections.ftp.transfer import FTPSink, FTPSource
from workbench.core.errors import ConnectionFailed
from workbench.core.ports import Clock
from workbench.core.secret import Secret

SOON_SECONDS = 2.0
UNKNOWN_COMMAND = ("500", "502", "504")


class FTPConnection(ConnectionDefinition, tag="ftp", frozen=True, kw_only=True):
    """An FTP account, plain or under TLS."""

    kind: ClassVar[str] = "FTP"
    attributes: ClassVar[dict[str, str]] = {"out.ftp": "conn", "out.files": "conn"}

    host: Annotated[str, Meta(min_length=1, max_length=255, description="Host name or address.")]
    port: Annotated[int, Meta(ge=1, le=65535, description="TCP port.")] = 21
    username: Annotated[str | None, Meta(description="User name; none for the anonymous user.")] = None
    password: Annotated[Secret | str | None, Meta(description="Secret that holds the password.")] = None
    tls: Annotated[
        Literal["off", "explicit"], Meta(description="No encryption, or agreed upon before the password is sent.")
    ] = "off"
    default_directory: Annotated[str, Meta(description="Folder that a service sees as the root.")] = ""
    timeout_seconds: Timeout = 10.0
    deadline_seconds: Deadline = 60.0
    retries: Retries = 3
    pool_size: Annotated[int, Meta(ge=1, le=100, description="Most sessions at once.")] = 8
    passive: Annotated[bool, Meta(description="Whether the client opens the data connections.")] = True
    ca_file: Annotated[
        str | None, Meta(description="File of the authorities to trust instead of the system's, for a private one.")
    ] = None

    def problems(self) -> dict[str, str]:
        problems: dict[str, str] = {}
        if (self.username is None) != (self.password is None):
            problems["username"] = "and password go together: give both or neither"
        if any(each.isspace() or each in "/@" for each in self.host):
            problems["host"] = "must be a host name or address alone, as ftp.example.com"
        try:
            path_of(self.default_directory, "default_directory")
        except ValueError as exc:
            problems["default_directory"] = str(exc)
        return problems

    def open(self, opening: Opening) -> LiveFiles:
        password = self.password if isinstance(self.password, Secret) else None
        backend = FTPBackend(self, opening.reveal(password, str(self)), opening.clock)
        return LiveFiles(self, backend, deadline_seconds=self.deadline_seconds, retries=self.retries)

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"


class FTPBackend:
    """The files of one FTP account."""

    def __init__(self, definition: FTPConnection, password: str | None, clock: Clock) -> None:
        self.definition, self._password, self._clock = definition, password, clock
        self._root = f"/{path_of(definition.default_directory, definition)}".rstrip("/")
        self._context: ssl.SSLContext | None = None
        self._features: frozenset[str] | None = None
        self.pool: Pool[FTPSession] = Pool(definition, self._new, definition.pool_size, definition.timeout_seconds)

    def scan(self, path: str, due: Due) -> Iterable[FileInfo]:
        with self.session(due) as session:
            if self._has_facts:
                lines = self._lines(session, f"MLSD {self.at(path)}", path, due)
                return [info for line in lines if (info := of_facts(line, path)) is not None]
            # As an argument of LIST, brackets and stars may be taken for a pattern.
            self.asked(session, f"CWD {self.at(path) or '/'}", path, due, folder=True)
            return [*of_list(self._lines(session, "LIST", path, due), path, self._clock.now())]

    @property
    def _has_facts(self) -> bool:
        return "MLST" in (self._features or ())

    def info(self, path: str, due: Due) -> FileInfo | None:
        with self.session(due) as session:
            return self.info_in(session, path, due)

    def info_in(self, session: FTPSession, path: str, due: Due) -> FileInfo | None:
        """What is there, asked in this session."""
        if not path:
            return FileInfo("", "", is_dir=True)
        if self._has_facts:
            try:
                said = session.within(due).sendcmd(f"MLST {self.at(path)}")
            except ftplib.error_perm as exc:
                if code_of(exc) in ("501", "550", "553"):
                    return None
                raise
            return next((of_fact(line, path) for line in said.splitlines() if line.startswith(" ")), None)
        return self._guessed(session, path, due)

    def _guessed(self, session: FTPSession, path: str, due: Due) -> FileInfo | None:
        """Of a server without MLST: a folder can be entered, a file has a size, or is listed where SIZE is unknown."""
        control = session.within(due)
        try:
            control.voidcmd(f"CWD {self.at(path)}")
        except ftplib.error_perm:
            try:
                size = control.size(self.at(path)) or 0
            except ftplib.error_perm as exc:
                return self._listed(session, path, due) if code_of(exc) in UNKNOWN_COMMAND else None
            try:
                modified = instant(control.voidcmd(f"MDTM {self.at(path)}").partition(" ")[2])
            except ftplib.error_perm:
                modified = None
            return FileInfo(name_of(path), path, size, modified)
        return FileInfo(name_of(path), path, is_dir=True)

    def _listed(self, session: FTPSession, path: str, due: Due) -> FileInfo | None:
        """Of a server that knows nothing but LIST: what its folder shows under that name."""
        folder = parent_of(path)
        try:
            session.within(due).voidcmd(f"CWD {self.at(folder) or '/'}")
        except ftplib.error_perm:
            return None
        infos = of_list(self._lines(session, "LIST", folder, due), folder, self._clock.now())
        return next((info for info in infos if info.path == path), None)

    def size_in(self, session: FTPSession, path: str, due: Due) -> int | None:
        """A file's size [bytes]; None if none is told, or nothing is there."""
        try:
            return session.within(due).size(self.at(path))
        except ftplib.error_perm:
            return None

    def reader(self, path: str, offset: int, due: Due) -> FTPSource:
        return FTPSource(self, path, offset, due)

    def sink(self, path: str, token: str, resume: bool, due: Due) -> FTPSink:
        return FTPSink(self, path, part_of(path, token), resume, due)

    def give_up(self, path: str, token: str, due: Due) -> None:
        self.discard(part_of(path, token), due)

    def discard(self, part: str, due: Due) -> None:
        """Remove what is left of an upload, if that can be done soon."""
        soon = Due(due.left(min(self.definition.timeout_seconds, SOON_SECONDS)))
        with suppress(ConnectionFailed), self.session(soon) as session, suppress(ftplib.error_perm):
            session.within(soon).delete(self.at(part))

    def remove(self, path: str, due: Due) -> None:
        with self.session(due) as session:
            self.asked(session, f"DELE {self.at(path)}", path, due)

    def remove_folder(self, path: str, due: Due) -> None:
        with self.session(due) as session:
            self.asked(session, f"RMD {self.at(path)}", path, due, folder=True)

    def rename(self, source: str, target: str, overwrite: bool, due: Due) -> None:
        with self.session(due) as session:
            self.rename_in(session, source, target, overwrite, due)

    def rename_in(self, session: FTPSession, source: str, target: str, overwrite: bool, due: Due) -> None:
        """Rename; FTP has no way to ask that nothing be replaced, so that is looked at first."""
        there = self.info_in(session, target, due)
        if there is not None and there.is_dir:
            raise IsAFolder(self.definition, target)
        if there is not None and not overwrite:
            if self.info_in(session, source, due) is None:
                raise NoSuchFile(self.definition, source)
            raise FileThere(self.definition, target)
        self.asked(session, f"RNFR {self.at(source)}", source, due)
        try:
            session.within(due).sendcmd(f"RNTO {self.at(target)}")
            return
        except ftplib.error_perm as exc:
            if self.info_in(session, source, due) is None:
                raise NoSuchFile(self.definition, source) from exc
            if there is None:
                raise self.refused(session, exc, parent_of(target), due, folder=True) from exc
        # Some servers never replace.
        self.asked(session, f"DELE {self.at(target)}", target, due)
        self.asked(session, f"RNFR {self.at(source)}", source, due)
        self.asked(session, f"RNTO {self.at(target)}", source, due)

    def make_folder(self, path: str, due: Due) -> None:
        with self.session(due) as session:
            try:
                session.within(due).mkd(self.at(path))
            except ftplib.error_perm as exc:
                if self.info_in(session, path, due) is not None:
                    raise FileThere(self.definition, path) from exc
                raise self.refused(session, exc, parent_of(path), due, folder=True) from exc

    def ping(self, due: Due) -> str:
        with self.session(due) as session:
            return session.within(due).voidcmd("NOOP")

    def hasher(self) -> Hasher | None:
        return None

    def digest(self, path: str, due: Due) -> str | None:
        return None

    def close(self) -> None:
        self.pool.close()

    def at(self, path: str) -> str:
        """The path as the server knows it."""
        return f"{self._root}/{path}" if path else self._root or "/"

    @contextmanager
    def session(self, due: Due) -> Iterator[FTPSession]:
        """A session for one call, its errors in our words."""
        with self.pool.session(due) as session, troubles(self.definition):
            yield session

    def refused(
        self, session: FTPSession, exc: ftplib.error_perm, path: str, due: Due, *, folder: bool = False
    ) -> ConnectionFailed:
        """What a 5xx about a file or folder means, found out by looking at what is there."""
        said = said_no(self.definition, exc, path)
        if isinstance(said, StorageFull):
            return said
        there = self.info_in(session, path, due)
        if there is None:
            parent = self.info_in(session, parent_of(path), due)
            if parent is not None and not parent.is_dir:
                return NotAFolder(self.definition, parent.path)
            return NoSuchFile(self.definition, path if parent is not None else parent_of(path))
        if there.is_dir == folder:
            return said
        return IsAFolder(self.definition, path) if there.is_dir else NotAFolder(self.definition, path)

    def asked(self, session: FTPSession, command: str, path: str, due: Due, *, folder: bool = False) -> str:
        """The answer to a command about a path."""
        try:
            return session.within(due).sendcmd(command)
        except ftplib.error_perm as exc:
            raise self.refused(session, exc, path, due, folder=folder) from exc

    def _lines(self, session: FTPSession, command: str, path: str, due: Due) -> list[str]:
        try:
            data = session.begin(command, 0, due)
        except ftplib.error_perm as exc:
            raise self.refused(session, exc, path, due, folder=True) from exc
        received = bytearray()
        while block := data.recv(65536):
            received += block
            session.within(due)
        session.finish(due)
        text = received.decode("utf-8", "surrogateescape")
        # Not splitlines(), for which a name may hold other kinds of line ends.
        return [line.removesuffix("\r") for line in text.split("\n") if line]

    def _new(self, due: Due) -> FTPSession:
        definition = self.definition
        login = None if definition.username is None else (definition.username, self._password or "")
        with troubles(definition):
            session = FTPSession(definition, login, self._trusted(), due)
            try:
                with due.cutting(session.cut):
                    self._agree(session, due)
            except BaseException:
                session.cut()
                session.leave()
                raise
        return session

    def _agree(self, session: FTPSession, due: Due) -> None:
        control = session.within(due)
        if self._features is None:
            try:
                said = control.sendcmd("FEAT")
            except ftplib.error_perm:
                said = ""
            words = (line.split() for line in said.splitlines()[1:] if line.startswith(" "))
            self._features = frozenset(word[0].upper() for word in words if word)
        if "UTF8" in self._features:
            # Most servers speak UTF-8 anyway; some want to be told.
            with suppress(ftplib.error_perm):
                control.sendcmd("OPTS UTF8 ON")

    def _trusted(self) -> ssl.SSLContext | None:
        if self.definition.tls == "off":
            return None
        if self._context is None:
            try:
                self._context = ssl.create_default_context(cafile=self.definition.ca_file)
            except OSError as exc:
                raise ConnectionFailed(
                    f"{self.definition} cannot read ca_file={self.definition.ca_file!r}: {exc}"
                ) from exc
        return self._context
