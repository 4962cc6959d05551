"""An FTP server, plain and under explicit TLS, whose files are a temporary folder."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from msgspec import Meta

from workbench.core.errors import MissingDependency
from workbench.core.secret import given
from workbench.sandbox import certificates
from workbench.sandbox.faults import Faults, GrowsBy, SizeTold, StrangeNames
from workbench.sandbox.file_tree import FilePeer

if TYPE_CHECKING:
    from workbench.connections.ftp.definition import FTPConnection
    from workbench.sandbox.ftp.engine import Engine


class FTPFaults(Faults, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be wrong with an FTP server; `hang_up_after_bytes` counts what is sent and received of files."""

    refuse_login: Annotated[bool, Meta(description="Refuse every user name and password (530).")] = False
    cut_file_after_bytes: Annotated[
        int | None, Meta(description="Break off a file there, and say so (426) [bytes].")
    ] = None
    short_file_after_bytes: Annotated[
        int | None, Meta(description="End a file there, and say that it was whole (226) [bytes].")
    ] = None
    disk_full_after_bytes: Annotated[
        int | None, Meta(description="Have room for so much of a file that arrives (552) [bytes].")
    ] = None
    hang_up_before_answer: Annotated[
        str | None, Meta(description="Do this command, as RNTO, and hang up before it is answered.")
    ] = None
    wrong_certificate: Annotated[bool, Meta(description="Show a certificate of another name.")] = False
    no_tls: Annotated[bool, Meta(description="Offer no TLS (502).")] = False
    strange_names: StrangeNames = ()
    size_told: SizeTold = None
    grows_by_bytes: GrowsBy = None
    write_only: Annotated[bool, Meta(description="Let nobody read a file, as folders for uploads do.")] = False
    only_list: Annotated[bool, Meta(description="Know LIST alone, as old servers: no MLSD, no MLST.")] = False


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
