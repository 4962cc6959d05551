"""The extra of a job: text, bytes or JSON, the same before and after a restart."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.scheduler.conftest import Bench
from workbench.core.errors import InvalidDefinition
from workbench.scheduler import plan
from workbench.scheduler.definitions import AnyJob, CronJob, IntervalJob, OneTimeJob
from workbench.ui.forms import schedule

EXTRAS = [
    "night shift",
    '{"$base64": "eA=="}',
    b"",
    b"\x00\xff caf\xc3\xa9",
    {"town": "Łódź", "days": [1, 2.5, None, True]},
    {"$base64": "not base64!"},
    [],
    [{"id": 1}],
]
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _kinds(extra: Any) -> list[AnyJob]:
    return [
        IntervalJob("a", service="echo", hours=1, extra=extra),
        CronJob("b", service="echo", cron="0 * * * *", extra=extra, repeats=3),
        OneTimeJob("c", service="echo", start="2026-01-01 13:00", extra=extra),
    ]


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_is_the_same_after_a_restart(bench: Bench, extra: Any) -> None:
    for job in _kinds(extra):
        bench.scheduler.define(job)
    other = bench.again()
    for job in _kinds(extra):
        read = other.jobs[job.name].definition
        assert (read, read.extra) == (job, extra)
        assert isinstance(read.extra, type(extra))
        assert other.scheduler.define(job) == "unchanged"
    other.close()


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_is_written_as_a_literal(extra: Any) -> None:
    for job in _kinds(extra):
        names = {type(job).__name__: type(job)}
        assert eval(job.to_code(), names) == job


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (7, "must be text, bytes, a dict or a list, not int"),
        (None, "must be text, bytes, a dict or a list, not NoneType"),
        ({"at": NOW}, "must hold what JSON holds"),
        ({1: "key"}, "must hold what JSON holds"),
        ([(1, 2)], "must hold what JSON holds"),
        ([float("nan")], "must hold what JSON holds"),
        ({"half": "\ud800"}, "must hold what JSON holds"),
        (b"x" * 500_001, "at most 500000 characters or bytes fit"),
        (["x" * 500_000], "at most 500000 characters or bytes fit"),
    ],
)
def test_an_extra_that_could_not_be_kept_is_refused(extra: Any, said: str) -> None:
    with pytest.raises(InvalidDefinition) as refused:
        IntervalJob("a", service="echo", hours=1, extra=extra)
    assert said in refused.value.problems["extra"]


def test_a_job_keeps_its_extra_whatever_is_done_to_the_value_it_was_given() -> None:
    given = {"towns": ["Oslo"]}
    job = IntervalJob("a", service="echo", hours=1, extra=given)
    given["towns"].append("Rome")
    assert job.extra == {"towns": ["Oslo"]}


def test_times_are_planned_whether_an_extra_has_a_hash_or_not() -> None:
    text = CronJob("b", service="s", cron="0 * * * *", repeats=3)
    dicts = text.replace(extra={"a": []})
    assert plan.preview(dicts, NOW, NOW, 9) == plan.preview(text, NOW, NOW, 9) != []


@pytest.mark.parametrize("extra", [b"one\r\n\xff", {"town": "Oslo"}, [1], b"", {}])
def test_a_form_keeps_what_its_text_stands_for_until_that_is_changed(bench: Bench, extra: Any) -> None:
    job = IntervalJob("a", service="echo", hours=1, extra=extra)
    bench.scheduler.define(job)
    values = schedule.editing(job, NOW)["values"]
    assert isinstance(values.get("extra", ""), str)
    saved = schedule.read_job("every", {**values, "hours": "2"}, NOW, bench.jobs["a"])
    assert saved.definition == job.replace(hours=2)
    changed = schedule.read_job("every", {**values, "extra": "text"}, NOW, bench.jobs["a"])
    assert changed.definition == job.replace(extra="text")
