"""The tab *Caches*: what each cache is bound to, how it was used, what is in it, and a way to empty it."""

from __future__ import annotations

import pytest

from tests.ui.conftest import Asking
from workbench import Cache, Workbench
from workbench.core.masking import learn
from workbench.ui.panel.caches import MOST_ENTRIES


@pytest.fixture
def rates(wb: Workbench) -> Workbench:
    wb.define(Cache("rates", max_size=500, max_item_size=200))
    return wb


def test_a_cache_says_its_bounds_and_how_it_was_used(ask: Asking, rates: Workbench) -> None:
    live = rates.caches["rates"]
    live.set("EUR", 1)
    live.get("EUR")
    live.get("nothing")
    default, mine = ask("panel", tab="caches")["rows"]
    assert (default["name"], default["entries"], default["max_size"]) == ("default", 0, 10_000)
    assert mine == {
        "name": "rates",
        "entries": 1,
        "max_size": 500,
        "max_item_size": 200,
        "is_default": False,
        "hits": 1,
        "misses": 1,
        "evicted": 0,
    }
    assert [each["name"] for each in ask("panel", tab="caches", text="rate")["rows"]] == ["rates"]


def test_a_cache_whose_store_is_away_hides_no_other_and_says_so_when_it_is_opened(
    ask: Asking, rates: Workbench
) -> None:
    rates.define(Cache("away", store="redis://127.0.0.1:1/0"))
    assert [(each["name"], each["entries"]) for each in ask("panel", tab="caches")["rows"]] == [
        ("default", 0),
        ("rates", 0),
        ("away", None),
    ]
    assert "Cache 'away' has no answer from redis://127.0.0.1:1/0" in ask("cache entries", cache="away")["failed"]
    said = repr(rates.caches)
    assert "0 of at most 500 entries" in said
    assert "Cache 'away' has no answer" in said


def test_entries_are_text_the_latest_first_and_to_look_is_not_to_use(ask: Asking, rates: Workbench) -> None:
    live = rates.caches["rates"]
    live.set("a", {"x": ["<b>"]})
    live.set(b"\xff", b"\xfe", expiry=60)
    said = ask("cache entries", cache="rates")
    assert [(each["key"], each["value"]) for each in said["entries"]] == [("\\xff", "\\xfe"), ("a", '{"x": ["<b>"]}')]
    assert [bool(each["expires_at"]) for each in said["entries"]] == [True, False]
    assert (said["found"], said["of"], live.hits) == (2, 2, 0)
    assert [each["key"] for each in ask("cache entries", cache="rates", text="<B>")["entries"]] == ["a"]


def test_a_page_of_entries_is_bounded_and_says_of_how_many(ask: Asking, rates: Workbench) -> None:
    for number in range(300):
        rates.caches["rates"].set(f"key {number}", number)
    said = ask("cache entries", cache="rates")
    assert (len(said["entries"]), said["found"], said["of"]) == (MOST_ENTRIES, 300, 300)
    assert said["entries"][0]["key"] == "key 299"


def test_a_secret_in_a_cache_is_not_shown(ask: Asking, rates: Workbench) -> None:
    learn("s3cr3t-value")
    rates.caches["rates"].set("token s3cr3t-value", {"token": "s3cr3t-value"})
    said = ask("cache entries", cache="rates")
    assert "s3cr3t" not in repr(said)
    assert ask("cache entries", cache="rates", text="s3cr3t-value")["entries"] == []


def test_a_cache_is_emptied_by_a_click_and_others_are_not(ask: Asking, rates: Workbench) -> None:
    rates.caches["rates"].set("a", 1)
    rates.caches["default"].set("b", 2)
    assert ask("cache clear", cache="rates")["said"] == "Cache 'rates' is empty."
    assert (rates.caches["rates"].keys(), rates.caches["default"].keys()) == ([], ["b"])
    assert "No cache is named 'rate'" in ask("cache clear", cache="rate")["failed"]


def test_a_cache_is_made_by_its_form(ask: Asking, rates: Workbench) -> None:
    fields = {each["name"] for each in ask("form", kind="Cache", preset={})["form"]["fields"]}
    assert {"name", "max_size", "max_item_size", "is_default"} <= fields
    said = ask("form save", kind="Cache", values={"name": "made", "max_size": "7"})
    assert "failed" not in said, said
    assert rates.caches["made"].definition == Cache("made", max_size=7)
    assert 'Cache("made", max_size=7)' in repr(rates.clicked)
