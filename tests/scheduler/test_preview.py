"""Planned times as a person reads them, and what a change makes of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.scheduler.conftest import START, Bench
from workbench.core.errors import InvalidDefinition
from workbench.scheduler.definitions import CronJob, IntervalJob
from workbench.ui.forms import schedule

HOUR = timedelta(hours=1)


def test_a_preview_marks_each_change_of_the_clocks(bench: Bench) -> None:
    bench.scheduler.define(
        CronJob("j", service="ok", cron="30 1 * * *", start="2026-04-04", timezone="Australia/Lord_Howe")
    )
    shown = bench.jobs["j"].preview(3)
    assert repr(shown).splitlines() == [
        "Australia/Lord_Howe      UTC",
        "Sat 2026-04-04 01:30:00  Fri 2026-04-03 14:30:00",
        "Sun 2026-04-05 01:30:00  Sat 2026-04-04 14:30:00",
        "Mon 2026-04-06 01:30:00  Sun 2026-04-05 15:00:00  clocks change: UTC+11 before, UTC+10:30 from here",
    ]
    assert [bool(each) for each in shown.changes] == [False, False, True]
    assert all(isinstance(at, type(START)) for at in shown)


def test_a_change_shows_which_times_go_and_which_come_and_changes_nothing(bench: Bench) -> None:
    bench.scheduler.define(CronJob("j", service="ok", cron="0 13-16 * * *"))
    found = bench.jobs["j"].difference(count=4, cron="0 14-17 * * *")
    assert (found.gone, found.new) == ([START + HOUR], [])
    assert found.lines == [("-", START + HOUR), *(("", START + hours * HOUR) for hours in (2, 3, 4))]
    assert repr(found).splitlines()[:3] == ["  UTC", "- Thu 2026-01-01 13:00:00", "  Thu 2026-01-01 14:00:00"]
    assert bench.jobs["j"].definition.describe() == CronJob("j", service="ok", cron="0 13-16 * * *").describe()


def test_a_change_of_what_is_no_time_keeps_all_and_one_that_ends_the_job_is_refused(bench: Bench) -> None:
    bench.scheduler.define(IntervalJob("j", service="ok", hours=1))
    bench.advance(600)
    assert repr(bench.jobs["j"].difference(retries=3, extra=b"x")) == "The next planned times stay."
    with pytest.raises(InvalidDefinition, match="is in the past"):
        bench.jobs["j"].difference(end="2026-01-01 12:05")


def test_times_after_the_last_of_a_job_that_ends_are_new(bench: Bench) -> None:
    bench.scheduler.define(IntervalJob("j", service="ok", hours=1, start="2026-01-01 13:00", repeats=2))
    assert bench.jobs["j"].difference(repeats=3).new == [START + 3 * HOUR]


def test_the_form_of_a_job_shows_the_difference_as_it_is_typed(bench: Bench) -> None:
    bench.scheduler.define(CronJob("j", service="ok", cron="0 13-16 * * *"))
    values = schedule.editing(bench.jobs["j"].definition, START)["values"]
    typed = {**values, "cron": "0 14-17 * * *"}
    shown = schedule.preview("cron", typed, START, "", bench.jobs["j"])
    assert shown["difference"] == repr(bench.jobs["j"].difference(cron="0 14-17 * * *"))
    assert schedule.preview("cron", values, START, "", bench.jobs["j"])["difference"] == ""
    assert schedule.preview("cron", typed, START)["difference"] == ""
