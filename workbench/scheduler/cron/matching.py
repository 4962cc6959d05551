"""Which local times match a cron expression, whatever clocks do."""

from __future__ import annotations

import calendar
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import accumulate

from cronsim import CronSim

NEAREST_WEEKDAY = re.compile(r"(0?[1-9]|[12][0-9]|3[01])W")

_LONGEST_GAP_YEARS = 50
_CYCLE_YEARS = 400
"""Years after which all days fall on the same weekdays again."""
_ANY = datetime(2000, 1, 1)  # noqa: DTZ001


class Matching:
    """The local times that an expression of 5 or 6 valid fields names; local times are naive here."""

    def __init__(self, parts: list[str]) -> None:
        """Read the fields, as `expression.fields` gives them."""
        sim = _Days(parts)
        self._sim = sim
        self.is_fixed = not parts[-5].startswith("*") and not parts[-4].startswith("*")
        self.seconds = sorted(sim.seconds)
        self._minutes = [60 * hour + minute for hour in sorted(sim.hours) for minute in sorted(sim.minutes)]
        self._days: dict[tuple[int, int], list[int]] = {}
        self._months_of: dict[tuple[int, int], list[int]] = {}

    def times(self, first: datetime, end: datetime) -> Iterator[datetime]:
        """Those from `first` up to, but not with, `end`, in order."""
        for day in self._days_between(first.date(), end.date()):
            midnight = datetime.combine(day, time())
            begin = bisect_left(self._minutes, _minute(first)) if day == first.date() else 0
            for minute in self._minutes[begin:]:
                at = midnight + timedelta(minutes=minute)
                if at >= end:
                    return
                for second in self.seconds:
                    exact = at + timedelta(seconds=second)
                    if first <= exact < end:
                        yield exact

    def count(self, first: datetime, end: datetime) -> int:
        """How many there are from `first` up to, but not with, `end`."""
        if first >= end:
            return 0
        in_a_day = len(self._minutes) * len(self.seconds)
        days = self._days_before(end.date()) - self._days_before(first.date())
        return days * in_a_day - self._earlier_that_day(first) + self._earlier_that_day(end)

    @cached_property
    def per_day(self) -> float:
        """How many there are on a day, on average."""
        days = date(2 * _CYCLE_YEARS, 1, 1) - date(_CYCLE_YEARS, 1, 1)
        return self._years[-1] * len(self._minutes) * len(self.seconds) / days.days

    def has_minute(self, at: datetime) -> bool:
        """Whether the minute of a local time matches."""
        return self._has_day(at.date()) and self._place(_minute(at))[1]

    def day_from(self, first: date) -> date | None:
        """The first day from that one on that matches; None if none does for 50 years."""
        return next(self._days_between(first, first.replace(year=first.year + _LONGEST_GAP_YEARS, day=1)), None)

    def _days_before(self, day: date) -> int:
        """How many days match from the year 1 up to, but not with, that one."""
        cycles, year = divmod(day.year - 1, _CYCLE_YEARS)
        days = cycles * self._years[-1] + self._years[year] + self._before_month(day.year)[day.month - 1]
        return days + (bisect_left(self._days_of(day.year, day.month), day.day) if day.month in self._sim.months else 0)

    @cached_property
    def _years(self) -> list[int]:
        """How many days match in the first years of a cycle: in none, in one, and so on."""
        return list(accumulate((self._before_month(year)[12] for year in range(1, _CYCLE_YEARS + 1)), initial=0))

    def _before_month(self, year: int) -> list[int]:
        """How many days of a year match before its first month, before its second, and so on; last, in all of it."""
        # Years alike match alike: there are 14 kinds.
        kind = (date(year, 1, 1).weekday(), calendar.isleap(year))
        if kind not in self._months_of:
            in_month = (len(self._days_of(year, each)) * (each in self._sim.months) for each in range(1, 13))
            self._months_of[kind] = list(accumulate(in_month, initial=0))
        return self._months_of[kind]

    def _earlier_that_day(self, at: datetime) -> int:
        if not self._has_day(at.date()):
            return 0
        place, is_in = self._place(_minute(at))
        seconds = sum(each < at.second or (each == at.second and at.microsecond > 0) for each in self.seconds)
        return place * len(self.seconds) + (seconds if is_in else 0)

    def _place(self, minute: int) -> tuple[int, bool]:
        """How many minutes of a day match before that one, and whether it does."""
        place = bisect_left(self._minutes, minute)
        return place, place < len(self._minutes) and self._minutes[place] == minute

    def _has_day(self, day: date) -> bool:
        return day.month in self._sim.months and day.day in self._days_of(day.year, day.month)

    def _days_between(self, first: date, last: date) -> Iterator[date]:
        for year, month, days in self._months(first, last):
            for day in days:
                yield date(year, month, day)

    def _months(self, first: date, last: date) -> Iterator[tuple[int, int, list[int]]]:
        """Each month that has to do with the days from `first` to `last`, with those of them that match."""
        for number in range(12 * first.year + first.month - 1, 12 * last.year + last.month):
            year, month = number // 12, number % 12 + 1
            if month not in self._sim.months:
                continue
            days = self._days_of(year, month)
            begin = bisect_left(days, first.day) if (year, month) == (first.year, first.month) else 0
            end = bisect_right(days, last.day) if (year, month) == (last.year, last.month) else len(days)
            if begin < end:
                yield year, month, days[begin:end]

    def _days_of(self, year: int, month: int) -> list[int]:
        # Days of months alike match alike: there are 28 kinds.
        kind = calendar.monthrange(year, month)
        if kind not in self._days:
            days, match = range(1, kind[1] + 1), self._sim.match_day
            self._days[kind] = list(days) if self._sim.is_daily else [d for d in days if match(date(year, month, d))]
        return self._days[kind]


class _Days(CronSim):
    """The fields as cronsim reads them, with `15W`, and which days match; its times lose some where clocks change."""

    def __init__(self, parts: list[str]) -> None:
        day = len(parts) - 3
        terms = parts[day].split(",")
        rest = [term for term in terms if not NEAREST_WEEKDAY.fullmatch(term)]
        self._nearest = [int(term[:-1]) for term in terms if NEAREST_WEEKDAY.fullmatch(term)]
        super().__init__(" ".join([*parts[:day], ",".join(rest) or "1", *parts[day + 1 :]]), _ANY)
        if not rest:
            self.days = set()
        self.is_daily = self.day_and and set(range(1, 32)) <= self.days and set(range(7)) <= {*self.weekdays}

    def match_dom(self, d: date) -> bool:
        """Whether the day-of-month field matches."""
        return super().match_dom(d) or any(d == _weekday_nearest_to(d, day) for day in self._nearest)


def _minute(at: datetime) -> int:
    return 60 * at.hour + at.minute


def _weekday_nearest_to(month: date, day: int) -> date | None:
    """The weekday nearest to `day` within its month, as in Quartz; None where the month has no such day."""
    days = calendar.monthrange(month.year, month.month)[1]
    if day > days:
        return None
    on = month.replace(day=day)
    if on.weekday() == calendar.SATURDAY:
        return on - timedelta(days=1) if day > 1 else on + timedelta(days=2)
    if on.weekday() == calendar.SUNDAY:
        return on + timedelta(days=1) if day < days else on - timedelta(days=2)
    return on
