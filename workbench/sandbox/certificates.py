"""Certificates for peers that speak TLS: one authority per process, trusted by nobody but their stand-ins."""

from __future__ import annotations

import atexit
import ipaddress
import shutil
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.core.errors import MissingDependency

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, GeneralName, KeyUsage

LIFETIME = timedelta(days=30)


class Authority:
    """Signs certificates for peers; `file` is what a client must trust, and the only thing that stays on disk."""

    def __init__(self) -> None:
        try:
            from cryptography.hazmat.primitives.asymmetric import ec
        except ImportError as exc:
            raise MissingDependency("A peer that speaks TLS", "cryptography") from exc
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._signed("workbench sandbox", self._key, ())
        self._folder = Path(tempfile.mkdtemp(prefix="workbench-ca-"))
        atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
        self.file = self._folder / "ca.pem"
        self.file.write_bytes(_pem(self._certificate))

    def context(self, *names: str) -> ssl.SSLContext:
        """What a server needs to speak TLS under these names (host names or addresses)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".pem") as chain:
            chain.write(b"".join(self.issued(*names)))
            chain.flush()
            context.load_cert_chain(chain.name)
        return context

    def issued(self, *names: str) -> tuple[bytes, bytes]:
        """A new key and a certificate for these names, each in PEM, for servers that take no SSLContext."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        key_pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return key_pem, _pem(self._signed(names[0], key, names))

    def _signed(self, subject: str, key: EllipticCurvePrivateKey, names: tuple[str, ...]) -> Certificate:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509.oid import NameOID

        issuer = not names
        own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
        now = datetime.now(UTC)
        # The key identifiers and usages are what Python 3.13's strict verification asks for.
        builder = (
            x509.CertificateBuilder()
            .subject_name(own)
            .issuer_name(own if issuer else self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + LIFETIME)
            .add_extension(x509.BasicConstraints(ca=issuer, path_length=0 if issuer else None), critical=True)
            .add_extension(_usage(issuer), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
            )
        return builder.sign(self._key, hashes.SHA256())


def _pem(certificate: Certificate) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return certificate.public_bytes(serialization.Encoding.PEM)


def _general_name(name: str) -> GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(issuer: bool) -> KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=not issuer,
        key_cert_sign=issuer,
        crl_sign=issuer,
        encipher_only=False,
        decipher_only=False,
    )


@cache
def authority() -> Authority:
    """The one of this process, made at first use."""
    return Authority()


@cache
def loopback() -> ssl.SSLContext:
    """A server's side of TLS for `127.0.0.1` and `localhost`."""
    return authority().context("127.0.0.1", "localhost", "::1")


@cache
def elsewhere() -> ssl.SSLContext:
    """The same, under a name that no stand-in asks for."""
    return authority().context("elsewhere.invalid")
