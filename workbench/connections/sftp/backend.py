"""The files of an SFTP account behind the Files protocol."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.connections.common.trying import Due
from workbench.connections.definition import Opening
from workbench.connections.files.errors import FileThere
from workbench.connections.files.live import LiveFiles
from workbench.connections.files.names import joined, part_of, problem_of
from workbench.connections.files.protocol import FileInfo
from workbench.connections.files.sessions import SessionBackend
from workbench.connections.sftp.account import SFTPAccount, info_of
from workbench.connections.sftp.definition import SFTPConnection
from workbench.connections.sftp.errors import is_a_no
from workbench.connections.sftp.session import Proofs
from workbench.connections.sftp.transfer import SFTPSink, SFTPSource
from workbench.core.errors import MissingDependency


def open_sftp(definition: SFTPConnection, opening: Opening) -> LiveFiles:
    """The live object of one definition; raises MissingDependency."""
    try:
        import paramiko  # noqa: F401
    except ImportError as exc:
        raise MissingDependency("SFTP", "paramiko", "sftp") from exc
    secrets = [opening.reveal(each, definition) for each in (definition.password, definition.passphrase)]
    backend = SFTPBackend(SFTPAccount(definition, Proofs(*secrets)))
    return LiveFiles(definition, backend, deadline_seconds=definition.deadline_seconds, retries=definition.retries)


class SFTPBackend(SessionBackend[SFTPAccount]):
    """The files of one account."""

    def scan(self, path: str, due: Due) -> Iterable[FileInfo]:
        account = self.account
        with account.session(due) as session:
            try:
                found = [*account.bounded(session.listing(account.at(path), due))]
            except OSError as exc:
                raise account.refused(session, exc, path, due, folder=True) from exc
            infos = [info_of(joined(path, name), attributes, name) for name, attributes in found]
            return [
                account.followed(session, info, due) if info.is_link and not problem_of(info.name) else info
                for info in infos
                if info.name not in (".", "..")
            ]

    def reader(self, path: str, offset: int, due: Due) -> SFTPSource:
        return SFTPSource(self.account, path, offset, due)

    def sink(self, path: str, token: str, resume: bool, due: Due) -> SFTPSink:
        return SFTPSink(self.account, path, part_of(path, token), resume, due)

    def remove(self, path: str, due: Due) -> None:
        self._do("remove", path, due)

    def remove_folder(self, path: str, due: Due) -> None:
        self._do("rmdir", path, due, folder=True)

    def _do(self, verb: str, path: str, due: Due, folder: bool = False) -> None:
        account = self.account
        with account.session(due) as session:
            try:
                getattr(session.within(due), verb)(account.at(path))
            except OSError as exc:
                raise account.refused(session, exc, path, due, folder=folder) from exc

    def make_folder(self, path: str, due: Due) -> None:
        account = self.account
        with account.session(due) as session:
            try:
                session.within(due).mkdir(account.at(path))
            except OSError as exc:
                if is_a_no(exc) and account.seen_in(session, path, due) is not None:
                    raise FileThere(account.definition, path) from exc
                raise account.not_made(session, exc, path, due) from exc

    def ping(self, due: Due) -> str:
        with self.account.session(due) as session:
            session.within(due).stat(self.account.at(""))
            assert session.transport is not None
            return session.transport.remote_version
