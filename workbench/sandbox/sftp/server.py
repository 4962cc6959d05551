"""An SFTP server whose files are a temporary folder."""

from __future__ import annotations

import socket
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

from workbench.core.errors import MissingDependency
from workbench.core.secret import given
from workbench.sandbox.faults import Faults
from workbench.sandbox.file_tree import FilePeer
from workbench.sandbox.sftp.faults import SFTPFaults

if TYPE_CHECKING:
    from paramiko import PKey

    from workbench.connections.sftp.definition import SFTPConnection
    from workbench.sandbox.sftp.engine import Conversation


class SFTPServer(FilePeer):
    """Takes and gives files; `put` has one arrive.

    Args:
        name: What it is called.
        users: Who may log in, as `{"user": "password"}`; None lets everybody in, with or without a key.
    """

    kind: ClassVar[str] = "sftp"
    label: ClassVar[str] = "SFTP server"
    fault_fields: ClassVar[type[Faults]] = SFTPFaults

    def __init__(self, name: str = "", *, users: dict[str, str] | None = None) -> None:
        super().__init__(name)
        self.users, self.logins = users, 0
        self._port = 0
        self._socket: socket.socket | None = None
        self.conversations: set[Conversation] = set()
        self._converse: type[Conversation]

    @cached_property
    def key(self) -> PKey:
        """The key that it shows."""
        return self._new_key()

    @cached_property
    def other_key(self) -> PKey:
        """The key that it shows with the fault `wrong_key`."""
        return self._new_key()

    def _new_key(self) -> PKey:
        from paramiko import ECDSAKey

        return ECDSAKey.generate()

    @property
    def fingerprint(self) -> str:
        """What a client must expect, as `SHA256:...`."""
        from workbench.connections.sftp.session import fingerprint_of

        return fingerprint_of(self.key)

    def start(self) -> Self:
        """Listen on a free port of loopback; does nothing if it does."""
        if self._socket is None:
            try:
                # Here, not where a conversation begins: a thread of its own could tell nobody that an import fails.
                from workbench.sandbox.sftp.engine import Conversation
            except ImportError as exc:
                raise MissingDependency("The SFTP peer", "paramiko", "sftp") from exc
            self._converse = Conversation
            self._hold(0)
            self._obey()
        return self

    def stop(self) -> None:
        if self._socket is not None:
            self._let_go()
            self._port = 0

    @property
    def port(self) -> int:
        return self._port

    def _hold(self, port: int) -> None:
        # Bound and not listening, it refuses like a closed port, and nobody else can take it.
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self._port = self._socket.getsockname()[1]
        self._is_listening = False

    def _let_go(self) -> None:
        held, self._socket = self._socket, None
        if held is not None:
            if self._is_listening:
                # Closing alone would not wake the thread that accepts.
                held.shutdown(socket.SHUT_RDWR)
                self._thread.join(5.0)
            held.close()
        for conversation in list(self.conversations):
            conversation.cut()

    def _obey(self) -> None:
        if self._socket is None:
            return
        refuse = self._trouble.faults.refuse
        if refuse and self._is_listening:
            self._let_go()
            self._hold(self._port)
        elif not refuse and not self._is_listening:
            self._socket.listen(100)
            self._is_listening = True
            self._thread = threading.Thread(
                target=self._accept, args=(self._socket,), name=f"workbench-peer-{self.name}", daemon=True
            )
            self._thread.start()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            if listening is not self._socket:
                client.close()
                return
            self._converse(self, client).begin()

    def pointed(self, definition: SFTPConnection) -> dict[str, Any]:
        self.users = None
        if definition.password is not None and definition.private_key_file is None:
            password = given(self.credential(definition, "password").name)
            self.users = {definition.username: password or ""}
        if definition.default_directory:
            self.make_folder(definition.default_directory)
        # A real private key has nothing to do in a sandbox.
        return {"host": self.host, "port": self.port, "fingerprint": self.fingerprint, "private_key_file": None}
