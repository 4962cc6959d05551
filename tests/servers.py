"""FTP and SFTP servers of other makes for the time of a test: vsftpd, ProFTPD, OpenSSH, each on a port of loopback."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import psutil

from tests.programs import found
from tests.serving import until
from workbench.connections.definition import ConnectionDefinition
from workbench.connections.ftp.definition import FTPConnection
from workbench.connections.sftp.definition import SFTPConnection
from workbench.core.secret import give, secret
from workbench.sandbox.file_tree import Tree

PROGRAMS = {
    "vsftpd": ("vsftpd", "vsftpd (.ci/run has it and ProFTPD side by side)"),
    "proftpd": ("proftpd", "proftpd-core"),
    "openssh": ("sshd", "openssh-server"),
}
"""Of each make the program, and the package that has it."""
IS_ROOT = os.geteuid() == 0
# Who is root lets the servers do their work as a user who may do less, and has a home, which vsftpd wants.
ACCOUNT = pwd.getpwnam("daemon") if IS_ROOT else pwd.getpwuid(os.geteuid())
LONGEST_START_SECONDS = 20.0
TRIES = 5
PASSWORD = "pw-1"
PROFTPD = """
ServerName workbench
ServerType standalone
UseIPv6 off
DefaultAddress 127.0.0.1
SocketBindTight on
Port {port}
User {user}
Group {group}
RequireValidShell off
AuthOrder mod_auth_file.c
AuthUserFile {folder}/passwd
AuthGroupFile {folder}/group
PidFile {folder}/pid
ScoreboardFile {folder}/score
DelayEngine off
MaxInstances none
AllowOverwrite on
AllowStoreRestart on
AllowRetrieveRestart on
SystemLog {folder}/log
WtmpLog off
TransferLog none
"""
VSFTPD = """
listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
anonymous_enable=YES
local_enable=NO
write_enable=YES
anon_root={folder}/site
no_anon_password=YES
anon_upload_enable=YES
anon_mkdir_write_enable=YES
anon_other_write_enable=YES
anon_world_readable_only=NO
anon_umask=022
secure_chroot_dir={folder}/empty
connect_from_port_20=NO
seccomp_sandbox=NO
utf8_filesystem=YES
{whose}
"""
SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/mine.pub
StrictModes no
PermitRootLogin yes
PidFile none
UsePAM no
MaxStartups 100
MaxSessions 100
Subsystem sftp internal-sftp
"""


class RealServer:
    """One server over a folder of its own; `put`, `files` and `clear` are those of a peer.

    Args:
        make: `vsftpd`, `proftpd` or `openssh`.
        folder: For its settings and files; everybody may enter it.
        more: Lines to add to its settings.
    """

    def __init__(self, make: str, folder: Path, more: str = "") -> None:
        self._more = more
        self.make, self.folder, self.root = make, folder, folder / "site/files"
        self.root.mkdir(parents=True)
        (folder / "empty").mkdir()
        self._own(self.root)
        self.files = Tree(self.root)
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._program = found(*PROGRAMS[make])
        getattr(self, f"_set_up_{make}")()

    def definition(self, name: str, **fields: Any) -> ConnectionDefinition:
        """A connection to it."""
        fields = {"host": "127.0.0.1", "port": self.port, **fields}
        if self.make == "vsftpd":
            # Its own root may not be written to.
            return FTPConnection(name, default_directory="files", **fields)
        if self.make == "proftpd":
            give("REAL_SERVER", PASSWORD)
            return FTPConnection(name, username="ann", password=secret("REAL_SERVER"), **fields)
        key = {"private_key_file": str(self.folder / "mine"), "fingerprint": self._fingerprint}
        return SFTPConnection(name, username=getpass.getuser(), default_directory=str(self.root), **key, **fields)

    def put(self, path: str, contents: bytes) -> Self:
        """Have a file arrive, folders and all, at once."""
        target = self.root / path
        self.make_folder(str(Path(path).parent))
        part = self.folder / "part"
        part.write_bytes(contents)
        self._own(part)
        part.replace(target)
        return self

    def make_folder(self, path: str) -> Self:
        """Have a folder there."""
        for at in reversed([self.root / path, *(self.root / path).parents]):
            if at.is_relative_to(self.root) and not at.exists():
                at.mkdir()
                self._own(at)
        return self

    def clear(self) -> None:
        """Throw every file away."""
        for each in self.root.iterdir():
            shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()

    def start(self) -> Self:
        """Listen on a free port; another one is tried if somebody else was faster."""
        for _ in range(TRIES):
            with socket.socket() as held:
                held.bind(("127.0.0.1", 0))
                self.port = held.getsockname()[1]
            self._process = self._begun()
            if until(self._answers_or_ended, f"{self.make} answers", LONGEST_START_SECONDS) == "answers":
                return self
        said = (self.folder / "out").read_text(errors="replace")[-1_000:]
        raise AssertionError(f"{self._program} did not start: {said}")

    def _begun(self) -> subprocess.Popen[bytes]:
        command = getattr(self, f"_configured_{self.make}")()
        # Ends with us, however that is.
        with_us = [each, "--pdeathsig", "KILL", "--"] if (each := shutil.which("setpriv")) else []
        with (self.folder / "out").open("ab") as out:
            return subprocess.Popen([*with_us, *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def _answers_or_ended(self) -> str:
        assert self._process is not None
        if self._process.poll() is not None:
            return "ended"
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0) as sock:
            sock.settimeout(5.0)
            # Of a port that somebody else has got, our server would have ended.
            return "answers" if sock.recv(3) in (b"220", b"SSH") else ""
        return ""

    def stop(self) -> None:
        """End it and all that it has started."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(psutil.NoSuchProcess):
            for each in (psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    each.send_signal(signal.SIGKILL)
        process.wait(10)

    def _own(self, path: Path) -> None:
        if IS_ROOT and self.make != "openssh":
            os.chown(path, ACCOUNT.pw_uid, ACCOUNT.pw_gid)

    def _configured_vsftpd(self) -> list[str]:
        whose = (
            f"ftp_username={ACCOUNT.pw_name}\nnopriv_user={ACCOUNT.pw_name}" if IS_ROOT else "run_as_launching_user=YES"
        )
        at = self.folder / "vsftpd.conf"
        at.write_text(VSFTPD.format(port=self.port, folder=self.folder, whose=whose) + f"{self._more}\n")
        at.chmod(0o600)
        return [self._program, str(at)]

    def _set_up_vsftpd(self) -> None:
        """Nothing: everybody may log in."""

    def _set_up_proftpd(self) -> None:
        hashed = subprocess.run(
            ["openssl", "passwd", "-6", PASSWORD], capture_output=True, text=True, check=True
        ).stdout
        user = f"ann:{hashed.strip()}:{ACCOUNT.pw_uid}:{ACCOUNT.pw_gid}::{self.root}:/bin/sh\n"
        for name, text in (("passwd", user), ("group", f"people:x:{ACCOUNT.pw_gid}:\n")):
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o600)

    def _configured_proftpd(self) -> list[str]:
        import grp

        at, group = self.folder / "proftpd.conf", grp.getgrgid(ACCOUNT.pw_gid).gr_name
        names = {"user": ACCOUNT.pw_name, "group": group}
        at.write_text(PROFTPD.format(port=self.port, folder=self.folder, **names) + f"{self._more}\n")
        return [self._program, "-n", "-c", str(at)]

    def _set_up_openssh(self) -> None:
        for name in ("host", "mine"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        shown = subprocess.run(
            ["ssh-keygen", "-lf", str(self.folder / "host.pub")], check=True, capture_output=True, text=True
        )
        self._fingerprint = shown.stdout.split()[1]
        if IS_ROOT:
            Path("/run/sshd").mkdir(exist_ok=True)

    def _configured_openssh(self) -> list[str]:
        at = self.folder / "sshd_config"
        at.write_text(SSHD.format(port=self.port, folder=self.folder) + f"{self._more}\n")
        return [self._program, "-D", "-e", "-f", str(at)]


@contextmanager
def real_server(make: str, more: str = "") -> Iterator[RealServer]:
    """A server of this make that is up, in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix=f"workbench-{make}-") as folder:
        Path(folder).chmod(0o755)
        server = RealServer(make, Path(folder), more)
        try:
            yield server.start()
        finally:
            server.stop()
