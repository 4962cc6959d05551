"""What other limiters' tests say, held against ours; what does not fit our rules is listed with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.core.clock import VirtualClock
from workbench.limiting.definition import Limit
from workbench.limiting.grammar import read
from workbench.limiting.registry import Limits

VECTORS = Path(__file__).parents[1] / "vectors"
MULTIPLES = "its windows are several units long; ours are one second, minute, hour or day"
REFILL = "a token bucket that refills; ours count calls in calendar windows or sliding spans"
NOT_OURS = {
    "limits": {
        "expiry": MULTIPLES,
        "parse_many": MULTIPLES,
        "sliding_window_counter": "an approximation of sliding windows; ours remember every call and are exact",
    },
    "bucket4j": {
        "available_tokens_greedy": REFILL,
        "estimate": REFILL,
        "intervally": "windows begin at the bucket's creation; ours at the turn of the UTC calendar",
        "wait": REFILL,
        "rounding": REFILL,
        "aligned_initial": "a first window in part gives a part of the tokens; ours gives the whole rate",
    },
    "envoy_configs": {"configs": "limits by descriptors of a request; ours by object and network"},
}
USED_HERE = {"limits": {"parse", "fixed_window", "moving_window"}}
USED_ELSEWHERE = {"limits": {"invalid", "unit_seconds"}}


def vectors(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((VECTORS / f"ratelimit_{name}.json").read_text())
    assert found["provenance"]
    return found


@pytest.mark.parametrize("name", NOT_OURS)
def test_no_vector_is_dropped_in_silence(name: str) -> None:
    sections = set(vectors(name)) - {"provenance", "note"}
    assert sections == set(NOT_OURS[name]) | USED_HERE.get(name, set()) | USED_ELSEWHERE.get(name, set())


@pytest.mark.parametrize("case", vectors("limits")["parse"], ids=lambda case: case["text"])
def test_rates_in_words_are_refused_with_a_correct_line(case: dict[str, Any]) -> None:
    """Words are Zato's grammar neither; `month` would be mistaken for a minute, so nothing is guessed."""
    _, problems = read(case["text"])
    assert problems
    correct = problems[0].rsplit("correct: `", 1)[1].rstrip("`")
    assert read(correct)[1] == []


# Their "10 per 2 second" is played as 10 a minute with time slowed down by 30.
SLOWED = {"10 per 2 second": ("10/m", 30.0), "10 per 2 minute": ("10/h", 30.0)}
PLAIN = {"2 per 1 hour": ("2/h", 1.0), "2 per minute": ("2/m", 1.0), "5 per minute": ("5/m", 1.0)}


@pytest.mark.parametrize("window", ["fixed_window", "moving_window"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_windows_pass_and_refuse_as_those_of_the_limits_library(window: str, place: int) -> None:
    case = vectors("limits")[window][place]
    lines, slower = (SLOWED | PLAIN)[case["limit"]]
    kind = "calendar" if window == "fixed_window" else "sliding"
    clock = VirtualClock()
    limits = Limits(clock)
    limits.define(Limit("x", on="channel", lines=lines, window=kind, per="address"))
    limiter = limits.limiter("channel", "x")
    assert limiter is not None
    start = clock.monotonic()
    for step in case["steps"]:
        if step.get("clear"):
            limits.reset()
        if "test" in step:
            continue  # they ask without counting; ours always counts
        instants = step["t"] if isinstance(step.get("t"), list) else [step.get("t")]
        hits = step.get("hits", step.get("cost", 1))
        said = []
        for number in range(hits):
            share = number / (hits - 1) if hits > 1 else 0.0
            if instants[0] is not None:
                at = instants[0] + share * (instants[-1] - instants[0])
                clock.advance(start + at * slower - clock.monotonic())
            said.append(limiter.check_blocking(step.get("key", "k"), "c").allowed)
        if "ok" in step:
            assert sum(said) == step["ok"]
        elif step.get("hit") is False and hits > 1 and case["limit"] == "10 per 2 minute":
            assert not all(said)  # they refuse 11 at once as one; ours lets 10 of them through
        elif "hit" in step:
            assert all(said) == step["hit"]
