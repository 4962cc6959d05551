"""Basic Auth and API keys."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar, Protocol

from msgspec import Meta, structs

from workbench.core.call import ChannelSecurity
from workbench.core.definition import Definition
from workbench.core.errors import ServiceUsage, Unauthorized
from workbench.core.masking import learn_pair
from workbench.core.payload.request import canonical
from workbench.core.secret import Secret

Reveal = Callable[[Secret, str], str]
Limit = Annotated[str, Meta(max_length=200_000, description="Calls this user may make, as 500/m, by whatever channel.")]


class Verifier(Protocol):
    """Checks the credentials of one user."""

    user: ChannelSecurity

    def verify(self, headers: Mapping[str, str]) -> None:
        """Raise Unauthorized unless the headers carry this user's credentials; header names are as `X-Api-Key`."""
        ...


class SecurityDefinition(Definition, frozen=True):
    """A user: who may call, by which credentials.

    A kind of your own needs `verifier` and `credentials`; with a field `limit`, its users have limits of their own.
    """

    collection: ClassVar[str] = "security"

    def verifier(self, reveal: Reveal) -> Verifier:
        """What checks a request; made when the definition takes effect, so that a secret nobody set is said then.

        Args:
            reveal: Gives a secret's value for its owner, as `reveal(self.key, str(self))`; raises MissingSecret.
        """
        raise ServiceUsage(
            f"{self} cannot be checked. Fix: write def verifier(self, reveal) in {type(self).__name__}; it gives an "
            f"object with .user and .verify(headers)."
        )

    def credentials(self, reveal: Reveal) -> dict[str, str]:
        """Headers with which this user calls, for `wb.call(..., user=...)`."""
        raise ServiceUsage(
            f"{self} cannot call. Fix: write def credentials(self, reveal) in {type(self).__name__}; it gives headers."
        )


class BasicAuth(SecurityDefinition, tag="basic auth", frozen=True, kw_only=True):
    """A user with a password, sent as HTTP Basic Auth."""

    kind: ClassVar[str] = "Basic Auth"

    password: Annotated[Secret | str, Meta(description="Secret that holds the password.")]
    username: Annotated[str, Meta(pattern=r"^[^:]*$", description="Name that callers send; empty: this name.")] = ""
    realm: Annotated[str, Meta(pattern=r'^[^"\\\r\n]*$', description="Realm of the challenge.")] = "workbench"
    limit: Limit = ""

    def __post_init__(self) -> None:
        if not self.username:
            structs.force_setattr(self, "username", self.name)
        super().__post_init__()

    def problems(self) -> dict[str, str]:
        return {"username": "must have no colon; give username= apart from the name"} if ":" in self.username else {}

    def verifier(self, reveal: Reveal) -> BasicAuthVerifier:
        """What checks a request; the password is read now and kept until the definition changes."""
        assert isinstance(self.password, Secret)
        return BasicAuthVerifier(self, reveal(self.password, str(self)))

    def credentials(self, reveal: Reveal) -> dict[str, str]:
        """Headers with which this user calls."""
        assert isinstance(self.password, Secret)
        return {"Authorization": basic(self.username, reveal(self.password, str(self)))}


class APIKey(SecurityDefinition, tag="api key", frozen=True, kw_only=True):
    """A user who sends a key in a header."""

    kind: ClassVar[str] = "API key"

    key: Annotated[Secret | str, Meta(description="Secret that holds the key.")]
    header: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]+$", description="Header that carries it.")] = "X-API-Key"
    limit: Limit = ""

    def verifier(self, reveal: Reveal) -> APIKeyVerifier:
        """What checks a request; the key is read now and kept until the definition changes."""
        assert isinstance(self.key, Secret)
        return APIKeyVerifier(self, reveal(self.key, str(self)))

    def credentials(self, reveal: Reveal) -> dict[str, str]:
        """Headers with which this user calls."""
        assert isinstance(self.key, Secret)
        return {self.header: reveal(self.key, str(self))}


def basic(username: str, password: str) -> str:
    """The Authorization header of a user."""
    learn_pair(username, password)
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


class BasicAuthVerifier:
    """Compares in constant time: first the header as nearly every client writes it, then decoded."""

    __slots__ = ("_challenge", "_expected", "_pair", "user")

    def __init__(self, definition: BasicAuth, password: str) -> None:
        self.user = ChannelSecurity(definition.name, "basic_auth", definition.username)
        self._expected = basic(definition.username, password).encode()
        self._pair = f"{definition.username}:{password}".encode()
        self._challenge = f'Basic realm="{definition.realm}", charset="UTF-8"'

    def verify(self, headers: Mapping[str, str]) -> None:
        """Raise Unauthorized unless the headers carry this user's name and password."""
        given = headers.get("Authorization", "").encode("latin-1", "replace")
        if hmac.compare_digest(given, self._expected):
            return
        if not hmac.compare_digest(_decoded(given), self._pair):
            raise Unauthorized("Unauthorized", challenge=self._challenge)


def _decoded(header: bytes) -> bytes:
    scheme, _, encoded = header.partition(b" ")
    if scheme.lower() != b"basic":
        return b""
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


class APIKeyVerifier:
    """Compares the key in constant time; an empty key never passes."""

    __slots__ = ("_challenge", "_expected", "_header", "user")

    def __init__(self, definition: APIKey, key: str) -> None:
        self.user = ChannelSecurity(definition.name, "apikey", definition.name)
        self._header, self._expected = canonical(definition.header), key.encode()
        self._challenge = f'ApiKey header="{definition.header}"'

    def verify(self, headers: Mapping[str, str]) -> None:
        """Raise Unauthorized unless the headers carry the key."""
        given = headers.get(self._header, "").encode("latin-1", "replace")
        if not given or not hmac.compare_digest(given, self._expected):
            raise Unauthorized("Unauthorized", challenge=self._challenge)
