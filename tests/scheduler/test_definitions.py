"""What a job's definition accepts, refuses, says and writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from workbench.core.definition import Reference
from workbench.core.errors import InvalidDefinition
from workbench.scheduler.definitions import AnyJob, CronJob, IntervalJob, OneTimeJob


def _problems(kind: type[Any], **fields: Any) -> dict[str, str]:
    with pytest.raises(InvalidDefinition) as refused:
        kind("sync", **fields)
    return refused.value.problems


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (IntervalJob("j", service="s", hours=1, repeats=168), "every 1 hour, 168 times"),
        (IntervalJob("j", service="s", weeks=2, days=1, minutes=30), "every 2 weeks 1 day 30 minutes"),
        (IntervalJob("j", service="s", seconds=1, repeats=1), "every 1 second, 1 time"),
        (
            IntervalJob("j", service="s", days=1, start="2035-01-01", end="2035-02-01 12:00"),
            "every 1 day, from 2035-01-01 00:00, until 2035-02-01 12:00",
        ),
        (CronJob("j", service="s", cron="0 9 * * 1-5"), "09:00 Monday to Friday"),
        (CronJob("j", service="s", cron="@daily", repeats=3), "00:00 every day, 3 times"),
        (
            OneTimeJob("j", service="s", start="2035-01-01 00:00", timezone="Europe/Warsaw"),
            "once, 2035-01-01 00:00 Europe/Warsaw",
        ),
    ],
)
def test_a_job_says_its_schedule_in_words(job: AnyJob, words: str) -> None:
    assert job.describe() == words


def test_code_writes_the_zone_always_and_else_only_what_differs() -> None:
    job = IntervalJob("hello", service="api.hello", hours=1, extra="x")
    assert job.to_code() == 'IntervalJob("hello", service="api.hello", hours=1, timezone="UTC", extra="x")'
    assert eval(job.to_code()) == job


def test_a_datetime_is_written_as_text_in_the_jobs_zone() -> None:
    aware = datetime(2035, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    job = OneTimeJob("j", service="s", start=aware, timezone="Europe/Warsaw")
    assert job.start == "2035-01-01 00:30"
    assert OneTimeJob("j", service="s", start=aware.replace(tzinfo=None), timezone="UTC").start == "2035-01-01 00:30"
    assert job.moment("start") == datetime(2034, 12, 31, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "job",
    [
        IntervalJob("ż/1", service="s", hours=1, start="2035-01-01", timezone="Europe/Warsaw"),
        CronJob("c", service="s", cron="0 9 * * *", active=False),
        OneTimeJob("o", service="s", start="2035-01-01", extra="{}"),
    ],
)
def test_a_job_survives_the_way_through_json(job: AnyJob) -> None:
    assert msgspec.json.decode(msgspec.json.encode(job), type=AnyJob) == job  # type: ignore[arg-type]


def test_a_job_refers_to_its_service() -> None:
    assert list(CronJob("j", service="api.x", cron="@daily").references()) == [
        Reference("services", "api.x", "service")
    ]


def test_every_wrong_field_is_named_at_once() -> None:
    problems = _problems(
        IntervalJob, service="", hours=-1, repeats=0, start="soon", end=7, timezone="Europe/Warsow", extra=7, active=1
    )
    assert set(problems) == {"service", "hours", "repeats", "start", "end", "timezone", "extra", "active"}
    assert "did you mean 'Europe/Warsaw'" in problems["timezone"]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("months", "since months differ in length; write CronJob(..., cron='0 0 1 * *')"),
        ("month", "since months differ in length; write CronJob(..., cron='0 0 1 * *')"),
        ("years", "since years differ in length; write CronJob(..., cron='0 0 1 1 *')"),
        ("milliseconds", "the shortest interval is seconds=1"),
        ("minute", "did you mean 'minutes'?"),
    ],
)
def test_a_unit_that_is_none_is_never_told_to_be_another_length(word: str, said: str) -> None:
    assert said in _problems(IntervalJob, service="s", **{word: 1})[word]


@pytest.mark.parametrize("moment", [datetime.fromisoformat("2035-01-01 12:00:33.123456"), "2035-01-01T12:00:33.123456"])
def test_a_moment_is_cut_to_the_second_whether_it_names_an_offset_or_not(moment: Any) -> None:
    assert OneTimeJob("j", service="s", start=moment).start == "2035-01-01 12:00:33"
    aware = f"{moment}+00:00" if isinstance(moment, str) else moment.replace(tzinfo=UTC)
    assert IntervalJob("j", service="s", minutes=5, start=aware).start == "2035-01-01 12:00:33"


def test_bad_cron_fields_stand_beside_other_problems() -> None:
    problems = _problems(CronJob, service=1, cron="0 25 * * *", timezone="Mars/Olympus")
    assert set(problems) == {"service", "cron", "timezone"}
    assert "hour '25' is not right" in problems["cron"]
    assert "'0 9 * * 1-5'" in problems["cron"]


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({}, "hours", "must be given, e.g. hours=1"),
        ({"hours": 0, "seconds": 0}, "hours", "must be given"),
        ({"weeks": 10_000}, "hours", "longer than 100 years"),
        ({"hours": 1.5}, "hours", "int"),
        ({"hours": 1, "start": "2035-01-02", "end": "2035-01-01"}, "end", "is before start"),
        ({"hours": 1, "extra": "x" * 500_001}, "extra", "500000"),
    ],
)
def test_an_interval_that_cannot_be_is_refused(fields: dict[str, Any], field: str, words: str) -> None:
    assert words in _problems(IntervalJob, service="s", **fields)[field]


def test_an_unknown_field_names_the_nearest() -> None:
    assert "did you mean 'minutes'" in _problems(IntervalJob, service="s", minute=1)["minute"]


def test_only_what_moves_planned_times_belongs_to_the_schedule() -> None:
    job = IntervalJob("j", service="s", hours=1)
    for same in ({"service": "t"}, {"extra": "x"}, {"active": False}):
        assert job.replace(**same).schedule() == job.schedule()
    for other in ({"hours": 2}, {"repeats": 3}, {"timezone": "Europe/Warsaw"}, {"start": "2035-01-01 00:00"}):
        assert job.replace(**other).schedule() != job.schedule()


@pytest.mark.parametrize("field", ["extra", "service"])
def test_text_with_half_a_surrogate_is_refused_in_words(field: str) -> None:
    values = {"service": "api.sync", "hours": 1} | {field: "ab\ud800"}
    with pytest.raises(InvalidDefinition, match=f"{field} holds half of a surrogate pair as its character 3"):
        IntervalJob("x", **values)


def test_a_name_that_nobody_could_read_is_cut_in_its_refusal() -> None:
    with pytest.raises(InvalidDefinition) as refused:
        IntervalJob("n" * 10_000, service="api.sync", hours=1)
    assert len(str(refused.value)) < 400
    assert "nnn... (10,002 characters)" in str(refused.value)
