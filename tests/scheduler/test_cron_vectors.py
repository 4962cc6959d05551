"""Expressions and times from the test suites of four other cron libraries; see tests/vectors/cron.md."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import takewhile
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from workbench.scheduler.cron import expression as cron

VECTORS = Path(__file__).parents[1] / "vectors"

SECONDS_FIRST = "a sixth field is seconds and comes first with us, as in cronsim"
A_STAR_STEP_IS_A_STAR = "Vixie's rule: a day field that begins with * must match together with the other one"
LONG_STEPS = "a step beyond the field's end is allowed, as in Vixie's cron: it leaves the first value"
DAYS_WITH_LISTS = "a list that holds a range or star beside others is allowed, as in Vixie's cron"
SECONDS_CHANGE_NO_CLOCKS = "a field of seconds changes nothing about the clocks: 0 30 2 * * * is 30 2 * * *"

CONTRADICTIONS: dict[tuple[str, str], str] = {
    ("croniter", "* * * * * 15,25"): SECONDS_FIRST,
    ("croniter", "* * * * * */15"): SECONDS_FIRST,
    ("robfig", "* * */10 * Sun"): A_STAR_STEP_IS_A_STAR,
    ("robfig", "0 0 0 */5 Apr,Aug,Oct Mon"): A_STAR_STEP_IS_A_STAR,
    ("parse_crontab", "20/50 * * * * *"): LONG_STEPS,
    ("parse_crontab", "0/100 * * * * *"): LONG_STEPS,
    ("parse_crontab", "*,50-59/12 * * * *"): DAYS_WITH_LISTS,
    ("cronsim", "11,22 30 1,2,3,4 * * *"): SECONDS_CHANGE_NO_CLOCKS,
    ("cronsim", "33 30 1-10 * * *"): SECONDS_CHANGE_NO_CLOCKS,
    ("cronsim", "0 30 1-10 * * *"): SECONDS_CHANGE_NO_CLOCKS,
    ("robfig", "TZ=America/New_York 0 30 2 11 Mar ?"): SECONDS_CHANGE_NO_CLOCKS,
    ("robfig", "TZ=America/New_York 0 0 2 * * ?"): SECONDS_CHANGE_NO_CLOCKS,
    ("robfig", "TZ=America/New_York 0 30 1 04 Nov ?"): SECONDS_CHANGE_NO_CLOCKS,
    ("robfig", "TZ=America/New_York 0 0 1 * * ?"): SECONDS_CHANGE_NO_CLOCKS,
    ("robfig", "0 0 1 * * ?"): SECONDS_CHANGE_NO_CLOCKS,
}


DROPPED = {
    ("croniter", "next"): {SECONDS_FIRST: 2},
    ("cronsim", "next"): {SECONDS_CHANGE_NO_CLOCKS: 3},
    ("parse_crontab", "delay"): {SECONDS_FIRST: 6},
    ("parse_crontab", "invalid"): {LONG_STEPS: 2, DAYS_WITH_LISTS: 1},
    ("robfig", "activation"): {A_STAR_STEP_IS_A_STAR: 1},
    ("robfig", "next"): {A_STAR_STEP_IS_A_STAR: 1, SECONDS_CHANGE_NO_CLOCKS: 13},
}
"""How many vectors of each section contradict us, by reason; none of the other sections do."""


def _contradiction(file: str, section: str, expression: str) -> str | None:
    if (file, section) == ("parse_crontab", "delay") and len(expression.split()) > 5:
        return SECONDS_FIRST
    return CONTRADICTIONS.get((file, expression))


def _rows(file: str, section: str) -> list[Any]:
    rows: list[Any] = json.loads((VECTORS / f"cron_{file}.json").read_text())[section]
    return rows


def _vectors(file: str, section: str) -> list[Any]:
    return [row for row in _rows(file, section) if _contradiction(file, section, _id(row)) is None]


def _in_our_words(expression: str) -> str:
    """parse-crontab writes L5 for the last Friday, and L3-5 for three last days; with us that is 5L and 3L,4L,5L."""
    if (last := re.search(r" L(\d)(?:-(\d))?$", expression)) is None:
        return expression
    days = range(int(last[1]), int(last[2] or last[1]) + 1)
    return f"{expression[: last.start()]} {','.join(f'{day}L' for day in days)}"


def _expression(row: dict[str, Any]) -> str:
    return str(row.get("expr") or row["spec"])


def _id(row: Any) -> str:
    return row if isinstance(row, str) else _expression(row)


def _fires(expression: str, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    assert cron.problem(expression) == ""
    return cron.times(expression, zone, after)


@pytest.mark.parametrize("row", _vectors("cronsim", "next"), ids=_id)
def test_times_of_cronsim(row: dict[str, Any]) -> None:
    now = row["now"]
    zone = ZoneInfo(now.get("tz", "UTC"))
    after = datetime.fromisoformat(now["iso"]).replace(tzinfo=zone, fold=now.get("fold", 0))
    fires = _fires(row["expr"], zone, after.astimezone(UTC))
    expected = [datetime.fromisoformat(each) for each in row["next"]]
    # Compared in UTC: Python calls no time of a repeated hour equal to one with another tzinfo.
    assert [next(fires) for _ in expected] == [
        (each if each.tzinfo else each.replace(tzinfo=zone)).astimezone(UTC) for each in expected
    ]


def _previous(expression: str, before: datetime) -> datetime:
    """The last fire before an instant, found by going forward from further and further back."""
    for days in (1, 40, 800, 4_000):
        fires = _fires(expression, UTC, before - timedelta(days=days))
        if found := list(takewhile(lambda at: at < before, fires)):
            return found[-1]
    raise AssertionError(f"{expression} does not fire in ten years before {before}")


@pytest.mark.parametrize("row", _vectors("croniter", "next"), ids=_id)
def test_times_of_croniter_both_ways(row: dict[str, Any]) -> None:
    at = datetime.fromisoformat(row["now"]).replace(tzinfo=UTC)
    for expected in row["next"]:
        forward = expected["direction"] == "next"
        at = next(_fires(row["expr"], UTC, at)) if forward else _previous(row["expr"], at)
        parts = {part: value for part, value in expected.items() if part not in ("direction", "tzinfo")}
        assert {part: at.isoweekday() if part == "isoweekday" else getattr(at, part) for part in parts} == parts


@pytest.mark.parametrize("row", _vectors("parse_crontab", "delay"), ids=_id)
def test_delays_of_parse_crontab(row: dict[str, Any]) -> None:
    now = datetime.fromisoformat(row.get("now", "2024-05-17T11:22:33")).replace(tzinfo=UTC)
    delay = (next(_fires(_in_our_words(row["expr"]), UTC, now)) - now).total_seconds()
    assert row.get("min_delay_s", 0) <= delay <= row["max_delay_s"]


def _robfig_time(text: str) -> datetime:
    text = text.removeprefix("TZ=America/New_York ")
    if text[0].isdigit():
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")
    clock = "%H:%M:%S" if text.count(":") == 2 else "%H:%M"
    # The day of the week is wrong in some of them, and no test of theirs looks at it.
    return datetime.strptime(text.partition(" ")[2], f"%b %d {clock} %Y").replace(tzinfo=UTC)


def _robfig_zone(row: dict[str, Any]) -> tuple[str, tzinfo]:
    zone, expression = re.fullmatch(r"(?:(?:CRON_)?TZ=(\S+) )?(.*)", row["spec"]).groups()  # type: ignore[union-attr]
    zone = zone or ("America/New_York" if row["time"].startswith("TZ=") else None)
    return expression, ZoneInfo(zone) if zone else _robfig_time(row["time"]).tzinfo or UTC


@pytest.mark.parametrize("row", _vectors("robfig", "activation"), ids=_id)
def test_activations_of_robfig(row: dict[str, Any]) -> None:
    at = _robfig_time(row["time"])
    assert (next(_fires(row["spec"], UTC, at - timedelta(seconds=1))) == at) is row["fires"]


@pytest.mark.parametrize("row", [row for row in _vectors("robfig", "next") if row["next"]], ids=_id)
def test_times_of_robfig(row: dict[str, Any]) -> None:
    expression, zone = _robfig_zone(row)
    assert next(_fires(expression, zone, _robfig_time(row["time"]))) == _robfig_time(row["next"])


INVALID = [
    *((file, expression) for file in ("cronsim", "croniter", "robfig") for expression in _vectors(file, "invalid")),
    *(("parse_crontab", expression) for expression in _vectors("parse_crontab", "invalid")),
    *(("robfig", row["spec"]) for row in _vectors("robfig", "next") if not row["next"]),
]


@pytest.mark.parametrize(("file", "expression"), INVALID)
def test_what_others_refuse_is_refused_with_a_valid_example(file: str, expression: str) -> None:
    assert "'0 9 * * 1-5'" in cron.problem(expression)


@pytest.mark.parametrize("row", _rows("parse_crontab", "never"), ids=_id)
def test_a_year_as_last_field_which_makes_theirs_end_is_refused(row: dict[str, Any]) -> None:
    assert len(row["expr"].split()) == 6
    assert "'0 9 * * 1-5'" in cron.problem(row["expr"])


def test_no_vector_is_left_out_but_those_that_contradict_us() -> None:
    left_out = {}
    for file in ("cronsim", "croniter", "parse_crontab", "robfig"):
        for section in ("next", "delay", "activation", "invalid"):
            if section in json.loads((VECTORS / f"cron_{file}.json").read_text()):
                reasons = [_contradiction(file, section, _id(row)) for row in _rows(file, section)]
                left_out[file, section] = Counter(filter(None, reasons))
    assert {where: dict(counts) for where, counts in left_out.items() if counts} == DROPPED


def test_every_contradiction_is_a_vector_that_we_do_answer_otherwise() -> None:
    listed = {
        (file, _id(row))
        for file in ("cronsim", "croniter", "parse_crontab", "robfig")
        for section, rows in json.loads((VECTORS / f"cron_{file}.json").read_text()).items()
        if section in ("next", "delay", "activation", "invalid", "never")
        for row in rows
    }
    assert set(CONTRADICTIONS) <= listed
    expressions = [expression.removeprefix("TZ=America/New_York ") for _, expression in CONTRADICTIONS]
    assert [expression for expression in expressions if cron.problem(expression)] == ["* * * * * 15,25"]
