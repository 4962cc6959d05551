"""The certificate by which a server speaks TLS: read from two files, and anew once they have changed."""

from __future__ import annotations

import logging
import os
import ssl
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from workbench.core.errors import WorkbenchError, listed

SOON_SECONDS = 14 * 86400.0
"""From when on before its end a certificate is warned of; for one that lives shortly, a sixth of its time [s]."""
NO_CHECK_TIME = 0x200000
"""Takes a certificate whose time is over. Source: X509_V_FLAG_NO_CHECK_TIME of OpenSSL, x509_vfy.h."""
OTHERS_READ = 0o004

log = logging.getLogger("workbench.certificate")


class CertificateRefused(WorkbenchError):
    """A certificate or its key cannot be used."""


class Shown(NamedTuple):
    """A certificate that is in force.

    Attributes:
        context: What a server speaks TLS by.
        pem: The certificate itself, without those that vouch for it.
        names: Host names and addresses that it is for.
        begins_at: When its time begins [s since the epoch].
        ends_at: When its time is over [s since the epoch].
        soon_at: From when on that is soon [s since the epoch].
    """

    context: ssl.SSLContext
    pem: str
    names: tuple[str, ...]
    begins_at: float
    ends_at: float
    soon_at: float


class Certificate:
    """A certificate and its key, in PEM; a pair that cannot be used never takes the place of one that can.

    Args:
        file: The certificate, with those that vouch for it behind it.
        key: Its private key; it may be in the same file.
        now: The machine's time, which the certificate's own is compared with [s since the epoch].

    Raises:
        CertificateRefused: They cannot be used.
    """

    def __init__(self, file: Path, key: Path, now: Callable[[], float] = time.time) -> None:
        self.file, self.key, self._now = file, key, now
        self._seen = self._stamp()
        self._shown = _read(file, key)
        self._told = ""
        self.is_quiet = False
        """Whether another process tells what becomes of it."""

    @property
    def shown(self) -> Shown:
        """What is in force now; looked for anew in its files if they have changed."""
        if (stamp := self._stamp()) != self._seen:
            self._seen = stamp
            self._read_again()
        if (said := self._of_its_time()) != self._told:
            self._told = said
            if said:
                self._warn(said)
        return self._shown

    def context(self) -> ssl.SSLContext:
        """What a connection that begins now speaks TLS by; never raises."""
        return self.shown.context

    def trust(self) -> ssl.SSLContext:
        """What a client of this very server trusts: this certificate alone, whoever vouches for it, and until when.

        It speaks TLS 1.2: what comes while such a client sends is an answer, or the end. By 1.3 session tickets come
        at any time (RFC 8446, 4.6.1), and who looks whether it is answered already takes them for an answer.
        """
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trust.minimum_version = trust.maximum_version = ssl.TLSVersion.TLSv1_2
        trust.check_hostname = False
        trust.load_verify_locations(cadata=self.shown.pem)
        trust.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(NO_CHECK_TIME)
        return trust

    def warn(self, hosts: Collection[str]) -> None:
        """Log what is wrong with it though it can be used, at the start.

        Args:
            hosts: Names that the server answers for.
        """
        shown = self.shown
        with suppress(OSError):  # a file that is gone is told once it is read anew
            if os.name == "posix" and self.key.stat().st_mode & OTHERS_READ:
                self._warn(f"Everybody on this machine can read the key {self.key}. Fix: chmod 600 {self.key}")
        if not shown.names:
            fix = "get one with names, as mkcert makes it: clients look for them nowhere else"
            self._warn(f"The certificate {self.file} names no host in its subjectAltName. Fix: {fix}.")
        elif not any(_covers(each, host) for each in shown.names for host in hosts):
            fix = "serve with --host NAME (or set WORKBENCH_HOSTS), or get one for localhost, as by mkcert"
            names = listed(shown.names)
            self._warn(
                f"The certificate {self.file} is for {names}, which this server does not answer for. Fix: {fix}."
            )

    def _warn(self, what: str) -> None:
        if not self.is_quiet:
            log.warning("%s", what)

    def _read_again(self) -> None:
        try:
            self._shown = _read(self.file, self.key)
        except CertificateRefused as exc:
            self._warn(f"The former certificate stays in force. {exc}")
            return
        if not self.is_quiet:
            log.info("the certificate %s is new, and in force until %s", self.file, _day(self._shown.ends_at))

    def _of_its_time(self) -> str:
        """What is said of a certificate whose time has not begun, or is over, now or soon; '' of another one."""
        shown, now = self._shown, self._now()
        if now < shown.begins_at:
            fix = "correct this machine's clock, or serve with the former one until then"
            return f"The certificate {self.file} is good only from {_day(shown.begins_at)} on. Fix: {fix}."
        if now < shown.soon_at:
            return ""
        what = "is over since" if now >= shown.ends_at else "is good only until"
        return (
            f"The certificate {self.file} {what} {_day(shown.ends_at)}. Fix: renew it; it is taken without a restart."
        )

    def _stamp(self) -> tuple[object, ...]:
        """What differs once one of the files has changed, or is another one behind a link."""
        return tuple(each for file in (self.file, self.key) for each in _stamp_of(file))

    def __str__(self) -> str:
        shown = self._shown
        return f"{self.file.name}, for {listed(shown.names)}, until {_day(shown.ends_at)}"


def _stamp_of(file: Path) -> tuple[object, ...]:
    try:
        stat = file.stat()
    except OSError:
        return (None,)
    return stat.st_ino, stat.st_dev, stat.st_mtime_ns, stat.st_size


def _read(file: Path, key: Path) -> Shown:
    """What the two files hold.

    Raises:
        CertificateRefused: They are not to be read, no PEM, encrypted, or of two different pairs.
    """
    chain, private = _text(file, "certificate"), _text(key, "key")
    if "-----BEGIN CERTIFICATE-----" not in chain:
        fix = "name the one that begins with -----BEGIN CERTIFICATE-----, as fullchain.pem of certbot"
        raise CertificateRefused(f"The file {file} holds no certificate in PEM. Fix: {fix}.")
    if "PRIVATE KEY-----" not in private:
        fix = "name the one that begins with -----BEGIN PRIVATE KEY-----, as privkey.pem of certbot"
        raise CertificateRefused(f"The file {key} holds no private key in PEM. Fix: {fix}.")

    def password() -> str:
        fix = f"write it without a password, readable by this user alone: openssl pkey -in {key.name} -out plain.pem"
        raise CertificateRefused(f"The key {key} is encrypted. Fix: {fix}.")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(file, key, password)
        own = chain[chain.index("-----BEGIN CERTIFICATE-----") :].partition("-----END CERTIFICATE-----")
        return _shown(context, f"{own[0]}{own[1]}\n")
    except ssl.SSLError as exc:
        if exc.reason == "KEY_VALUES_MISMATCH":
            fix = "name the two files that were made together; a renewal that goes on has them soon"
            raise CertificateRefused(f"The key {key} is not that of the certificate {file}. Fix: {fix}.") from exc
        why = exc.reason or exc
        raise CertificateRefused(f"OpenSSL refuses {file} with {key}: {why}. Fix: get or copy both anew.") from exc
    except (OSError, ValueError) as exc:
        raise CertificateRefused(f"{file} with {key} cannot be used: {exc}. Fix: get or copy both anew.") from exc


def _text(file: Path, what: str) -> str:
    """What a file says.

    Raises:
        CertificateRefused: It is not there, a folder, or not to be read.
    """
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        raise CertificateRefused(f"There is no {what} {file}. Fix: correct the path.") from None
    except IsADirectoryError:
        raise CertificateRefused(f"The {what} {file} is a folder. Fix: name the file in it.") from None
    except OSError as exc:
        fix = f"let this user read it, and the folders above it: ls -l {file}"
        raise CertificateRefused(f"The {what} {file} cannot be read: {exc.strerror}. Fix: {fix}.") from exc


def _shown(context: ssl.SSLContext, pem: str) -> Shown:
    """The certificate itself; raises ValueError if it is none."""
    from cryptography.x509 import load_pem_x509_certificate

    certificate = load_pem_x509_certificate(pem.encode())
    begins_at = certificate.not_valid_before_utc.timestamp()
    ends_at = certificate.not_valid_after_utc.timestamp()
    soon_at = ends_at - min(SOON_SECONDS, (ends_at - begins_at) / 6)
    return Shown(context, pem, tuple(_names_in(certificate.extensions)), begins_at, ends_at, soon_at)


def _names_in(extensions: object) -> Iterator[str]:
    """Host names and addresses that a certificate is for; those of today stand in one place (RFC 9525, 6.1)."""
    from cryptography.x509 import DNSName, Extensions, IPAddress, SubjectAlternativeName

    assert isinstance(extensions, Extensions)
    for extension in extensions:
        if isinstance(extension.value, SubjectAlternativeName):
            yield from extension.value.get_values_for_type(DNSName)
            yield from map(str, extension.value.get_values_for_type(IPAddress))


def _covers(name: str, host: str) -> bool:
    """Whether a certificate for a name is one for a host; an asterisk stands for one label (RFC 9525, 6.3)."""
    name, host = name.lower(), host.strip("[]").lower()
    return name == host or (name.startswith("*.") and host.partition(".")[2] == name[2:])


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
