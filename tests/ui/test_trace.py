"""Colours follow what happened, never the words it is told in; cards and saved outputs draw one and the same trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from workbench import Service, Workbench
from workbench.connections.files.errors import FileThere
from workbench.connections.folder import LocalFolder
from workbench.connections.ftp.definition import FTPConnection
from workbench.connections.imap.definition import IMAPConnection
from workbench.connections.rest.definition import RESTConnection
from workbench.connections.sql.definition import SQLConnection
from workbench.core.current import outgoing
from workbench.core.errors import BadRequest, ConnectionFailed, TimedOut
from workbench.core.failure import mood_of_error
from workbench.core.mood import Mood, mood_of_status
from workbench.core.trace import Line, Step, Trace
from workbench.notebook.displays import HTML
from workbench.notebook.html import COLOURS
from workbench.ui.trace import MOST_STEPS, SHOWN_CHARACTERS, rows_of


@pytest.fixture
def wb(tmp_path: Path) -> Iterator[Workbench]:
    with Workbench(port=0, folder=tmp_path) as wb:
        wb.define(
            RESTConnection("Data", host="https://data.example.com", path="/{path}", retries=0),
            SQLConnection("Shop", engine="postgresql", database="shop", host="db.example.com"),
            IMAPConnection("Mail", host="imap.example.com", username="me"),
            FTPConnection("Files", host="ftp.example.com"),
            LocalFolder("Here", path="/nowhere"),
        )
        wb.sandbox()
        yield wb


def moods(wb: Workbench, work: Any) -> dict[str, str]:
    """The mood of each step below the service, by its text, of a service that does `work`."""

    class Works(Service):
        name = "api.works"

        def handle(self) -> Any:
            return work(self)

    wb.deploy(Works)
    with suppress(ConnectionFailed):
        wb.invoke("api.works")
    return {row["outcome"]: row["mood"] for row in rows_of(wb.traffic[-1])[1:] if row["kind"] == "step"}


def test_rows_counted_in_a_good_answer_are_green(wb: Workbench) -> None:
    def work(self: Any) -> None:
        self.out.sql["Shop"].execute("create table t (n int)")
        self.out.sql["Shop"].execute("insert into t values (1), (2), (3), (4), (5)")

    assert moods(wb, work) == {"ok": "live", "5 rows": "live"}


def test_names_and_bytes_counted_in_a_good_answer_are_green(wb: Workbench) -> None:
    def work(self: Any) -> None:
        files = self.out.ftp["Files"]
        files.write("4.bin", bytes(52_428))
        files.make_folder("x")
        files.write("x/5.bin", b"5" * 500)
        files.read("x/5.bin")
        files.list()

    assert moods(wb, work) == {"52,428 bytes": "live", "ok": "live", "500 bytes": "live", "2 names": "live"}


def test_a_key_of_digits_is_green(wb: Workbench) -> None:
    def work(self: Any) -> None:
        self.kvdb.conn.set("500", "x")
        self.kvdb.conn.set("failed", "x")

    assert moods(wb, work) == {"500": "live", "failed": "live"}


def test_messages_counted_in_a_good_answer_are_green(wb: Workbench) -> None:
    peer: Any = wb.peers["Mail"]
    for number in range(4):
        peer.put(f"Subject: {number}\r\n\r\nhello".encode())
    found = moods(wb, lambda self: list(self.email.imap["Mail"].conn.get()))
    assert found["4 messages"] == "live"


@pytest.mark.parametrize(("status", "mood"), [(200, "live"), (404, "warn"), (429, "warn"), (500, "bad"), (503, "bad")])
def test_the_status_of_a_peer_has_its_colour(wb: Workbench, status: int, mood: str) -> None:
    source: Any = wb.peers["Data"]
    source.reply("/x", status=status)
    assert moods(wb, lambda self: self.out.rest["Data"].conn.get(self.cid, {"path": "x"})) == {str(status): mood}


@pytest.mark.parametrize(
    ("error", "mood"),
    [
        (BadRequest("no"), "attention"),
        (FileThere("FTP 'x'", "a"), "attention"),
        (ConnectionFailed("gone"), "failed"),
        (TimedOut("x", 1.0), "failed"),
        (ValueError("x"), "failed"),
        (KeyboardInterrupt(), "failed"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_an_error_has_the_mood_of_its_class(error: BaseException, mood: Mood) -> None:
    with suppress(BaseException), outgoing("x", "x") as step:
        raise error
    assert step.error is not None
    assert (step.mood, step.error.kind, mood_of_error(error)) == (mood, type(error).__name__, mood)


def test_a_step_that_is_said_in_the_words_of_another_mood_keeps_its_own() -> None:
    step = Step("x", "x")
    moods = [step.mood]
    step.end("failed: 500 refused, but as it should", "ok")
    step.end("ok", "failed")
    assert [*moods, step.mood] == ["running", "ok"]
    assert [mood_of_status(status) for status in (100, 204, 302, 400, 499, 500, 599)] == [
        *["ok"] * 3,
        *["attention"] * 2,
        *["failed"] * 2,
    ]


def test_what_a_transfer_looks_for_and_does_not_find_is_no_failure(wb: Workbench) -> None:
    peer: Any = wb.peers["Files"]
    peer.put("in/a.txt", b"a")
    found = moods(wb, lambda self: wb.transfer("Files:in", "Here:out"))
    assert set(found.values()) == {"live"}
    assert "not there" in found


def test_a_saved_output_has_the_rows_and_colours_of_the_card() -> None:
    root = Step("http", "GET /x")
    for text, mood in (("5 rows", "ok"), ("404", "attention"), ("500", "failed")):
        step = Step("rest", f"asks <{text}>")
        step.end(text, mood)  # type: ignore[arg-type]
        root.steps.append(step)
    root.steps.append(Line("log", "hello", "INFO"))
    root.end("200")
    trace = Trace("cid", 0.0, root)
    html = HTML[Trace](trace)
    rows = rows_of(trace)
    assert [row["mood"] for row in rows] == ["live", "live", "warn", "bad", ""]
    assert html.count("<tr") == len(rows)
    for row in rows[:4]:
        assert f"background:{COLOURS[row['mood']]}" in html
    assert "asks &lt;5 rows&gt;" in html
    assert "INFO hello" in html


def test_a_step_opens_to_what_was_asked_and_answered_and_its_text_stays(wb: Workbench) -> None:
    source: Any = wb.peers["Data"]
    source.reply("/x", json={"<b>": 1})
    moods(wb, lambda self: self.out.rest["Data"].conn.post(self.cid, {"a": "<i>"}, {"path": "x"}))
    trace = wb.traffic[-1]
    assert repr(trace) == "api.works ok\n  POST Data /x 200"
    [row] = [row for row in rows_of(trace) if "values" in row]
    assert row["values"] == [("path", "/x"), ("body", '{"a":"<i>"}'), ("answer", '{"<b>": 1}')]
    html = HTML[Trace](trace)
    assert html.count("<details>") == 1
    assert "{&quot;&lt;b&gt;&quot;: 1}" in html
    assert "<i>" not in html


def test_a_step_that_failed_opens_to_its_error(wb: Workbench) -> None:
    source: Any = wb.peers["Data"]
    with source.fail(hang_up=True):
        moods(wb, lambda self: self.out.rest["Data"].conn.get(self.cid, {"path": "x"}))
    [row] = [row for row in rows_of(wb.traffic[-1]) if "values" in row]
    assert [name for name, _ in row["values"]] == ["path", "error"]
    assert "ConnectionFailed: REST 'Data'" in row["values"][1][1]


def test_a_row_shows_the_beginning_of_a_long_value(wb: Workbench) -> None:
    moods(wb, lambda self: self.out.ftp["Files"].write("a.txt", "x" * 3000))
    [row] = [row for row in rows_of(wb.traffic[-1]) if "values" in row]
    assert row["values"][1][1].startswith("x" * SHOWN_CHARACTERS + "... [2000 more characters left out]")


def test_a_long_trace_says_how_much_it_leaves_out() -> None:
    root = Step("service", "x")
    root.steps += [Line("print", str(number)) for number in range(MOST_STEPS + 40)]
    assert rows_of(Trace("cid", 0.0, root))[-1]["text"] == "and 41 more"
    root.steps = root.steps[: MOST_STEPS - 1]
    assert rows_of(Trace("cid", 0.0, root))[-1]["rows"][-1]["text"] == str(MOST_STEPS - 2)


def test_a_thousand_prints_are_folded_after_twenty() -> None:
    root = Step("service", "x")
    step = Step("rest", "asks")
    root.steps += [*(Line("print", f"<{number}>") for number in range(100)), step, Line("log", "the end", "INFO")]
    rows = rows_of(Trace("cid", 0.0, root))
    assert [row["kind"] for row in rows] == ["step", *["print"] * 20, "fold", "step", "log"]
    assert (rows[21]["text"], len(rows[21]["rows"])) == ("80 more lines", 80)
    html = HTML[Trace](Trace("cid", 0.0, root))
    before, _, folded = html.partition("<details>")
    assert "&lt;19&gt;" in before
    assert "&lt;20&gt;" in folded.partition("</details>")[0]
    assert "the end" in folded.partition("</details>")[2]
    root.steps = [Line("print", str(number)) for number in range(21)]
    assert len(rows_of(Trace("cid", 0.0, root))) == 22, "one line more is not worth a fold"
