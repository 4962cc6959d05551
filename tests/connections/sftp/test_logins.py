"""Who is let in to an SFTP server, and what is said of one that wants more, or speaks what is not spoken here."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.connections.sftp.test_sftp import reach
from workbench.connections.common.errors import Interrupted
from workbench.connections.definition import Opening
from workbench.connections.files.errors import AccessRefused
from workbench.connections.sftp.definition import SFTPConnection
from workbench.core.clock import SystemClock
from workbench.core.errors import ConnectionFailed
from workbench.core.secret import give, secret
from workbench.sandbox.sftp.server import SFTPServer

OPENING = Opening(lambda secret, owner: "", SystemClock())


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[SFTPServer, dict[str, Any]]]:
    """A peer that wants a key and then a password, and the fields that lead to it."""
    peer = SFTPServer("both", users={"me": "open sesame"}).start()
    key = Ed25519PrivateKey.generate()
    for name, how in (("plain", NoEncryption()), ("locked", BestAvailableEncryption(b"of the key"))):
        (tmp_path / name).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, how))
    give("OF_THE_USER", "open sesame")
    give("OF_THE_KEY", "of the key")
    with peer.fail(key_and_password=True):
        yield peer, {"fingerprint": peer.fingerprint, "private_key_file": str(tmp_path / "plain")}
    peer.stop()


def test_a_key_and_a_password_log_in_where_both_are_wanted(both: tuple[SFTPServer, dict[str, Any]]) -> None:
    peer, fields = both
    assert reach(peer, **fields, password=secret("OF_THE_USER")).list() == []
    locked = fields | {"private_key_file": fields["private_key_file"].replace("plain", "locked")}
    of_both = {"password": secret("OF_THE_USER"), "passphrase": secret("OF_THE_KEY")}
    assert reach(peer, **locked, **of_both).list() == []
    assert peer.logins == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "took the key of user 'me' and wants a password besides. Fix: set password= too"),
        ({"private_key_file": None, "password": "OF_THE_USER"}, "refused the user name, password or key"),
        ({"password": "OF_THE_KEY"}, "refused the user name, password or key"),
        # What opens the key is no password, and is not sent.
        (
            {"private_key_file": "locked", "password": "OF_THE_KEY"},
            "took the key of user 'me' and wants a password besid",
        ),
        ({"private_key_file": "locked", "password": "OF_THE_USER"}, "cannot use private_key_file="),
        ({"passphrase": "OF_THE_KEY", "password": "OF_THE_USER"}, "cannot use private_key_file="),
    ],
)
def test_what_is_wanted_besides_is_said_at_once(
    both: tuple[SFTPServer, dict[str, Any]], wrong: dict[str, Any], said: str
) -> None:
    peer, fields = both
    secrets = {field: secret(name) for field, name in wrong.items() if field in ("password", "passphrase")}
    at = str(Path(fields["private_key_file"]).with_name(str(wrong.get("private_key_file", "plain"))))
    key = {"private_key_file": None if wrong.get("private_key_file", "") is None else at}
    with pytest.raises(AccessRefused) as refused:
        reach(peer, **{**fields, **key, **secrets, "timeout_seconds": 30}).list()
    assert said in str(refused.value)
    assert peer.logins == 0


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        (
            {"refuse_login": True},
            r"refused the RSA key of user 'me' .* signed by the algorithm rsa-sha2-512. Fix: correct the user name or "
            r"the key; where it takes ssh-rsa \(SHA-1\) alone",
        ),
        (
            {"dialect": "old"},
            "has no algorithm for signing with an RSA key in common with us: it takes ssh-rsa; known here are rsa-"
            "sha2-512, rsa-sha2-256. Fix: use a key of type Ed25519 or ECDSA",
        ),
    ],
)
def test_an_rsa_key_that_is_refused_is_told_with_how_it_signs(
    tmp_path: Path, faults: dict[str, Any], said: str
) -> None:
    key = rsa.generate_private_key(65_537, 2_048)
    (tmp_path / "rsa").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    peer = SFTPServer("old").start()
    try:
        conn = reach(peer, fingerprint=peer.fingerprint, private_key_file=str(tmp_path / "rsa"))
        assert conn.list() == []
        conn.close()
        with peer.fail(**faults), pytest.raises(AccessRefused, match=said):
            conn.list()
    finally:
        peer.stop()


KEXINIT = {
    "kex": "curve25519-sha256@libssh.org,ecdh-sha2-nistp256",
    "key": "ssh-ed25519,rsa-sha2-512",
    "cipher": "aes128-ctr",
    "mac": "hmac-sha2-256",
    "compression": "none",
}


@contextmanager
def offering(**lists: str) -> Iterator[tuple[str, int]]:
    """A server that says which algorithms it knows (RFC 4253, section 7.1), and no more."""
    names = KEXINIT | lists
    both_ways = [names[each] for each in ("cipher", "mac", "compression") for _ in range(2)]
    texts = [each.encode() for each in (names["kex"], names["key"], *both_ways, "", "")]
    payload = b"\x14" + bytes(16) + b"".join(struct.pack(">I", len(each)) + each for each in texts) + bytes(5)
    padding = 16 - (len(payload) + 5) % 8
    packet = struct.pack(">IB", len(payload) + padding + 1, padding) + payload + bytes(padding)
    heard: list[bytes] = []

    def speak() -> None:
        with suppress(OSError):
            while True:
                client, _ = server.accept()
                with client:
                    client.sendall(b"SSH-2.0-old\r\n" + packet)
                    while block := client.recv(65536):
                        heard.append(block)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=speak, daemon=True)
        thread.start()
        yield server.getsockname()
        server.shutdown(socket.SHUT_RDWR)
        thread.join(30)


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        (
            {"kex": "diffie-hellman-group1-sha1,diffie-hellman-group14-sha1"},
            "for key exchange .* it offers diffie-hell",
        ),
        ({"key": "ssh-rsa,ssh-dss"}, "for the server's key in common with us: it offers ssh-rsa, ssh-dss; known here"),
        ({"cipher": "arcfour,blowfish-cbc"}, "for encryption in common with us: it offers arcfour, blowfish-cbc"),
        ({"mac": "hmac-ripemd160"}, "for checksums in common with us: it offers hmac-ripemd160; known here are hmac-"),
        ({"kex": ",".join(f"old-{number}" for number in range(500))}, r"old-3, .*\.\.\.; known here are "),
    ],
)
def test_a_server_of_old_algorithms_alone_is_told_with_what_it_offers(lists: dict[str, str], said: str) -> None:
    with offering(**lists) as (host, port):
        conn: Any = SFTPConnection("s", host=host, port=port, username="me", retries=3).open(OPENING)
        with pytest.raises(ConnectionFailed, match=said) as refused:
            conn.list()
    assert not isinstance(refused.value, Interrupted)
    assert "Fix: have its owner allow a newer one" in str(refused.value)
