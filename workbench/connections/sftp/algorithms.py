"""Paramiko's transport with an ear for what the server offers, so that an error can name it; imports paramiko."""

from __future__ import annotations

from typing import Any

from paramiko import AuthenticationException, BadAuthenticationType, PKey, Transport
from paramiko.ssh_exception import IncompatiblePeer

from workbench.connections.files.errors import AccessRefused
from workbench.connections.sftp.definition import SFTPConnection
from workbench.connections.sftp.errors import who
from workbench.core.errors import ConnectionFailed

LONGEST = 500
WHAT = {
    "kex_algo_list": ("key exchange", "preferred_kex"),
    "server_key_algo_list": ("the server's key", "preferred_keys"),
    "client_encrypt_algo_list": ("encryption", "preferred_ciphers"),
    "server_encrypt_algo_list": ("encryption", "preferred_ciphers"),
    "client_mac_algo_list": ("checksums", "preferred_macs"),
    "server_mac_algo_list": ("checksums", "preferred_macs"),
    "client_compress_algo_list": ("compression", "preferred_compression"),
}
"""The lists of a server's KEXINIT (RFC 4253 section 7.1), in our words, and ours to compare each with."""
NEWER = "Fix: have its owner allow a newer one; those of SHA-1 and below are known to be broken, and none is used here"


class Offered(Transport):
    """A transport that keeps the lists of algorithms which the server has sent."""

    offered: dict[str, list[str]] | None = None

    def _really_parse_kex_init(self, m: Any, ignore_first_byte: bool = False) -> dict[str, Any]:
        parsed: dict[str, Any] = super()._really_parse_kex_init(m, ignore_first_byte)  # type: ignore[misc]
        self.offered = {field: parsed[field] for field in WHAT}
        return parsed

    def none_in_common(self, definition: SFTPConnection, exc: IncompatiblePeer) -> ConnectionFailed:
        """The error of a server that knows none of the algorithms that are used here."""
        for field, (what, attribute) in WHAT.items():
            theirs, ours = (self.offered or {}).get(field, []), list(getattr(self, attribute))
            if theirs and not set(theirs) & set(ours):
                return ConnectionFailed(
                    f"{who(definition)} has no algorithm for {what} in common with us: it offers {_listed(theirs)}; "
                    f"known here are {_listed(ours)}. {NEWER}"
                )
        return ConnectionFailed(f"{who(definition)} has no algorithm in common with us: {exc}. {NEWER}")

    def refused_rsa(self, definition: SFTPConnection, key: PKey, exc: AuthenticationException) -> AccessRefused | None:
        """The error of an RSA key that was refused, which may be for its algorithm; None for what is none."""
        if key.get_name() != "ssh-rsa" or isinstance(exc, BadAuthenticationType):
            return None
        extensions: dict[str, bytes] = self.server_extensions  # type: ignore[attr-defined]
        told = extensions.get("server-sig-algs", b"").decode(errors="replace")
        ours = [name for name in self.preferred_pubkeys if "rsa" in name]
        if told and not {*told.split(",")} & {*ours}:
            return AccessRefused(
                f"{who(definition)} has no algorithm for signing with an RSA key in common with us: it takes "
                f"{_listed(told.split(','))}; known here are {_listed(ours)}. Fix: use a key of type Ed25519 or ECDSA "
                f"if it takes one, or have its owner allow rsa-sha2-256"
            )
        # Servers that are old, or told to take ssh-rsa alone, say no more than of a wrong key.
        return AccessRefused(
            f"{who(definition)} refused the RSA key of user {definition.username!r} ({exc}), which signed by the "
            f"algorithm {getattr(self, '_agreed_pubkey_algorithm', ours[0])}. Fix: correct the user name or the key; "
            f"where it takes ssh-rsa (SHA-1) alone, which is not used here, use a key of type Ed25519 or ECDSA"
        )


def _listed(names: list[str]) -> str:
    shown = ", ".join(names)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."
