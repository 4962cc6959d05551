"""Clocks, and the words a service asks them with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from workbench.core.clock import SINCE_EPOCH, ServiceTime, SystemClock, VirtualClock, read, written
from workbench.core.ports import Clock


def test_a_virtual_clock_moves_only_when_told() -> None:
    clock = VirtualClock(datetime(2026, 3, 1, tzinfo=UTC))
    assert clock.now() == clock.now() == datetime(2026, 3, 1, tzinfo=UTC)
    clock.advance(90)
    assert clock.now() == datetime(2026, 3, 1, 0, 1, 30, tzinfo=UTC)
    assert clock.monotonic() == 90
    clock.move_to(datetime(2026, 1, 1, tzinfo=UTC))
    assert clock.now() == datetime(2026, 1, 1, tzinfo=UTC)
    assert clock.monotonic() == 90


def test_the_system_clock_is_aware() -> None:
    clock = SystemClock()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert clock.now().utcoffset() == timedelta(0)


def test_a_clock_says_whether_it_has_to_be_moved() -> None:
    clocks: list[Clock] = [VirtualClock(), SystemClock()]
    assert [clock.is_virtual for clock in clocks] == [True, False]


def test_the_days_around_this_one_are_those_of_the_zone() -> None:
    # 13:30 UTC of a Monday is 01:30 of Tuesday in Auckland.
    time = ServiceTime(VirtualClock(datetime(2026, 6, 15, 13, 30, tzinfo=UTC)))
    days = [day(tz="Pacific/Auckland") for day in (time.yesterday, time.today, time.tomorrow)]
    assert days == ["2026-06-15", "2026-06-16", "2026-06-17"]
    # The night before, clocks went from 2:00 to 3:00: a day of 23 hours, and the same time by the clock.
    spring = ServiceTime(VirtualClock(datetime(2026, 3, 29, 10, 30, tzinfo=UTC)))
    assert spring.now(tz="Europe/Warsaw") == "2026-03-29 12:30:00"
    assert spring.yesterday("%Y-%m-%d %H:%M %z", tz="Europe/Warsaw") == "2026-03-28 12:30 +0100"
    assert spring.tomorrow("%Y-%m-%d %H:%M %z", tz="Europe/Warsaw") == "2026-03-30 12:30 +0200"


def test_a_service_asks_in_zatos_words() -> None:
    time = ServiceTime(VirtualClock(datetime(2026, 3, 1, 23, 30, tzinfo=UTC)))
    assert time.utcnow() == "2026-03-01 23:30:00"
    assert time.now(tz="Europe/Warsaw") == "2026-03-02 00:30:00"
    assert time.today() == "2026-03-01"
    assert time.today(tz="Europe/Warsaw") == "2026-03-02"
    assert time.yesterday() == "2026-02-28"
    assert time.tomorrow() == "2026-03-02"
    assert time.isoutcnow() == "2026-03-01T23:30:00+00:00"
    assert time.utcnow(needs_format=False) == datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


MOMENT = datetime(2026, 3, 1, 8, 5, 9, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("%d.%m.%Y", "01.03.2026"),
        ("YYYY-MM-DD HH:mm:ss", "2026-03-01 08:05:09"),
        ("D.M.YY H:m:s", "1.3.26 8:5:9"),
        ("dddd, D MMMM YYYY", "Sunday, 1 March 2026"),
        ("ddd MMM DDDD", "Sun Mar 060"),
        ("hh:mm A", "08:05 AM"),
        ("h a", "8 am"),
        ("HH:mm:ss.SSS ZZ", "08:05:09.123 +00:00"),
        ("SSSSSS Z", "123456 +0000"),
        ("X", "1772352309"),
        ("x", "1772352309123456"),
        ("W", "2026-W09-7"),
        ("Do MMMM, [day] d [of] W", "1st March, day 7 of 2026-W09-7"),
        ("DDD [of] YYYY ZZZ", "60 of 2026 UTC"),
        ("[Day] D [at] H", "Day 1 at 8"),
        ("", ""),
    ],
)
def test_a_format_is_strftimes_or_in_the_words_of_zato(format: str, text: str) -> None:
    time = ServiceTime(VirtualClock(MOMENT))
    assert time.utcnow(format) == time.now(format=format, tz="UTC") == text


def test_the_number_of_a_day_has_its_ending() -> None:
    said = [written(MOMENT.replace(day=day), "Do") for day in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 30, 31)]
    assert said == ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "30th", "31st"]


@pytest.mark.parametrize(
    ("text", "format", "day"),
    [
        ("1772352309", "X", "2026-03-01 08:05:09.000000"),
        ("1772352309.5", "X", "2026-03-01 08:05:09.500000"),
        ("1772352309123456", "x", "2026-03-01 08:05:09.123456"),
        ("2026-W09-7", "W", "2026-03-01 00:00:00.000000"),
        ("60 2026", "DDD YYYY", "2026-03-01 00:00:00.000000"),
        ("the 21st of August 2026", "[the] Do [of] MMMM YYYY", "2026-08-21 00:00:00.000000"),
    ],
)
def test_text_is_read_in_the_rarer_words_too(text: str, format: str, day: str) -> None:
    assert ServiceTime(VirtualClock(MOMENT)).reformat(text, format, "YYYY-MM-DD HH:mm:ss.SSSSSS") == day


def test_a_time_before_the_epoch_is_read_as_it_was_written() -> None:
    moment = datetime(1969, 12, 31, 23, 59, 58, 500_000, UTC)
    assert (written(moment, "X"), written(moment, "x")) == ("-2", "-1500000")
    assert read(written(moment, "x"), "x") == moment


@pytest.mark.parametrize("text", ["inf", "-inf", "nan", "1e300", "1e18", "soon", ""])
def test_what_is_no_count_since_the_epoch_is_refused_as_any_other_text(text: str) -> None:
    for format in SINCE_EPOCH:
        with pytest.raises(ValueError, match=r"time|year|NaN|float"):
            read(text, format)


def test_a_count_since_the_epoch_is_read_alone() -> None:
    with pytest.raises(ValueError, match=r"X says a whole time\. Fix: read it by the format 'X' alone"):
        read("1772352309 08", "X HH")


@pytest.mark.parametrize("format", ["%d.%m.%Y %H:%M:%S.%f", "D.M.YYYY H:m:s.S", "DD MMM YY, hh:mm:ss A [and] SSSSSS"])
def test_text_is_read_in_the_format_that_it_was_written_in(format: str) -> None:
    moment = MOMENT.replace(microsecond=0, tzinfo=None)
    text = written(moment, format)
    assert read(text, format) == moment
    assert ServiceTime(VirtualClock(MOMENT)).reformat(text, format, "YYYYMMDDHHmmss") == "20260301080509"


def test_text_of_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="does not match format"):
        ServiceTime(VirtualClock(MOMENT)).reformat("2026-03-01", "DD.MM.YYYY", "YYYY")


def test_a_while_after_a_time() -> None:
    time = ServiceTime(VirtualClock(MOMENT))
    assert time.isonow("Europe/Warsaw") == "2026-03-01T09:05:09.123456+01:00"
    assert (time.one_day_from("2026-02-28"), time.one_day_from(MOMENT, "DD.MM.YYYY")) == ("2026-03-01", "02.03.2026")
    assert time.one_hour_from("2026-02-28T23:30:00", "YYYY-MM-DD HH:mm") == "2026-03-01 00:30"
    assert time.one_minute_from(MOMENT, needs_format=False) == MOMENT.replace(minute=6)
