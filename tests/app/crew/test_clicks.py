"""What was made by click compares between processes: the same in each that has the same in force, and in no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.app.test_clicks import EVERY_KIND, Hello
from tests.serving import wb as wb
from workbench import BasicAuth, RESTConnection, secret
from workbench.app.serving.crew.clicks import ClicksInForce
from workbench.app.workbench import Workbench
from workbench.core.definition import Definition
from workbench.core.origin import Origin

FORM, APPLIED = Origin("form"), Origin("file", file="definitions.yaml", applied=True)


def account(timeout: float = 10.0) -> Definition:
    return RESTConnection("account", host="http://localhost", timeout_seconds=timeout)


def user() -> Definition:
    return BasicAuth("user", password=secret("PASSWORD"))


Open = Callable[[], Workbench]


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens workbenches that keep clicks in one store, as worker processes do."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    for name in ("PASSWORD", "ADA_PASSWORD", "BOB_KEY", "MY_FTP_PASSWORD", "TOKEN"):
        monkeypatch.setenv(name, f"of-{name.lower()}")
    made: list[Workbench] = []

    def open_one() -> Workbench:
        made.append(Workbench(port=0, folder=tmp_path, store=f"sqlite:///{tmp_path / 'store.sqlite'}"))
        return made[-1]

    yield open_one
    for each in made:
        each.close()


def digest(wb: Workbench) -> str:
    return ClicksInForce(lambda: wb.defined).digest()


def click(wb: Workbench, *definitions: Definition, origin: Origin = FORM) -> None:
    wb.drafting.define(definitions, origin=origin)


def test_the_same_compares_whatever_the_order_and_by_whom(opened: Open) -> None:
    first, second = opened(), opened()
    assert digest(first) == digest(second)
    click(first, account())
    click(first, user())
    click(second, user(), account(), origin=APPLIED)
    assert digest(first) == digest(second)


@pytest.mark.parametrize("other", [(), (account(20.0),), (account(), user())], ids=["none", "another field", "more"])
def test_what_is_not_the_same_does_not(opened: Open, other: tuple[Definition, ...]) -> None:
    first, second = opened(), opened()
    click(first, account())
    click(second, *other)
    assert digest(first) != digest(second)


@pytest.mark.parametrize("made", [EVERY_KIND, [account(timeout=10)]], ids=["every kind", "a float that is an int"])
def test_what_came_back_from_the_store_compares_with_what_was_made(made: list[Definition], opened: Open) -> None:
    first = opened()
    first.deploy(Hello)
    click(first, *made)
    second = opened()
    second.deploy(Hello)
    assert len(second.defined) == len(made)
    assert digest(first) == digest(second)


def test_what_another_process_keeps_in_the_store_is_not_what_this_one_has(opened: Open) -> None:
    first, second = opened(), opened()
    before = digest(second)
    click(first, account())
    assert list(second.clicked) == ["connection account"], "it is read there for the first time"
    assert digest(second) == before


def test_what_code_defines_does_not_count_until_it_is_changed_by_click(wb: Workbench) -> None:
    before = digest(wb)
    wb.define(account())
    assert digest(wb) == before
    click(wb, account(20.0))
    assert digest(wb) != before
    wb.define(account())
    assert digest(wb) == before


def test_what_is_removed_counts_no_longer(wb: Workbench) -> None:
    found = ClicksInForce(lambda: wb.defined)
    before = found.digest()
    click(wb, account())
    assert found.digest() != before
    wb.clicked.remove("connection account")
    assert found.digest() == before
