"""An SFTP account: the commands within one session that every part of the kind uses."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from stat import S_ISDIR, S_ISLNK
from typing import TYPE_CHECKING, Any

from workbench.connections.common.errors import AnswerTooLarge
from workbench.connections.common.pool import Pool
from workbench.connections.common.trying import Due
from workbench.connections.files.errors import AccessRefused, FileThere, IsAFolder, NoSuchFile, NotAFolder
from workbench.connections.files.names import name_of, parent_of
from workbench.connections.files.protocol import FileInfo
from workbench.connections.sftp.definition import SFTPConnection
from workbench.connections.sftp.errors import is_a_no, no_access, troubles
from workbench.connections.sftp.session import Proofs, SFTPSession
from workbench.core.errors import ConnectionFailed

if TYPE_CHECKING:
    from paramiko import SFTPAttributes

SOON_SECONDS = 2.0
ENTRY_BYTES = 100
"""What one entry of a folder takes besides its name, about [bytes]."""


class SFTPAccount:
    """One account on one server, its sessions, and what is done in one of them.

    Args:
        definition: Where the server is, and who logs in.
        proofs: By what that user is known.
    """

    def __init__(self, definition: SFTPConnection, proofs: Proofs) -> None:
        self.definition, self._proofs = definition, proofs
        self._root = definition.default_directory.rstrip("/") or ("/" if definition.default_directory else ".")
        self.pool: Pool[SFTPSession] = Pool(definition, self._new, definition.pool_size, definition.timeout_seconds)

    def at(self, path: str) -> str:
        """The path as the server knows it."""
        return f"{self._root.rstrip('/')}/{path}" if path else self._root

    @contextmanager
    def session(self, due: Due) -> Iterator[SFTPSession]:
        """A session for one call, its errors in our words."""
        with self.pool.session(due) as session, troubles(self.definition):
            yield session

    def bounded(self, listing: Iterable[tuple[str, SFTPAttributes]]) -> Iterator[tuple[str, SFTPAttributes]]:
        """The entries of a folder, as long as they may all be in memory; raises AnswerTooLarge."""
        size, most = 0, self.definition.max_answer_bytes
        for name, attributes in listing:
            if (size := size + len(name) + ENTRY_BYTES) > most:
                raise AnswerTooLarge(self.definition, most)
            yield name, attributes

    def info(self, path: str, due: Due) -> FileInfo | None:
        """What is there; None if nothing is."""
        with self.session(due) as session:
            return self.info_in(session, path, due)

    def info_in(self, session: SFTPSession, path: str, due: Due) -> FileInfo | None:
        """What is there, asked in this session."""
        try:
            return info_of(path, session.within(due).stat(self.at(path)))
        except OSError as exc:
            # Below a file there is nothing either, which servers say in words of their own.
            if exc.errno == errno.ENOENT or (is_a_no(exc) and exc.errno is None):
                return None
            raise

    def seen_in(self, session: SFTPSession, path: str, due: Due) -> FileInfo | None:
        """The same where nothing can be said of what may not be looked at."""
        try:
            return self.info_in(session, path, due)
        except OSError as exc:
            if not is_a_no(exc):
                raise
            return None

    def followed(self, session: SFTPSession, link: FileInfo, due: Due) -> FileInfo:
        """A link of a listing as what it leads to, which is nothing for some."""
        there = self.seen_in(session, link.path, due)
        return link._replace(size=0) if there is None else there._replace(is_link=True)

    def rename_in(self, session: SFTPSession, source: str, target: str, overwrite: bool, due: Due) -> None:
        """Rename; the protocol's plain rename never replaces, OpenSSH's does."""
        there = self.info_in(session, target, due)
        if there is not None and there.is_dir:
            raise IsAFolder(self.definition, target)
        sftp = session.within(due)
        try:
            if there is None or not overwrite:
                sftp.rename(self.at(source), self.at(target))
            else:
                self._replace(sftp, source, target)
        except OSError as exc:
            if not is_a_no(exc):
                raise
            if self.info_in(session, source, due) is None:
                raise NoSuchFile(self.definition, source) from exc
            if not overwrite and self.info_in(session, target, due) is not None:
                raise FileThere(self.definition, target) from exc
            raise self.not_made(session, exc, target, due) from exc

    def _replace(self, sftp: Any, source: str, target: str) -> None:
        try:
            sftp.posix_rename(self.at(source), self.at(target))
        except OSError as exc:
            if "unsupported" not in str(exc).lower():
                raise
            sftp.remove(self.at(target))
            sftp.rename(self.at(source), self.at(target))

    def discard(self, part: str, due: Due) -> None:
        """Remove what is left of an upload, if that can be done soon."""
        soon = Due(due.left(min(self.definition.timeout_seconds, SOON_SECONDS)))
        with suppress(ConnectionFailed), self.session(soon) as session:
            session.within(soon).remove(self.at(part))

    def refused(self, session: SFTPSession, exc: OSError, path: str, due: Due, *, folder: bool = False) -> Exception:
        """What a no about a file or folder means, found out by looking at what is there."""
        if not is_a_no(exc):
            return exc
        there = self.seen_in(session, path, due)
        if there is None:
            parent = self.seen_in(session, parent_of(path), due)
            if parent is not None and not parent.is_dir:
                return NotAFolder(self.definition, parent.path)
            if exc.errno == errno.EACCES:
                return no_access(self.definition, path, exc)
            return NoSuchFile(self.definition, path if parent is not None else parent_of(path))
        if there.is_dir != folder:
            return IsAFolder(self.definition, path) if there.is_dir else NotAFolder(self.definition, path)
        return no_access(self.definition, path, exc)

    def not_made(self, session: SFTPSession, exc: OSError, path: str, due: Due) -> Exception:
        """What a no about a file or folder that was to appear means: its folder is not there, or refuses it."""
        found = self.refused(session, exc, parent_of(path), due, folder=True)
        return no_access(self.definition, path, exc) if isinstance(found, AccessRefused) else found

    def _new(self, due: Due) -> SFTPSession:
        with troubles(self.definition):
            return SFTPSession(self.definition, self._proofs, due)


def info_of(path: str, attributes: SFTPAttributes, name: str | None = None) -> FileInfo:
    """What the server tells of a file or folder."""
    is_dir = S_ISDIR(attributes.st_mode or 0)
    modified = None if attributes.st_mtime is None else datetime.fromtimestamp(attributes.st_mtime, UTC)
    return FileInfo(
        name_of(path) if name is None else name,
        path,
        0 if is_dir else attributes.st_size or 0,
        modified,
        is_dir,
        S_ISLNK(attributes.st_mode or 0),
    )
