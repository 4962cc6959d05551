"""What moves the FTP peer: pyftpdlib on a thread of its own, and the faults that it plays."""

from __future__ import annotations

import errno
import hmac
import logging
import os
import socket
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from workbench.sandbox import certificates
from workbench.sandbox.file_tree import Asked, Keeper
from workbench.sandbox.ftp.dialects import DIALECTS, UNREADABLE, WRITING, Dialect
from workbench.sandbox.ftp.faults import FTPFaults
from workbench.sandbox.ftp.shelf import Shelf

with warnings.catch_warnings():
    # It stands on asyncore, which Python 3.11 warns about and pyftpdlib brings along from 3.12 on.
    warnings.simplefilter("ignore", DeprecationWarning)
    from OpenSSL import SSL
    from pyftpdlib.authorizers import AuthenticationFailed, DummyAuthorizer
    from pyftpdlib.handlers import ThrottledDTPHandler, TLS_DTPHandler, TLS_FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer as Server

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey


VERBS = {"DELE": "delete", "RMD": "remove folder", "MKD": "make folder", "MLSD": "list", "LIST": "list"}
ALL_RIGHTS = "elradfmwMT"
logger = logging.getLogger("pyftpdlib")
logger.addHandler(logging.NullHandler())
logger.propagate = False


class Engine:
    """One server on one thread, named `workbench-peer-<name>`."""

    def __init__(self, peer: Keeper, listening: socket.socket) -> None:
        self._loop = IOLoop()
        self._wake = Wake(self._loop)
        self._sessions: set[Session] = set()
        own = {"peer": peer, "sessions": self._sessions, "authorizer": Desk(peer)}
        handler = type("OurSession", (Session,), own)
        self._server = Server(listening, handler, ioloop=self._loop)
        self._thread = threading.Thread(target=self._live, name=f"workbench-peer-{peer.name}", daemon=True)
        self._thread.start()

    def _live(self) -> None:
        self._loop.loop()

    def stop(self) -> None:
        """Cut every connection, stop listening, end the thread."""
        self._wake.run(self._end)
        self._thread.join(5.0)

    def _end(self) -> None:
        for session in list(self._sessions):
            session.cut()
        self._loop.close()


class Wake:
    """Lets another thread have something done on the loop's."""

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self._asked: list[tuple[Callable[[], None], Future[None]]] = []
        self._lock = threading.Lock()
        self._mine, self._theirs = socket.socketpair()
        self._mine.setblocking(False)
        self._fileno = self._mine.fileno()
        loop.register(self._fileno, self, loop.READ)

    def run(self, step: Callable[[], None]) -> None:
        """Do `step()` there, and wait for it."""
        done: Future[None] = Future()
        with self._lock:
            self._asked.append((step, done))
        self._theirs.send(b"x")
        done.result(10.0)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def handle_read_event(self) -> None:
        if self._fileno < 0:
            return
        self._mine.recv(100)
        with self._lock:
            asked, self._asked = self._asked, []
        for step, done in asked:
            try:
                step()
                done.set_result(None)
            except BaseException as exc:
                done.set_exception(exc)

    def close(self) -> None:
        self._fileno = -1
        self._mine.close()
        self._theirs.close()


class Desk(DummyAuthorizer):  # type: ignore[misc]
    """Who may log in, and where everybody's files are."""

    def __init__(self, peer: Keeper) -> None:
        super().__init__()
        self._peer = peer

    def validate_authentication(self, username: str, password: str, handler: Session) -> None:
        trouble = self._peer.trouble
        if cast(FTPFaults, trouble.faults).refuse_login and trouble.strikes():
            raise AuthenticationFailed("Login incorrect.")
        if self._peer.users is not None:
            expected = self._peer.users.get(username, "")
            if not expected or not hmac.compare_digest(expected.encode(), password.encode()):
                raise AuthenticationFailed("Login incorrect.")
        self._peer.logins += 1

    def has_user(self, username: str) -> bool:
        return True

    def get_home_dir(self, username: str) -> str:
        return str(self._peer.root)

    def get_perms(self, username: str) -> str:
        return ALL_RIGHTS

    def has_perm(self, username: str, perm: str, path: str | None = None) -> bool:
        return True

    def get_msg_login(self, username: str) -> str:
        return "Logged in."

    def get_msg_quit(self, username: str) -> str:
        return "Goodbye."


class Data(ThrottledDTPHandler, TLS_DTPHandler):  # type: ignore[misc]
    """A data connection, spoilt as the faults in force say."""

    def __init__(self, sock: socket.socket, cmd_channel: Session) -> None:
        self._peer = cmd_channel.peer
        rate = self._peer.faults.bytes_per_second
        self.read_limit = self.write_limit = rate or 0
        self.trouble = self._peer.trouble
        self._is_noted = False
        super().__init__(sock, cmd_channel)

    @property
    def most(self) -> int | None:
        """Where a fault strikes, counted in bytes of this file."""
        faults = cast(FTPFaults, self.trouble.faults)
        limits = [faults.hang_up_after_bytes, faults.cut_file_after_bytes, faults.short_file_after_bytes]
        if self.receive:
            limits.append(faults.disk_full_after_bytes)
        return min((limit for limit in limits if limit is not None), default=None)

    def use_sendfile(self) -> bool:
        return not self.write_limit and self.most is None and bool(TLS_DTPHandler.use_sendfile(self))

    def send(self, data: bytes) -> int:
        if self.file_obj is not None and self.most is not None:
            left = self.most - self.tot_bytes_sent
            if left < len(data):
                if left > 0:
                    return int(super().send(data[:left]))
                return 0 if self._strike() else int(super().send(data))
        return int(super().send(data))

    def recv(self, buffer_size: int) -> bytes:
        most, before = self.most, self.tot_bytes_received
        block = bytes(super().recv(buffer_size))
        if most is None or self.file_obj is None or before + len(block) <= most:
            return block
        self.file_obj.write(block[: most - before])
        return b"" if self._strike() else block[most - before :]

    def _strike(self) -> bool:
        faults = cast(FTPFaults, self.trouble.faults)
        if not self.trouble.strikes():
            self.trouble = self._peer.trouble
            return False
        if faults.hang_up_after_bytes is not None:
            self.cmd_channel.cut()
            return True
        if faults.disk_full_after_bytes is not None and self.receive:
            self._resp = (f"552 {os.strerror(errno.ENOSPC)}.", logger.warning)
        elif faults.cut_file_after_bytes is not None:
            self._resp = ("426 Connection closed; transfer aborted.", logger.warning)
        else:
            self._resp = ("226 Transfer complete.", logger.debug)
        self.close()
        return True

    def close(self) -> None:
        # Noted before it is answered, as every command is; under TLS it is called again once the shutdown is done.
        if not self._is_noted and self.file_obj is not None:
            self._is_noted = True
            self.cmd_channel.note_transfer(self)
            if self.transfer_finished and not self.receive:
                self._grow()
        super().close()

    def _grow(self) -> None:
        trouble = self._peer.trouble
        count = cast(FTPFaults, trouble.faults).grows_by_bytes
        if count is not None and trouble.strikes():
            self._peer.grow(Path(self.file_obj.name), count)


class Session(TLS_FTPHandler):  # type: ignore[misc]
    """A control connection."""

    peer: Keeper
    sessions: set[Session]
    dtp_handler = Data
    abstracted_fs = Shelf
    is_listing = False
    banner = "workbench ready."
    auth_failed_timeout = 0

    def __init__(self, conn: socket.socket, server: Any, ioloop: Any = None) -> None:
        self._is_silent = False
        self._doing: tuple[str, ...] = ()
        super().__init__(conn, server, ioloop)
        self.sessions.add(self)

    @property
    def dialect(self) -> Dialect:
        """How the peer says things now."""
        return DIALECTS[cast(FTPFaults, self.peer.faults).dialect]

    @property
    def proto_cmds(self) -> dict[str, Any]:
        """The commands that it knows."""
        unknown = self.dialect.unknown
        return {command: what for command, what in TLS_FTPHandler.proto_cmds.items() if command not in unknown}

    @classmethod
    def get_ssl_context(cls) -> Any:
        return tls_context(cast(FTPFaults, cls.peer.faults).wrong_certificate)

    def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
        faults = cast(FTPFaults, self.peer.faults)
        if faults.delay_seconds:
            self.ioloop.call_later(faults.delay_seconds, self._later, line, cmd, arg, _errback=self.handle_error)
            return
        self._later(line, cmd, arg)

    def _later(self, line: str, cmd: str, arg: str) -> None:
        trouble = self.peer.trouble
        faults = cast(FTPFaults, trouble.faults)
        if self._closed:
            return
        if "\0" in arg:
            self.respond("501 A name holds no NUL.")
            return
        if cmd in ("STOR", "APPE", "STOU", "RETR") and not self._may_transfer():
            # Or it would open one file after the other for a connection that never comes.
            self.respond("425 Open a data connection first.")
            return
        if (
            (cmd == "AUTH" and faults.no_tls)
            or (cmd in ("MLSD", "MLST") and faults.only_list)
            or (cmd == "SIZE" and faults.size_told == "none")
        ):
            self.respond("502 Command not implemented.")
            return
        if (self.dialect.hides and cmd in UNREADABLE) or (faults.read_only and cmd in WRITING):
            self.respond(self.dialect.words.get(cmd, "550 Permission denied."))
            return
        if cmd == faults.hang_up_before_answer and trouble.strikes():
            self._is_silent = True
            super().pre_process_command(line, cmd, arg)
            self.cut()
            return
        self.is_listing = cmd == "MLSD"
        super().pre_process_command(line, cmd, arg)

    def _may_transfer(self) -> bool:
        is_free = self._in_dtp_queue is None and self._out_dtp_queue is None
        return is_free and any((self.data_channel, self._dtp_acceptor, self._dtp_connector))

    def respond(self, resp: str, logfun: Any = logger.debug) -> None:
        # Noted first: a client that has its answer finds in the journal what it asked.
        doing, self._doing = self._doing, ()
        if doing and resp[:1] == "5":
            resp = self.dialect.words.get(doing[0], resp)
        if doing:
            self._note_command(doing[0], doing[1], int(resp[:3]))
        if not self._is_silent:
            super().respond(resp, logfun)

    def ftp_FEAT(self, line: str) -> None:
        if cast(FTPFaults, self.peer.faults).only_list:
            self.respond("502 Command not implemented.")
        else:
            super().ftp_FEAT(line)

    def ftp_LIST(self, path: str) -> None:
        if not self._is_said_to_be_empty(path):
            super().ftp_LIST(path)

    def ftp_MLSD(self, path: str) -> None:
        if not self._is_said_to_be_empty(path):
            super().ftp_MLSD(path)

    def _is_said_to_be_empty(self, path: str) -> bool:
        empty = self.dialect.empty
        is_empty = bool(empty) and self.fs.isdir(path) and not self.fs.listdir(path)
        if is_empty:
            self.respond(empty)
        return is_empty

    def ftp_RETR(self, file: str) -> None:
        if cast(FTPFaults, self.peer.faults).write_only:
            self._restart_position = 0
            self.respond("550 Permission denied.")
        else:
            super().ftp_RETR(file)

    def ftp_SIZE(self, path: str) -> None:
        size = cast(FTPFaults, self.peer.faults).size_told
        if size is not None and self.fs.isfile(self.fs.realpath(path)):
            self.respond(f"213 {size}")
        else:
            super().ftp_SIZE(path)

    def process_command(self, cmd: str, *args: str, **kwargs: Any) -> None:
        self._doing = (cmd, *args)
        super().process_command(cmd, *args, **kwargs)

    def _note_command(self, cmd: str, path: str, code: int) -> None:
        if cmd in VERBS:
            self._note(VERBS[cmd], path, outcome="" if code < 400 else str(code))
        elif cmd == "RNTO" and code < 400:
            self._note("rename to", path)

    def note_transfer(self, data: Data) -> None:
        """Keep what went over a data connection."""
        verb = "put" if data.receive else "get"
        outcome = "" if data.transfer_finished else "broken off"
        count = int(data.get_transmitted_bytes())
        self._note(verb, data.file_obj.name, count, outcome)
        if self.dialect.takes and data.receive:
            os.unlink(data.file_obj.name)  # noqa: PTH108
            self._note("take", data.file_obj.name, count)

    def _note(self, verb: str, path: str, size: int | None = None, outcome: str = "") -> None:
        root = str(self.peer.root)
        shown = os.path.relpath(path, root) if path.startswith(root) else path.strip("/")
        self.peer.asked.add(Asked(verb, "" if shown == "." else shown, size, outcome), 100)

    def cut(self) -> None:
        """Close both connections at once, without a word."""
        for each in (self.data_channel, self):
            sock = None if each is None else each.socket
            if isinstance(sock, SSL.Connection):
                sock = socket.socket(fileno=os.dup(sock.fileno()))
                sock.shutdown(socket.SHUT_RDWR)
                sock.close()
        self.close()

    def close(self) -> None:
        self.sessions.discard(self)
        super().close()


@cache
def tls_context(is_elsewhere: bool) -> Any:
    """The server's side of TLS, in pyOpenSSL's words; under a wrong name if `is_elsewhere`."""
    names = ("elsewhere.invalid",) if is_elsewhere else ("127.0.0.1", "localhost", "::1")
    key, certificate = certificates.authority().issued(*names)
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_privatekey(cast("EllipticCurvePrivateKey", load_pem_private_key(key, None)))
    context.use_certificate(load_pem_x509_certificate(certificate))
    # A data connection may continue the session of its control connection.
    context.set_session_id(b"workbench")
    return context
