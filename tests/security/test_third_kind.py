"""A kind of user that the workbench does not bring, as another distribution or a cell would write it."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

import pytest
from msgspec import Meta

from workbench import RESTChannel, Service, Workbench, secret
from workbench.core.call import ChannelSecurity
from workbench.core.errors import MissingSecret, ServiceUsage, Unauthorized
from workbench.core.secret import Secret
from workbench.security.definitions import Reveal, SecurityDefinition


class BearerVerifier:
    def __init__(self, name: str, token: str) -> None:
        self.user = ChannelSecurity(name, "bearer", name)
        self._expected = f"Bearer {token}".encode()

    def verify(self, headers: Mapping[str, str]) -> None:
        if not hmac.compare_digest(headers.get("Authorization", "").encode(), self._expected):
            raise Unauthorized("Unauthorized", challenge="Bearer")


class Bearer(SecurityDefinition, tag="bearer", frozen=True, kw_only=True):
    """A user with a token of their own."""

    kind: ClassVar[str] = "Bearer token"

    token: Annotated[Secret | str, Meta(description="Secret that holds the token.")]

    def verifier(self, reveal: Reveal) -> BearerVerifier:
        return BearerVerifier(self.name, reveal(self.token, str(self)))  # type: ignore[arg-type]

    def credentials(self, reveal: Reveal) -> dict[str, str]:
        return {"Authorization": f"Bearer {reveal(self.token, str(self))}"}  # type: ignore[arg-type]


class Limited(Bearer, tag="limited bearer", frozen=True, kw_only=True):
    """The same, with a limit of its own."""

    limit: str = ""


class Who(Service):
    name = "api.who"

    def handle(self) -> str:
        return f"{self.channel.security.name} by {self.channel.security.type}"


@pytest.fixture
def wb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    monkeypatch.setenv("TOKEN", "s3cret")
    with Workbench(port=0) as wb:
        wb.deploy(Who)
        yield wb


def test_its_user_calls_and_nobody_else(wb: Workbench) -> None:
    wb.define(Bearer("robot", token=secret("TOKEN")), RESTChannel("api.who", security="robot"))
    assert wb.call("GET /api/who", user="robot").text == "robot by bearer"
    refused = wb.call("GET /api/who", headers={"Authorization": "Bearer wrong"})
    assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert wb.call("GET /api/who").status == 401
    assert "s3cret" not in repr(wb.users) + repr(wb.users["robot"])


def test_the_line_for_a_shell_has_its_secret_as_a_variable(wb: Workbench) -> None:
    wb.define(Bearer("robot", token=secret("TOKEN")), RESTChannel("api.who", security="robot"))
    line = wb.call("GET /api/who", user="robot").copy_as_curl()
    assert """-H 'Authorization: Bearer '"$TOKEN" """ in line


def test_its_secret_is_missed_when_it_is_defined(wb: Workbench) -> None:
    with pytest.raises(MissingSecret, match="Bearer token 'robot' needs the secret 'NOBODY_SET_IT'"):
        wb.define(Bearer("robot", token=secret("NOBODY_SET_IT")))
    assert list(wb.users) == []


def test_a_field_limit_is_its_limit(wb: Workbench) -> None:
    wb.define(Limited("robot", token=secret("TOKEN"), limit="2/d"), RESTChannel("api.who", security="robot"))
    assert [wb.call("GET /api/who", user="robot").status for _ in range(3)] == [200, 200, 429]


def test_one_that_says_too_little_is_told_what_to_write(wb: Workbench) -> None:
    class Nobody(SecurityDefinition, tag="nobody", frozen=True, kw_only=True):
        kind: ClassVar[str] = "Nobody"

    with pytest.raises(ServiceUsage, match=r"Nobody 'x' cannot be checked\. Fix: write def verifier\(self, reveal\)"):
        wb.define(Nobody("x"))
    with pytest.raises(ServiceUsage, match=r"Nobody 'x' cannot call\. Fix: write def credentials\(self, reveal\)"):
        Nobody("x").credentials(lambda secret, owner: "")
    assert list(wb.users) == []
