"""Whom /openapi.json tells of which channel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import requests

from tests.openapi.asking import ask
from tests.openapi.services import Anything
from tests.serving import token_of
from workbench import APIKey, BasicAuth, RESTChannel, Workbench, secret
from workbench.app.configuration.environment import wanted_openapi
from workbench.app.configuration.settings import OpenAPIFor
from workbench.app.serving.runtime_file import running
from workbench.channels.guard import TOKEN_HEADER
from workbench.core.call import ChannelSecurity
from workbench.core.clock import VirtualClock
from workbench.core.errors import Unauthorized, WorkbenchError
from workbench.security.definitions import Reveal, SecurityDefinition, basic

ALL = {"/open", "/basic", "/key"}


def fill(wb: Workbench) -> Workbench:
    wb.deploy(Anything)
    wb.define(
        BasicAuth("ada", password=secret("ADAS_PASSWORD")),
        APIKey("partner", key=secret("PARTNERS_KEY"), header="X-Partner"),
        RESTChannel("open", service="anything", method="GET"),
        RESTChannel("basic", service="anything", method="GET", security="ada"),
        RESTChannel("key", service="anything", method="GET", security="partner"),
    )
    return wb


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADAS_PASSWORD", "adas long password")
    monkeypatch.setenv("PARTNERS_KEY", "partners-long-key")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))


def paths(wb: Workbench, **headers: str) -> set[str]:
    reply = ask(wb, **headers)
    assert reply.status_code == 200, reply.text
    return set(reply.json()["paths"])


ADA = {"Authorization": basic("ada", "adas long password")}
AFAR = {"X-Forwarded-For": "203.0.113.7"}


def test_on_this_machine_a_caller_is_told_of_what_it_may_call(wb: Workbench) -> None:
    fill(wb)
    assert paths(wb) == {"/open"}
    assert paths(wb, **ADA) == {"/open", "/basic"}
    assert paths(wb, **{"X-Partner": "partners-long-key"}) == {"/open", "/key"}
    assert paths(wb, **ADA, **{"X-Partner": "partners-long-key"}) == ALL
    assert paths(wb, Authorization=basic("ada", "wrong"), **{"X-Partner": "wrong"}) == {"/open"}
    assert paths(wb, **{TOKEN_HEADER: token_of(wb)}) == ALL


def test_nothing_of_what_is_not_told_stands_anywhere_in_the_document(wb: Workbench) -> None:
    fill(wb)
    told = ask(wb).text
    assert "open.get" in told
    for word in ("basic", "ada", "partner", "X-Partner"):
        assert word not in told


def test_from_afar_a_caller_is_told_by_its_credentials_alone(wb: Workbench) -> None:
    fill(wb)
    assert paths(wb, **AFAR) == set()
    assert paths(wb, **AFAR, **ADA) == {"/basic"}
    assert paths(wb, **AFAR, **{TOKEN_HEADER: token_of(wb)}) == ALL
    assert ask(wb, **AFAR, **ADA).json()["servers"] == [{"url": "/"}]
    assert ask(wb, **ADA).json()["servers"] == [{"url": wb.url}]


@pytest.mark.parametrize(
    ("mode", "anybody", "afar"), [("callers", {"/open"}, set()), ("all", ALL, ALL), ("token", None, None)]
)
def test_the_setting_opens_it_to_everybody_or_closes_it(
    mode: OpenAPIFor, anybody: set[str] | None, afar: set[str] | None, tmp_path: Path
) -> None:
    with Workbench(port=0, folder=tmp_path, openapi=mode) as wb:
        fill(wb)
        for expected, headers in ((anybody, {}), (afar, AFAR)):
            if expected is None:
                assert ask(wb, **headers).status_code == 404
            else:
                assert paths(wb, **headers) == expected
        assert paths(wb, **{TOKEN_HEADER: token_of(wb)}) == ALL


def test_the_variable_says_whom_and_refuses_what_it_cannot_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wanted_openapi() == "callers"
    monkeypatch.setenv("WORKBENCH_OPENAPI", "all")
    assert wanted_openapi() == "all"
    monkeypatch.setenv("WORKBENCH_OPENAPI", "everyone")
    with pytest.raises(WorkbenchError, match=r"'everyone'\. Fix: one of callers, all, token\."):
        wanted_openapi()


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}],
    ids=["origin", "site", "rebound"],
)
def test_pages_of_other_sites_are_told_nothing(wb: Workbench, headers: dict[str, str]) -> None:
    assert ask(fill(wb), **headers).status_code == 403


def test_passwords_cannot_be_tried_one_after_another(tmp_path: Path) -> None:
    clock = VirtualClock()
    with Workbench(port=0, folder=tmp_path, clock=clock) as wb:
        fill(wb)
        wrong = {"Authorization": basic("ada", "wrong")}
        answers = [ask(wb, **wrong).status_code for _ in range(121)]
        assert answers == [200] * 120 + [429]
        assert ask(wb, **ADA).status_code == 429
        assert paths(wb, **{TOKEN_HEADER: token_of(wb)}) == ALL
        clock.advance(60)
        assert ask(wb, **ADA).status_code == 200


def test_a_token_of_before_is_said_to_be_none(wb: Workbench) -> None:
    reply = ask(fill(wb), **{TOKEN_HEADER: "of another run"})
    assert (reply.status_code, "paths" in reply.text) == (401, False)


def test_the_listener_of_own_addresses_tells_the_same(wb: Workbench) -> None:
    fill(wb)
    token = token_of(wb)
    [found] = running()
    for headers, expected in (({}, {"/open"}), ({TOKEN_HEADER: token}, ALL)):
        document = requests.get(f"{found.own_url}/openapi.json", headers=headers, timeout=30).json()
        assert set(document["paths"]) == expected
        assert document["servers"] == [{"url": wb.url}]


def test_a_user_whose_secret_is_gone_may_see_nothing(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(wb)
    monkeypatch.delenv("ADAS_PASSWORD")
    wb._own.views.forget_secrets()
    assert paths(wb, **ADA) == {"/open"}


class CarelessVerifier:
    """Forgets that a caller may send nothing."""

    user = ChannelSecurity("careless", "careless")

    def verify(self, headers: Mapping[str, str]) -> None:
        if headers["X-Careless"] != "let me in":
            raise Unauthorized("Unauthorized")


class Careless(SecurityDefinition, tag="careless", frozen=True, kw_only=True):
    """A kind of user whose code fails."""

    def verifier(self, reveal: Reveal) -> CarelessVerifier:
        return CarelessVerifier()

    def credentials(self, reveal: Reveal) -> dict[str, str]:
        return {"X-Careless": "let me in"}


def test_a_kind_of_user_that_fails_hides_its_channels_alone(wb: Workbench, caplog: pytest.LogCaptureFixture) -> None:
    fill(wb).define(Careless("careless"), RESTChannel("odd", service="anything", method="GET", security="careless"))
    assert paths(wb) == {"/open"}
    assert "'careless' cannot say who calls" in caplog.text
    assert paths(wb, **{"X-Careless": "let me in"}) == {"/open", "/odd"}
