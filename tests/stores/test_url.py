"""One reader for the URLs of stores, counters and Redis."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.app.workbench import Workbench
from workbench.core.errors import StoreUnavailable
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
        ("redis://h:6379/0", "redis://h:6379/0"),
        ("user:pw@h:6379", "user:***@h:6379"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert redacted(url) == shown
