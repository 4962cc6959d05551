"""Wall-clock times where clocks change, and names of zones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.scheduler.zones import in_wall, instant, read_wall, wall_text, zone_problem

WARSAW = ZoneInfo("Europe/Warsaw")

ZONES = [
    "Europe/Warsaw",
    "America/New_York",
    "Australia/Lord_Howe",  # clocks change by half an hour
    "Pacific/Apia",  # 30 December 2011 never was
    "America/Sao_Paulo",  # clocks changed at midnight
    "Asia/Kathmandu",
    "UTC",
]


@settings(max_examples=150, deadline=None)
@given(wall=st.datetimes(datetime(1980, 1, 1), datetime(2035, 1, 1)), zone=st.sampled_from(ZONES).map(ZoneInfo))  # noqa: DTZ001
def test_an_instant_shows_its_wall_time_first_or_is_where_the_gap_ends(wall: datetime, zone: ZoneInfo) -> None:
    wall = wall.replace(microsecond=0)
    at = instant(wall, zone)
    shown = at.astimezone(zone).replace(tzinfo=None)
    step = timedelta(microseconds=1)
    if shown == wall:
        assert at.astimezone(zone).fold == 0
    else:
        before = (at - step).astimezone(zone).replace(tzinfo=None)
        assert before < wall < shown


@pytest.mark.parametrize(
    ("zone", "wall", "expected"),
    [
        ("Europe/Warsaw", "2026-03-29 02:30", "2026-03-29T01:00:00+00:00"),
        ("Europe/Warsaw", "2026-10-25 02:30", "2026-10-25T00:30:00+00:00"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03T15:30:00+00:00"),
        ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30T10:00:00+00:00"),
        ("America/Sao_Paulo", "2018-11-04 00:00", "2018-11-04T03:00:00+00:00"),
    ],
)
def test_known_nights(zone: str, wall: str, expected: str) -> None:
    assert instant(read_wall(wall, ZoneInfo(zone)), ZoneInfo(zone)).isoformat() == expected


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2035-01-01 00:00", "2035-01-01 00:00"),
        ("2035-01-01T00:00:07", "2035-01-01 00:00:07"),
        ("2035-01-01", "2035-01-01 00:00"),
        ("2035-01-01 00:00:07.999999", "2035-01-01 00:00:07"),
        ("2035-01-01T00:00:07.5Z", "2035-01-01 01:00:07"),
        (" 2035-01-01 09:30 ", "2035-01-01 09:30"),
        ("2035-01-01T00:00:00Z", "2035-01-01 01:00"),
        ("2035-07-01 12:00+00:00", "2035-07-01 14:00"),
    ],
)
def test_dates_are_written_in_one_way(text: str, canonical: str) -> None:
    assert wall_text(read_wall(text, WARSAW)) == canonical


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tomorrow", "is not a date and time; write it as '2035-01-01 00:00'"),
        ("2035-02-30 00:00", "is not a date and time"),
        ("1066-10-14", "is outside the years 1970 to 2999"),
        ("2026-10-25T02:30:00+01:00", "comes twice that night and stands for the first"),
    ],
)
def test_what_is_no_date_says_how_to_write_one(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_wall(text, WARSAW)


def test_an_aware_moment_becomes_the_zones_wall_time() -> None:
    assert in_wall(datetime(2026, 7, 1, 12, tzinfo=UTC), WARSAW).isoformat() == "2026-07-01T14:00:00"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Europe/Warsow", "did you mean 'Europe/Warsaw'"),
        ("europe/warsaw", "did you mean 'Europe/Warsaw'"),
        ("Warsaw", "did you mean 'Europe/Warsaw'"),
        ("New York", "did you mean 'America/New_York'"),
        ("xyzzy/plugh", "write an IANA name"),
        ("localtime", "is not a known time zone"),
        ("../../etc/passwd", "is not a known time zone"),
        ("Europe", "is not a known time zone"),
    ],
)
def test_an_unknown_zone_names_the_nearest(name: str, meant: str) -> None:
    if name == "europe/warsaw" and zone_problem(name) == "":
        return  # a file system that ignores case finds it
    assert meant in zone_problem(name)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        *((name, "") for name in ("local", "localtime", "Local", "posixrules", "PST", "IST", "BST", "EDT")),
        *((name, "") for name in ("UTC+05:30", "GMT+99", "+0530", "EST+5")),
        ("UTC+2", "Etc/GMT-2"),
        ("GMT-5", "Etc/GMT+5"),
        ("+02:00", "Etc/GMT-2"),
        ("utc", "UTC"),
        ("right/UTC", "UTC"),
        ("Rome", "Europe/Rome"),
        ("tokyo", "Asia/Tokyo"),
        ("posix/Europe/Berlin", "Europe/Berlin"),
    ],
)
def test_a_hint_leads_to_a_zone_that_is_taken_and_has_the_offset_meant(name: str, hint: str) -> None:
    if zone_problem(name) == "":
        return  # a file system that ignores case finds it
    found = zone_problem(name).partition("did you mean '")[2].removesuffix("'?")
    assert found == hint
    assert not hint or zone_problem(hint) == ""


@pytest.mark.parametrize("name", [*ZONES, "Etc/GMT+5", "CET"])
def test_known_zones_have_no_problem(name: str) -> None:
    assert zone_problem(name) == ""
