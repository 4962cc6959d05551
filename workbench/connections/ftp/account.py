"""An FTP account: the commands within one session that every part of the kind uses."""

from __future__ import annotations

import ftplib
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from workbench.connections.common.errors import AnswerTooLarge
from workbench.connections.common.pool import Pool
from workbench.connections.common.tls import Trust
from workbench.connections.common.trying import Due
from workbench.connections.files.errors import FileThere, IsAFolder, NoSuchFile, NotAFolder, StorageFull
from workbench.connections.files.names import name_of, parent_of, path_of, problem_of
from workbench.connections.files.protocol import FileInfo
from workbench.connections.ftp.definition import FTPConnection
from workbench.connections.ftp.errors import code_of, is_about_rights, is_of_none, said_no, troubles
from workbench.connections.ftp.listing import Listing, instant, of_fact, of_list, of_mlsd
from workbench.connections.ftp.session import FTPSession
from workbench.core.errors import ConnectionFailed
from workbench.core.ports import Clock

SOON_SECONDS = 2.0
UNKNOWN_COMMAND = ("500", "502", "504")
SIZE = re.compile(r"213 (\d{1,18})\s*")
MODE_OF_LINKS = "unix.mode=0777;"
log = logging.getLogger("workbench.connections")


class FTPAccount:
    """One account on one server, its sessions, and what is done in one of them.

    Args:
        definition: Where the server is, and who logs in.
        password: The password; None for the anonymous user.
        clock: Tells the year of a listing that names none.
    """

    def __init__(self, definition: FTPConnection, password: str | None, clock: Clock) -> None:
        self.definition, self._password, self.clock = definition, password, clock
        self._root: str | None = None
        self._trust = Trust(definition, definition.ca_file)
        self._features: frozenset[str] | None = None
        self.pool: Pool[FTPSession] = Pool(definition, self._new, definition.pool_size, definition.timeout_seconds)

    def at(self, path: str) -> str:
        """The path as the server knows it; once a session was opened, which says where the login leads."""
        return f"{self._root or ''}/{path}" if path else self._root or "/"

    @contextmanager
    def session(self, due: Due) -> Iterator[FTPSession]:
        """A session for one call, its errors in our words."""
        with self.pool.session(due) as session, troubles(self.definition):
            yield session

    @property
    def has_facts(self) -> bool:
        """Whether the server has MLSD and MLST; known once a session was opened."""
        return "MLST" in (self._features or ())

    def info(self, path: str, due: Due) -> FileInfo | None:
        """What is there; None if nothing is."""
        with self.session(due) as session:
            return self.info_in(session, path, due)

    def info_in(self, session: FTPSession, path: str, due: Due) -> FileInfo | None:
        """What is there, asked in this session."""
        if not path:
            return FileInfo("", "", is_dir=True)
        if self.has_facts:
            try:
                said = session.within(due).sendcmd(f"MLST {self.at(path)}")
            except ftplib.error_perm as exc:
                # Who may not look may still enter a folder.
                if not is_about_rights(exc):
                    if code_of(exc) in ("501", "550", "553"):
                        return None
                    self._expect_unknown(exc)
            else:
                info = next((of_fact(line, path) for line in said.splitlines() if line.startswith(" ")), None)
                return info if info is None else self._sized(session, info, said, due)
        return self._guessed(session, path, due)

    def _expect_unknown(self, exc: ftplib.error_perm) -> None:
        """Do without MLST and MLSD from now on, of a server that offers them and does not know them."""
        if code_of(exc) not in UNKNOWN_COMMAND:
            raise exc
        self._features = (self._features or frozenset()) - {"MLST"}

    def _sized(self, session: FTPSession, info: FileInfo, said: str, due: Due) -> FileInfo | None:
        """What MLST says, of a link what it leads to: ProFTPD tells the type of that and the size of the link."""
        if info.is_link:
            return self._behind(session, info, due)
        if info.is_dir or MODE_OF_LINKS not in said.lower():
            return info
        size = self.size_in(session, info.path, due)
        return info if size is None else info._replace(size=size)

    def _behind(self, session: FTPSession, link: FileInfo, due: Due) -> FileInfo | None:
        """What a link leads to, under the link's name; None if it leads nowhere."""
        there = self._guessed(session, link.path, due)
        return None if there is None else there._replace(modified=there.modified or link.modified, is_link=True)

    def _guessed(self, session: FTPSession, path: str, due: Due) -> FileInfo | None:
        """Of a server without MLST: a folder can be entered, a file has a size, or is listed where SIZE is unknown."""
        control = session.within(due)
        try:
            control.voidcmd(f"CWD {self.at(path)}")
        except ftplib.error_perm:
            try:
                size = self._told_size(session, path, due) or 0
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
        if not self._is_folder(session, folder, due):
            return None
        infos = of_list(self._lines(session, "LIST", folder, due), folder, self.clock.now()).infos
        # The size of a link is that of its path.
        return next((info._replace(size=0) if info.is_link else info for info in infos if info.path == path), None)

    def _is_folder(self, session: FTPSession, path: str, due: Due) -> bool:
        try:
            session.within(due).voidcmd(f"CWD {self.at(path)}")
        except ftplib.error_perm:
            return False
        return True

    def _told_size(self, session: FTPSession, path: str, due: Due) -> int | None:
        said = SIZE.fullmatch(session.within(due).sendcmd(f"SIZE {self.at(path)}"))
        return None if said is None else int(said[1])

    def size_in(self, session: FTPSession, path: str, due: Due) -> int | None:
        """A file's size [bytes]; None if none is told, or nothing is there."""
        try:
            return self._told_size(session, path, due)
        except ftplib.error_perm:
            return None

    def list_in(self, session: FTPSession, path: str, due: Due) -> list[FileInfo]:
        """What is in a folder, links as what they lead to; lines that nobody understands are told.

        Raises:
            ConnectionFailed: No line of it was understood.
        """
        found = self._listing(session, path, due)
        if found.unread:
            said = f"{self.definition} drew {len(found.unread)} of {len(found.unread) + len(found.infos)} lines of "
            said += f"{path or '/'} in a way that is not understood, the first as {found.unread[0]!r:.120}"
            if not found.infos:
                raise ConnectionFailed(f"{said}. Fix: have the server list as `ls -l` does, or as MLSD.")
            log.warning("%s; they are left out. Fix: have the server list as `ls -l` does, or as MLSD", said)
        return [self._followed(session, info, due) for info in found.infos]

    def _followed(self, session: FTPSession, info: FileInfo, due: Due) -> FileInfo:
        # Whoever named it: no command is given a name that may not be used.
        if not info.is_link or problem_of(info.name):
            return info
        return self._behind(session, info, due) or info._replace(size=0)

    def _listing(self, session: FTPSession, path: str, due: Due) -> Listing:
        if self.has_facts:
            try:
                return of_mlsd(self._lines(session, f"MLSD {self.at(path)}", path, due), path)
            except ftplib.error_perm as exc:
                self._expect_unknown(exc)
        # As an argument of LIST, brackets and stars may be taken for a pattern.
        self.asked(session, f"CWD {self.at(path)}", path, due, folder=True)
        return of_list(self._lines(session, "LIST", path, due), path, self.clock.now())

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
            # Of what this user may not do, nothing is removed in its preparation.
            if there is None or is_about_rights(exc):
                raise self.not_made(session, exc, target, due) from exc
        # Some servers never replace.
        self.asked(session, f"DELE {self.at(target)}", target, due)
        self.asked(session, f"RNFR {self.at(source)}", source, due)
        self.asked(session, f"RNTO {self.at(target)}", source, due)

    def discard(self, part: str, due: Due) -> None:
        """Remove what is left of an upload, if that can be done soon."""
        soon = Due(due.left(min(self.definition.timeout_seconds, SOON_SECONDS)))
        with suppress(ConnectionFailed), self.session(soon) as session, suppress(ftplib.error_perm):
            session.within(soon).delete(self.at(part))

    def asked(self, session: FTPSession, command: str, path: str, due: Due, *, folder: bool = False) -> str:
        """The answer to a command about a path."""
        try:
            return session.within(due).sendcmd(command)
        except ftplib.error_perm as exc:
            raise self.refused(session, exc, path, due, folder=folder) from exc

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
            if is_about_rights(exc):
                return said
            return NoSuchFile(self.definition, path if parent is not None else parent_of(path))
        if there.is_dir == folder:
            return said
        return IsAFolder(self.definition, path) if there.is_dir else NotAFolder(self.definition, path)

    def not_made(self, session: FTPSession, exc: ftplib.error_perm, path: str, due: Due) -> ConnectionFailed:
        """What a 5xx about a file or folder that was to appear means: its folder is not there, or refuses it."""
        said = said_no(self.definition, exc, path)
        if isinstance(said, StorageFull):
            return said
        found = self.refused(session, exc, parent_of(path), due, folder=True)
        return said if type(found) is type(said) else found

    def _lines(self, session: FTPSession, command: str, path: str, due: Due) -> list[str]:
        """What a listing command about a folder gives, line by line; nothing if the server says no to an empty one."""
        received = bytearray()
        try:
            data = session.begin(command, 0, due)
            while block := data.recv(65536):
                received += block
                if len(received) > self.definition.max_answer_bytes:
                    raise AnswerTooLarge(self.definition, self.definition.max_answer_bytes)
                session.within(due)
            session.finish(due)
        except (ftplib.error_perm, ftplib.error_temp) as exc:
            if not received and is_of_none(exc) and self._is_folder(session, path, due):
                return []
            if isinstance(exc, ftplib.error_temp) or code_of(exc) in UNKNOWN_COMMAND:
                raise
            raise self.refused(session, exc, path, due, folder=True) from exc
        text = received.decode("utf-8", "surrogateescape")
        # Not splitlines(), for which a name may hold other kinds of line ends.
        return [line.removesuffix("\r") for line in text.split("\n") if line]

    def _new(self, due: Due) -> FTPSession:
        definition = self.definition
        login = None if definition.username is None else (definition.username, self._password or "")
        with troubles(definition):
            session = FTPSession(definition, login, None if definition.tls == "off" else self._trust.context, due)
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
        if self._root is None:
            self._root = self._begins(control)

    def _begins(self, control: ftplib.FTP) -> str:
        """Where paths begin: below the folder that the login leads to, unless the definition names one from `/` on."""
        named = self.definition.default_directory
        folder = path_of(named, self.definition)
        home = ""
        if not named.startswith("/"):
            with suppress(ftplib.error_perm):
                home = control.pwd().rstrip("/")
        # What is neither a path nor a drive, as of an old mainframe, can be no beginning of one.
        begins = home if home.startswith("/") or re.match("[A-Za-z]:", home) else ""
        return f"{begins}/{folder}".rstrip("/")
