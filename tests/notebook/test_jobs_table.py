"""The table of jobs: a bar for each recent run, as high as it was long, in the colour of its outcome."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

from workbench.notebook.displays import HTML
from workbench.notebook.html import COLOURS
from workbench.notebook.jobs import BAR, GAP, HEIGHT, LEAST
from workbench.scheduler.records import Run
from workbench.scheduler.runs.table import LATEST, JobRow, JobsTable

FRIDAY = datetime(2035, 3, 23, 10, tzinfo=UTC)
WARSAW = ZoneInfo("Europe/Warsaw")


def _run(number: int, outcome: str, seconds: float | None = None, error: str = "") -> Run:
    planned = FRIDAY + timedelta(hours=number)
    ended = None if seconds is None else planned + timedelta(seconds=seconds)
    started = None if seconds is None else planned
    return Run(
        job="j", service="s", by="schedule", planned=planned, started=started, ended=ended, outcome=outcome, error=error
    )


def _html(*rows: JobRow) -> str:
    return HTML[JobsTable](JobsTable(rows, ZoneInfo("UTC")))


def test_each_recent_run_has_a_bar_and_the_latest_stands_at_the_right() -> None:
    runs = [_run(0, "ok", 2), _run(1, "failed", 4, "no <good>"), _run(2, "missed")]
    html = _html(JobRow("a & b", "every 1 hour", "on", FRIDAY + timedelta(hours=3), WARSAW, runs, ""))
    picture = ElementTree.fromstring(html[html.index("<svg") : html.index("</svg>") + 6])
    drawn = picture.findall("rect")
    assert [each.attrib["fill"] for each in drawn] == [COLOURS["live"], COLOURS["bad"], COLOURS["warn"]]
    assert [float(each.attrib["height"]) for each in drawn] == [LEAST + (HEIGHT - LEAST) / 2, HEIGHT, LEAST]
    assert [float(each.attrib["x"]) for each in drawn] == [(LATEST - left) * (BAR + GAP) for left in (3, 2, 1)]
    assert [each.findtext("title") for each in drawn] == [
        "Fri 2035-03-23 11:00:00: ok after 2 s",
        "Fri 2035-03-23 12:00:00: failed after 4 s, no <good>",
        "Fri 2035-03-23 13:00:00: missed",
    ]
    assert picture.attrib["aria-label"] == "recent runs: 1 ok, 1 failed, 1 missed"
    assert "a &amp; b" in html
    assert "Fri 2035-03-23 14:00 Europe/Warsaw" in html


def test_a_table_without_runs_has_no_pictures_and_one_without_jobs_says_so() -> None:
    row = JobRow("a", "every 1 hour", "on", FRIDAY, WARSAW, [], "")
    assert "<svg" not in _html(row)
    assert "recent runs" not in _html(row)
    assert _html() == "No jobs."
    late = JobRow("b", "every 1 hour", "on", FRIDAY, WARSAW, [_run(0, "ok", 1)], "")
    assert _html(row, late).count("<svg") == 1
