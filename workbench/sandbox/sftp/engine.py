"""What moves the SFTP peer: paramiko's server on threads of its own, and the faults that it plays."""

from __future__ import annotations

import errno
import hmac
import logging
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import Any, Protocol, cast

import paramiko
from paramiko import SFTPAttributes, SFTPHandle, SFTPServerInterface
from paramiko.common import (
    AUTH_FAILED,
    AUTH_PARTIALLY_SUCCESSFUL,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)
from paramiko.sftp import SFTP_FAILURE, SFTP_OK, SFTP_OP_UNSUPPORTED, SFTP_PERMISSION_DENIED

from workbench.sandbox.faults import raw
from workbench.sandbox.file_tree import Asked, Keeper
from workbench.sandbox.sftp.faults import SFTPFaults

LOG = "workbench.peer.sftp"
# What a client breaks off is not an error of the program.
logging.getLogger(LOG).addHandler(logging.NullHandler())
logging.getLogger(LOG).propagate = False


class Host(Keeper, Protocol):
    """What a conversation needs of the server."""

    conversations: set[Conversation]

    @property
    def key(self) -> paramiko.PKey:
        """The key that it shows."""
        ...

    @property
    def other_key(self) -> paramiko.PKey:
        """The key that it shows with the fault `wrong_key`."""
        ...


class Conversation(paramiko.ServerInterface):
    """One accepted connection."""

    def __init__(self, peer: Host, client: socket.socket) -> None:
        self.peer, self._client, self.is_over, self._has_key = peer, client, False, False
        self.transport = paramiko.Transport(client)
        self.transport.set_log_channel(LOG)

    def begin(self) -> None:
        """Speak, on a thread of paramiko's."""
        self.peer.conversations.add(self)
        faults = cast(SFTPFaults, self.peer.faults)
        self.transport.add_server_key(self.peer.other_key if faults.wrong_key else self.peer.key)
        if faults.dialect == "old":
            self.transport._preferred_pubkeys = ("ssh-rsa",)  # type: ignore[attr-defined]
        self.transport.set_subsystem_handler("sftp", Server, Folder, self)
        with suppress(paramiko.SSHException, EOFError, OSError):
            self.transport.start_server(threading.Event(), self)

    def cut(self) -> None:
        """Hang up at once; what has arrived and was not yet looked at is lost."""
        self.is_over = True
        self.peer.conversations.discard(self)
        with suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)
        if threading.current_thread() is not self.transport:
            threading.Thread(target=self.transport.close, daemon=True).start()

    def get_allowed_auths(self, username: str) -> str:
        if not self._wants_both:
            return "password,publickey"
        return "password" if self._has_key else "publickey"

    @property
    def _wants_both(self) -> bool:
        return cast(SFTPFaults, self.peer.faults).key_and_password

    def check_auth_none(self, username: str) -> int:
        return self._let_in(self.peer.users is None and not self._wants_both)

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        if self._wants_both:
            self._has_key = True
            return AUTH_PARTIALLY_SUCCESSFUL
        return self._let_in(self.peer.users is None)

    def check_auth_password(self, username: str, password: str) -> int:
        if self._wants_both and not self._has_key:
            return AUTH_FAILED
        if self.peer.users is None:
            return self._let_in(True)
        expected = self.peer.users.get(username, "")
        return self._let_in(bool(expected) and hmac.compare_digest(expected.encode(), password.encode()))

    def _let_in(self, is_right: bool) -> int:
        trouble = self.peer.trouble
        if cast(SFTPFaults, trouble.faults).refuse_login and trouble.strikes():
            is_right = False
        self.peer.logins += is_right
        return AUTH_SUCCESSFUL if is_right else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def told(self, attributes: SFTPAttributes) -> SFTPAttributes:
        """What is told of a file, its size as a fault may have it."""
        size = cast(SFTPFaults, self.peer.faults).size_told
        if size is not None and S_ISREG(attributes.st_mode or 0):
            attributes.st_size = None if size == "none" else size
        return attributes

    def strike(self, verb: str) -> None:
        """Hang up before the answer to this verb, if a fault wants it."""
        trouble = self.peer.trouble
        if cast(SFTPFaults, trouble.faults).hang_up_before_answer == verb and trouble.strikes():
            self.cut()

    def note(self, verb: str, path: str, size: int | None = None) -> None:
        """Keep what a client did."""
        self.peer.asked.add(Asked(verb, path.strip("/").removeprefix("./"), size), 100)


class Server(paramiko.SFTPServer):
    """The protocol, with the faults that strike before anything is looked at."""

    def __init__(self, channel: Any, name: str, server: Any, sftp_si: type[Folder], conversation: Conversation) -> None:
        super().__init__(channel, name, server, sftp_si, conversation)
        self._conversation = conversation

    def _process(self, t: int, request_number: int, msg: Any) -> None:
        if seconds := self._conversation.peer.faults.delay_seconds:
            time.sleep(seconds)
        if self._conversation.is_over:
            return
        super()._process(t, request_number, msg)  # type: ignore[misc]


class Folder(SFTPServerInterface):
    """The peer's folder."""

    def __init__(self, server: Any, conversation: Conversation) -> None:
        super().__init__(server)
        self._conversation, self._peer = conversation, conversation.peer

    def _at(self, path: str) -> Path:
        # `canonicalize` leaves nothing above the root; a link may lead there all the same.
        at = Path(str(self._peer.root) + self.canonicalize(path))
        if not at.resolve().is_relative_to(self._peer.root):
            raise PermissionError(errno.EACCES, "leads out of the folder")
        return at

    def _answered(self, verb: str, code: int) -> int:
        self._conversation.strike(verb)
        return code

    @property
    def _is_read_only(self) -> bool:
        return cast(SFTPFaults, self._peer.faults).read_only

    def _tried(self, verb: str, path: str, act: Any, *arguments: Any) -> int:
        if self._is_read_only:
            return SFTP_PERMISSION_DENIED
        try:
            act(*arguments)
        except OSError as exc:
            return paramiko.SFTPServer.convert_errno(exc.errno or 0)
        self._conversation.note(verb, path)
        return self._answered(verb, SFTP_OK)

    def list_folder(self, path: str) -> list[SFTPAttributes] | int:
        if self._hides:
            return SFTP_PERMISSION_DENIED
        try:
            found = [
                self._conversation.told(SFTPAttributes.from_stat(each.lstat(), cast("str", os.fsencode(each.name))))
                for each in self._at(path).iterdir()
            ]
        except OSError as exc:
            return paramiko.SFTPServer.convert_errno(exc.errno or 0)
        for name in cast(SFTPFaults, self._peer.faults).strange_names:
            found.append(SFTPAttributes.from_stat(self._peer.root.stat(), cast("str", raw(name))))
        self._conversation.note("list", path)
        self._answered("list", SFTP_OK)
        return found

    @property
    def _hides(self) -> bool:
        return cast(SFTPFaults, self._peer.faults).dialect == "blind"

    def stat(self, path: str) -> SFTPAttributes | int:
        if self._hides and not self._at(path).is_dir():
            return SFTP_PERMISSION_DENIED
        try:
            found = self._conversation.told(SFTPAttributes.from_stat(self._at(path).stat()))
        except OSError as exc:
            return paramiko.SFTPServer.convert_errno(exc.errno or 0)
        self._answered("stat", SFTP_OK)
        return found

    lstat = stat

    def open(self, path: str, flags: int, attr: SFTPAttributes) -> OpenFile | int:
        if self._is_read_only and flags & (os.O_WRONLY | os.O_RDWR):
            return SFTP_PERMISSION_DENIED
        if (self._hides or cast(SFTPFaults, self._peer.faults).write_only) and not flags & (os.O_WRONLY | os.O_RDWR):
            return SFTP_PERMISSION_DENIED
        try:
            file = os.open(self._at(path), flags | getattr(os, "O_BINARY", 0), 0o600)
        except OSError as exc:
            return paramiko.SFTPServer.convert_errno(exc.errno or 0)
        self._answered("open", SFTP_OK)
        return OpenFile(self._conversation, self._at(path), path, file, flags)

    def remove(self, path: str) -> int:
        return self._tried("remove", path, self._at(path).unlink)

    def rename(self, oldpath: str, newpath: str) -> int:
        if self._at(newpath).exists():
            return SFTP_FAILURE
        return self._tried("rename", newpath, self._at(oldpath).rename, self._at(newpath))

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        if cast(SFTPFaults, self._peer.faults).no_posix_rename:
            return SFTP_OP_UNSUPPORTED
        return self._tried("rename", newpath, self._at(oldpath).replace, self._at(newpath))

    def mkdir(self, path: str, attr: SFTPAttributes) -> int:
        return self._tried("mkdir", path, self._at(path).mkdir)

    def rmdir(self, path: str) -> int:
        return self._tried("rmdir", path, self._at(path).rmdir)


class OpenFile(SFTPHandle):
    """A file being read or written."""

    def __init__(self, conversation: Conversation, at: Path, path: str, file: int, flags: int) -> None:
        super().__init__(flags)
        self._conversation, self._at, self._path, self._file = conversation, at, path, file
        self._trouble = conversation.peer.trouble
        self._sent = self._received = 0
        self._is_written = bool(flags & (os.O_WRONLY | os.O_RDWR))

    def read(self, offset: int, length: int) -> bytes | int:
        faults = cast(SFTPFaults, self._trouble.faults)
        most = faults.short_file_after_bytes
        if most is not None and offset + length > most:
            length = max(0, most - offset)
            if not length:
                self._trouble.strikes()
                return b""
        try:
            block = os.pread(self._file, length, offset)
        except OSError as exc:
            return paramiko.SFTPServer.convert_errno(exc.errno or 0)
        if not block:
            return self._at_end()
        self._sent += len(block)
        self._slow(len(block))
        self._hang_up()
        return block

    def _at_end(self) -> bytes | int:
        trouble = self._conversation.peer.trouble
        faults = cast(SFTPFaults, trouble.faults)
        if faults.grows_by_bytes is not None and trouble.strikes():
            self._conversation.peer.grow(self._at, faults.grows_by_bytes)
        return SFTP_FAILURE if faults.no_end_of_file else b""

    def write(self, offset: int, data: Any) -> int:
        most = cast(SFTPFaults, self._trouble.faults).disk_full_after_bytes
        if most is not None and offset + len(data) > most and self._trouble.strikes():
            return SFTP_FAILURE
        try:
            os.pwrite(self._file, data, offset)
        except OSError as exc:
            return paramiko.SFTPServer.convert_errno(exc.errno or 0)
        self._received += len(data)
        self._slow(len(data))
        self._hang_up()
        return SFTP_OK

    def _slow(self, count: int) -> None:
        if rate := self._trouble.faults.bytes_per_second:
            time.sleep(count / rate)

    def _hang_up(self) -> None:
        most = self._trouble.faults.hang_up_after_bytes
        if most is not None and self._sent + self._received > most:
            if self._trouble.strikes():
                # Noted and closed first: a client that finds itself cut off finds in the journal how far it got.
                self.close()
                self._conversation.cut()
            self._trouble = self._conversation.peer.trouble

    def stat(self) -> SFTPAttributes | int:
        return self._conversation.told(SFTPAttributes.from_stat(os.fstat(self._file)))

    def close(self) -> None:
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)
            verb, count = ("put", self._received) if self._is_written else ("get", self._sent)
            self._conversation.note(verb, self._path, count)
            if self._is_written and cast(SFTPFaults, self._conversation.peer.faults).dialect == "gateway":
                self._at.unlink(missing_ok=True)
                self._conversation.note("take", self._path, count)
            if self._is_written:
                self._conversation.strike("close")
