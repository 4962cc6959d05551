"""The files of an FTP account behind the Files protocol."""

from __future__ import annotations

import ftplib
from collections.abc import Iterable

from workbench.connections.common.trying import Due
from workbench.connections.definition import Opening
from workbench.connections.files.errors import FileThere
from workbench.connections.files.live import LiveFiles
from workbench.connections.files.names import part_of
from workbench.connections.files.protocol import FileInfo
from workbench.connections.files.sessions import SessionBackend
from workbench.connections.ftp.account import FTPAccount
from workbench.connections.ftp.definition import FTPConnection
from workbench.connections.ftp.transfer import FTPSink, FTPSource


def open_ftp(definition: FTPConnection, opening: Opening) -> LiveFiles:
    """The live object of one definition."""
    account = FTPAccount(definition, opening.reveal(definition.password, definition), opening.clock)
    return LiveFiles(
        definition, FTPBackend(account), deadline_seconds=definition.deadline_seconds, retries=definition.retries
    )


class FTPBackend(SessionBackend[FTPAccount]):
    """The files of one FTP account."""

    def scan(self, path: str, due: Due) -> Iterable[FileInfo]:
        account = self.account
        with account.session(due) as session:
            return account.list_in(session, path, due)

    def reader(self, path: str, offset: int, due: Due) -> FTPSource:
        return FTPSource(self.account, path, offset, due)

    def sink(self, path: str, token: str, resume: bool, due: Due) -> FTPSink:
        return FTPSink(self.account, path, part_of(path, token), resume, due)

    def remove(self, path: str, due: Due) -> None:
        with self.account.session(due) as session:
            self.account.asked(session, f"DELE {self.account.at(path)}", path, due)

    def remove_folder(self, path: str, due: Due) -> None:
        with self.account.session(due) as session:
            self.account.asked(session, f"RMD {self.account.at(path)}", path, due, folder=True)

    def make_folder(self, path: str, due: Due) -> None:
        account = self.account
        with account.session(due) as session:
            try:
                session.within(due).mkd(account.at(path))
            except ftplib.error_perm as exc:
                if account.info_in(session, path, due) is not None:
                    raise FileThere(account.definition, path) from exc
                raise account.not_made(session, exc, path, due) from exc

    def ping(self, due: Due) -> str:
        with self.account.session(due) as session:
            return session.within(due).voidcmd("NOOP")
