"""`self.crypto`: encryption with the one key of a workbench, hashes of passwords, random secrets; Zato's names."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b64decode, b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING

from workbench.core.errors import ServiceUsage

if TYPE_CHECKING:
    from workbench.core.call import Call

SCHEME = "zato.default"
"""Zato's name for the way to hash that is always there; others are of its single sign-on."""

ROUNDS = 210_000
"""Rounds of PBKDF2 with HMAC-SHA512: OWASP Password Storage Cheat Sheet, 2023; some 0.2 s. Zato has 100,000."""

MOST_ROUNDS = 10_000_000
"""What a given hash may ask for: some 10 s."""

SALT_BYTES = 64
"""As in Zato; NIST SP 800-132 asks for 16 at least."""

MOST_BITS = 65_536
HASH = re.compile(r"\$pbkdf2-sha512\$([1-9][0-9]{0,8})\$([A-Za-z0-9./]{0,1366})\$([A-Za-z0-9./]{86})")
"""As passlib writes them, and so Zato: rounds, salt, checksum; base64 with `.` for `+`, without padding."""


class Crypto:
    """`self.crypto`, of one call; the same in both colours."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def encrypt(self, data: str | bytes) -> bytes:
        """Encrypt text (as UTF-8) or bytes with the key, by Fernet; `.decode()` makes text of it, as for JSON.

        Raises:
            MissingSecret: The secret WORKBENCH_CRYPTO_KEY is not set.
            WrongCryptoKey: It is no key.
        """
        call = self._call
        return call.surroundings.encryption.encrypt(_bytes(data, "encrypt"), call.service)

    def decrypt(self, encrypted: str | bytes) -> str:
        """The text that was encrypted, by this or by Zato with the same key.

        Raises:
            MissingSecret: The secret WORKBENCH_CRYPTO_KEY is not set.
            WrongCryptoKey: It is no key.
            NotDecrypted: It was encrypted with another key, changed, or never encrypted.
            NotText: What was encrypted is no UTF-8 text.
        """
        call = self._call
        return call.surroundings.encryption.decrypt(_bytes(encrypted, "decrypt"), call.service)

    def hash_secret(self, data: str | bytes, name: str = SCHEME) -> str:
        """A hash of a password, salted, to be kept in its place; in an async service, by `asyncio.to_thread`.

        Args:
            data: The password.
            name: Of the way to hash; there is only `zato.default`.
        """
        _expect_scheme(name)
        salt = secrets.token_bytes(SALT_BYTES)
        return f"$pbkdf2-sha512${ROUNDS}${_coded(salt)}${_coded(_hashed(_bytes(data, 'hash_secret'), salt, ROUNDS))}"

    def verify_hash(self, given: str | bytes, expected: str, name: str = SCHEME) -> bool:
        """Whether a password is the one of a hash, of this or of Zato; in an async service, by `asyncio.to_thread`.

        Raises:
            ServiceUsage: `expected` is no such hash, or asks for more than 10,000,000 rounds.
        """
        _expect_scheme(name)
        found = HASH.fullmatch(expected) if isinstance(expected, str) else None
        if found is None or int(found[1]) > MOST_ROUNDS or len(found[2]) % 4 == 1:
            raise ServiceUsage(
                "verify_hash was given no hash that hash_secret makes, $pbkdf2-sha512$..., to compare with. "
                "Fix: self.crypto.verify_hash(password, hash), with the hash whole."
            )
        hashed = _hashed(_bytes(given, "verify_hash"), _decoded(found[2]), int(found[1]))
        return hmac.compare_digest(_coded(hashed), found[3])

    def generate_secret(self, bits: int = 256) -> bytes:
        """So many random bits, 8 to 65,536, in URL-safe base64."""
        if not isinstance(bits, int) or not 8 <= bits <= MOST_BITS:
            raise ServiceUsage(
                f"self.crypto makes no secret of {bits!r:.80} bits. Fix: bits=256, or 8 to {MOST_BITS:,}."
            )
        return urlsafe_b64encode(secrets.token_bytes(bits // 8))

    def generate_password(self, bits: int = 192, to_str: bool = False) -> bytes | str:
        """The same, strong enough for a password; as text with `to_str=True`."""
        made = self.generate_secret(bits)
        return made.decode() if to_str else made


def _bytes(data: str | bytes, verb: str) -> bytes:
    if isinstance(data, str):
        return data.encode()
    if isinstance(data, bytes):
        return data
    raise ServiceUsage(f"self.crypto.{verb} takes text or bytes, and no {type(data).__name__}. Fix: str(...) of it.")


def _expect_scheme(name: str) -> None:
    if name != SCHEME:
        raise ServiceUsage(f"self.crypto has no way to hash named {name!r:.80}. Fix: leave it out, or {SCHEME!r}.")


def _hashed(data: bytes, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", data, salt, rounds)


def _coded(raw: bytes) -> str:
    return b64encode(raw, b"./").decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return b64decode(text + "=" * (-len(text) % 4), b"./")
