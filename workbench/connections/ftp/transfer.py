"""Files on their way from and to an FTP server: streams over a session of their own."""

from __future__ import annotations

import ftplib
from functools import partial

from workbench.connections.common.trying import Due
from workbench.connections.files.errors import Interrupted, IsAFolder, Refused
from workbench.connections.files.sessions import is_in_place, unheard
from workbench.connections.files.streams import confirm, kept_of
from workbench.connections.ftp.account import FTPAccount
from workbench.connections.ftp.errors import troubles, who


class FTPSource:
    """A file being read; the session goes back when its end was confirmed, and is dropped before that."""

    def __init__(self, account: FTPAccount, path: str, offset: int, due: Due) -> None:
        self._account, self._path, self._due = account, path, due
        self._taken = account.pool.take(due)
        session = self._taken.session
        try:
            with due.cutting(session.cut), troubles(account.definition, path):
                info = account.info_in(session, path, due)
                if info is not None and info.is_dir:
                    raise IsAFolder(account.definition, path)
                self.size = None if info is None else info.size
                self.stamp: object = None if info is None else info.modified
                try:
                    self._data = session.begin(f"RETR {account.at(path)}", offset, due)
                except ftplib.error_perm as exc:
                    raise account.refused(session, exc, path, due) from exc
        except BaseException as exc:
            self._taken.end(keep=isinstance(exc, Refused))
            raise

    def readinto(self, buffer: memoryview) -> int:
        session = self._taken.session
        with self._due.cutting(session.cut), troubles(self._account.definition, self._path):
            session.within(self._due)
            receive, filled = self._data.recv_into, 0
            # All of the buffer before anything else is done: a block at a time costs as much again as receiving it.
            while filled < len(buffer) and (count := receive(buffer[filled:])):
                filled += count
            if not filled:
                session.finish(self._due)
        if not filled:
            self._taken.end(keep=True)
        return filled

    def close(self) -> None:
        # Ending a transfer politely takes as long as the server wants; a new session takes some round trips.
        self._taken.end(keep=False)


class FTPSink:
    """A file being written under a name of its own and then renamed; of direct uploads under its final name."""

    def __init__(self, account: FTPAccount, path: str, part: str, resume: bool, due: Due) -> None:
        self._account, self._path, self._due = account, path, due
        self._is_direct, self._is_over = account.definition.direct_uploads, False
        self._part, resume = (path, False) if self._is_direct else (part, resume)
        self.offset = kept_of(account.info(part, due), partial(FTPSource, account), part, due) if resume else 0
        self._taken = account.pool.take(due)
        session = self._taken.session
        try:
            with due.cutting(session.cut), troubles(account.definition, path):
                try:
                    self._data = session.begin(f"STOR {account.at(self._part)}", self.offset, due)
                except ftplib.error_perm as exc:
                    raise account.not_made(session, exc, path, due) from exc
        except BaseException as exc:
            self._taken.end(keep=isinstance(exc, Refused))
            raise

    def write(self, block: memoryview) -> None:
        session = self._taken.session
        with self._due.cutting(session.cut), troubles(self._account.definition, self._path):
            session.within(self._due)
            try:
                self._data.sendall(block)
            except TimeoutError:
                raise
            except OSError:
                # The control connection may say why, as that the disk is full.
                session.finish(self._due)
                raise
        self.offset += len(block)

    def commit(self, overwrite: bool) -> None:
        account, session = self._account, self._taken.session
        due = self._due if self._due.at is not None else Due(account.definition.deadline_seconds)
        if self._is_direct:
            self._end_direct(due)
            return
        with due.cutting(session.cut), troubles(account.definition, self._path):
            session.finish(due)
            size = account.size_in(session, self._part, due)
        if size != self.offset:
            self._taken.end(keep=True)
            confirm(who(account.definition), partial(FTPSource, account), self._part, self._path, self.offset, due)
            self._taken = account.pool.take(due)
            session = self._taken.session
        try:
            with due.cutting(session.cut), troubles(account.definition, self._path):
                account.rename_in(session, self._part, self._path, overwrite, due)
        except Interrupted:
            if not self._is_in_place():
                raise
        self._taken.end(keep=not session.is_dead)

    def _end_direct(self, due: Due) -> None:
        definition, session = self._account.definition, self._taken.session
        try:
            with due.cutting(session.cut), troubles(definition, self._path):
                session.finish(due)
        except Interrupted as exc:
            self._is_over = True
            raise unheard(who(definition), self._path) from exc
        self._taken.end(keep=True)

    def _is_in_place(self) -> bool:
        self._taken.end(keep=False)
        read = partial(FTPSource, self._account)
        return is_in_place(self._account, read, self._part, self._path, self.offset, self._due)

    def abort(self, keep: bool = False) -> None:
        self._taken.end(keep=False)
        if not self._is_over and (self._is_direct or not keep):
            self._account.discard(self._part, self._due)
