"""The gate: endpoint's limit, credentials, user's limit; the first that refuses ends it, whatever the store."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Mapping
from typing import Any

import pytest

from workbench.channels.gate import Gate
from workbench.core.call import NOBODY, ChannelSecurity
from workbench.core.errors import Forbidden, ServiceUnavailable, TooManyRequests, Unauthorized

USER = ChannelSecurity("u", "apikey", "u")


class Ruling:
    """A decision made by hand."""

    kind, headers = "limit", ()

    def __init__(self, name: str, denied: str = "", *, shadow: bool = False) -> None:
        self.name, self.denied, self.allowed = name, denied, shadow or not denied

    def said(self) -> str:
        return self.name

    def log_line(self) -> str:
        return self.name


class Rule:
    """A limit that decides by hand: at once, or later as one in a shared store does."""

    def __init__(self, ruling: Ruling, asked: list[str], *, later: bool) -> None:
        self._ruling, self._asked, self._later = ruling, asked, later

    def check(self, address: str | None, cid: str) -> Any:
        self._asked.append(f"{self._ruling.name} {address} {cid}")
        if not self._later:
            return self._ruling
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        loop.call_soon(future.set_result, self._ruling)
        return future

    def check_blocking(self, address: str | None, cid: str) -> Any:
        raise AssertionError("a gate never blocks the loop")


class Key:
    """Knows one key."""

    user = USER

    def __init__(self, asked: list[str]) -> None:
        self._asked = asked

    def verify(self, headers: Mapping[str, str]) -> None:
        self._asked.append("key")
        if headers.get("Key") != "right":
            raise Unauthorized("no")


class Someone:
    """A caller that keeps what was decided."""

    address, cid = "10.0.0.1", "c1"

    def __init__(self, key: str = "right") -> None:
        self.headers = {"Key": key}
        self.noted: list[Any] = []

    def note(self, decision: Any) -> None:
        self.noted.append(decision)


def admitted(gate: Gate, caller: Someone) -> tuple[Any, bool]:
    """The user that a gate lets in, or the class of the error; and whether it had to be awaited."""

    async def ask() -> tuple[Any, bool]:
        waited = False
        try:
            answer = gate.admit(caller)
            if isinstance(answer, Awaitable):
                waited = True
                answer = await answer
        except Exception as exc:
            return type(exc), waited
        return answer, waited

    return asyncio.run(ask())


@pytest.mark.parametrize(("endpoint_later", "user_later"), list(itertools.product([False, True], repeat=2)))
@pytest.mark.parametrize(
    ("endpoint", "key", "user", "order", "outcome"),
    [
        ("", "right", "", ["endpoint", "key", "user"], USER),
        ("", "right", "limit", ["endpoint", "key", "user"], TooManyRequests),
        ("", "right", "address", ["endpoint", "key", "user"], Forbidden),
        ("", "right", "store", ["endpoint", "key", "user"], ServiceUnavailable),
        ("", "wrong", "", ["endpoint", "key"], Unauthorized),
        ("limit", "right", "", ["endpoint"], TooManyRequests),
        ("address", "wrong", "limit", ["endpoint"], Forbidden),
        ("store", "right", "", ["endpoint"], ServiceUnavailable),
    ],
)
def test_checks_run_in_order_until_one_refuses_and_none_runs_twice(
    endpoint: str, key: str, user: str, order: list[str], outcome: Any, endpoint_later: bool, user_later: bool
) -> None:
    asked: list[str] = []
    rulings = [Ruling("endpoint", endpoint), Ruling("user", user)]
    gate = Gate(Rule(rulings[0], asked, later=endpoint_later), Key(asked), Rule(rulings[1], asked, later=user_later))
    caller = Someone(key)
    found, waited = admitted(gate, caller)
    assert found is outcome
    assert [each.split()[0] for each in asked] == order
    assert asked[0] == "endpoint 10.0.0.1 c1"
    assert caller.noted == [ruling for ruling in rulings if ruling.name in order]
    assert waited is (endpoint_later or (user_later and "user" in order))


@pytest.mark.parametrize("later", [False, True])
def test_a_refusal_of_shadow_is_noted_and_lets_the_caller_in(later: bool) -> None:
    asked: list[str] = []
    ruling = Ruling("endpoint", "limit", shadow=True)
    caller = Someone()
    assert admitted(Gate(Rule(ruling, asked, later=later)), caller)[0] is NOBODY
    assert caller.noted == [ruling]


def test_a_gate_without_checks_is_open_to_all() -> None:
    assert admitted(Gate(), Someone("")) == (NOBODY, False)


def test_a_gate_may_be_asked_by_many_callers_side_by_side() -> None:
    asked: list[str] = []
    gate = Gate(Rule(Ruling("endpoint"), asked, later=True), Key(asked), Rule(Ruling("user"), asked, later=True))

    async def ask() -> list[Any]:
        answers = [gate.admit(Someone()) for _ in range(3)]
        return [await each for each in answers if isinstance(each, Awaitable)]

    assert asyncio.run(ask()) == [USER] * 3
    assert sorted(each.split()[0] for each in asked) == ["endpoint"] * 3 + ["key"] * 3 + ["user"] * 3
