"""Outputs are compared as plain text; what differs in each run is what the kernel says, and of the same form."""

from __future__ import annotations

from typing import Any

import pytest

from tests.testing.notebooks import printed, result
from workbench.testing.compare import Volatile, differences

NOTHING = Volatile({})
KNOWN = Volatile({"cid": ["7e57" * 4], "port": ["41233"], "path": ["/tmp/wb-1/root"], "time": ["2026-01-01 00:00:07"]})
CID = "7e57" * 4 + "00000001"


@pytest.mark.parametrize(
    ("saved", "now"),
    [
        ("0123456789abcdef01234567 ok", f"{CID} ok"),
        ('{"cid":"..."}', f'{{"cid":"{CID}"}}'),
        ("http://localhost:11223/api", "http://localhost:41233/api"),
        ("'/home/ada/project/x.csv'", "'/tmp/wb-1/root/x.csv'"),
        ("C:\\ada\\x.csv", "/tmp/wb-1/root\\x.csv"),
        ("/home/ada/a.csv /home/ada/b.csv", "/tmp/wb-1/root/a.csv /tmp/wb-1/root/b.csv"),
        ("at 1999-12-31 23:59:59.", "at 2026-01-01 00:00:07."),
    ],
)
def test_what_is_known_to_differ_fits_another_of_its_kind(saved: str, now: str) -> None:
    assert KNOWN.fits(saved, now)
    assert not NOTHING.fits(saved, now)


@pytest.mark.parametrize(
    ("saved", "now"),
    [
        ("nothing ok", f"{CID} ok"),
        ("0123456789abcdef01234567 ok", f"{CID} failed"),
        ("0123456789abcdef01234567", "76543210fedcba9876543210"),  # looks like a CID, and is none of this run
        ("http://localhost:high/api", "http://localhost:41233/api"),
        ("141 pieces", "142 pieces"),
        ("41233.5", "41234.5"),
        ("1.41233", "1.41234"),
        ("x.csv", "/tmp/wb-1/root/x.csv"),
        ("/home/ada/y.csv", "/tmp/wb-1/root/x.csv"),
        ("/home/ada/a.csv /home/bob/b.csv", "/tmp/wb-1/root/a.csv /tmp/wb-1/root/b.csv"),
        (":".join(["/home"] * 81), ":".join(["/tmp/wb-1/root"] * 40)),
        ("at noon", "at 2026-01-01 00:00:07"),
        ("at 1999-12-31 23:59:59", "at 2026-01-01 00:00:08"),
    ],
)
def test_a_changed_value_never_fits(saved: str, now: str) -> None:
    assert not KNOWN.fits(saved, now)


def test_pieces_of_one_print_are_one_text() -> None:
    assert differences([printed("a\nb\n")], [printed("a\n"), printed("b\n")], NOTHING) == []


def test_results_and_errors_are_compared_and_html_and_stderr_are_not() -> None:
    both: dict[str, Any] = {"output_type": "display_data", "data": {"text/plain": "1", "text/html": "<b>1</b>"}}
    error = {"output_type": "error", "ename": "ValueError", "evalue": "\x1b[31mno\x1b[0m", "traceback": []}
    warned = {"output_type": "stream", "name": "stderr", "text": "a warning"}
    now = [
        {**both, "data": {"text/plain": "1", "text/html": "<i>1</i>"}},
        {**error, "evalue": "no"},
        result("5"),
        warned,
    ]
    assert differences([both, error, result("5")], now, NOTHING) == []
    assert [each.what for each in differences([both, error, result("6")], now, NOTHING)] == ["result"]
    assert [each.what for each in differences([both, {**error, "evalue": "yes"}, result("5")], now, NOTHING)] == [
        "error"
    ]


def test_an_output_too_many_or_too_few_differs() -> None:
    assert differences([], [result("None")], NOTHING)
    assert differences([result("None")], [], NOTHING)
    assert differences([result("")], [], NOTHING)


def test_a_card_that_was_saved_live_fits_the_result_that_it_is_without_a_browser() -> None:
    saved: list[Any] = [{"output_type": "display_data", "data": {"text/plain": ["Workbench: 1 service."]}}]
    assert differences(saved, [result("Workbench: 1 service.")], NOTHING) == []
    [found] = differences(saved, [result("Workbench: 2 services.")], NOTHING)
    assert str(found).startswith("result is not as saved, at line 1:")


def test_an_output_of_another_kind_is_named() -> None:
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no"}
    [found] = differences([result("5")], [error], NOTHING)
    assert str(found).startswith("result (now error) is not as saved, at line 1:")


def test_a_difference_shows_the_lines_around_it() -> None:
    lines = [str(each) for each in range(1000)]
    saved, now = "\n".join(lines), "\n".join([*lines[:700], "new", *lines[701:]])
    (found,) = differences([printed(saved)], [printed(now)], NOTHING)
    shown = str(found).splitlines()
    assert shown[0] == "print is not as saved, at line 701:"
    assert {"-700", "+new", " 699", " 701"} <= set(shown)
    assert " 600" not in shown


def test_a_view_of_a_widget_fits_its_text_saved_alone_and_what_follows_is_compared() -> None:
    text = {"text/plain": "VBox(children=(HTML(value='No report yet.')))"}
    view = {"output_type": "execute_result", "data": {**text, "application/vnd.jupyter.widget-view+json": {}}}
    alone = {"output_type": "execute_result", "data": text}
    assert differences([alone], [view], NOTHING) == differences([view], [view], NOTHING) == []
    assert differences([], [view], NOTHING) == []
    [found] = differences([alone, result("1")], [view, result("2")], NOTHING)
    assert (found.saved, found.now) == ("1", "2")
    [found] = differences([alone], [], NOTHING)
    assert found.saved == text["text/plain"]
