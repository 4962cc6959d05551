"""What jobs are to make of clock changes, found by looking at every minute: no word of this comes from the planner.

Expressions are made beside the sets of numbers they stand for, so that nothing here reads an expression.
"""

from __future__ import annotations

import calendar
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import accumulate
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


def changes(zone: ZoneInfo, first: int, last: int) -> Iterator[datetime]:
    """The instants (UTC, full minutes) at which the clock of a zone changes in the years from `first` to `last`."""
    at, end = datetime(first, 1, 1, tzinfo=UTC), datetime(last + 1, 1, 1, tzinfo=UTC)
    while at < end:
        if _offset(at, zone) != _offset(at + DAY, zone):
            found = at
            for step in (HOUR, MINUTE):
                while _offset(found + step, zone) == _offset(at, zone):
                    found += step
            yield found + MINUTE
        at += DAY


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


class Minutes:
    """Each minute from `first` on, up to and with `last` (UTC, full minutes), and what a clock shows then."""

    def __init__(self, zone: ZoneInfo, first: datetime, last: datetime) -> None:
        count = (last - first) // MINUTE + 1
        self.utc = [first + number * MINUTE for number in range(count)]
        self.local = [at.astimezone(zone).replace(tzinfo=None, fold=0) for at in self.utc]
        self.latest = list(accumulate(self.local, max))
        self._skips = [
            number for number, local in enumerate(self.local) if number and local - self.latest[number - 1] > MINUTE
        ]
        span = (self.latest[-1] - min(self.local)) // DAY + 2
        self._days = [min(self.local).date() + number * DAY for number in range(span)]

    def first_shown(self, wall: datetime) -> datetime:
        """The first minute in which the clock shows that time or a later one."""
        return self.utc[bisect_left(self.latest, wall)]

    def matches(self, made: Made, after: datetime) -> list[datetime]:
        """The minutes later than `after` in which a job of that expression is to run."""
        days = made.among(self._days)

        def fits(local: datetime) -> bool:
            return local.minute in made.minutes and local.hour in made.hours and local.date() in days

        begin = bisect_right(self.utc, after)
        if not days:
            return []
        found = {number for number in range(begin, len(self.utc)) if fits(self.local[number])}
        if made.is_fixed:
            found = {number for number in found if self.local[number] > self.latest[number - 1]}
            found |= {number for number in self._skips if number >= begin and any(map(fits, self._skipped(number)))}
        return [self.utc[number] for number in sorted(found)]

    def _skipped(self, number: int) -> list[datetime]:
        """What the clock skipped just before that minute."""
        shown = self.latest[number - 1]
        return [shown + each * MINUTE for each in range(1, (self.local[number] - shown) // MINUTE)]


class Made(NamedTuple):
    """An expression, and what it stands for."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    month_days: frozenset[int | str]
    months: frozenset[int]
    weekdays: frozenset[int | str]

    @property
    def is_fixed(self) -> bool:
        minute, hour, *_ = self.text.split()
        return minute[0] != "*" and hour[0] != "*"

    def among(self, days: list[date]) -> set[date]:
        """Those of some days that match."""
        _, _, day, _, weekday = self.text.split()
        by_day = {each for each in days if not self.month_days.isdisjoint(_names_in_month(each))}
        by_weekday = {each for each in days if not self.weekdays.isdisjoint(_names_in_week(each))}
        both = day[0] in "*?" or weekday[0] in "*?"
        in_month = {each for each in days if each.month in self.months}
        return in_month & (by_day & by_weekday if both else by_day | by_weekday)


@cache
def _names_in_month(day: date) -> set[int | str]:
    """What a field may call a day of a month: 14, L, LW, 15W."""
    last = calendar.monthrange(day.year, day.month)[1]
    names: set[int | str] = {day.day, *(["L"] if day.day == last else [])}
    working = [each for each in range(1, last + 1) if day.replace(day=each).weekday() < 5]
    if day.day == working[-1]:
        names.add("LW")
    # At most two days away; where two are as near, one of them lies across a weekend and is Friday or Monday.
    names |= {
        f"{each}W"
        for each in range(1, last + 1)
        if day.day in working and min(working, key=lambda other: (abs(other - each), other)) == day.day
    }
    return names


@cache
def _names_in_week(day: date) -> set[int | str]:
    """What a field may call a weekday: 5, 5L, 5#3; a Sunday is 0."""
    number = day.isoweekday() % 7
    names: set[int | str] = {number, f"{number}#{(day.day - 1) // 7 + 1}"}
    return names | ({f"{number}L"} if (day + timedelta(days=7)).month != day.month else set())


def random_expression(random: Random) -> Made:
    """Any expression of five fields; half of them match on most days."""
    minute, minutes = _field(random, 0, 59)
    hour, hours = _field(random, 0, 23)
    day, days = _month_days(random)
    month, months = ("*", frozenset(range(1, 13))) if random.random() < 0.7 else _field(random, 1, 12, MONTHS)
    weekday, weekdays = _weekdays(random)
    return Made(f"{minute} {hour} {day} {month} {weekday}", minutes, hours, days, months, weekdays)


def _field(random: Random, low: int, high: int, names: list[str] | None = None) -> tuple[str, frozenset[int]]:
    if random.random() < 0.3:
        step = random.choice([1, 1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 90])
        return ("*" if step == 1 else f"*/{step}"), frozenset(range(low, high + 1, step))
    terms = [_term(random, low, high, names) for _ in range(random.choice([1, 1, 2, 3]))]
    return ",".join(text for text, _ in terms), frozenset().union(*(numbers for _, numbers in terms))


def _term(random: Random, low: int, high: int, names: list[str] | None) -> tuple[str, frozenset[int]]:
    first = random.randint(low, high)
    if random.random() < 0.5:
        return _spelled(random, first, low, names), frozenset({first})
    last, step = random.randint(first, high), random.choice([1, 1, 2, 3, 7])
    span = f"{_spelled(random, first, low, names)}-{_spelled(random, last, low, names)}"
    return span + (f"/{step}" if step > 1 else ""), frozenset(range(first, last + 1, step))


def _spelled(random: Random, number: int, low: int, names: list[str] | None) -> str:
    if names is not None and number - low < len(names) and random.random() < 0.5:
        name = names[number - low]
        return random.choice([name, name.lower(), name.title()])
    return random.choice([str(number), f"{number:02d}"])


def _month_days(random: Random) -> tuple[str, frozenset[int | str]]:
    kind = random.random()
    if kind < 0.5:
        return random.choice(["*", "?"]), frozenset(range(1, 32))
    if kind < 0.75:
        text, numbers = _field(random, 1, 31)
        return text, frozenset(numbers)
    names = [random.choice(["L", "LW", f"{random.randint(1, 31)}W", random.randint(1, 31)]) for _ in range(2)]
    return ",".join(map(str, names)), frozenset(names)


def _weekdays(random: Random) -> tuple[str, frozenset[int | str]]:
    kind = random.random()
    if kind < 0.5:
        return random.choice(["*", "?"]), frozenset(range(7))
    if kind < 0.75:
        text, numbers = _field(random, 0, 7, WEEKDAYS)
        return text, frozenset(each % 7 for each in numbers)
    names = []
    for _ in range(random.choice([1, 2])):
        number, nth = random.randint(0, 7), random.choice(["L", "#1", "#2", "#3", "#4", "#5", ""])
        names.append((f"{_spelled(random, number, 0, WEEKDAYS) if nth != 'L' else number}{nth}", number % 7, nth))
    return ",".join(text for text, _, _ in names), frozenset(f"{day}{nth}" if nth else day for _, day, nth in names)
