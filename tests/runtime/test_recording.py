"""What a service holds passes for the connection itself, of any class, and each thing asked of it is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Self, cast

import msgspec
import pytest

from workbench.core.call import INVOKE, Call
from workbench.core.masking import learn
from workbench.core.payload.asked import given
from workbench.runtime.recording import held
from workbench.runtime.replay import FromRecord, RecordDiffers
from workbench.runtime.traffic import Traffic


class Weather:
    """A connection of somebody's own, with all that a class may have."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.unit = "C"

    def now(self, city: str) -> int:
        self.asked.append(city)
        if city == "Nowhere":
            raise LookupError(city)
        return len(self.asked)

    async def later(self, city: str) -> int:
        await asyncio.sleep(0)
        return self.now(city)

    def each(self, *cities: str) -> Iterator[int]:
        for city in cities:
            yield self.now(city)

    def __getitem__(self, city: str) -> int:
        return self.now(city)

    def __call__(self, city: str) -> int:
        return self.now(city)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.asked.append("left")

    def __repr__(self) -> str:
        return "the weather"


def call(replay: FromRecord | None = None) -> Call:
    made = Call(
        "s", "", cid="c", channel=INVOKE, services={}, surroundings=cast(Any, SimpleNamespace(traffic=Traffic()))
    )
    made.replay = replay
    return made


def work(weather: Any) -> list[Any]:
    """Ask in every way there is."""
    found: list[Any] = [weather.now("Lodz"), weather["Riga"], weather("Oslo"), asyncio.run(weather.later("Rome"))]
    found.append(list(weather.each("Bern", "Graz")))
    with weather as same:
        found.append(same.now("Kyiv"))
    with pytest.raises(LookupError, match="Nowhere"):
        weather.now("Nowhere")
    return found


def test_it_passes_for_the_connection() -> None:
    weather = Weather()
    holding = held(call(), "Weather", weather)
    assert isinstance(holding, Weather)
    assert repr(holding) == "the weather"
    assert (holding == weather, hash(holding) == hash(weather), "now" in dir(holding)) == (True, True, True)
    assert callable(holding)
    assert not hasattr(holding, "nothing")
    assert not hasattr(holding, "__len__")
    holding.unit = "F"
    assert weather.unit == "F"
    with holding as same:
        assert same is holding
    with pytest.raises(AttributeError, match="nothing"):
        _ = holding.nothing


def test_what_was_asked_in_any_way_is_answered_again_and_nobody_is_asked() -> None:
    first, weather = call(), Weather()
    found = work(held(first, "Weather", weather))
    record = first.step.asked or []
    assert [each.operation for each in record] == [
        *("now", "__getitem__", "__call__", "later", "each", "now", "now"),
    ]
    replay, silent = FromRecord("s", record, len(record)), Weather()
    second = call(replay)
    assert work(held(second, "Weather", silent)) == found
    assert silent.asked == ["left"], "a block is the service's own"
    assert replay.ended() is None
    assert list(replay.told()) == [each.words for each in record]
    assert all(each.is_told for each in second.step.asked or [])


def test_items_that_were_not_read_are_not_there_again() -> None:
    first = call()
    assert next(held(first, "Weather", Weather()).each("Lodz", "Riga")) == 1
    again = held(call(FromRecord("s", first.step.asked or [], 1)), "Weather", Weather()).each("Lodz", "Riga")
    assert next(again) == 1
    with pytest.raises(Exception, match=r"was read to its item 1, and what follows is not kept"):
        next(again)


class Picky(msgspec.Struct):
    """A value that no copy can be made of, once a secret in it is masked."""

    code: str

    def __post_init__(self) -> None:
        if len(self.code) != 20:
            raise ValueError("a code has 20 characters")


class Post:
    """A connection that answers what it is sent."""

    def send(self, value: Any) -> Any:
        return value

    def each(self, value: Any) -> Iterator[Any]:
        yield value


class Untold(Picky):
    """A value that cannot say what it is made of."""

    @classmethod
    def of_record(cls, record: Any, held: Any) -> Self:
        return cls(record)

    def to_record(self) -> Any:
        raise OSError("gone")


@pytest.mark.parametrize("way", ["send", "each"])
@pytest.mark.parametrize(
    ("value", "why"), [(Picky("a-secret-of-20-chars"), "a secret"), (Untold("b" * 20), "could not be copied (OSError)")]
)
def test_a_value_that_cannot_be_copied_is_sent_and_answered_all_the_same(value: Any, why: str, way: str) -> None:
    learn("a-secret-of-20-chars")
    first = call()
    answer = getattr(held(first, "Post", Post()), way)(value)
    assert (answer if way == "send" else next(answer)) is value
    (asked,) = first.step.asked or []
    assert why in asked.why
    assert why in given(value, 1_000).why


def test_once_it_differs_nothing_is_asked_any_more() -> None:
    first = call()
    work(held(first, "Weather", Weather()))
    silent = Weather()
    holding = held(call(FromRecord("s", first.step.asked or [], 2)), "Weather", silent)
    for _ in range(2):
        with pytest.raises(RecordDiffers, match=r"the record has Weather now\(.Lodz.\), and this run asked"):
            holding.now("Riga")
    assert silent.asked == []
