"""The picture of a calendar: one mark for each hour, in colours that a theme gives."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

from workbench.notebook.html import COLOURS
from workbench.notebook.jobs import LEFT, WIDTH, calendar
from workbench.scheduler.runs.calendar import Calendar, Lane

BEGIN = datetime(2035, 3, 23, 10, tzinfo=UTC)


def _picture(*lanes: Lane) -> ElementTree.Element:
    html = calendar(Calendar(lanes, BEGIN, BEGIN + timedelta(days=2), ZoneInfo("UTC"), "run"))
    return ElementTree.fromstring(html[html.index("<svg") : html.index("</svg>") + 6])


def test_each_hour_has_a_mark_where_it_is_and_in_the_colour_of_its_worst_outcome() -> None:
    hours = {0: Counter(ok=2), 24: Counter(ok=3, failed=1), 47: Counter(missed=1), 5: Counter(planned=1)}
    marks = _picture(Lane("a", "", hours)).findall("rect")
    wide = WIDTH / 48
    assert [float(each.attrib["x"]) for each in marks] == [round(LEFT + hour * wide, 1) for hour in (0, 5, 24, 47)]
    assert [each.attrib["fill"] for each in marks] == [COLOURS["live"], "#3b82c4", COLOURS["bad"], COLOURS["warn"]]
    assert [each.findtext("title") for each in marks][2] == "Sat 24 10:00: 1 failed, 3 ok"
    assert all(float(each.attrib["x"]) + float(each.attrib["width"]) <= LEFT + WIDTH for each in marks)


def test_names_are_text_and_days_are_written() -> None:
    picture = _picture(Lane("<b>&", "paused", {1: Counter(planned=1)}))
    words = ["".join(each.itertext()) for each in picture.findall("text")]
    assert words == ["Sat 24", "Sun 25", "<b>& paused<b>&: 1 run"]
    style = picture.findtext("style") or ""
    assert "var(--jp-ui-font-color1" in style
    assert "var(--jp-border-color2" in style
