"""What cards show is so: whatever is counted has its row, and a dot tells what happened."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from tests.ui.conftest import Asking
from workbench import (
    APIKey,
    BasicAuth,
    DropboxConnection,
    IntervalJob,
    Limit,
    LocalFolder,
    RESTChannel,
    RESTConnection,
    Service,
    Workbench,
    secret,
)
from workbench.core.errors import WorkbenchError
from workbench.ui import views
from workbench.ui.desk import Desk


@pytest.fixture
def ada(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with a channel of her own, beside the open one."""
    monkeypatch.setenv("ADA_PASSWORD", "correct horse")
    wb.define(BasicAuth("ada", username="ada", password=secret("ADA_PASSWORD")))
    wb.define(RESTChannel("private", service="api.hello", path="/api/private", security="ada"))


@pytest.mark.usefixtures("ada")
def test_whatever_is_counted_has_a_row_to_edit_and_remove(desk: Desk, ask: Asking, wb: Workbench) -> None:
    wb.define(RESTConnection("source", host="https://data.example.com"))
    wb.define(Limit("ada", on="user", lines="5/m"), Limit("api.hello", on="service", lines="9/m"))
    wb.define(IntervalJob("hourly", service="api.hello", hours=1))
    tabs = {each: ask("panel", tab=each)["rows"] for each in ("channels", "connections", "users", "jobs", "limits")}
    definitions = [row for each in ("channels", "connections", "users") for row in tabs[each]]
    shown = [(row["collection"], row["name"]) for row in definitions]
    channels = [("channels", "api.hello"), ("channels", "private")]
    assert shown == [*channels, ("connections", "source"), ("security", "ada")]
    jobs, limits = tabs["jobs"], tabs["limits"]
    counted = f"2 services, 2 channels, 1 connection, 1 user, {len(jobs)} job, {len(limits)} limits"
    assert repr(wb) == f"Workbench: {counted}."
    (of_ada,) = [each["name"] for each in limits if each["on"] == "user"]
    assert ask("limit", on="user", name=of_ada)["targets"][0]["form"]["defined"]
    for collection, name in reversed(shown):
        edit = {"collection": collection, "name": name}
        form = ask("form", edit=edit)
        values = {field["name"]: field["value"] for field in form["form"]["fields"]}
        assert ask("form check", edit=edit, values=values)["problems"] == {}, "a form of what is there is right"
        if collection == "security":
            assert "private" in ask("remove", **edit)["failed"], "a channel names the user"
            continue
        removed = ask("remove", **edit)
        assert removed["said"].endswith("is removed.")
        assert edit["name"] not in [row["name"] for row in ask("panel", tab=collection)["rows"]]
        ask("undo", undo=removed["undo"])
        assert edit["name"] in [row["name"] for row in ask("panel", tab=collection)["rows"]]


def test_a_ping_that_is_refused_is_no_success(desk: Desk, ask: Asking, wb: Workbench) -> None:
    source: Any = wb.peers.start("rest", name="source")
    wb.define(RESTConnection("source", host=source.url, path="/rates"))

    def dot() -> str:
        return str(views.definitions([wb.connections["source"].definition])(desk)["definitions"][0]["mood"])

    for status, mood in ((200, "live"), (401, "warn"), (503, "bad"), (204, "live")):
        source.reply("/rates", status=status)
        said = ask("ping", name="source")
        assert said["said"].startswith(f"REST 'source' answered: HEAD {status} in ")
        assert (said["mood"], dot()) == (mood, mood)
    source.stop()
    assert "failed" in ask("ping", name="source")
    assert dot() == "bad"


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    ("on", "name", "user", "called"),
    [
        ("user", "ada", "", "as ada by private"),
        ("channel", "private", "", "as ada by private"),
        ("channel", "api.hello", "ada", "as nobody by api.hello"),
        ("service", "api.hello", "", "as nobody by api.hello"),
        ("service", "api.hello", "ada", "as ada by private"),
        ("service", "api.failing", "", "as nobody"),
    ],
)
def test_a_tried_call_comes_by_the_channel_of_its_user(
    ask: Asking, wb: Workbench, on: str, name: str, user: str, called: str
) -> None:
    wb.define(Limit("api.hello", on="channel", lines="1/m"))
    lines = [{"source": "*", "rate": "2", "unit": "m", "unbounded": False}]
    tried = {"address": "127.0.0.1", "user": user, "service": "api.hello" if on != "service" else name}
    said = ask("limit check", on=on, name=name, lines=lines, values={}, tried=tried | {"calls": "3", "unit": "m"})
    assert said["tried"]["called"] == called
    met = called.endswith("api.hello") and (on, name) != ("channel", "api.hello")
    assert said["tried"]["passed"] == (1 if met else 2), said["tried"]["text"]


@pytest.mark.usefixtures("ada")
def test_calls_that_reach_a_users_limit_come_as_that_user(ask: Asking, wb: Workbench) -> None:
    wb.define(Limit("ada", on="user", lines="2/m"))
    with wb.limits.frozen():
        assert ask("burst", on="user", name="ada", service="")["letters"] == "ppr"
        assert "no open channel" in ask("burst", on="user", name="ada", service="api.failing")["failed"].lower()


def test_a_user_without_a_channel_is_tried_as_that_user(ask: Asking, wb: Workbench, monkeypatch: Any) -> None:
    monkeypatch.setenv("BOB_KEY", "k" * 20)
    wb.define(APIKey("bob", key=secret("BOB_KEY")), Limit("api.hello", on="channel", lines="1/m"))
    lines = [{"source": "*", "rate": "2", "unit": "m", "unbounded": False}]
    tried = {"address": "127.0.0.1", "user": "", "service": "api.hello", "calls": "3", "unit": "m"}
    said = ask("limit check", on="user", name="bob", lines=lines, values={}, tried=tried)
    assert said["tried"]["text"] == "2 pass, 1 refused by line 1"
    assert said["tried"]["called"] == "as bob"


@pytest.mark.parametrize("text", ["5 per minute", "abc", "10/s, 5/m", "* = 5/x"])
def test_a_limit_in_short_is_checked_while_it_is_typed(ask: Asking, text: str) -> None:
    form = ask("form", kind="RESTChannel", preset={"service": "api.failing"})
    values = {field["name"]: field["value"] for field in form["form"]["fields"]}
    checked = ask("form check", kind="RESTChannel", values=values | {"limit": text})
    assert list(checked["problems"]) == ["limit"]
    assert checked["code"] == "", "what is wrong is not to be copied"
    assert list(ask("form save", kind="RESTChannel", values=values | {"limit": text})["problems"]) == ["limit"]
    for right in ("", "5/m", "* = 5/m\n10.0.0.0/8 = 9/m"):
        assert ask("form check", kind="RESTChannel", values=values | {"limit": right})["problems"] == {}


def test_a_renamed_notebook_is_told_by_its_new_name(desk: Desk, ask: Asking, wb: Workbench) -> None:
    wb.define(IntervalJob("hourly", service="api.hello", hours=1))
    ask("hello", path="in/old.ipynb")
    assert views.jobs()(desk)["notes"][0].endswith("workbench serve old.ipynb")
    ask("renamed", path="in/new.ipynb")
    assert views.jobs()(desk)["notes"][0].endswith("workbench serve new.ipynb")
    ask("hello", path="")
    assert ask("schedule", service="api.hello")["notebook"] == "new.ipynb"


def test_the_dot_of_a_connection_tells_how_the_last_call_went(desk: Desk, ask: Asking, wb: Workbench) -> None:
    class Rates(Service):
        name = "rates"

        def handle(self) -> None:
            self.out.rest["source"].conn.get(self.cid)

    source: Any = wb.peers.start("rest", name="source")
    wb.deploy(Rates)
    wb.define(definition := RESTConnection("source", host=source.url, path="/rates"))

    def dot() -> str:
        return str(views.definitions([definition])(desk)["definitions"][0]["mood"])

    assert dot() == "live"
    for status, mood in ((401, "warn"), (503, "bad"), (200, "live"), (404, "warn")):
        source.reply("/rates", status=status)
        with suppress(WorkbenchError):
            wb.invoke("rates")
        assert dot() == mood
    source.reply("/rates", status=200)
    ask("ping", name="source")
    assert dot() == "live", "a ping that is newer wins"
    source.stop()
    with pytest.raises(WorkbenchError):
        wb.invoke("rates")
    assert dot() == "bad"
    wb.define(RESTConnection("source", host="http://127.0.0.1:1", path="/rates"))
    assert dot() == "live", "nobody has asked what is defined anew"


def test_what_has_a_secret_has_a_button_that_opens_its_field(
    ask: Asking, wb: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ADA_PASSWORD", "A_KEY", "A_TOKEN"):
        monkeypatch.setenv(name, "correct horse")
    wb.define(
        BasicAuth("ada", username="ada", password=secret("ADA_PASSWORD")),
        APIKey("partner", key=secret("A_KEY")),
        RESTConnection("open", host="https://data.example.com"),
        RESTConnection("keyed", host="https://data.example.com", api_key=secret("A_KEY")),
        DropboxConnection("box", user_agent="x", token=secret("A_TOKEN")),
        LocalFolder("here", path="."),
    )
    rows = [row for tab in ("users", "connections", "channels") for row in ask("panel", tab=tab)["rows"]]
    assert {row["name"]: row["secret"] for row in rows} == {
        "ada": {"field": "password", "label": "Change password"},
        "partner": {"field": "key", "label": "Change key"},
        "open": {"field": "password", "label": "Change secret"},
        "keyed": {"field": "api_key", "label": "Change secret"},
        "box": {"field": "token", "label": "Change secret"},
        "here": {},
        "api.hello": {},
    }
    for row in rows:
        fields = ask("form", edit={"collection": row["collection"], "name": row["name"]})["form"]["fields"]
        secrets = [field["name"] for field in fields if field["kind"] == "secret"]
        assert row["secret"].get("field") in (secrets or [None])
