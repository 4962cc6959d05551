"""SFTP: what a service does with files on a server that speaks SSH."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from stat import S_ISDIR
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from msgspec import Meta

from workbench.connections.common.pool import Pool
from workbench.connections.common.trying import Deadline, Due, Retries, root_of
from workbench.connections.definition import ConnectionDefinition, Opening, Timeout
from workbench.connections.files.errors import (
    AccessRefused,
    FileThere,
    Interrupted,
    IsAFolder,
    NoSuchFile,
    NotAFolder,
    StorageFull,
)
from workbench.connections.files.live import LiveFiles
from workbench.connections.files.names import joined, name_of, parent_of, part_of, path_of
from workbench.connections.files.protocol import FileInfo, Hasher
from workbench.connections.sftp.session import SFTPSession, is_a_no
from workbench.connections.sftp.transfer import SFTPSink, SFTPSource
from workbench.core.errors import ConnectionFailed, MissingDependency
from workbench.core.secret import Secret

if TYPE_CHECKING:
    from paramiko import SFTPAttributes

SOON_SECONDS = 2.0


class SFTPConnection(ConnectionDefinition, tag="sftp", frozen=True, kw_only=True):
    """An account on a server that speaks SFTP."""

    kind: ClassVar[str] = "SFTP"
    attributes: ClassVar[dict[str, str]] = {"out.sftp": "item", "out.files": "conn"}

    host: Annotated[str, Meta(min_length=1, max_length=255, description="Host name or address.")]
    port: Annotated[int, Meta(ge=1, le=65535, description="TCP port.")] = 22
    username: Annotated[str, Meta(min_length=1, description="User name.")]
    password: Annotated[
        Secret | str | None, Meta(description="Secret that holds the password, or the private key's passphrase.")
    ] = None
    private_key_file: Annotated[str | None, Meta(description="File of the private key to log in with.")] = None
    fingerprint: Annotated[
        Annotated[str, Meta(pattern=r"^SHA256:[A-Za-z0-9+/]{43}=?$")] | None,
        Meta(description="The key that the server must show, as SHA256:...; else known_hosts must have it."),
    ] = None
    default_directory: Annotated[
        str, Meta(description="Folder that a service sees as the root; the one after login if empty.")
    ] = ""
    timeout_seconds: Timeout = 10.0
    deadline_seconds: Deadline = 60.0
    retries: Retries = 3
    pool_size: Annotated[int, Meta(ge=1, le=100, description="Most sessions at once.")] = 8
    known_hosts: Annotated[str, Meta(min_length=1, description="File of the servers' keys.")] = "~/.ssh/known_hosts"

    def problems(self) -> dict[str, str]:
        problems: dict[str, str] = {}
        if any(each.isspace() or each in "/@" for each in self.host):
            problems["host"] = "must be a host name or address alone, as sftp.example.com"
        try:
            path_of(self.default_directory, "default_directory")
        except ValueError as exc:
            problems["default_directory"] = str(exc)
        return problems

    def open(self, opening: Opening) -> LiveFiles:
        try:
            import paramiko  # noqa: F401
        except ImportError as exc:
            raise MissingDependency("SFTP", "paramiko", "sftp") from exc
        password = self.password if isinstance(self.password, Secret) else None
        backend = SFTPBackend(self, opening.reveal(password, str(self)))
        return LiveFiles(self, backend, deadline_seconds=self.deadline_seconds, retries=self.retries)

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"


class SFTPBackend:
    """The files of one account."""

    def __init__(self, definition: SFTPConnection, password: str | None) -> None:
        self.definition, self._password = definition, password
        self._root = definition.default_directory.rstrip("/") or ("/" if definition.default_directory else ".")
        self.pool: Pool[SFTPSession] = Pool(definition, self._new, definition.pool_size, definition.timeout_seconds)

    def scan(self, path: str, due: Due) -> Iterable[FileInfo]:
        with self.session(due) as session:
            try:
                found = [*session.listing(self.at(path), due)]
            except OSError as exc:
                raise self.refused(session, exc, path, due, folder=True) from exc
        return [_info(joined(path, name), attributes, name) for name, attributes in found if name not in (".", "..")]

    def info(self, path: str, due: Due) -> FileInfo | None:
        with self.session(due) as session:
            return self.info_in(session, path, due)

    def info_in(self, session: SFTPSession, path: str, due: Due) -> FileInfo | None:
        """What is there, asked in this session."""
        try:
            return _info(path, session.within(due).stat(self.at(path)))
        except OSError as exc:
            # Below a file there is nothing either, which servers say in words of their own.
            if exc.errno == errno.ENOENT or (is_a_no(exc) and exc.errno is None):
                return None
            raise

    def reader(self, path: str, offset: int, due: Due) -> SFTPSource:
        return SFTPSource(self, path, offset, due)

    def sink(self, path: str, token: str, resume: bool, due: Due) -> SFTPSink:
        return SFTPSink(self, path, part_of(path, token), resume, due)

    def give_up(self, path: str, token: str, due: Due) -> None:
        self.discard(part_of(path, token), due)

    def discard(self, part: str, due: Due) -> None:
        """Remove what is left of an upload, if that can be done soon."""
        soon = Due(due.left(min(self.definition.timeout_seconds, SOON_SECONDS)))
        with suppress(ConnectionFailed), self.session(soon) as session:
            session.within(soon).remove(self.at(part))

    def remove(self, path: str, due: Due) -> None:
        self._do("remove", path, due)

    def remove_folder(self, path: str, due: Due) -> None:
        self._do("rmdir", path, due, folder=True)

    def _do(self, verb: str, path: str, due: Due, folder: bool = False) -> None:
        with self.session(due) as session:
            try:
                getattr(session.within(due), verb)(self.at(path))
            except OSError as exc:
                raise self.refused(session, exc, path, due, folder=folder) from exc

    def rename(self, source: str, target: str, overwrite: bool, due: Due) -> None:
        with self.session(due) as session:
            self.rename_in(session, source, target, overwrite, due)

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
            raise self.refused(session, exc, parent_of(target), due, folder=True) from exc

    def _replace(self, sftp: Any, source: str, target: str) -> None:
        try:
            sftp.posix_rename(self.at(source), self.at(target))
        except OSError as exc:
            if "unsupported" not in str(exc).lower():
                raise
            sftp.remove(self.at(target))
            sftp.rename(self.at(source), self.at(target))

    def make_folder(self, path: str, due: Due) -> None:
        with self.session(due) as session:
            try:
                session.within(due).mkdir(self.at(path))
            except OSError as exc:
                if is_a_no(exc) and self.info_in(session, path, due) is not None:
                    raise FileThere(self.definition, path) from exc
                raise self.refused(session, exc, parent_of(path), due, folder=True) from exc

    def ping(self, due: Due) -> str:
        with self.session(due) as session:
            session.within(due).stat(self.at(""))
            assert session.transport is not None
            return session.transport.remote_version

    def hasher(self) -> Hasher | None:
        return None

    def digest(self, path: str, due: Due) -> str | None:
        return None

    def close(self) -> None:
        self.pool.close()

    def at(self, path: str) -> str:
        """The path as the server knows it."""
        return f"{self._root.rstrip('/')}/{path}" if path else self._root

    @contextmanager
    def session(self, due: Due) -> Iterator[SFTPSession]:
        """A session for one call, its errors in our words."""
        with self.pool.session(due) as session, self.troubles():
            yield session

    def _new(self, due: Due) -> SFTPSession:
        with self.troubles():
            return SFTPSession(self.definition, self._password, due)

    @contextmanager
    def troubles(self) -> Iterator[None]:
        """Errors of the network and of paramiko, in our words."""
        import paramiko

        who = f"{self.definition} at {self.definition.address}"
        try:
            yield
        except ConnectionFailed:
            raise
        except paramiko.AuthenticationException as exc:
            raise AccessRefused(
                f"{who} refused the user name, password or key: {exc} {self.definition.credentials_fix}"
            ) from exc
        except socket.gaierror as exc:
            raise ConnectionFailed(
                f"{self.definition}: the host {self.definition.host!r} does not resolve ({exc.strerror}). "
                f"Fix: correct host="
            ) from exc
        except (TimeoutError, paramiko.SSHException) as exc:
            # Paramiko says of a silent server that its banner cannot be read.
            if not isinstance(root_of(exc), TimeoutError):
                raise Interrupted(f"{who} hung up in the middle of the conversation: {exc}.") from exc
            raise Interrupted(
                f"{who} did not answer within {self.definition.timeout_seconds:g} s. "
                f"Fix: check that it is up and reachable, or raise timeout_seconds"
            ) from exc
        except (EOFError, ConnectionResetError, BrokenPipeError) as exc:
            raise Interrupted(f"{who} hung up in the middle of the conversation: {exc or 'without a word'}.") from exc
        except OSError as exc:
            if is_a_no(exc):
                raise AccessRefused(f"{who} refused it: {exc.strerror or exc}.") from exc
            raise Interrupted(f"{who} cannot be reached: {exc.strerror or exc}. Fix: check host and port") from exc

    def refused(self, session: SFTPSession, exc: OSError, path: str, due: Due, *, folder: bool = False) -> Exception:
        """What a no about a file or folder means, found out by looking at what is there."""
        if not is_a_no(exc):
            return exc
        there = self.info_in(session, path, due)
        if there is None:
            parent = self.info_in(session, parent_of(path), due)
            if parent is not None and not parent.is_dir:
                return NotAFolder(self.definition, parent.path)
            return NoSuchFile(self.definition, path if parent is not None else parent_of(path))
        if there.is_dir != folder:
            return IsAFolder(self.definition, path) if there.is_dir else NotAFolder(self.definition, path)
        said = exc.strerror or str(exc)
        return AccessRefused(f"{self.definition} at {self.definition.address} refused {path or '/'!r}: {said}.")

    def full(self, path: str, exc: OSError) -> StorageFull:
        """The error of a write that was refused, which servers say in a word that names no reason."""
        return StorageFull(
            f"{self.definition} at {self.definition.address} takes no more of {path!r} ({exc.strerror or exc}), "
            f"as a full disk does. Fix: make room there."
        )


def _info(path: str, attributes: SFTPAttributes, name: str | None = None) -> FileInfo:
    is_dir = S_ISDIR(attributes.st_mode or 0)
    modified = None if attributes.st_mtime is None else datetime.fromtimestamp(attributes.st_mtime, UTC)
    return FileInfo(
        name_of(path) if name is None else name, path, 0 if is_dir else attributes.st_size or 0, modified, is_dir
    )
