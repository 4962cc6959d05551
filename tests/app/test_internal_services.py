"""Internal services: Zato's names for what makes definitions, called like services, reached by nobody outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.cli.conftest import CommandLine
from tests.cli.conftest import fresh as fresh
from tests.serving import token_of
from workbench import (
    BadRequest,
    Cache,
    FTPConnection,
    IntervalJob,
    JSONRPCChannel,
    OneTimeJob,
    RESTChannel,
    RESTConnection,
    Service,
    SOAPConnection,
    Workbench,
)
from workbench.app.rehearsal.played import NotRehearsed
from workbench.app.serving.internal.families import families
from workbench.core.definition import Definition, field_types
from workbench.core.errors import (
    DanglingReference,
    InvalidDefinition,
    NameTaken,
    ServiceUsage,
    StillUsed,
    UnknownName,
)
from workbench.core.secret import PlainSecretWarning

CACHE = {
    "cluster_id": 1,
    "name": "my.cache",
    "is_active": True,
    "is_default": False,
    "max_size": 10000,
    "max_item_size": 10000,
    "extend_expiry_on_get": True,
    "extend_expiry_on_set": True,
    "cache_type": "builtin",
}
FIELDS: dict[str, dict[str, Any]] = {
    "Cache": {},
    "RESTChannel": {"service": "api.sample"},
    "SOAPChannel": {"service": "api.sample"},
    "JSONRPCChannel": {"services": ["api.sample"]},
    "WebSocketChannel": {"service": "api.sample"},
    "BasicAuth": {"password": {"secret": "PASSWORD"}},
    "APIKey": {"key": {"secret": "KEY"}},
    "OneTimeJob": {"service": "api.sample", "start": "2035-01-01 00:00"},
    "IntervalJob": {"service": "api.sample", "hours": 1},
    "CronJob": {"service": "api.sample", "cron": "0 9 * * 1-5"},
    "RESTConnection": {"host": "https://example.com"},
    "SOAPConnection": {"host": "https://example.com", "wsdl": "/orders?wsdl"},
    "SMTPConnection": {"host": "mail.example.com"},
    "FTPConnection": {"host": "ftp.example.com"},
    "DropboxConnection": {"user_agent": "Shop/1", "token": {"secret": "TOKEN"}},
    "SFTPConnection": {"host": "sftp.example.com", "username": "me"},
    "S3Connection": {"bucket": "invoices"},
    "TwilioConnection": {"account_sid": "AC0123", "auth_token": {"secret": "TOKEN"}},
    "SQLConnection": {"database": ":memory:"},
    "IMAPConnection": {"host": "mail.example.com", "username": "me", "password": {"secret": "PASSWORD"}},
    "ZeroMQConnection": {"address": "tcp://queue.example.com:5555"},
    "LocalFolder": {"path": "in"},
}
"""The least that each class wants besides its name."""


class Sample(Service):
    name = "api.sample"

    def handle(self) -> Any:
        return {"given": self.request.payload}


@pytest.fixture
def shop(wb: Workbench) -> Workbench:
    wb.deploy(Sample)
    return wb


def test_the_cache_of_the_article_is_made_and_used(wb: Workbench) -> None:
    assert wb.invoke("zato.cache.builtin.create", CACHE) == {"id": "my.cache", "name": "my.cache"}

    class Uses(Service):
        name = "uses"

        def handle(self) -> Any:
            self.cache.get_cache("builtin", "my.cache").set("key", "value", expiry=60)
            return self.cache.get_cache("builtin", "my.cache").get("key")

    wb.deploy(Uses)
    assert wb.invoke("uses") == "value"
    assert wb.caches["my.cache"].definition == Cache("my.cache")


def test_every_family_makes_tells_changes_and_removes(
    shop: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PASSWORD", "KEY", "TOKEN"):
        monkeypatch.setenv(name, "hunter2-canary")
    FIELDS["LocalFolder"]["path"], tried = str(tmp_path / "in"), set[str]()
    for family in families():
        for chosen, kind in family.kinds.items():
            # Other tests of this process have had kinds of their own, which the catalog keeps.
            if kind().__module__.startswith("workbench."):
                _round(shop, family, chosen, kind())
                tried.add(kind().__name__)
    assert tried >= FIELDS.keys()


def _round(shop: Workbench, family: Any, chosen: tuple[str, ...], cls: type[Definition]) -> None:
    names = {field: name for name, field in family.renamed.items() if field in field_types(cls)}
    request = {names.get(field, field): value for field, value in FIELDS[cls.__name__].items()}
    request |= dict(zip(family.chosen_by, chosen, strict=True)) | {"name": "one", "cluster_id": 1}
    assert shop.invoke(f"{family.name}.create", request) == {"id": "one", "name": "one"}
    told = shop.invoke(f"{family.name}.get", {"name": "one"})
    assert shop.invoke(f"{family.name}.get-list") == [told]
    [made] = [each.definition for each in shop.defined]
    assert type(made) is cls
    shop.invoke(f"{family.name}.delete", {"id": "one"})
    assert shop.defined == shop.invoke(f"{family.name}.get-list") == []
    # What is told makes the same again.
    shop.invoke(f"{family.name}.create", told)
    assert [each.definition for each in shop.defined] == [made]
    assert shop.invoke(f"{family.name}.edit", told) == {"id": "one", "name": "one"}
    shop.invoke(f"{family.name}.delete", {"name": "one"})


def test_zatos_names_of_fields_become_those_of_definitions(shop: Workbench) -> None:
    job = {"name": "sync", "job_type": "interval_based", "service": "api.sample", "hours": "2", "weeks": ""}
    shop.invoke("zato.scheduler.job.create", job | {"start_date": "2035-01-01 00:00:00", "is_active": False})
    assert shop.jobs["sync"].definition == IntervalJob(
        "sync", service="api.sample", hours=2, start="2035-01-01 00:00", active=False
    )
    shop.invoke("zato.scheduler.job.edit", {"id": "sync", "hours": 3, "is_active": True})
    assert (shop.jobs["sync"].definition.hours, shop.jobs["sync"].definition.active) == (3, True)
    shop.invoke("zato.scheduler.job.execute", {"name": "sync"})
    at = {"name": "files", "host": "ftp.example.com", "timeout": "3", "is_active": "True"}
    shop.invoke("zato.outgoing.ftp.create", at)
    assert shop.connections["files"].definition == FTPConnection("files", host="ftp.example.com", timeout_seconds=3.0)
    out = {"name": "data", "connection": "outgoing", "transport": "plain_http", "host": "http://localhost:1"}
    shop.invoke("zato.http-soap.create", out | {"url_path": "/rates"})
    assert shop.connections["data"].definition == RESTConnection("data", host="http://localhost:1", path="/rates")


def test_a_soap_connection_is_made_by_zatos_fields_and_told_by_them(shop: Workbench) -> None:
    kind = {"name": "crm", "connection": "outgoing", "transport": "soap"}
    shop.invoke("zato.http-soap.create", kind | {"host": "http://localhost:1", "url_path": "/crm?wsdl", "timeout": 5})
    expected = SOAPConnection("crm", host="http://localhost:1", wsdl="/crm?wsdl", timeout_seconds=5.0)
    assert shop.connections["crm"].definition == expected
    assert shop.invoke("zato.http-soap.get", kind)["url_path"] == "/crm?wsdl"


@pytest.mark.parametrize("name", ["zato.ping", "workbench.ping"])
def test_a_ping_is_answered(shop: Workbench, name: str) -> None:
    assert shop.invoke(name) == {"pong": "zato"}


def test_services_are_listed_told_invoked_and_removed(shop: Workbench) -> None:
    assert [each["name"] for each in shop.invoke("zato.service.get-list")] == ["api.sample"]
    assert shop.invoke("workbench.service.get", {"name": "api.sample"})["version"] == 1
    answer = shop.invoke("zato.service.invoke", {"name": "api.sample", "payload": {"x": 1}})
    assert answer == {"given": {"x": 1}}
    shop.invoke("zato.service.delete", {"name": "api.sample"})
    assert list(shop.services) == []


@pytest.fixture
def two(shop: Workbench) -> Workbench:
    """A channel and a connection of one family, which have one name."""
    both = {"transport": "plain_http", "name": "one"}
    shop.invoke("zato.http-soap.create", both | {"connection": "channel", "service": "api.sample"})
    shop.invoke("zato.http-soap.create", both | {"connection": "outgoing", "host": "http://localhost:1"})
    return shop


def test_two_of_one_name_are_both_listed_and_told_apart_by_what_they_are(two: Workbench) -> None:
    def listed(**fields: Any) -> list[str]:
        return [each["connection"] for each in two.invoke("zato.http-soap.get-list", fields)]

    assert sorted(listed()) == sorted(listed(connection="", transport=None)) == ["channel", "outgoing"]
    assert (listed(connection="channel"), listed(transport="soap")) == (["channel"], [])
    assert two.invoke("zato.http-soap.get", {"name": "one", "connection": "channel"})["service"] == "api.sample"
    two.invoke("zato.http-soap.edit", {"name": "one", "connection": "channel", "url_path": "/other"})
    assert (two.channels["one"].definition.path, two.connections["one"].definition.path) == ("/other", "")
    two.invoke("zato.http-soap.delete", {"name": "one", "connection": "channel"})
    assert (list(two.channels), list(two.connections)) == ([], ["one"])
    assert two.invoke("zato.http-soap.delete", {"name": "one"}) == {"id": "one", "name": "one"}
    assert list(two.connections) == []


@pytest.mark.parametrize("action", ["get", "edit", "delete"])
def test_a_name_of_two_is_refused_unless_one_is_said(two: Workbench, action: str) -> None:
    before = two.defined
    with pytest.raises(BadRequest, match=r"may mean .*'one' or .*'one'\. Fix: say which by connection and transport"):
        two.invoke(f"zato.http-soap.{action}", {"name": "one", "transport": "plain_http"})
    with pytest.raises(BadRequest, match=r"no connection='inward', transport=''\. Fix: connection='channel'"):
        two.invoke(f"zato.http-soap.{action}", {"name": "one", "connection": "inward"})
    assert two.defined == before


def test_a_field_that_is_sent_empty_has_its_default_again(shop: Workbench) -> None:
    made = {"name": "a", "service": "api.sample", "limit": "5/m", "method": "GET"}
    shop.invoke("workbench.channel.rest.create", made)
    shop.invoke("workbench.channel.rest.edit", {"name": "a", "limit": ""})
    assert shop.channels["a"].definition == RESTChannel("a", service="api.sample", method="GET")
    shop.invoke("workbench.channel.rest.edit", {"name": "a", "method": None})
    assert shop.channels["a"].definition == RESTChannel("a", service="api.sample")
    shop.invoke("workbench.job.interval.create", {"name": "b", "service": "api.sample", "hours": 1})
    with pytest.raises(InvalidDefinition, match="service is missing"):
        shop.invoke("workbench.job.interval.edit", {"name": "b", "service": ""})


def test_a_secret_sent_back_as_it_was_told_stays_what_it_was(wb: Workbench) -> None:
    with pytest.warns(PlainSecretWarning):
        wb.invoke("zato.security.basic-auth.create", {"name": "user", "password": "hunter2-canary"})
    told = wb.invoke("zato.security.basic-auth.get", {"name": "user"})
    before = wb.users["user"]
    wb.invoke("zato.security.basic-auth.edit", told | {"username": "other"})
    assert wb.users["user"] == before.replace(username="other")


BAD: tuple[tuple[dict[str, Any] | str, type[Exception], str], ...] = (
    (CACHE, NameTaken, r"'my\.cache' comes from two places: .* Fix: zato\.cache\.builtin\.edit changes it"),
    (CACHE | {"name": "b", "max_size": 0}, InvalidDefinition, "max_size"),
    (CACHE | {"name": "b", "max_size": "many"}, InvalidDefinition, "max_size"),
    (CACHE | {"name": "b", "maxsize": 1}, InvalidDefinition, "maxsize is not a field; did you mean 'max_size'"),
    (CACHE | {"name": "b", "cache_type": "memcached"}, BadRequest, "cache_type cannot be 'memcached'. Fix: "),
    (CACHE | {"name": "b", "is_active": False}, BadRequest, "is_active cannot be False. Fix: leave it out"),
    (CACHE | {"name": ""}, InvalidDefinition, "name"),
    ({}, InvalidDefinition, "name is missing"),
    ("my.cache", BadRequest, r"takes fields by name, not 'my\.cache'. Fix: "),
)


@pytest.mark.parametrize(("request_", "kind", "said"), BAD)
def test_what_cannot_be_made_is_told_and_changes_nothing(
    wb: Workbench, request_: Any, kind: type[Exception], said: str
) -> None:
    wb.invoke("zato.cache.builtin.create", CACHE)
    with pytest.raises(kind, match=said):
        wb.invoke("zato.cache.builtin.create", request_)
    assert set(wb.caches) == {"default", "my.cache"}


def test_wrong_names_kinds_and_uses_are_told(shop: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "hunter2-canary")
    with pytest.raises(UnknownName, match="Did you mean 'zato.cache.builtin.create'"):
        shop.invoke("zato.cache.builtin.creat", CACHE)
    with pytest.raises(UnknownName, match="No cache is named 'nope'"):
        shop.invoke("zato.cache.builtin.delete", {"name": "nope"})
    with pytest.raises(BadRequest, match=r"needs a name\. Fix: "):
        shop.invoke("zato.cache.builtin.get", {})
    with pytest.raises(BadRequest, match=r"no job_type='yearly'\. Fix: job_type='one_time' or "):
        shop.invoke("zato.scheduler.job.create", {"name": "a", "job_type": "yearly", "service": "api.sample"})
    with pytest.raises(DanglingReference, match=r"api\.nope"):
        shop.invoke("workbench.channel.rest.create", {"name": "a", "service": "api.nope"})
    shop.invoke("zato.security.apikey.create", {"name": "key", "password": {"secret": "KEY"}})
    with pytest.raises(BadRequest, match="cannot become 'other'. Fix: "):
        shop.invoke("zato.security.apikey.edit", {"id": "key", "name": "other"})
    shop.invoke("workbench.channel.rest.create", {"name": "a", "service": "api.sample", "security": "key"})
    with pytest.raises(StillUsed, match="key"):
        shop.invoke("zato.security.apikey.delete", {"name": "key"})


def test_they_are_apart_from_services_and_no_way_in_leads_to_them(wb: Workbench) -> None:
    assert list(wb.services) == []
    assert "zato.cache.builtin.create" in wb.internal_services
    assert "max_item_size" in str(wb.internal_services["zato.cache.builtin.create"])
    with pytest.raises(ServiceUsage, match=r"own and stays\. Fix: "):
        wb.internal_services.remove("zato.cache.builtin.create")
    for way in (
        RESTChannel("a", service="zato.cache.builtin.create"),
        JSONRPCChannel("b", services=("zato.cache.builtin.create",)),
        OneTimeJob("c", service="zato.cache.builtin.create", start="2035-01-01 00:00"),
    ):
        with pytest.raises(DanglingReference):
            wb.define(way)


def test_over_http_only_the_token_leads_to_them(wb: Workbench) -> None:
    asked = {"service": "zato.cache.builtin.create", "payload": CACHE}
    url, token = f"{wb.start()}/workbench/invoke", token_of(wb)
    assert requests.post(url, json=asked, timeout=30).status_code in (401, 403, 404)
    assert list(wb.caches) == ["default"]
    answer = requests.post(url, json=asked, headers={"X-Workbench-Token": token}, timeout=30)
    assert (answer.status_code, answer.json()["answer"]) == (200, {"id": "my.cache", "name": "my.cache"})
    assert set(wb.caches) == {"default", "my.cache"}


def test_the_command_line_invokes_them(fresh: CommandLine) -> None:
    fresh.serve(fresh.module("services.py", "from workbench import wb\n"))
    made = fresh.run("invoke", "zato.cache.builtin.create", "--payload", json.dumps(CACHE))
    assert made.returncode == 0, made
    assert "my.cache" in fresh.run("invoke", "workbench.cache.get-list").stdout


def test_a_secret_that_was_given_is_in_nothing_that_is_told(wb: Workbench) -> None:
    secret = "hunter2-canary"
    with pytest.warns(PlainSecretWarning):
        wb.invoke("zato.security.basic-auth.create", {"name": "user", "password": secret})
    told = wb.invoke("zato.security.basic-auth.get", {"name": "user"})
    assert told["password"] == "***"
    assert secret not in f"{wb.traffic!r}{wb.traffic[0]!r}{wb.log!r}{wb.users['user']!r}"


def test_a_rehearsed_call_makes_nothing(wb: Workbench) -> None:
    from workbench.app.rehearsal.played import Played
    from workbench.app.rehearsal.rehearsal import Rehearsal

    class Makes(Service):
        name = "makes"

        def handle(self) -> Any:
            return self.invoke("zato.cache.builtin.create", CACHE)

    wb.deploy(Makes)
    with Rehearsal(wb._own) as rehearsal:
        trace = rehearsal.invoke("makes", "", wb._own.registry.services, Played())
    assert trace.root.error is not None
    assert trace.root.error.kind == NotRehearsed.__name__
    assert list(wb.caches) == ["default"]
