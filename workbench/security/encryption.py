"""Encrypts what services keep, with the one key of a workbench, by Fernet; as Zato does with its secret key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.core.errors import MissingSecret, WorkbenchError
from workbench.core.secret import CRYPTO_KEY, Secret

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

PREFIX = b"zato.secf."
"""What Zato may write before encrypted text."""

NEW_KEY = 'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'


class MissingCryptoKey(MissingSecret):
    """A service encrypts or decrypts, and nobody has set the key."""

    def __init__(self, service: str) -> None:
        super().__init__(CRYPTO_KEY, f"self.crypto of service {service!r}")
        self.args = (f"{self.args[0]} What makes a new key: {NEW_KEY}",)


class WrongCryptoKey(WorkbenchError):
    """What is set as the key is none."""

    def __init__(self, service: str) -> None:
        super().__init__(
            f"The secret {CRYPTO_KEY!r}, for self.crypto of service {service!r}, is no key: that is 32 bytes in "
            f"URL-safe base64. Fix: set the key that the data was encrypted with, or a new one, by {NEW_KEY}"
        )


class NotDecrypted(WorkbenchError):
    """Something cannot be decrypted with the key."""

    def __init__(self, service: str) -> None:
        super().__init__(
            f"Service {service!r} cannot decrypt that with the key {CRYPTO_KEY}: it was encrypted with another, was "
            f"changed since, or never encrypted. Fix: what self.crypto.encrypt gave, whole, and the key of that time."
        )


class NotText(NotDecrypted):
    """What was decrypted is no text."""

    def __init__(self, service: str, size: int) -> None:
        super().__init__(service)
        self.args = (
            f"Service {service!r} cannot decrypt that to text: the key is right, and what it gives is {size:,} bytes "
            f"that are no UTF-8. Fix: encrypt base64.b64encode(data), and base64.b64decode what decrypt gives.",
        )


class Encryption:
    """Encrypts and decrypts for services.

    Args:
        reveal: Gives a secret's value for its owner; raises MissingSecret.
    """

    def __init__(self, reveal: Callable[[Secret, str], str]) -> None:
        self._reveal = reveal

    def encrypt(self, data: bytes, service: str) -> bytes:
        """A token of Fernet; raises MissingCryptoKey, WrongCryptoKey."""
        return self._fernet(service).encrypt(data)

    def decrypt(self, encrypted: bytes, service: str) -> str:
        """The text of a token, with or without Zato's prefix.

        Raises:
            MissingCryptoKey, WrongCryptoKey, NotDecrypted, NotText.
        """
        from cryptography.fernet import InvalidToken

        try:
            decrypted = self._fernet(service).decrypt(encrypted.removeprefix(PREFIX))
        except InvalidToken:
            raise NotDecrypted(service) from None
        try:
            return decrypted.decode()
        except UnicodeDecodeError:  # which would have all of it in a traceback
            raise NotText(service, len(decrypted)) from None

    def _fernet(self, service: str) -> Fernet:
        from cryptography.fernet import Fernet  # here, since it costs the start some 50 ms

        try:
            key = self._reveal(Secret(CRYPTO_KEY), f"self.crypto of service {service!r}")
        except MissingSecret:
            raise MissingCryptoKey(service) from None
        try:
            return Fernet(key)
        except ValueError:
            raise WrongCryptoKey(service) from None
