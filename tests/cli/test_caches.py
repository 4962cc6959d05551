"""`workbench cache` lists, reads and changes the caches of a running workbench."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.serving import wb as wb
from workbench import Cache, Workbench
from workbench.cli.main import main

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(wb: Workbench, capsys: pytest.CaptureFixture[str]) -> Said:
    """What the command answers about a workbench with a cache of its own: exit status, output, errors."""
    wb.define(Cache("rates", max_size=2, max_item_size=20))
    wb.start()
    capsys.readouterr()

    def ran(*arguments: str) -> tuple[int, str, str]:
        status = main(["cache", *arguments])
        return status, *capsys.readouterr()

    return ran


def test_what_is_set_is_listed_got_and_deleted(said: Said, wb: Workbench) -> None:
    assert said("set", "EUR", '{"rate": 1.5}', "--cache", "rates") == (0, "'EUR' is set in cache 'rates'.\n", "")
    assert wb.caches["rates"].get("EUR") == {"rate": 1.5}
    assert said("get", "EUR", "--cache", "rates") == (0, '{"rate": 1.5}\n', "")
    assert said("list", "--cache", "rates") == (0, 'EUR: {"rate": 1.5}\n', "")
    assert json.loads(said("list", "--cache", "rates", "--json")[1]) == [
        {"name": "EUR", "what": '{"rate": 1.5}', "hits": 2}
    ]
    assert said("list")[1].splitlines()[1].startswith("rates: 1 of at most 2 entries")
    assert said("delete", "EUR", "--cache", "rates") == (0, "'EUR' is deleted from cache 'rates'.\n", "")
    assert said("list", "--cache", "rates") == (0, "Nothing is in it.\n", "")


def test_a_cache_of_any_name_is_told_whole(said: Said, wb: Workbench) -> None:
    wb.define(Cache("a: b", max_size=3))
    assert "a: b: 0 of at most 3 entries" in said("list")[1].splitlines()


def test_without_a_name_the_default_cache_is_meant(said: Said, wb: Workbench) -> None:
    assert said("set", "a", "plain text", "--expiry", "60")[0] == 0
    (entry,) = wb.caches["default"].entries()
    assert (entry.key, entry.value, entry.expiry) == ("a", "plain text", 60.0)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("get", "nothing"), "'nothing' is not in cache 'default'"),
        (("delete", "nothing"), "'nothing' is not in cache 'default'"),
        (("get", "a", "--cache", "rate"), "No cache is named 'rate'; there are: default, rates. Did you mean 'rates'?"),
        (("set", "a", "x" * 21, "--cache", "rates"), "its value has 21, and at most 20 are taken"),
        (("get",), "No key is named. Fix: workbench cache get KEY"),
        (("set", "a"), "No value is given. Fix: workbench cache set a VALUE."),
    ],
)
def test_what_cannot_be_done_says_why(said: Said, arguments: tuple[str, ...], told: str) -> None:
    status, out, err = said(*arguments)
    assert (status, out) == (1, "")
    assert told in err
