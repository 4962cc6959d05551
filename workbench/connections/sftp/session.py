"""One conversation with an SFTP server: paramiko's transport, with many requests under way at once."""

from __future__ import annotations

import base64
import hashlib
import logging
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.connections.common.trying import Due
from workbench.connections.files.errors import AccessRefused
from workbench.connections.sftp.definition import SFTPConnection
from workbench.connections.sftp.errors import who
from workbench.core.errors import ConnectionFailed, MissingDependency

if TYPE_CHECKING:
    from paramiko import PKey, SFTPAttributes

    from workbench.connections.sftp.algorithms import Offered

LOG = "workbench.connections.sftp"
# Paramiko's thread logs as errors what the caller is told by an exception anyway. A handler added here sees it all.
logging.getLogger(LOG).addHandler(logging.NullHandler())
logging.getLogger(LOG).propagate = False
BLOCK_BYTES = 32_768
UNDER_WAY = 64


class Proofs(NamedTuple):
    """The password, or the passphrase of the private key if that has none of its own; and that of its own."""

    password: str | None
    passphrase: str | None = None


class SFTPSession:
    """A connection that is logged in, its server known.

    Args:
        definition: Where the server is, who logs in, and which key the server must show.
        proofs: By what that user is known.
        due: When it must be open.
    """

    def __init__(self, definition: SFTPConnection, proofs: Proofs, due: Due) -> None:
        try:
            import paramiko

            from workbench.connections.sftp.algorithms import Offered
        except ImportError as exc:
            raise MissingDependency("SFTP", "paramiko", "sftp") from exc
        self._definition, self._timeout = definition, definition.timeout_seconds
        self._socket = socket.create_connection((definition.host, definition.port), due.left(self._timeout))
        self._socket.settimeout(None)
        self.transport: Offered | None = None
        try:
            with due.cutting(self.cut):
                self.transport = Offered(self._socket)
                self.transport.set_log_channel(LOG)
                self._log_in(self.transport, proofs, due)
                channel = self.transport.open_session(timeout=due.left(self._timeout))
                channel.settimeout(due.left(self._timeout))
                channel.invoke_subsystem("sftp")
                self.sftp: Any = paramiko.SFTPClient(channel)
                self.channel = channel
        except BaseException:
            self.cut()
            self.leave()
            raise

    def _log_in(self, transport: Offered, proofs: Proofs, due: Due) -> None:
        from paramiko.ssh_exception import IncompatiblePeer

        definition = self._definition
        seconds = due.left(self._timeout)
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = seconds
        known = _known_keys(definition)
        if known:
            # Asked for in this order, so that a server with several keys shows the one that is known.
            options = transport.get_security_options()
            types = [each for each in options.key_types if _family(each) in {_family(key) for key, _ in known}]
            options.key_types = (*types, *(each for each in options.key_types if each not in types))
        try:
            transport.start_client(timeout=seconds)
        except IncompatiblePeer as exc:
            raise transport.none_in_common(definition, exc) from exc
        if not transport.initial_kex_done:
            # It returns without a word when the time is over.
            raise TimeoutError
        _check_key(definition, transport.get_remote_server_key(), known)
        took, wanted = _proved(transport, definition, proofs)
        if wanted:
            raise _wants_more(definition, took, wanted)

    def within(self, due: Due) -> Any:
        """The client, whose next steps may take as long as is left."""
        self.channel.settimeout(due.left(self._timeout))
        return self.sftp

    def open_file(self, path: str, mode: str, due: Due) -> bytes:
        """The handle of a file, to be closed by `close_file`; raises OSError.

        Paramiko's own file closes itself when it is collected: on any thread, in the middle of another request too,
        and then waits for a lock which that request holds.

        Args:
            path: From the server's root on.
            mode: `read`; `write` to begin anew; `go on` to write into a file that is there.
            due: When it must be open.
        """
        from paramiko import SFTPAttributes
        from paramiko.sftp import CMD_OPEN, SFTP_FLAG_CREATE, SFTP_FLAG_READ, SFTP_FLAG_TRUNC, SFTP_FLAG_WRITE

        flags = {
            "read": SFTP_FLAG_READ,
            "write": SFTP_FLAG_WRITE | SFTP_FLAG_CREATE | SFTP_FLAG_TRUNC,
            "go on": SFTP_FLAG_READ | SFTP_FLAG_WRITE,
        }
        handle: bytes = self.within(due)._request(CMD_OPEN, path, flags[mode], SFTPAttributes())[1].get_binary()
        return handle

    def attributes(self, handle: bytes, due: Due) -> SFTPAttributes:
        """What the server says of an open file; raises OSError."""
        from paramiko import SFTPAttributes
        from paramiko.sftp import CMD_FSTAT

        message = self.within(due)._request(CMD_FSTAT, handle)[1]
        return SFTPAttributes._from_msg(message)  # type: ignore[attr-defined,no-any-return]

    def close_file(self, handle: bytes, due: Due) -> None:
        """Close an open file; raises OSError."""
        from paramiko.sftp import CMD_CLOSE

        self.within(due)._request(CMD_CLOSE, handle)

    def listing(self, path: str, due: Due) -> Iterator[tuple[str, SFTPAttributes]]:
        """Names and attributes in a folder; a name that is no UTF-8 comes as surrogates.

        Paramiko's own listing fails as a whole for one such name.
        """
        from paramiko import SFTPAttributes
        from paramiko.sftp import CMD_CLOSE, CMD_OPENDIR, CMD_READDIR

        sftp = self.within(due)
        handle = sftp._request(CMD_OPENDIR, path)[1].get_binary()
        with suppress(EOFError):
            while True:
                message = self.within(due)._request(CMD_READDIR, handle)[1]
                for _ in range(message.get_int()):
                    name, _ = message.get_string(), message.get_string()
                    yield name.decode("utf-8", "surrogateescape"), SFTPAttributes._from_msg(message)  # type: ignore[attr-defined]
        sftp._request(CMD_CLOSE, handle)

    @property
    def is_dead(self) -> bool:
        return self.transport is None or not self.transport.is_active() or self.channel.closed

    def cut(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def leave(self) -> None:
        if self.transport is not None:
            self.transport.close()
        self._socket.close()


class Replies:
    """Requests under way about one open file, and what has come back; paramiko hands answers to it by number."""

    def __init__(self, session: SFTPSession, handle: bytes) -> None:
        self._session, self._handle = session, handle
        self._came: dict[int, tuple[int, Any]] = {}

    def ask(self, due: Due, command: int, *arguments: Any) -> int:
        """Send a request about the file without waiting; its number."""
        number: int = self._session.within(due)._async_request(self, command, self._handle, *arguments)
        return number

    def answer(self, number: int, due: Due) -> tuple[int, Any]:
        """The kind and contents of an answer; raises OSError or EOFError for one that says no."""
        from paramiko.sftp import CMD_STATUS

        sftp = self._session.within(due)
        while number not in self._came:
            sftp._read_response()
        kind, message = self._came.pop(number)
        if kind == CMD_STATUS:
            sftp._convert_status(message)
        return kind, message

    def _async_response(self, kind: int, message: Any, number: int) -> None:
        self._came[number] = (kind, message)


def fingerprint_of(key: PKey) -> str:
    """`SHA256:...`, as ssh-keygen shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")


def _known_keys(definition: SFTPConnection) -> list[tuple[str, PKey]]:
    """The keys that known_hosts has for this server, by type."""
    from paramiko import HostKeys

    if definition.fingerprint is not None:
        return []
    path = Path(definition.known_hosts).expanduser()
    if not path.is_file():
        return []
    name = definition.host if definition.port == 22 else f"[{definition.host}]:{definition.port}"
    found: Any = HostKeys(str(path)).lookup(name) or {}
    return [(kind, key) for kind in found if (key := found[kind]) is not None]


def _family(kind: str) -> str:
    """An RSA key signs under several names."""
    return "ssh-rsa" if kind.startswith("rsa-sha2-") else kind


def _check_key(definition: SFTPConnection, shown: PKey, known: list[tuple[str, PKey]]) -> None:
    seen = fingerprint_of(shown)
    name = who(definition)
    if definition.fingerprint is not None:
        if definition.fingerprint.rstrip("=") != seen:
            raise ConnectionFailed(
                f"{name} shows the key {seen}, not {definition.fingerprint}: it may be another machine, so no password "
                f"was sent. Fix: ask its owner which is right."
            )
    elif not known:
        raise ConnectionFailed(
            f"{name} shows the key {seen}, which {definition.known_hosts} does not know, so no password was sent. "
            f"Fix: ask its owner whether it is right, then set fingerprint={seen!r}"
        )
    elif shown not in [key for _, key in known]:
        raise ConnectionFailed(
            f"{name} shows the key {seen}, and {definition.known_hosts} has another for it: it may be another machine, "
            f"so no password was sent. Fix: ask its owner which is right."
        )


def _proved(transport: Offered, definition: SFTPConnection, proofs: Proofs) -> tuple[str, list[str]]:
    """Log in by a key, a password, or the one and then the other; what was taken, and what is wanted besides."""
    from paramiko import AuthenticationException

    user, password = definition.username, proofs.password
    if definition.private_key_file is None and password is None:
        return "name", transport.auth_none(user)
    if definition.private_key_file is None:
        return "password", transport.auth_password(user, password or "")
    key, is_passphrase = _private_key(definition, proofs)
    try:
        wanted = transport.auth_publickey(user, key)
    except AuthenticationException as exc:
        if (error := transport.refused_rsa(definition, key, exc)) is not None:
            raise error from exc
        raise
    # What opens the key is nothing that the server may see.
    if password is not None and not is_passphrase and {"password", "keyboard-interactive"} & {*wanted}:
        return "key and password", transport.auth_password(user, password)
    return "key", wanted


def _wants_more(definition: SFTPConnection, took: str, wanted: list[str]) -> AccessRefused:
    """The error of a server that took what we have and asks for more."""
    words = {"publickey": "a key", "password": "a password", "keyboard-interactive": "a password or other answers"}
    fixes = {
        "key": "set password= too, and passphrase= if the key has one",
        "password": "set private_key_file= too" if "publickey" in wanted else "have its owner want no more",
    }
    said = " or ".join(words.get(each, each) for each in wanted)
    return AccessRefused(
        f"{who(definition)} took the {took} of user {definition.username!r} and wants {said} besides. "
        f"Fix: {fixes.get(took, 'have its owner want no more')}."
    )


def _private_key(definition: SFTPConnection, proofs: Proofs) -> tuple[PKey, bool]:
    """The key, and whether the password was its passphrase."""
    from paramiko import PKey, SSHException

    path, passphrase = Path(definition.private_key_file or "").expanduser(), proofs.passphrase or proofs.password
    # Bytes, whatever it says: text is refused by the library below it.
    secret: Any = passphrase.encode() if passphrase else None
    try:
        try:
            return PKey.from_path(path, secret), passphrase is not None and not proofs.passphrase
        except TypeError:
            # Of a key without a passphrase; then the password is for the server.
            if proofs.passphrase or secret is None:
                raise
            return PKey.from_path(path), False
    except (OSError, SSHException, ValueError, TypeError) as exc:
        raise AccessRefused(
            f"{definition} cannot use private_key_file={definition.private_key_file!r}: {exc}. "
            f"Fix: name a private key; passphrase=, or password= alone, holds its passphrase."
        ) from exc
