"""A Dovecot of our own for the time of the tests, where everybody has a mailbox, and all have one password."""

from __future__ import annotations

import grp
import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs import found

PASSWORD = "pässwörd-€uro"
CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_username_chars =
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 0
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
auth_failure_delay = 0
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""


class Dovecot:
    """A Dovecot on a loopback port.

    Args:
        program: Its path.
        folder: For all that it keeps.
        mechanisms: How one may log in, as `plain login`.
    """

    def __init__(self, program: str, folder: Path, mechanisms: str = "plain login") -> None:
        # Who is root has it run as nobody; its own log is read until it says that it is there.
        account = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port: int = found.getsockname()[1]
        for name in ("run", "state", "mail"):
            (folder / name).mkdir()
            shutil.chown(folder / name, account.pw_uid, account.pw_gid)
        folder.chmod(0o755)
        names = {"user": account.pw_name, "group": grp.getgrgid(account.pw_gid).gr_name, "password": PASSWORD}
        config = folder / "dovecot.conf"
        config.write_text(CONFIG.format(folder=folder, port=self.port, mechanisms=mechanisms, **names))
        self._process = subprocess.Popen([program, "-F", "-c", str(config)], stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            said.append(line)
            if "starting up for imap" in line:
                return
        raise AssertionError(f"Dovecot did not start: {''.join(said)}")

    def put(self, user: str, raw: bytes, folder: str = "INBOX") -> None:
        """Have a mail arrive, its folder made if need be."""
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=30) as client:
            client.authenticate("PLAIN", lambda _: f"\0{user}\0{PASSWORD}".encode())
            if folder != "INBOX":
                client.create(f'"{folder}"')
            kind, said = client.append(f'"{folder}"', "", "", raw.replace(b"\n", b"\r\n"))
            assert kind == "OK", said

    def stop(self) -> None:
        """End it, and all that it started."""
        self._process.terminate()
        self._process.communicate(timeout=30)


@pytest.fixture(scope="session")
def dovecot_server() -> Iterator[Dovecot]:
    program = found("dovecot", "dovecot-imapd")
    # Its sockets' paths may have about 100 letters.
    with tempfile.TemporaryDirectory(prefix="wb-dovecot-") as folder:
        server = Dovecot(program, Path(folder))
        yield server
        server.stop()
