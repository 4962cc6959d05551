"""Which local times match a cron expression, whatever clocks do."""

from __future__ import annotations

import calendar
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from cronsim import CronSim

NEAREST_WEEKDAY = re.compile(r"(0?[1-9]|[12][0-9]|3[01])W")

_LONGEST_GAP_YEARS = 50
_DAY = timedelta(days=1)
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
        days = sum(len(each) for _, _, each in self._months(first.date(), end.date() - _DAY))
        return days * in_a_day - self._earlier_that_day(first) + self._earlier_that_day(end)

    def has_minute(self, at: datetime) -> bool:
        """Whether the minute of a local time matches."""
        return self._has_day(at.date()) and _minute(at) in self._minutes

    def day_from(self, first: date) -> date | None:
        """The first day from that one on that matches; None if none does for 50 years."""
        return next(self._days_between(first, first.replace(year=first.year + _LONGEST_GAP_YEARS, day=1)), None)

    def _earlier_that_day(self, at: datetime) -> int:
        if not self._has_day(at.date()):
            return 0
        place = bisect_left(self._minutes, _minute(at))
        is_in = place < len(self._minutes) and self._minutes[place] == _minute(at)
        seconds = sum(each < at.second or (each == at.second and at.microsecond > 0) for each in self.seconds)
        return place * len(self.seconds) + (seconds if is_in else 0)

    def _has_day(self, day: date) -> bool:
        return any(self._days_between(day, day))

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
            self._days[kind] = [day for day in range(1, kind[1] + 1) if self._sim.match_day(date(year, month, day))]
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
