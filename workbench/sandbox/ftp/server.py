"""An FTP server, plain and under explicit TLS, whose files are a temporary folder."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, ClassVar, Self

from workbench.core.errors import MissingDependency
from workbench.core.secret import given
from workbench.sandbox import certificates
from workbench.sandbox.faults import Faults
from workbench.sandbox.file_tree import FilePeer
from workbench.sandbox.ftp.faults import FTPFaults

if TYPE_CHECKING:
    from workbench.connections.ftp.definition import FTPConnection
    from workbench.sandbox.ftp.engine import Engine


class FTPServer(FilePeer):
    """Takes and gives files; `put` has one arrive.

    Args:
        name: What it is called.
        users: Who may log in, as `{"user": "password"}`; None lets everybody in, whatever the password.
    """

    kind: ClassVar[str] = "ftp"
    label: ClassVar[str] = "FTP server"
    fault_fields: ClassVar[type[Faults]] = FTPFaults

    def __init__(self, name: str = "", *, users: dict[str, str] | None = None) -> None:
        super().__init__(name)
        self.users, self.logins = users, 0
        self._engine: Engine | None = None
        self._held: socket.socket | None = None

    def start(self) -> Self:
        """Listen on a free port of loopback; does nothing if it does."""
        if self._engine is None and self._held is None:
            try:
                from workbench.sandbox.ftp.engine import Engine
            except ImportError as exc:
                raise MissingDependency("The FTP peer", exc.name or "pyftpdlib", "peers") from exc
            certificates.loopback()
            self._hold(0)
            if not self._trouble.faults.refuse:
                self._engine = Engine(self, self._listening())
        return self

    def stop(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.stop()
        if self._held is not None:
            self._held.close()
            self._held = None

    @property
    def port(self) -> int:
        return self._held.getsockname()[1] if self._held is not None else 0

    def _hold(self, port: int) -> None:
        # Bound and not listening, it refuses like a closed port, and nobody else can take it.
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind(("127.0.0.1", port))

    def _listening(self) -> socket.socket:
        assert self._held is not None
        return self._held.dup()

    def _obey(self) -> None:
        if self._held is None:
            return
        from workbench.sandbox.ftp.engine import Engine

        refuse = self._trouble.faults.refuse
        if refuse and self._engine is not None:
            port = self.port
            self._engine.stop()
            self._engine = None
            self._held.close()
            self._hold(port)
        elif not refuse and self._engine is None:
            self._engine = Engine(self, self._listening())

    def pointed(self, definition: FTPConnection) -> dict[str, Any]:
        if definition.username is not None:
            password = given(self.credential(definition, "password").name)
            self.users = {definition.username: password or ""}
        if definition.default_directory:
            self.make_folder(definition.default_directory)
        ca_file = None if definition.tls == "off" else str(certificates.authority().file)
        return {"host": self.host, "port": self.port, "ca_file": ca_file}
