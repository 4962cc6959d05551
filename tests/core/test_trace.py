"""A trace is drawn the same way every time: no times, no CID."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from workbench.core.call import INVOKE, Call
from workbench.core.current import CURRENT, MOST_STEPS, outgoing
from workbench.core.masking import learn
from workbench.core.secret import secret
from workbench.core.trace import KEPT_CHARACTERS, Line, Outgoing, Step, Trace, kept


def test_a_trace_is_a_tree_without_its_cid() -> None:
    root, child = Step("http", "POST /api/x"), Step("service", "api.x")
    root.steps.append(child)
    child.steps += [Line("log", "cid:abc123 seen\ntwice", "INFO"), Line("print", "hello")]
    child.end("ok")
    root.end("200")
    trace = Trace("abc123", 0.0, root)
    assert repr(trace) == ("POST /api/x 200\n  api.x ok\n    log: INFO cid:... seen\n    log: twice\n    print: hello")
    assert trace.lines == ["INFO cid:abc123 seen\ntwice", "hello"]
    assert trace.steps("service") == [child]


def test_a_step_ends_once() -> None:
    step = Step("service", "x")
    step.end("ok")
    seconds = step.seconds
    step.end("failed: ValueError")
    assert (step.outcome, step.seconds) == ("ok", seconds)


def test_an_outgoing_step_says_how_it_ended() -> None:
    with outgoing("rest", "GET x") as step:
        pass
    assert step.outcome == "ok"
    with pytest.raises(ValueError, match="boom"), outgoing("rest", "GET x") as step:
        raise ValueError("boom")
    assert step.outcome == "failed: ValueError"
    assert step.error is not None
    assert (step.error.kind, step.error.sentence) == ("ValueError", "boom")


CANARY = "cAnArY/4711+hidden"


class Counted:
    """Says how often its text was asked for."""

    asked = 0

    def __repr__(self) -> str:
        Counted.asked += 1
        return "counted"


class Broken:
    def __repr__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        (b"b\xc3\xa9\xff", "bé\\xff"),
        (memoryview(b"view"), "view"),
        ({"a": [1, 2.5, None, True], "é": "x"}, '{"a": [1, 2.5, null, true], "é": "x"}'),
        (("GET", b"key"), '["GET", "key"]'),
        ([], "[]"),
        (None, "null"),
        (secret("NAME"), "secret('NAME')"),
        (Broken(), "<Broken, whose text raised ValueError>"),
    ],
)
def test_a_value_is_kept_as_text(value: Any, text: str) -> None:
    assert kept(value) == (text, True)


@pytest.mark.parametrize("make", [str, str.encode, lambda text: [text], lambda text: {"a": [text]}])
@pytest.mark.parametrize("before", range(KEPT_CHARACTERS - 30, KEPT_CHARACTERS + 10, 7))
def test_no_part_of_a_secret_is_left_where_a_value_is_cut(make: Any, before: int) -> None:
    learn(CANARY)
    found = kept(make("x" * before + CANARY + "y" * 100_000))
    assert (found.is_whole, len(found.text) <= KEPT_CHARACTERS) == (False, True)
    assert CANARY[:6] not in found.text


@pytest.mark.parametrize("before", range(len(CANARY)))
def test_many_secrets_in_a_long_value_leave_no_part_of_the_last_one(before: int) -> None:
    learn(CANARY)
    assert set(kept("x" * before + CANARY * 1000).text) <= {"x", "*"}


def test_a_big_value_is_not_looked_at_beyond_what_is_kept() -> None:
    Counted.asked, given = 0, iter([1, 2])
    assert not kept([Counted()] * 1_000_000).is_whole
    assert Counted.asked < 10_000
    kept([given])
    assert list(given) == [1, 2]
    circle: list[Any] = []
    circle += [circle, circle]
    assert len(kept(circle).text) <= KEPT_CHARACTERS


def test_a_call_keeps_a_bounded_number_of_calls_to_other_systems() -> None:
    around: Any = SimpleNamespace(traffic=SimpleNamespace(grow=lambda characters: None))
    call = Call("api.sync", None, cid="c", channel=INVOKE, services={}, surroundings=around)
    token = CURRENT.set(call)
    try:
        for number in range(MOST_STEPS + 5):
            with outgoing("rest", "GET x", {"path": f"/{number}"}) as step:
                step.answered("y")
    finally:
        CURRENT.reset(token)
    assert (step.arguments, step.answer, step.mood) == ({}, None, "ok")
    *records, note = call.step.steps
    assert (len(records), isinstance(records[-1], Outgoing)) == (MOST_STEPS, True)
    assert note.describe() == "WARNING more than 1000 steps; later calls to other systems are not kept"


def test_outside_of_a_call_nothing_is_kept() -> None:
    with outgoing("rest", "GET x", {"path": "/"}) as step:
        step.answered("y")
    assert (step.arguments, step.answer, step.size) == ({}, None, 0)
