"""One reader for the URLs of stores, counters and Redis."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.app.configuration.settings import Settings
from workbench.app.workbench import Workbench
from workbench.core.errors import StoreUnavailable
from workbench.core.masking import mask
from workbench.stores.url import StoreURL, read_url, redacted


@pytest.mark.parametrize(
    ("url", "kind", "path"),
    [
        ("memory://", "memory", None),
        ("sqlite:///.workbench/store.db", "sqlite", Path(".workbench/store.db")),
        ("sqlite:////var/lib/store.db", "sqlite", Path("/var/lib/store.db")),
        ("redis://h:6379/0", "redis", None),
        ("rediss://user:pw@h/0", "redis", None),
        ("unix:///a/b.sock?db=1", "redis", None),
    ],
)
def test_a_url_says_what_kind_it_names_and_where(url: str, kind: str, path: Path | None) -> None:
    assert read_url(url) == StoreURL(kind, url, path)


@pytest.mark.parametrize("url", ["", "store.db", "memory", "redis:", "mysql://h/db", "sqlite://", "sqlite:///:memory:"])
def test_counters_and_stores_refuse_the_same_urls_and_name_the_forms(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="store.*Fix: write .*sqlite:///relative/path"):
        read_url(url)
    with pytest.raises(StoreUnavailable, match="counters.*Fix: write .*sqlite:///relative/path"):
        Workbench(store="memory://", port=0, counters=url)


def test_only_the_kinds_that_will_do_are_read_and_named() -> None:
    with pytest.raises(StoreUnavailable, match="There is no Redis URL of kind 'memory'") as refused:
        read_url("memory://", "Redis", ["redis"])
    assert "sqlite" not in str(refused.value)
    assert read_url("redis://h", "Redis", ["redis"]).kind == "redis"


def test_a_url_without_a_scheme_is_not_repeated() -> None:
    with pytest.raises(StoreUnavailable, match="no store URL without '://'") as refused:
        read_url("user:s3cret@host:6379")
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:pw@h:6379/0", "redis://:***@h:6379/0"),
        ("rediss://user:p%40w@h/0", "rediss://user:***@h/0"),
        ("unix:///a/b.sock?db=0&password=pw", "unix:///a/b.sock?db=0&password=***"),
        ("redis://h?Password=pw&db=1", "redis://h?Password=***&db=1"),
        ("redis://h:6379/0?password=a@bcdef", "redis://h:6379/0?password=***"),
        ("redis://u:pw@h:6379/0?password=a@bcdef", "redis://u:***@h:6379/0?password=***"),
        ("redis://h:6379/0", "redis://h:6379/0"),
        ("user:pw@h:6379", "user:***@h:6379"),
        ("unix://:pw@/a/b.sock", "unix://:***@/a/b.sock"),
        ("redis://:a/b@c?d@h:6379/0", "redis://:***@h:6379/0"),
        ("sqlite:////a/b@c:d.db", "sqlite:////a/b@c:d.db"),
        ("unix:///a:b@c.sock", "unix:///a:b@c.sock"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert redacted(url) == shown


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("redis://:canary-4711@h/0", "canary-4711"),
        ("redis://ada:can%2Fary-4711@h/0", "can/ary-4711"),
        ("unix:///a/b.sock?db=0&password=canary-4711", "canary-4711"),
        ("redis://:can/ary@4711@h/0", "can/ary@4711"),
    ],
)
def test_a_password_in_a_url_is_masked_once_it_is_read(url: str, password: str) -> None:
    read_url(url)
    assert mask(f"sent {password} and {url}").count("***") == 2
    assert password not in mask(f"sent {password} and {url}")


def test_a_refused_url_has_a_secret_all_the_same() -> None:
    with pytest.raises(StoreUnavailable):
        read_url("mysql://ada:canary-4711@h/0")
    assert mask("canary-4711") == "***"


def test_settings_show_no_password() -> None:
    shown = repr(Settings(store="redis://:pw@h/0", counters="redis://ada:pw@h/0"))
    assert "store='redis://:***@h/0', counters='redis://ada:***@h/0'" in shown
