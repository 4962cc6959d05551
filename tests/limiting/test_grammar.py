"""The text of a limit reads as in Zato, and says what is wrong with a line that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.limiting.grammar import Line, read

ZATO = json.loads((Path(__file__).parents[1] / "vectors" / "ratelimit_zato32.json").read_text())
LIMITS = json.loads((Path(__file__).parents[1] / "vectors" / "ratelimit_limits.json").read_text())
# Zato refuses `s`; here it is a unit.
OURS = {"* = 100/s"}


def only(text: str) -> Line:
    lines, problems = read(text)
    assert problems == []
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize("case", ZATO["parse"], ids=lambda case: case["text"])
def test_reads_what_zato_reads(case: dict[str, object]) -> None:
    line = only(str(case["text"]))
    assert line.network_text == case["from"]
    assert line.rate == (None if case["rate"] == "*" else case["rate"])
    assert line.unit == case["unit"]


@pytest.mark.parametrize("text", [text for text in ZATO["invalid"] if text not in OURS])
def test_refuses_what_zato_refuses_and_shows_a_line_that_would_do(text: str) -> None:
    lines, problems = read(text)
    assert lines == []
    assert len(problems) == 1
    assert problems[0].startswith(f"line 1 `{text}`: ")
    correct = problems[0].rsplit("correct: `", 1)[1].rstrip("`")
    assert only(correct)


def test_seconds_are_a_unit_too() -> None:
    assert only("* = 5/s").period_seconds == 1


@pytest.mark.parametrize(("text", "rate", "unit"), [("100/m", 100, "m"), ("  7 / d ", 7, "d"), ("0/h", 0, "h")])
def test_a_rate_alone_is_for_everyone(text: str, rate: int, unit: str) -> None:
    assert only(text) == Line(1, None, rate, unit)


@pytest.mark.parametrize(
    ("source", "network"),
    [
        ("172.16.9.9/12", "172.16.0.0/12"),
        ("10/8", "10.0.0.0/8"),
        ("192.168/16", "192.168.0.0/16"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:10.0.0.1", "10.0.0.1/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("fe80::1%eth0", "fe80::1/128"),
    ],
)
def test_networks_are_understood_in_every_usual_form(source: str, network: str) -> None:
    assert only(f"{source} = 5/m").network_text == network


def test_lines_keep_their_numbers_across_blanks_and_comments() -> None:
    lines, problems = read("# everyone\n\n* = 100/m\n   # vpn\n172.16.0.0/12=500/h\n10.0.0.7 = *\n")
    assert problems == []
    assert [(line.number, str(line)) for line in lines] == [
        (3, "* = 100/m"),
        (5, "172.16.0.0/12 = 500/h"),
        (6, "10.0.0.7/32 = *"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("* 100/m", "has no `=` where FROM = RATE/UNIT has one; correct: `* = 100/m`"),
        ("* = 100/M", "`M` is not a unit; the units are s, m, h, d (second, minute, hour, day); correct: `* = 100/m`"),
        ("* = 5/hour", "correct: `* = 5/h`"),
        ("* = */m", "`*` is not a whole number; correct: `* = *`"),
        ("* = 100", "`100` names no unit; correct: `* = 100/m`"),
        ("10.0.0 = 5/m", "`10.0.0` is not *, an address or a network; correct: `10.0.0.0/8 = 5/m`"),
        ("= 5/m", "the part before `=` is empty; correct: `* = 5/m`"),
        ("10.0.0.0/33 = 5/m", "is not *, an address or a network"),
        ("* = 1.5/m", "`1.5` is not a whole number"),
        (f"* = {10**13}/d", "is above"),
        ("", "holds no line; write one, as `* = 100/m`"),
        ("# nothing", "holds no line"),
        ("100 a minute", "has no `=`"),
    ],
)
def test_a_line_that_cannot_be_read_is_told_how_to_be_right(text: str, said: str) -> None:
    lines, problems = read(text)
    assert lines == []
    assert said in problems[0]


@pytest.mark.parametrize(
    ("text", "fixes"),
    [
        ("5 per minute", ["correct: `* = 5/m`"]),
        ("5 / 60 secs", ["correct: `* = 5/m`"]),
        ("7 each day", ["correct: `* = 7/d`"]),
        ("10.0.0.0/8 100 a minute", ["correct: `10.0.0.0/8 = 100/m`"]),
        ("10.0.0.1 = 5 per hour", ["correct: `10.0.0.1 = 5/h`"]),
        ("100/m\n1000/h", ["correct: `* = 100/m`", "correct: `* = 1000/h`"]),
        ("100/m;1000/h", ["correct: 2 lines, `* = 100/m` and `* = 1000/h`"]),
        ("* = 4/second and 10/min", ["correct: 2 lines, `* = 4/s` and `* = 10/m`"]),
        ("10/30s", ["an example that is correct: `* = 100/m`"]),
        ("* = 10/30s", ["an example that is correct: `* = 100/m`"]),
        ("* = 5/month", ["an example that is correct: `* = 100/m`"]),
        ("* = 5/ms", ["an example that is correct: `* = 100/m`"]),
        ("* = 1.5/m", ["an example that is correct: `* = 100/m`"]),
        ("* = 5/m = 3", ["an example that is correct: `* = 100/m`"]),
    ],
)
def test_a_correct_line_keeps_the_numbers_or_is_plainly_an_example(text: str, fixes: list[str]) -> None:
    problems = read(text)[1]
    assert [problem.rpartition("; ")[2] for problem in problems] == fixes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("100/M", "line 1 `100/M`: `M` is not a unit; the units"),
        ("10.0.0.1 5/m", "line 1 `10.0.0.1 5/m`: has no `=` where FROM = RATE/UNIT has one; correct: `10.0.0.1 = 5/m`"),
    ],
)
def test_a_line_is_quoted_as_it_was_written(text: str, said: str) -> None:
    assert read(text)[1][0].startswith(said)


def test_every_bad_line_is_named_at_once() -> None:
    _, problems = read("* = 5/m\nnope = 5/m\n* = 5/x\n")
    assert [problem.split(":")[0] for problem in problems] == ["line 2 `nope = 5/m`", "line 3 `* = 5/x`"]


@pytest.mark.parametrize("text", [text for text in LIMITS["invalid"] if text])
def test_refuses_what_the_limits_library_refuses(text: str) -> None:
    assert read(text)[1]


@pytest.mark.parametrize(("unit", "seconds"), [pair for pair in LIMITS["unit_seconds"] if pair[0][0] in "smhd"])
def test_units_are_as_long_as_elsewhere(unit: str, seconds: int) -> None:
    if unit == "month":  # months are no unit here: `m` is a minute
        assert read("* = 1/month")[1]
    else:
        assert only(f"* = 1/{unit[0]}").period_seconds == seconds
