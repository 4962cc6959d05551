from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import msgspec
import pytest

from tests.ui.conftest import Asking, Hello
from workbench import (
    BasicAuth,
    CronJob,
    IntervalJob,
    Limit,
    OneTimeJob,
    RESTChannel,
    RESTConnection,
    Service,
    SMTPConnection,
    Workbench,
    secret,
)
from workbench.app.serving.runtime_file import Running
from workbench.core.errors import UnknownName
from workbench.core.origin import Origin
from workbench.ui import views
from workbench.ui.courier import Courier
from workbench.ui.desk import Desk
from workbench.ui.rows import services
from workbench.ui.verbs import VERBS

VALUES = {"name": "hello", "hours": "1", "timezone": "Europe/Warsaw", "extra": ""}
LINES = [{"source": "*", "rate": "3", "unit": "d", "unbounded": False}]


def scheduled(ask: Asking, **more: Any) -> dict[str, Any]:
    return ask("schedule save", service="api.hello", how="every", values=VALUES, **more)


def test_an_answer_and_its_trace_are_told_when_the_service_has_ended(ask: Asking) -> None:
    said = ask("invoke", service="api.hello", payload="you", format="text")
    assert (said["outcome"], said["form"], said["text"]) == ("ok", "text", "Hello you!")
    assert [row["text"] for row in said["trace"]] == ["api.hello", "INFO said hello"]
    assert len(said["cid"]) == 24
    json.dumps(said)


def test_an_error_says_its_sentence_and_the_line_of_the_service(ask: Asking) -> None:
    said = ask("invoke", service="api.failing", payload="")
    assert (said["outcome"], said["text"]) == ("failed", "ValueError: no such order")
    assert said["where"].startswith("handle, line ")
    assert 'raise ValueError("no such order")' in said["where"]


def test_a_payload_that_is_no_json_is_named_before_anything_runs(ask: Asking, wb: Workbench) -> None:
    said = ask("invoke", service="api.hello", payload='{"a": }', format="json")
    assert said == {"problems": {"payload": "is not JSON: expecting value, line 1, column 7"}}
    assert len(wb.traffic) == 0


def test_a_service_that_hangs_leaves_the_desk_usable(ask: Asking, wb: Workbench) -> None:
    go_on = Event()

    class Hanging(Service):
        name = "api.hanging"

        def handle(self) -> str:
            assert go_on.wait(30)
            return "at last"

    wb.deploy(Hanging)
    answers = ask.start("invoke", service="api.hanging", payload="")
    assert ask("invoke", service="api.hello", payload="")["outcome"] == "ok"
    assert scheduled(ask)["problems"] == {}
    assert answers.empty()
    go_on.set()
    assert answers.get(timeout=30)["text"] == "at last"


def test_two_clicks_schedule_a_service(ask: Asking, wb: Workbench) -> None:
    opened = ask("schedule", service="api.hello")
    said = ask("schedule save", service="api.hello", how="every", values=opened["values"])
    assert said["said"] == "Job 'hello' is on."
    assert said["code"].endswith('wb.define(IntervalJob("hello", service="api.hello", hours=1, timezone="UTC"))')
    assert wb.jobs["hello"].state == "on"


def test_a_form_starts_with_the_users_own_zone(
    ask: Asking, wb: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert ask("schedule", service="api.hello")["values"]["timezone"] == "UTC"
    wb.settings.timezone = "Asia/Tokyo"
    assert ask("schedule", service="api.hello")["values"]["timezone"] == "Asia/Tokyo"


def test_the_zone_last_chosen_is_offered_next(ask: Asking) -> None:
    scheduled(ask)
    assert ask("schedule", service="api.hello")["values"]["timezone"] == "Europe/Warsaw"
    assert ask("schedule", service="api.hello")["values"]["name"] == "hello 2"


def test_save_and_run_once_runs_the_job_now(ask: Asking, wb: Workbench) -> None:
    ended = Event()
    from workbench.scheduler.records import RunEnded

    wb.events.subscribe(RunEnded, lambda event: ended.set())
    scheduled(ask, run=True)
    assert ended.wait(30)
    assert [(run.outcome, run.by_hand) for run in wb.jobs["hello"].runs] == [("ok", True)]


def test_undo_takes_a_new_job_away_and_it_can_be_saved_again(ask: Asking, wb: Workbench) -> None:
    said = scheduled(ask)
    assert ask("undo", undo=said["undo"])["said"] == "Interval job 'hello' is gone again."
    assert list(wb.jobs) == []
    assert "taken back already" in (late := ask("undo", undo=said["undo"])["failed"])
    assert "Fix: change it by its form." in late
    assert scheduled(ask)["problems"] == {}
    assert list(wb.jobs) == ["hello"]


def test_a_removed_job_comes_back_by_undo(ask: Asking, wb: Workbench) -> None:
    scheduled(ask)
    said = ask("job", name="hello", what="remove")
    assert list(wb.jobs) == []
    ask("undo", undo=said["undo"])
    assert wb.jobs["hello"].state == "on"


def test_a_job_removed_beside_the_card_can_be_saved_again(ask: Asking, wb: Workbench) -> None:
    scheduled(ask)
    wb.jobs["hello"].remove()
    assert scheduled(ask)["problems"] == {}
    assert wb.jobs["hello"].state == "on"


def test_the_code_that_a_form_gave_changes_nothing_when_it_is_pasted(ask: Asking, wb: Workbench) -> None:
    code = scheduled(ask)["code"]
    outcome: dict[str, Any] = {}
    exec(code.replace("wb.define", "outcome['said'] = wb.define"), {"wb": wb, "outcome": outcome})
    assert outcome["said"].lines() == [
        "Unchanged: Interval job 'hello'.",
        "Job 'hello' is in a cell now, so its copy by click is gone.",
    ]


def test_a_jobs_name_that_is_taken_is_said_beside_the_name(ask: Asking, wb: Workbench) -> None:
    wb.define(IntervalJob("hello", service="api.failing", hours=2))
    assert list(scheduled(ask)["problems"]) == ["name"]
    assert wb.jobs["hello"].definition.service == "api.failing"


def test_a_service_that_is_gone_is_said_beside_its_field(ask: Asking, wb: Workbench) -> None:
    wb.services.remove("api.hello")
    assert "does not exist" in scheduled(ask)["problems"]["service"]


def test_a_job_is_paused_resumed_and_executed(ask: Asking, wb: Workbench) -> None:
    scheduled(ask)
    ask("job", name="hello", what="pause")
    assert wb.jobs["hello"].state == "paused"
    ask("job", name="hello", what="resume")
    assert wb.jobs["hello"].state == "on"
    assert "cannot 'fly'" in ask("job", name="hello", what="fly")["failed"]
    assert "No job is named 'other'" in ask("job", name="other", what="pause")["failed"]


def test_edit_opens_the_form_of_a_job_filled_in_and_save_changes_it(ask: Asking, wb: Workbench) -> None:
    job = IntervalJob("nightly", service="api.hello", hours=1, minutes=30, repeats=5, extra="x", active=False)
    wb.define(job, CronJob("mornings", service="api.hello", cron="0 9 * * 1-5", timezone="Europe/Warsaw"))
    opened = ask("job edit", name="nightly")
    assert (opened["how"], opened["edit"]) == ("every", "nightly")
    assert ask("job edit", name="mornings")["how"] == "cron"
    asked: dict[str, Any] = {"service": "api.hello", "how": "every", "edit": "nightly"}
    assert ask("schedule save", **asked, values=opened["values"])["said"] == "Job 'nightly' is as it was."
    values = opened["values"] | {"hours": "2"}
    said = ask("schedule save", **asked, values=values)
    assert (said["problems"], said["said"]) == ({}, "Job 'nightly' is changed.")
    assert wb.jobs["nightly"].definition == job.replace(hours=2)
    ask("undo", undo=said["undo"])
    assert wb.jobs["nightly"].definition == job


@pytest.mark.parametrize(
    "job",
    [
        IntervalJob(
            "x", service="api.hello", days=2, start="2040-01-01 00:00", end="2041-01-01 00:00:30", timezone="UTC"
        ),
        CronJob("x", service="api.hello", cron="0 9 * * 1-5", timezone="Europe/Warsaw", extra="a\nb"),
        OneTimeJob("x", service="api.hello", start="2040-06-01 09:30", timezone="Asia/Tokyo"),
    ],
)
def test_a_job_that_is_opened_and_saved_stays_as_it_is(job: Any, ask: Asking, wb: Workbench) -> None:
    wb.define(job)
    opened = ask("job edit", name="x")
    said = ask("schedule save", service="api.hello", how=opened["how"], values=opened["values"], edit="x")
    assert "undo" not in said
    assert wb.jobs["x"].definition == job


def test_another_job_is_not_replaced_by_an_edit(ask: Asking, wb: Workbench) -> None:
    scheduled(ask)
    wb.define(IntervalJob("other", service="api.hello", hours=2))
    values = VALUES | {"name": "other"}
    said = ask("schedule save", service="api.hello", how="every", values=values, edit="hello")
    assert list(said["problems"]) == ["name"]


def test_the_next_runs_of_an_edited_job_are_its_own_while_its_schedule_stays(ask: Asking, wb: Workbench) -> None:
    wb.define(IntervalJob("twice", service="api.hello", minutes=1, repeats=2))
    own = [at.timestamp() for at in wb.jobs["twice"].preview(5)]
    values = ask("job edit", name="twice")["values"]
    asked: dict[str, Any] = {"service": "api.hello", "how": "every", "edit": "twice"}

    def shown(**changed: str) -> list[float]:
        said = ask("schedule check", **asked, values=values | changed)
        return [each["at"] for each in said["runs"]]

    assert shown(extra="x") == own
    assert shown(minutes="2")[0] > own[0]


def test_a_connection_and_a_channel_are_edited(ask: Asking, wb: Workbench) -> None:
    wb.define(
        SMTPConnection("mail", host="smtp.example.com", port=587, mode="starttls", username="me", password=secret("P"))
    )
    edit = {"collection": "connections", "name": "mail"}
    values = {each["name"]: each["value"] for each in ask("form", edit=edit)["form"]["fields"]}
    assert (values["host"], values["password"]) == ("smtp.example.com", "P")
    same = ask("form save", edit=edit, values=values)
    assert (same["said"], "undo" in same, "hint" in same) == ("SMTP 'mail' is as it was.", False, False)
    said = ask("form save", edit=edit, values=values | {"port": "25"})
    assert said["said"] == "SMTP 'mail' is changed."
    assert wb.connections["mail"].definition == SMTPConnection(
        "mail", host="smtp.example.com", port=25, mode="starttls", username="me", password=secret("P")
    )
    edit = {"collection": "channels", "name": "api.hello"}
    values = {each["name"]: each["value"] for each in ask("form", edit=edit)["form"]["fields"]}
    assert "undo" not in ask("form save", edit=edit, values=values)
    assert ask("form save", edit=edit, values=values | {"path": "/moved"})["code"].endswith(
        'wb.define(RESTChannel("api.hello", path="/moved"))'
    )
    assert wb.call("/moved").text == "Hello there!"


def test_the_rows_of_definitions_follow_what_is_in_force(desk: Desk, wb: Workbench) -> None:
    shown = [
        RESTConnection("source", host="https://data.example.com", path="/rates"),
        wb.channels["api.hello"].definition,
    ]
    wb.define(*shown)
    wb.start()
    draw = views.definitions(shown, ["said"])
    source, hello = draw(desk)["definitions"]
    assert (source["text"], source["where"], source["sandbox"]) == (
        "REST 'source'",
        "https://data.example.com/rates",
        False,
    )
    assert (hello["where"], hello["who"]) == ("/api/hello", "no security: anyone on this machine may call it")
    assert hello["curl"] == f"curl {wb.url}/api/hello"
    wb.sandbox()
    wb.channels.remove("api.hello")
    source, hello = draw(desk)["definitions"]
    assert (source["sandbox"], hello["gone"]) == (True, True)


def test_the_panel_shows_services_with_their_jobs_and_every_way_out(desk: Desk, ask: Asking, wb: Workbench) -> None:
    wb.define(RESTConnection("source", host="https://data.example.com"))
    assert ask("panel", tab="jobs")["rows"] == []
    scheduled(ask)
    found = views.everything(desk)
    assert found["title"] == repr(wb)
    assert [(row["service"], len(row["jobs"])) for row in found["services"]] == [("api.hello", 1), ("api.failing", 0)]
    ways = [row["name"] for tab in ("channels", "connections") for row in ask("panel", tab=tab)["rows"]]
    assert ways == ["api.hello", "source"]
    assert [row["name"] for row in ask("panel", tab="jobs")["rows"]] == ["hello"]
    assert [row["name"] for row in views.jobs(["hello"])(desk)["jobs"]] == ["hello"]


def test_a_file_is_uploaded_to_a_peer(desk: Desk, ask: Asking, wb: Workbench) -> None:
    drop = wb.peers.start("folder", name="drop")
    draw = views.peer("drop", drop, repr)
    before = draw(desk)["peer"]
    assert before["takes"]
    said = ask("peer put", name="drop", path="in/a.bin", contents="AAEC")
    assert said["said"].startswith("in/a.bin has arrived at ")
    assert drop.files["in/a.bin"] == bytes([0, 1, 2])  # type: ignore[attr-defined]
    assert draw(desk)["peer"]["html"] != before["html"]
    assert "failed" in ask("peer put", name="drop", path="../a.bin", contents="AAEC")
    assert not views.peer("mails", wb.peers.start("smtp", name="mails"), repr)(desk)["peer"]["takes"]


def test_a_path_is_published(ask: Asking, wb: Workbench) -> None:
    form = ask("form", kind="RESTChannel", preset={"service": "api.failing"})
    values = {field["name"]: field["value"] for field in form["form"]["fields"]}
    assert (values["name"], values["path"], values["service"]) == ("api.failing", "/api/failing", "api.failing")
    assert ask("form check", kind="RESTChannel", values=values)["problems"] == {}
    said = ask("form save", kind="RESTChannel", values=values)
    assert said["said"] == "REST 'api.failing' is open."
    assert wb.call("/api/failing").status == 500
    ask("undo", undo=said["undo"])
    assert wb.call("/api/failing").status == 404


def test_a_path_that_is_taken_and_a_user_that_is_not_there_are_said(ask: Asking) -> None:
    values = {"name": "other", "path": "/api/hello", "service": "api.hello", "security": "me"}
    assert "does not exist" in ask("form save", kind="RESTChannel", values=values)["problems"]["security"]
    assert "both answer /api/hello" in ask("form save", kind="RESTChannel", values=values | {"security": ""})["failed"]


def test_a_missing_connection_is_defined_and_no_longer_missing(ask: Asking, wb: Workbench, desk: Desk) -> None:
    class Sync(Service):
        name = "api.sync"

        def handle(self) -> None:
            self.out.plain_http["My Data Source"].conn.get(self.cid)

    wb.deploy(Sync)
    (row,) = services(wb, ["api.sync"], {})
    assert row["missing"] == [{"kind": "rest", "label": "REST", "name": "My Data Source"}]
    form = ask("form", connection="rest", preset={"name": "My Data Source"})
    values = {field["name"]: field["value"] for field in form["form"]["fields"]}
    assert list(ask("form save", connection="rest", values=values)["problems"]) == ["host"]
    said = ask("form save", connection="rest", values=values | {"host": "https://data.example.com"})
    assert said["code"].endswith('wb.define(RESTConnection("My Data Source", host="https://data.example.com"))')
    assert services(wb, ["api.sync"], {})[0]["missing"] == []


def test_a_limit_is_saved_shown_and_reached_from_both_sides(ask: Asking, wb: Workbench) -> None:
    opened = ask("limit", service="api.hello")
    assert [(each["on"], each["name"]) for each in opened["targets"]] == [
        ("channel", "api.hello"),
        ("service", "api.hello"),
    ]
    asked: dict[str, Any] = {"on": "service", "name": "api.hello", "lines": LINES, "values": {"exact": True}}
    assert ask("limit check", **asked, tried={"calls": "5"})["tried"]["text"] == "3 pass, 2 refused by line 1"
    assert ask("limit save", **asked)["said"] == "Limit on service api.hello is on."
    said = ask("burst", on="service", name="api.hello", service="api.hello")
    assert said["letters"] == "pppr"
    (seen,) = said["refused"]
    assert (seen["status"], seen["number"]) == (429, 4)
    assert seen["cid"] in seen["body"]
    assert any("Max. rate limit of 3/d reached" in line and seen["cid"] in line for line in seen["log"])
    (bar,) = services(wb, ["api.hello"], {})[0]["limits"]
    assert (bar["calls"], bar["lines"][0]["used"], bar["lines"][0]["refused"]) == (4, 3, 1)


def test_a_limit_is_reached_without_a_channel_at_all(ask: Asking, wb: Workbench) -> None:
    wb.define(Limit("api.failing", on="service", lines="1/d"))
    said = ask("burst", on="service", name="api.failing", service="api.failing")
    assert said["letters"] == "fr"
    assert said["refused"][0]["call"] == 'wb.invoke("api.failing")'


def test_a_limit_on_a_service_is_reached_and_tried_where_no_card_says_the_service(ask: Asking, wb: Workbench) -> None:
    wb.define(Limit("api.hello", on="service", lines="1/d"))
    lines = [{"source": "*", "rate": "1", "unit": "d", "unbounded": False}]
    tried = {"service": "", "calls": "2", "unit": "d"}
    said = ask("limit check", on="service", name="api.hello", lines=lines, values={}, tried=tried)["tried"]
    assert (said["text"], said["called"]) == ("1 pass, 1 refused by line 1", "as nobody by api.hello")
    assert ask("burst", on="service", name="api.hello", service="")["letters"] == "pr"


def test_a_limit_is_lifted_and_comes_back_by_undo(ask: Asking, wb: Workbench) -> None:
    wb.define(Limit("api.hello", on="service", lines="1/d"))
    said = ask("limit remove", on="service", name="api.hello")
    assert len(wb.limits) == 0
    ask("undo", undo=said["undo"])
    assert list(wb.limits) == ["service api.hello"]


def test_a_limit_in_short_is_changed_and_lifted_where_it_is_said(
    ask: Asking, wb: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADA", "correct-horse")
    wb.define(
        RESTChannel("api.failing", limit="5/m"), BasicAuth("ada", password=secret("ADA"), limit="10.0.0.0/8 = 5/m")
    )
    for on, name, owners in (("channel", "api.failing", wb.channels), ("user", "ada", wb.users)):
        asked: dict[str, Any] = {"on": on, "name": name, "lines": LINES, "values": {"exact": True}}
        checked = ask("limit check", **asked, tried={"calls": "5"})
        assert (checked["problems"], 'limit="3/d"' in checked["code"]) == ({}, True)
        assert ask("limit save", **asked)["said"] == f"Limit on {on} {name} is on."
        assert wb.limits[f"{on} {name}"].lines == "3/d"
        said = ask("limit remove", on=on, name=name)
        assert f"{on} {name}" not in wb.limits
        assert name in owners
        ask("undo", undo=said["undo"])
        assert wb.limits[f"{on} {name}"].lines == "3/d"
        refused = ask("limit save", **asked | {"values": {"exact": False}})
        assert "has lines alone. Fix: " in refused["problems"][""]


def test_a_limit_in_short_of_a_class_is_changed_in_its_cell(ask: Asking, wb: Workbench) -> None:
    class Rare(Service):
        name = "api.rare"
        limit = "5/m"

        def handle(self) -> None: ...

    wb.deploy(Rare)
    asked: dict[str, Any] = {"on": "service", "name": "api.rare", "lines": LINES, "values": {}}
    assert "comes from two places" in ask("limit save", **asked)["failed"]
    assert (
        "said by its class. Fix: change limit = there" in ask("limit remove", on="service", name="api.rare")["failed"]
    )
    assert wb.limits["service api.rare"].lines == "5/m"


def test_roll_back_brings_the_version_before(ask: Asking, wb: Workbench) -> None:
    class Hello(Service):
        name = "api.hello"

        def handle(self) -> str:
            return "changed"

    wb.deploy(Hello)
    (row,) = services(wb, ["api.hello"], {})
    assert (row["version"], row["back"]) == (2, 1)
    assert ask("roll back", service="api.hello")["said"].startswith("api.hello v1 is live again (was v2).")
    assert wb.invoke("api.hello") == "Hello there!"


def test_a_service_that_is_gone_is_said_to_be(wb: Workbench) -> None:
    assert services(wb, ["api.nope"], {}) == [{"service": "api.nope", "gone": True}]
    with pytest.raises(UnknownName):
        wb.services["api.nope"]


def test_no_store_is_opened_by_looking(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    with Workbench(port=0, store=f"sqlite:///{store}") as wb:
        wb.deploy(Hello)
        with closing(Desk(wb, Courier(), VERBS)) as desk:
            services(wb, ["api.hello"], desk.last)
        assert not store.exists()
        wb.define(IntervalJob("hello", service="api.hello", hours=1))
        assert store.exists()


def test_what_nobody_answers_and_what_breaks_are_sentences(
    ask: Asking, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(desk: Desk, asked: Any, tell: Any) -> dict[str, Any]:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setitem(VERBS, "broken", broken)
    assert "run its cell again" in ask("dance")["failed"].lower()
    assert ask("broken") == {"failed": "ZeroDivisionError: division by zero"}


def test_every_verb_answers_from_any_thread_at_the_same_time(ask: Asking, wb: Workbench) -> None:
    outcomes: list[Any] = []

    def click(number: int) -> None:
        values = VALUES | {"name": f"job {number}"}
        said = ask("schedule save", service="api.hello", how="every", values=values)
        outcomes.append(said["problems"])
        outcomes.append({} if ask("invoke", service="api.hello", payload="")["outcome"] == "ok" else "failed")
        ask("job", name=f"job {number}", what="remove")

    threads = [Thread(target=click, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert outcomes == [{}] * 16
    assert list(wb.jobs) == []


def test_what_a_form_defines_says_so_and_below_which_cell(ask: Asking, wb: Workbench) -> None:
    assert scheduled(ask, cell="c0ffee")["problems"] == {}
    job = wb.jobs["hello"].definition
    assert wb.origin_of(job) == Origin("form", cell_id="c0ffee")


def test_what_a_form_changes_keeps_its_cell_and_undo_gives_it_back(ask: Asking, wb: Workbench) -> None:
    cell = Origin("cell", "made-here", 4, line=2)
    wb.drafting.define([RESTConnection("Data", host="https://a.example.com")], origin=cell)
    edit = {"collection": "connections", "name": "Data"}
    values = {"name": "Data", "host": "https://b.example.com"}
    said = ask("form save", edit=edit, values=values, cell="clicked-here")
    changed: Any = wb.connections["Data"].definition
    assert (changed.host, wb.origin_of(changed)) == ("https://b.example.com", cell.by_form())
    ask("undo", undo=said["undo"])
    assert wb.origin_of(changed) == cell


def test_what_is_removed_by_click_comes_back_with_its_origin(ask: Asking, wb: Workbench) -> None:
    cell = Origin("cell", "made-here", 4)
    limit = Limit("api.hello", on="service", lines="* = 5/m")
    wb.drafting.define([limit], origin=cell)
    said = ask("limit remove", on="service", name="api.hello")
    assert wb.origin_of(limit) is None
    ask("undo", undo=said["undo"])
    assert wb.origin_of(limit) == cell


def test_a_form_says_that_no_such_secret_is_set_and_never_repeats_what_was_typed(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = ask("form", connection="ftp", preset={"name": "My FTP"})
    labels = {field["name"]: field["label"] for field in form["form"]["fields"]}
    assert labels["password"] == "Password"
    values = {"name": "My FTP", "host": "ftp.example.com", "username": "ada", "password": "hunter2Canary11"}
    note = ask("form check", connection="ftp", values=values)["note"]
    assert note.startswith("No secret of this name is set")
    assert "hunter2" not in note
    monkeypatch.setenv("hunter2Canary11", "a value")
    assert ask("form check", connection="ftp", values=values)["note"] == ""


def test_a_secret_among_headers_is_written_in_a_form_as_in_a_cell(ask: Asking) -> None:
    values = {"name": "API", "host": "https://e.com", "headers": 'Authorization: secret("TOKEN", prefix="Bearer ")'}
    said = ask("form save", connection="rest", values=values)
    assert 'headers={"Authorization": secret("TOKEN", prefix="Bearer ")}' in said["code"]
    form = ask("form", connection="rest", edit={"collection": "connections", "name": "API"}, preset={})
    filled = {field["name"]: field["value"] for field in form["form"]["fields"]}
    assert filled["headers"] == {"Authorization": 'secret("TOKEN", prefix="Bearer ")'}


def test_jobs_that_another_process_fires_too_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    store = f"sqlite:///{tmp_path / 'store.db'}"
    with (
        Workbench("shop.ipynb", port=0, folder=tmp_path, store=store) as wb,
        closing(Desk(wb, Courier(), VERBS)) as desk,
    ):
        assert desk.lives.endswith("workbench serve shop.ipynb")
        # The process that runs these tests stands for `workbench serve`: it lives, and is not this one.
        other = Running(os.getppid(), "http://localhost:7", "", "shop.ipynb", store=str(tmp_path / "store.db"))
        (tmp_path / "workbench-other-7.json").write_bytes(msgspec.json.encode(other))
        assert desk.lives == (
            f"Jobs run while this kernel or process {os.getppid()} lives, each planned time in one of them."
        )
        for changed in ({"app": "other.ipynb"}, {"store": ""}):
            told = msgspec.structs.replace(other, **changed)
            (tmp_path / "workbench-other-7.json").write_bytes(msgspec.json.encode(told))
            assert "Keep them running" in desk.lives
