"""The two files of a certificate: what is refused, what is warned of, and what becomes of new ones."""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.x509.oid import NameOID

from tests.serving import port_of
from tests.tls import AUTHORITY, Pair, client_context, pair, serial_at
from workbench.app.workbench import Workbench
from workbench.channels.http.certificate import Certificate, CertificateRefused
from workbench.core.errors import WorkbenchError
from workbench.sandbox.certificates import LIFETIME

LIFETIME_SECONDS = LIFETIME.total_seconds()


def encrypted(key: Path) -> None:
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    sealed = serialization.BestAvailableEncryption(b"a-long-password-4711")
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed))


def swapped(certificate: Path, key: Path) -> None:
    first, second = certificate.read_bytes(), key.read_bytes()
    certificate.write_bytes(second)
    key.write_bytes(first)


def nameless(certificate: Path, key: Path) -> None:
    """Put one that says its host as its common name alone, as of old."""
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    assert isinstance(private, EllipticCurvePrivateKey)
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, private.public_key(), 1, now - timedelta(1), now + timedelta(30))
    certificate.write_bytes(made.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


BROKEN: dict[str, tuple[Callable[[Path, Path], object], str, str]] = {
    "no certificate": (lambda file, key: file.unlink(), "There is no certificate", "shop.pem"),
    "no key": (lambda file, key: key.unlink(), "There is no key", "shop.key"),
    "a folder": (lambda file, key: a_folder(file), "is a folder", "shop.pem"),
    "no PEM": (lambda file, key: file.write_bytes(b"\x30\x82"), "holds no certificate in PEM", "shop.pem"),
    "empty": (lambda file, key: key.write_bytes(b""), "holds no private key in PEM", "shop.key"),
    "swapped": (swapped, "holds no certificate in PEM", "shop.pem"),
    "half": (lambda file, key: file.write_bytes(file.read_bytes()[:200]), "OpenSSL refuses", "shop.pem"),
    "another's": (lambda file, key: pair(file.parent, key="other.key"), "is not that of the certificate", "shop.key"),
    "encrypted": (lambda file, key: encrypted(key), "is encrypted", "shop.key"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_pair_that_cannot_be_used_is_refused_in_a_sentence_with_its_file(files: Pair, kind: str) -> None:
    break_it, said, named = BROKEN[kind]
    break_it(*files)
    with pytest.raises(CertificateRefused) as refused:
        Certificate(*files)
    sentence = str(refused.value)
    assert said in sentence
    assert f"{files[0].parent}/{named}" in sentence
    assert "Fix: " in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(("named", "lacking"), [("certificate", "certificate_key"), ("certificate_key", "certificate")])
def test_one_file_without_the_other_is_refused(tmp_path: Path, named: str, lacking: str) -> None:
    files = ("c.pem", "") if named == "certificate" else ("", "k.pem")
    with pytest.raises(WorkbenchError, match=rf"{named} is '..pem', and {lacking} is not set. Fix: "):
        Workbench(port=0, folder=tmp_path, certificate=files)


def test_a_certificate_and_its_key_may_be_one_file_and_have_others_behind_them(tmp_path: Path, files: Pair) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(files[1].read_bytes() + files[0].read_bytes() + AUTHORITY.read_bytes())
    both.chmod(0o600)
    assert Certificate(both, both).shown.names == ("localhost", "127.0.0.1", "::1")


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]


def test_a_key_that_everybody_can_read_is_warned_of(files: Pair, caplog: pytest.LogCaptureFixture) -> None:
    files[1].chmod(0o644)
    Certificate(*files).warn(["localhost"])
    assert warnings_of(caplog) == [f"Everybody on this machine can read the key {files[1]}. Fix: chmod 600 {files[1]}"]


@pytest.mark.parametrize(
    ("names", "hosts", "is_warned"),
    [
        (("localhost",), ("localhost",), False),
        (("::1",), ("[::1]",), False),
        (("Shop.example.com",), ("localhost", "shop.example.com"), False),
        (("*.example.com",), ("shop.example.com",), False),
        (("*.example.com",), ("a.shop.example.com", "example.com"), True),
        (("shop.example.com",), ("localhost",), True),
    ],
)
def test_a_certificate_for_names_that_are_not_answered_for_is_warned_of(
    tmp_path: Path,
    names: tuple[str, ...],
    hosts: tuple[str, ...],
    is_warned: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    Certificate(*pair(tmp_path, *names)).warn(hosts)
    assert [
        f"is for {names[0]}, which this server does not answer for. Fix: " in each for each in warnings_of(caplog)
    ] == ([True] if is_warned else [])


@pytest.mark.parametrize(
    ("left_seconds", "said"),
    [(LIFETIME_SECONDS / 5, ""), (86400, "is good only until"), (-1, "is over since")],
)
def test_a_certificate_that_ends_soon_is_told_once_also_while_it_is_shown(
    files: Pair, left_seconds: float, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    at = Certificate(*files).shown.ends_at - LIFETIME_SECONDS / 2
    shown = Certificate(*files, now=lambda: at)
    shown.warn(["localhost"])
    assert not warnings_of(caplog)
    at = shown.shown.ends_at - left_seconds
    for _ in range(3):
        shown.context()
    assert [said in each and "Fix: renew it" in each for each in warnings_of(caplog)] == ([True] if said else [])


def test_one_whose_time_is_over_is_told_of_after_it_was_told_that_it_would_be(
    files: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    at = Certificate(*files).shown.ends_at - 3600
    certificate = Certificate(*files, now=lambda: at)
    certificate.context()
    at += 7200
    for _ in range(3):
        certificate.context()
    soon, over = warnings_of(caplog)
    assert "is good only until" in soon
    assert "is over since" in over


def test_one_whose_time_has_not_begun_is_warned_of_at_the_start(files: Pair, caplog: pytest.LogCaptureFixture) -> None:
    at = Certificate(*files).shown.ends_at - 2 * LIFETIME_SECONDS
    Certificate(*files, now=lambda: at).warn(["localhost"])
    [told] = warnings_of(caplog)
    assert told.startswith(f"The certificate {files[0]} is good only from 20")
    assert "Fix: " in told


def test_one_without_a_name_is_warned_of_as_such(files: Pair, caplog: pytest.LogCaptureFixture) -> None:
    nameless(*files)
    certificate = Certificate(*files)
    certificate.warn(["localhost"])
    [told] = warnings_of(caplog)
    assert told.startswith(f"The certificate {files[0]} names no host in its subjectAltName")
    assert "Fix: get one with names" in told


class Link:
    """Two links in a folder, as certbot leaves them, to files that a renewal adds."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.number = folder, 0
        self.pair = folder / "fullchain.pem", folder / "privkey.pem"
        self.renew()

    def renew(self) -> None:
        for lead in self.renewed():
            lead()

    def renewed(self) -> list[Callable[[], None]]:
        """The steps of a renewal: the certificate, and then the key."""
        self.number += 1
        new = pair(self.folder, certificate=f"fullchain{self.number}.pem", key=f"privkey{self.number}.pem")
        return [lambda link=link, file=file: self._lead(link, file) for link, file in zip(self.pair, new, strict=True)]

    def _lead(self, link: Path, file: Path) -> None:
        (self.folder / "new").symlink_to(file)
        (self.folder / "new").replace(link)


def test_a_renewed_certificate_is_shown_to_new_connections_and_old_ones_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    caplog.set_level(logging.INFO, "workbench.certificate")
    link = Link(tmp_path)
    with Workbench(port=0, folder=tmp_path, certificate=link.pair) as wb:
        wb.start()
        plain = socket.create_connection(("127.0.0.1", port_of(wb)), 30)
        with client_context().wrap_socket(plain, server_hostname="localhost") as old:
            first = serial_at(wb.url)
            certificate, key = link.renewed()
            certificate()
            assert serial_at(wb.url) == serial_at(wb.url) == first
            key()
            second = serial_at(wb.url)
            assert second != first
            old.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert old.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert wb.call("GET /ping").status == 200
    [told] = warnings_of(caplog)
    assert told.startswith("The former certificate stays in force. The key ")
    assert "is not that of the certificate" in told
    assert [each for each in caplog.messages if "is new, and in force until" in each]


@pytest.mark.parametrize("kind", [each for each in BROKEN if each != "swapped"])
def test_new_files_that_cannot_be_used_are_told_once_and_the_former_pair_stays(
    files: Pair, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    certificate = Certificate(*files)
    former = certificate.shown
    BROKEN[kind][0](*files)
    for _ in range(3):
        assert certificate.shown is former
    [told] = warnings_of(caplog)
    assert told.startswith("The former certificate stays in force. ")
    assert "Fix: " in told


def test_one_that_another_process_tells_of_is_quiet(files: Pair, caplog: pytest.LogCaptureFixture) -> None:
    certificate = Certificate(*files, now=lambda: 4e9)
    certificate.is_quiet = True
    files[1].chmod(0o644)
    certificate.warn(["shop.example.com"])
    pair(files[0].parent)
    certificate.context()
    files[0].unlink()
    certificate.context()
    assert not caplog.records


def test_a_call_by_hand_reaches_its_own_server_whatever_its_certificate_is_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    with Workbench(port=0, folder=tmp_path, certificate=pair(tmp_path, "elsewhere.invalid")) as wb:
        assert wb.call("GET /ping").status == 200
        other = Certificate(*pair(tmp_path, certificate="b.pem", key="b.key"))
        connection = http.client.HTTPSConnection("localhost", port_of(wb), timeout=30, context=other.trust())
        with pytest.raises(ssl.SSLCertVerificationError):
            connection.connect()
        connection.close()
