from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from workbench import CronJob, IntervalJob, OneTimeJob
from workbench.ui.forms import schedule

NOW = datetime(2026, 3, 28, 17, 0, tzinfo=UTC)
WARSAW = {"name": "hello", "service": "api.hello", "timezone": "Europe/Warsaw"}


def test_the_form_is_valid_as_it_opens() -> None:
    opened = schedule.opening("api.hello", [], "Europe/Warsaw", NOW)
    values = {**opened["values"], "service": "api.hello"}
    for kind, cls in (("every", IntervalJob), ("cron", CronJob), ("once", OneTimeJob)):
        found = schedule.read_job(kind, values | ({"start": opened["at"]} if kind == "once" else {}), NOW)
        assert found.problems == {}, kind
        assert type(found.definition) is cls


def test_the_name_offered_is_free() -> None:
    assert schedule.opening("api.hello", ["hello", "hello 2"], "UTC", NOW)["values"]["name"] == "hello 3"


def test_five_runs_are_shown_in_both_clocks_and_the_clock_change_is_marked() -> None:
    shown = schedule.preview("cron", {**WARSAW, "cron": "0 1 * * *"}, NOW)
    assert [(row["here"], row["there"]) for row in shown["runs"]] == [
        ("Sun 29 Mar 01:00", "00:00 UTC"),
        ("Mon 30 Mar 01:00", "Sun 23:00 UTC"),
        ("Tue 31 Mar 01:00", "Mon 23:00 UTC"),
        ("Wed 1 Apr 01:00", "Tue 23:00 UTC"),
        ("Thu 2 Apr 01:00", "Wed 23:00 UTC"),
    ]
    assert [row["change"] for row in shown["runs"]] == [
        "",
        "clocks change: UTC+01 before, UTC+02 from here",
        "",
        "",
        "",
    ]
    assert {row["zone"] for row in shown["runs"]} == {"Warsaw"}
    assert shown["words"] == "01:00 every day"


def test_a_start_far_ahead_is_no_change_of_clocks() -> None:
    start = {"start": "2027-10-29T01:00"}
    for kind, more in (("cron", {"cron": "0 1 * * *"}), ("every", {"days": "1"}), ("once", {})):
        changes = [row["change"] for row in schedule.preview(kind, {**WARSAW, **start, **more}, NOW)["runs"]]
        assert changes[0] == "", kind
        assert any(changes) == (kind != "once"), "the clocks change on 31 October"


def test_a_job_in_utc_shows_the_viewers_clock_beside_it() -> None:
    given = {**WARSAW, "timezone": "UTC", "hours": "1"}
    assert schedule.preview("every", given, NOW, "Asia/Tokyo")["runs"][0]["there"] == "Sun 03:00 Tokyo"
    assert schedule.preview("every", given, NOW, "UTC")["runs"][0]["there"] == ""
    assert schedule.preview("every", given, NOW, "No/Where")["runs"][0]["there"] == ""


def test_the_code_of_a_form_is_the_call_to_keep() -> None:
    shown = schedule.preview("every", {**WARSAW, "hours": "1", "extra": ""}, NOW)
    assert shown["code"].endswith(
        'wb.define(IntervalJob("hello", service="api.hello", hours=1, timezone="Europe/Warsaw"))'
    )


def test_a_time_that_is_over_is_named_before_anything_is_saved() -> None:
    found = schedule.read_job("once", {**WARSAW, "start": "2026-01-01T00:00"}, NOW)
    assert set(found.problems) == {"start"}
    assert "in the past" in found.problems["start"]


def test_fewer_runs_are_shown_where_there_are_fewer() -> None:
    assert len(schedule.preview("every", {**WARSAW, "hours": "1", "repeats": "2"}, NOW)["runs"]) == 2


@pytest.mark.parametrize(
    ("kind", "given", "fields"),
    [
        ("every", {"hours": "x", "minutes": "-1", "repeats": "none", "timezone": "Mars", "name": ""}, None),
        ("cron", {"cron": "61 25 * 13 *", "start": "soon", "end": "later", "name": ""}, None),
        ("once", {"start": "", "timezone": "Mars", "name": ""}, None),
        ("every", {"hours": "0"}, {"hours"}),
        ("every", {"hours": "1", "start": "2027-01-02T00:00", "end": "2027-01-01T00:00"}, {"end"}),
    ],
)
def test_every_wrong_field_is_named_at_once(kind: str, given: dict[str, Any], fields: set[str] | None) -> None:
    shown = schedule.preview(kind, {**WARSAW, **given}, NOW)
    assert set(shown["problems"]) == (set(given) if fields is None else fields)
    assert (shown["runs"], shown["code"]) == ([], "")


def test_more_holds_whatever_the_form_does_not_place_by_hand() -> None:
    more = schedule.opening("api.hello", [], "UTC", NOW)["more"]
    assert "active" in [field["name"] for field in more["every"]]
    assert not {"name", "service", "hours", "timezone"} & {field["name"] for field in more["every"]}


def test_zones_are_names_that_a_job_takes() -> None:
    zones = schedule.zones()
    assert {"Europe/Warsaw", "UTC", "America/New_York"} <= set(zones)
    assert not [zone for zone in zones if zone.startswith(("posix", "right"))]
