"""Cron expressions against a brute-force oracle, and what is said about bad ones."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.scheduler.cron import expression as cron
from workbench.scheduler.cron.words import cron_words

MONTH_NAMES = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAY_NAMES = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]

Field = tuple[str, frozenset[int]]


def _numbers(low: int, high: int, names: list[str] | None = None) -> st.SearchStrategy[tuple[str, int]]:
    def spelled(value: int) -> st.SearchStrategy[tuple[str, int]]:
        spellings = [str(value)]
        if names and value - (low if low == 1 else 0) < len(names):
            spellings.append(names[value - (low if low == 1 else 0)])
        return st.sampled_from(spellings).map(lambda text: (text, value))

    return st.integers(low, high).flatmap(spelled)


def _field(low: int, high: int, names: list[str] | None = None) -> st.SearchStrategy[Field]:
    """A field's text with the numbers it stands for, built side by side."""
    number = _numbers(low, high, names)
    single = number.map(lambda each: (each[0], frozenset({each[1]})))
    span = st.tuples(number, number, st.integers(1, 5)).map(
        lambda each: _span(*sorted(each[:2], key=lambda pair: pair[1]), step=each[2])
    )
    star = st.integers(1, high).map(
        lambda step: (f"*/{step}" if step > 1 else "*", frozenset(range(low, high + 1, step)))
    )
    terms = st.lists(st.one_of(single, span), min_size=1, max_size=3).map(
        lambda each: (",".join(text for text, _ in each), frozenset().union(*(values for _, values in each)))
    )
    return st.one_of(st.just(("*", frozenset(range(low, high + 1)))), star, terms)


def _span(first: tuple[str, int], last: tuple[str, int], step: int) -> Field:
    text = f"{first[0]}-{last[0]}" + (f"/{step}" if step > 1 else "")
    return text, frozenset(range(first[1], last[1] + 1, step))


@settings(max_examples=80, deadline=None)
@given(
    minute=_field(0, 59),
    hour=_field(0, 23),
    day=_field(1, 31),
    month=_field(1, 12, MONTH_NAMES),
    weekday=_field(0, 7, DAY_NAMES),
    after=st.datetimes(datetime(2019, 12, 1), datetime(2028, 3, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_times_are_those_that_trying_every_minute_finds(
    minute: Field, hour: Field, day: Field, month: Field, weekday: Field, after: datetime
) -> None:
    text = " ".join(field[0] for field in (minute, hour, day, month, weekday))
    weekdays = {each % 7 for each in weekday[1]}
    both = day[0].startswith("*") or weekday[0].startswith("*")

    def day_fits(on: date) -> bool:
        fits = (on.day in day[1], on.isoweekday() % 7 in weekdays)
        return on.month in month[1] and (all(fits) if both else any(fits))

    minutes = (
        datetime.combine(on, time(h, m), UTC)
        for on in (after.date() + timedelta(days=offset) for offset in range(45))
        if day_fits(on)
        for h in sorted(hour[1])
        for m in sorted(minute[1])
    )
    expected = list(islice((at for at in minutes if at > after), 60))
    if expected:
        assert list(islice(cron.times(text, UTC, after), len(expected))) == expected
    elif not cron.problem(text):
        # Nothing within 45 days: what comes after must still fit every field.
        at = next(cron.times(text, UTC, after))
        assert day_fits(at.date())
        assert at.hour in hour[1]
        assert at.minute in minute[1]
        assert at > after + timedelta(days=44)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("15W", ["2024-06-14", "2024-07-15", "2024-08-15", "2024-09-16"]),
        ("1W", ["2024-06-03", "2024-07-01", "2024-08-01", "2024-09-02"]),
        ("31W", ["2024-07-31", "2024-08-30", "2024-10-31", "2024-12-31"]),
        ("30W", ["2024-06-28", "2024-07-30", "2024-08-30", "2024-09-30"]),
        ("1W,15W", ["2024-06-03", "2024-06-14", "2024-07-01", "2024-07-15"]),
        ("LW", ["2024-06-28", "2024-07-31", "2024-08-30", "2024-09-30"]),
        ("L", ["2024-06-30", "2024-07-31", "2024-08-31", "2024-09-30"]),
        ("29-L", ["2024-06-29", "2024-06-30", "2024-07-29", "2024-07-30"]),
    ],
)
def test_days_counted_from_weekdays_or_the_month_end(day: str, expected: list[str]) -> None:
    fires = cron.times(f"0 0 {day} * *", UTC, datetime(2024, 6, 1, tzinfo=UTC))
    assert [f"{at:%Y-%m-%d}" for at in islice(fires, 4)] == expected


def test_15w_beside_a_weekday_follows_the_rule_of_either() -> None:
    fires = cron.times("0 0 15W * MON", UTC, datetime(2024, 6, 9, tzinfo=UTC))
    assert [f"{at:%d}" for at in islice(fires, 3)] == ["10", "14", "17"]


@pytest.mark.parametrize("alias", [*cron.ALIASES, "@hourly", " @Daily "])
def test_aliases_are_known_in_any_case(alias: str) -> None:
    assert cron.problem(alias) == ""
    assert next(cron.times(alias, UTC, datetime(2024, 1, 1, tzinfo=UTC)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("61 9 * * *", "minute '61' is not right: minutes are 0-59"),
        ("0 24 * * *", "hour '24' is not right: hours are 0-23"),
        ("0 9 32 * *", "day of month '32' is not right: days are 1-31"),
        ("0 9 * JANU *", "month 'JANU' is not right: months are 1-12 or names"),
        ("0 9 * * 8", "weekday '8' is not right: weekdays are 0-7 (0 and 7 are Sunday)"),
        ("99 0 9 * * *", "second '99' is not right: seconds are 0-59"),
        ("0 9 L/2 * *", "day of month 'L/2' is not right"),
        ("0 9 32W * *", "day of month '32W' is not right"),
        ("0 9 30 2 *", "never comes: no month has such a day"),
        ("0 9 31W 2 *", "never comes"),
        ("0 9 * *", "has 4 fields, not 5"),
        ("", "has 0 fields, not 5"),
        ("@reboot", "'@reboot' is not one of @yearly"),
        (
            "@every 5m",
            "is not one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly; for an interval",
        ),
        ("0 22-4 * * *", "hour '22-4' is not right: '22-4' goes backwards; write two ranges"),
        ("0 9 * * MON,FRI-TUE/2", "weekday 'MON,FRI-TUE/2' is not right: 'FRI-TUE/2' goes backwards"),
        ("0 9 * * FRI-8", "weekday 'FRI-8' is not right: weekdays are 0-7"),
        ("0 9 * * SUN#6", "weekday 'SUN#6' is not right: weekdays are 0-7"),
        ("0 9 * * L", "weekday 'L' is not right: weekdays are 0-7"),
    ],
)
def test_a_bad_field_is_named_with_valid_ones(text: str, words: str) -> None:
    assert words in cron.problem(text)


def test_every_bad_field_is_named_at_once() -> None:
    problem = cron.problem("60 24 0 13 8")
    assert all(f"{name} '" in problem for name in ("minute", "hour", "day of month", "month", "weekday"))
    assert problem.endswith("a valid expression is '0 9 * * 1-5', 09:00 Monday to Friday")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 9 * * 1-5", "09:00 Monday to Friday"),
        ("30 6,18 * * *", "06:30 and 18:30 every day"),
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("*/10 9-17 * * mon-fri", "every 10 minutes from 09:00 to 17:59 Monday to Friday"),
        ("0 * * * *", "every hour"),
        ("@hourly", "every hour"),
        ("15 * * * *", "every hour at minute 15"),
        ("0 */2 * * *", "every 2 hours"),
        ("0 9-17 * * *", "every hour from 09:00 to 17:00"),
        ("@daily", "00:00 every day"),
        ("@weekly", "00:00 Sunday"),
        ("@monthly", "00:00 on day 1"),
        ("@yearly", "00:00 on day 1 in January"),
        ("0 0 1,15 * *", "00:00 on days 1 and 15"),
        ("0 0 L * *", "00:00 on the last day of the month"),
        ("0 0 15W,LW * ?", "00:00 on the weekday nearest to day 15 and the last weekday of the month"),
        ("0 8 * * 5L", "08:00 the last Friday of the month"),
        ("0 8 * * MON#2", "08:00 the second Monday of the month"),
        ("0 0 13 * FRI", "00:00 on day 13, or Friday"),
        ("0 0 */100,1-7 * MON", "00:00 on days 1 and 1 to 7, if it is Monday"),
        ("0 12 * 6-8 sat-sun", "12:00 Saturday to Sunday in June to August"),
        ("*/15 * * * * *", "every 15 seconds, every minute"),
        ("*/7 * * * *", "every 7 minutes from minute 0 to 56 of each hour"),
        ("*/7 9-17 * * *", "every 7 minutes from minute 0 to 56 of each hour from 09:00 to 17:59"),
        ("*/25 * * * *", "every hour at minute 0, 25 and 50"),
        ("*/90 * * * *", "every hour"),
        ("*/120 9-17 * * *", "every hour from 09:00 to 17:00"),
        ("*/1 */1 */1 */1 */1", "every minute"),
        ("*/7 * * * * *", "every 7 seconds from second 0 to 56 of a minute, every minute"),
        ("*/90 * * * * *", "every minute"),
        ("0 */5 * * *", "00:00, 05:00, 10:00, 15:00 and 20:00 every day"),
        ("0 */36 * * *", "00:00 every day"),
        ("5 */24 * * *", "00:05 every day"),
        ("0 1-23/2 * * *", "every 2 hours from 01:00 to 23:00"),
        ("*/10 */2 * * *", "every 10 minutes of each 2nd hour from 00:00"),
        ("5/20 * * * *", "every hour at minute 5, 25 and 45"),
        ("0 9 * * */2", "09:00 Sunday, Tuesday, Thursday and Saturday"),
        ("0 9 * * mon-fri/2", "09:00 Monday, Wednesday and Friday"),
        ("0 0 1-7 * */7", "00:00 on days 1 to 7, if it is Sunday"),
        ("0 0 */2 * *", "00:00 on every 2nd day of the month from day 1 to 31"),
        ("0 0 */10 * *", "00:00 on days 1, 11, 21 and 31"),
        ("0 0 1 */3 *", "00:00 on day 1 in January, April, July and October"),
        ("0 6 * */4 1", "06:00 Monday in January, May and September"),
        ("0,20,40 1-9/2 * * *", "minute 0, 20 and 40 of hour 1, 3, 5, 7 and 9"),
    ],
)
def test_expressions_are_read_aloud(text: str, words: str) -> None:
    assert cron.problem(text) == ""
    assert cron_words(text) == words


@settings(max_examples=100, deadline=None)
@given(
    fields=st.tuples(_field(0, 59), _field(0, 23), _field(1, 31), _field(1, 12, MONTH_NAMES), _field(0, 7, DAY_NAMES))
)
def test_every_expression_has_words(fields: tuple[Field, ...]) -> None:
    words = cron_words(" ".join(text for text, _ in fields))
    assert words == words.strip()
    assert "  " not in words


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("step", range(1, 100))
def test_words_promise_an_even_step_only_where_the_times_keep_it(place: int, step: int) -> None:
    """A step that does not divide the minute, hour or day is cut short at its end."""
    unit = ("second", "minute", "hour")[place]
    text = " ".join(["0"] * place + [f"*/{step}"] + ["*"] * (5 - place))
    length = timedelta(**{f"{unit}s": step})
    begin = datetime(2027, 1, 1, tzinfo=UTC)
    found = list(islice(cron.times(text, UTC, begin), 100))
    is_even = {b - a for a, b in pairwise(found)} == {length}
    words = cron_words(text)
    promised = f"every {step} {unit}s" in words and "from" not in words
    assert promised == (is_even and 1 < step < (60, 60, 24)[place])


@pytest.mark.parametrize("day", ["2026-03-28T12:00", "2026-10-24T12:00"])
@pytest.mark.parametrize(
    "text", ["30 2 * * *", "0,30 2 * * *", "15 1-3 * * *", "*/30 * * * *", "30 */2 * * *", "* 2 * * *"]
)
def test_a_field_of_seconds_changes_nothing_about_the_clocks(text: str, day: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    after = datetime.fromisoformat(day).replace(tzinfo=zone)
    until = after + timedelta(days=2)
    five = list(takewhile(lambda at: at <= until, cron.times(text, zone, after)))
    assert list(takewhile(lambda at: at <= until, cron.times(f"0 {text}", zone, after))) == five
    seconds = timedelta(seconds=20)
    later = list(takewhile(lambda at: at <= until + seconds, cron.times(f"20 {text}", zone, after + seconds)))
    assert later == [at + seconds for at in five]
    assert cron.count(f"20 {text}", zone, after + seconds, until + seconds) == len(five)
