"""The panel as data: what each tab shows, finds and counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.ui.conftest import Asking, Hello
from workbench import BasicAuth, IntervalJob, Limit, RESTConnection, Service, Workbench, secret
from workbench.connections.definition import ConnectionDefinition, Live, Opening
from workbench.core.errors import ConnectionFailed
from workbench.core.masking import learn
from workbench.core.trace import Step
from workbench.notebook import running
from workbench.runtime.traffic import Traffic
from workbench.sandbox.imap.mailbox import IMAPMailbox
from workbench.ui import views
from workbench.ui.desk import Desk
from workbench.ui.panel.figures import rank
from workbench.ui.panel.happened import PAGE, asked_of, calls_page
from workbench.ui.panel.settings import settings_facts
from workbench.ui.panel.tabs import TABS

SCRIPT = "<script>alert('from a stranger')</script>"


def counted(desk: Desk) -> dict[str, int | None]:
    return {tab["name"]: tab["count"] for tab in views.everything(desk)["tabs"]}


def names(said: dict[str, Any]) -> list[str]:
    return [row["name"] for row in said["rows"]]


@pytest.fixture
def full(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """One of each kind."""
    monkeypatch.setenv("ADA_PASSWORD", "correct horse")
    wb.define(
        RESTConnection("source", host="https://data.example.com"),
        BasicAuth("ada", username="ada", password=secret("ADA_PASSWORD")),
        Limit("ada", on="user", lines="5/m"),
        IntervalJob("hourly", service="api.hello", hours=1),
    )
    wb.peers.start("smtp", name="mails")
    wb.invoke("api.hello")
    return wb


def test_each_tab_says_how_many_there_are_and_shows_as_many(desk: Desk, ask: Asking, full: Workbench) -> None:
    found = counted(desk)
    assert found["settings"] is None
    of_one = {"caches", "channels", "connections", "users", "jobs", "limits", "peers", "traffic", "log"}
    assert {name: found[name] for name in sorted(of_one)} == dict.fromkeys(sorted(of_one), 1)
    for tab in TABS:
        said = ask("panel", tab=tab.name)
        assert "failed" not in said, tab.name
        assert len(said["rows"]) == (found[tab.name] or len(full.settings.rows()) + 1)
        assert "about" not in said or tab.name == "settings"
    assert names(ask("panel", tab="users")) == ["ada"]
    assert ask("panel", tab="jobs")["note"].startswith("Jobs run while this kernel lives")


def test_an_empty_tab_says_what_it_is_for_and_how_the_first_is_made(ask: Asking) -> None:
    offered = ask("panel new")
    assert offered["code"].startswith('class Hello2(Service):\n    name = "api.hello2"'), "it takes the place of none"
    kinds = {each["kind"] for each in offered["forms"]} | {"job", "limit"}
    for name in ("connections", "users", "jobs", "limits", "peers", "traffic", "log"):
        said = ask("panel", tab=name)
        assert said["about"].endswith(".")
        assert "code" in said["first"] or said["first"]["kind"] in kinds, name


def test_a_new_workbench_says_how_a_service_is_written() -> None:
    from workbench.ui.courier import Courier
    from workbench.ui.verbs import VERBS

    with Workbench(port=0) as wb:
        desk = Desk(wb, Courier(), VERBS)
        code = Asking(desk)("panel", tab="services")["first"]["code"]
        desk.close()
        made: dict[str, Any] = {"Service": Service}
        exec(code, made)
        wb.deploy(made["Hello"])
        assert wb.invoke("api.hello") == "Hello there!\n"
        assert len(code.splitlines()) == 4


def test_each_tab_is_searched_by_text(ask: Asking, full: Workbench) -> None:
    assert names(ask("panel", tab="connections", text="DATA.example")) == ["source"]
    assert ask("panel", tab="connections", text="nowhere")["rows"] == []
    assert "about" not in ask("panel", tab="connections", text="nowhere"), "the tab is not empty"
    assert names(ask("panel", tab="settings", text="time zone")) == ["timezone"]
    assert [row["service"] for row in ask("panel", tab="services", text="hello")["rows"]] == ["api.hello"]
    assert names(ask("panel", tab="peers", text="mail")) == ["mails"]
    assert "No tab is named 'nothing'" in ask("panel", tab="nothing")["failed"]


def test_whatever_can_be_made_has_a_form(ask: Asking) -> None:
    offered = ask("panel new")["forms"]
    assert {each["group"] for each in offered} == {"Channel", "User", "Connection", "Cache"}
    for each in offered:
        said = ask("form", **each["ask"], preset={})
        assert said["form"]["fields"], each["label"]


def test_a_service_tells_how_its_calls_went(ask: Asking, wb: Workbench) -> None:
    for _ in range(3):
        wb.invoke("api.hello")
    with pytest.raises(ValueError, match="no such order"):
        wb.invoke("api.failing")
    hello, failing = ask("panel", tab="services")["rows"]
    assert (hello["figures"]["calls"], hello["figures"]["failed"], hello["figures"]["mood"]) == (3, 0, "live")
    assert 0 < hello["figures"]["p50"] <= hello["figures"]["p95"]
    assert (failing["figures"]["calls"], failing["figures"]["failed"]) == (1, 1)
    assert failing["figures"]["error"] == "ValueError: no such order"


@pytest.mark.parametrize(
    ("count", "share", "expected"),
    [(1, 0.5, 1.0), (2, 0.5, 1.0), (100, 0.5, 50.0), (100, 0.95, 95.0), (20, 0.95, 19.0)],
)
def test_a_rank_is_the_least_duration_that_the_share_does_not_exceed(count: int, share: float, expected: float) -> None:
    assert rank([milliseconds / 1000 for milliseconds in range(1, count + 1)], share) == expected


def test_versions_stand_beside_how_they_did_and_any_of_them_is_made_live(ask: Asking, wb: Workbench) -> None:
    class Worse(Service):
        name = "api.hello"

        def handle(self) -> object:
            raise KeyError("worse")

    wb.invoke("api.hello")
    wb.deploy(Worse)
    for _ in range(2):
        with pytest.raises(KeyError):
            wb.invoke("api.hello")
    worse, first = ask("versions", service="api.hello")["versions"]
    assert [(each["number"], each["live"], each["calls"], each["failed"]) for each in (worse, first)] == [
        (2, True, 2, 2),
        (1, False, 1, 0),
    ]
    assert '+            raise KeyError("worse")' in first["difference"]
    assert worse["difference"] == ""
    said = ask("version live", service="api.hello", number=1)["said"]
    assert said.startswith("api.hello v1 is live again (was v2).")
    assert wb.services["api.hello"].live.number == 1
    assert "keeps no version" in ask("version live", service="api.hello", number=7)["failed"]


def test_any_two_versions_are_compared_and_the_first_failure_has_its_time(ask: Asking, wb: Workbench) -> None:
    class One(Service):
        name = "api.fails"

        def handle(self) -> None:
            raise KeyError(1)

    class Two(Service):
        name = "api.fails"

        def handle(self) -> None:
            raise KeyError(2)

    for each in (One, Two):
        wb.deploy(each)
        for _ in range(2):
            with pytest.raises(KeyError):
                wb.invoke("api.fails")
    second, first = ask("versions", service="api.fails")["versions"]
    assert [first["failed_at"], second["failed_at"]] == [trace.at for trace in wb.traffic][::2]

    def differ(one: int, other: int) -> str:
        return str(ask("versions differ", service="api.fails", **{"from": one, "to": other})["difference"])

    assert "-            raise KeyError(1)\n+            raise KeyError(2)" in differ(1, 2)
    assert "-            raise KeyError(2)\n+            raise KeyError(1)" in differ(2, 1)
    assert differ(2, 2) == ""
    assert "No version is named 'v9'" in ask("versions differ", service="api.fails", **{"from": 1, "to": 9})["failed"]


def test_calls_are_found_by_cid_service_status_user_and_text(ask: Asking, full: Workbench) -> None:
    answer = full.call("POST /api/hello", data="x")
    with pytest.raises(ValueError, match="no such order"):
        full.invoke("api.failing")

    def found(**asked: str) -> list[str]:
        return [row["name"] for row in ask("panel", tab="traffic", **asked)["rows"]]

    assert found() == ["api.failing", "POST /api/hello", "api.hello"]
    assert found(text=answer.cid) == ["POST /api/hello"]
    assert found(text="NO SUCH order") == ["api.failing"]
    assert found(text="said hello") == ["POST /api/hello", "api.hello"], "a line that was logged"
    assert found(mood="failed") == ["api.failing"]
    assert found(service="api.hello") == ["POST /api/hello", "api.hello"]
    assert found(service="api.hello", mood="failed") == []
    opened = ask("panel call", cid=answer.cid)
    assert [row["text"] for row in opened["trace"] if row["kind"] == "step"] == ["POST /api/hello", "api.hello"]
    assert "No recorded call" in ask("panel call", cid="f" * 32)["failed"]


def test_a_call_is_found_by_its_user(ask: Asking, full: Workbench) -> None:
    from workbench import RESTChannel

    full.define(RESTChannel("private", service="api.hello", path="/api/private", security="ada"))
    full.call("GET /api/private", user="ada")
    (row,) = ask("panel", tab="traffic", text="ada")["rows"]
    assert (row["user"], row["service"], row["outcome"], row["mood"]) == ("ada", "api.hello", "200", "live")


def test_connections_tell_who_uses_them_and_when_they_last_worked(ask: Asking, desk: Desk, wb: Workbench) -> None:
    class Asks(Service):
        name = "api.asks"

        def handle(self) -> object:
            return self.out.rest["good"].conn.get(self.cid).status_code

    wb.deploy(Asks)
    wb.sandbox()
    wb.define(
        RESTConnection("good", host="https://data.example.com", path="/rates"),
        RESTConnection("bad", host="https://bad.example.com", path="/rates"),
    )
    for name in ("good", "bad"):
        wb.peers[name].reply("/rates", json={})  # type: ignore[attr-defined]
    wb.peers["bad"].fail(refuse=True)

    def told() -> dict[str, tuple[list[str], bool, str]]:
        found = ask("panel", tab="connections")["rows"]
        return {row["name"]: (row["used_by"], row["worked"] is not None, row["mood"]) for row in found}

    assert told() == {"good": (["api.asks"], False, "live"), "bad": ([], False, "live")}
    wb.invoke("api.asks")
    assert told()["good"] == (["api.asks"], True, "live")
    said = ask("ping all")
    assert said["said"].startswith("1 of 2 connections answered. REST 'bad': ")
    assert said["mood"] == "bad"
    assert told()["bad"][1:] == (False, "bad")
    wb.peers["bad"].heal()
    assert ask("ping all") == {"said": "2 of 2 connections answered.", "mood": "live"}
    assert told()["bad"][1:] == (True, "live")
    wb.define(RESTConnection("bad", host="https://other.example.com"))
    assert told()["bad"][1:] == (False, "live"), "what is defined anew has been asked nothing yet"


class Telegraph(ConnectionDefinition, tag="telegraph", frozen=True, kw_only=True):
    """A kind whose other side repeats what it was told."""

    kind: ClassVar[str] = "Telegraph"
    attributes: ClassVar[dict[str, str]] = {"out.telegraph": "item"}
    well: bool = True

    def open(self, opening: Opening) -> Live:
        return Repeats(self)


class Repeats(Live):
    def __init__(self, definition: Telegraph) -> None:
        self.definition: Telegraph = definition

    def ping(self, cid: str = "") -> str:
        if not self.definition.well:
            raise ConnectionFailed("no such password: canary-4711")
        return "welcome canary-4711"


def test_what_the_other_side_of_a_ping_says_has_no_secrets_in_it(ask: Asking, wb: Workbench) -> None:
    learn("canary-4711")
    wb.define(Telegraph(name="good"), Telegraph(name="bad", well=False))
    told = [ask("ping", name="good")["said"], ask("ping", name="bad")["failed"], ask("ping all")["said"]]
    assert all("***" in said for said in told[:2])
    assert told[2].startswith("1 of 2 connections answered. ")
    assert told[2].endswith("no such password: ***")
    assert "canary-4711" not in "".join(told)


def recorded(count: int, kept: int = 10_000) -> Traffic:
    traffic = Traffic(kept)
    for number in range(count):
        step = Step("http", f"GET /{number}")
        step.end("200")
        traffic.record(f"cid-{number}", step)
    return traffic


def test_pages_hold_every_kept_call_once_and_stay_while_calls_come() -> None:
    traffic = recorded(250)
    until = traffic[-1].cid
    seen: list[str] = []
    for page in range(3):
        traffic.record(f"new-{page}", Step("http", "GET /new"))
        said = calls_page(traffic, asked_of({"page": page, "until": until}))
        assert (said["found"], said["page"]) == (250, page)
        seen += [row["cid"] for row in said["rows"]]
    assert seen == [f"cid-{number}" for number in reversed(range(250))]
    assert calls_page(traffic, asked_of({"page": 9}))["page"] == 2, "a page that is no longer there is the last one"


def test_ten_thousand_calls_are_sent_a_page_at_a_time() -> None:
    said = calls_page(recorded(10_000), asked_of({}))
    assert (len(said["rows"]), said["found"]) == (PAGE, 10_000)
    assert said["gone"] == "The last 10,000 calls are kept; what was earlier is gone."
    assert len(json.dumps(said)) < 40_000


def test_what_the_bounds_dropped_is_said() -> None:
    assert calls_page(recorded(3), asked_of({}))["gone"] == ""
    traffic = recorded(3)
    traffic.left_out = 2
    assert calls_page(traffic, asked_of({}))["gone"] == "2 earlier calls are gone, since all together may take 32 MiB."


def test_lines_of_the_log_are_found_and_tracebacks_stand_apart(ask: Asking, wb: Workbench) -> None:
    class Noisy(Service):
        name = "api.noisy"

        def handle(self) -> None:
            print("one\ntwo")
            self.log.warning("watch out")
            try:
                raise RuntimeError("deep down")
            except RuntimeError:
                self.log.exception("it broke")

    wb.deploy(Noisy)
    wb.invoke("api.noisy")
    broke, watch, *_ = ask("panel", tab="log")["rows"]
    assert (broke["text"], broke["level"], broke["mood"]) == ("it broke", "ERROR", "bad")
    assert "RuntimeError: deep down" in broke["rest"]
    assert (watch["text"], watch["rest"], watch["mood"], watch["service"]) == ("watch out", "", "warn", "api.noisy")
    assert [row["text"] for row in ask("panel", tab="log", mood="attention")["rows"]] == ["watch out"]
    assert [row["text"] for row in ask("panel", tab="log", text="deep DOWN")["rows"]] == ["it broke"]
    assert len(ask("panel", tab="log", text=broke["cid"])["rows"]) == ask("panel", tab="log")["of"]


def test_no_secret_leaves_by_traffic_or_log(ask: Asking, wb: Workbench) -> None:
    class Tells(Service):
        name = "api.tells"

        def handle(self) -> None:
            self.log.info("the key is %s", "panel-canary-4711")
            raise ValueError("panel-canary-4711")

    wb.deploy(Tells)
    with pytest.raises(ValueError, match="panel-canary"):
        wb.invoke("api.tells")
    learn("panel-canary-4711")
    cid = wb.traffic[-1].cid
    said = [ask("panel", tab=tab.name) for tab in TABS] + [ask("panel call", cid=cid)]
    assert "panel-canary-4711" not in json.dumps(said)
    assert "the key is" in json.dumps(said)


def test_the_time_zone_is_set_and_no_other_setting(ask: Asking, wb: Workbench) -> None:
    assert ask("setting save", name="timezone", value="Asia/Tokyo")["said"] == "timezone is Asia/Tokyo."
    (row,) = ask("panel", tab="settings", text="time zone")["rows"]
    assert (row["value"], row["editable"]) == ("Asia/Tokyo", True)
    assert "time zone" in ask("setting save", name="timezone", value="Mars")["failed"]
    assert "cannot change while the workbench runs" in ask("setting save", name="port", value="1")["failed"]
    assert ask("setting save", name="timezone", value="")["said"] == "timezone is the default."


def test_port_and_folder_say_where_they_came_from_and_how_they_change(ask: Asking, wb: Workbench) -> None:
    def row(name: str) -> dict[str, Any]:
        return next(each for each in ask("panel", tab="settings")["rows"] if each["name"] == name)

    assert (row("port")["value"], row("port")["change"]["code"]) == ("0", "wb.start(port=8080)"), "it is stopped"
    first = wb.start()
    told = row("port")
    assert (first, told["from"]) == (f"http://localhost:{told['value']}", "argument")
    assert told["change"]["code"] == "wb.stop()\nwb.start(port=8080)"
    assert "restart the kernel" in told["change"]["words"]
    exec(told["change"]["code"].replace("8080", told["value"]), {"wb": wb})
    assert (wb.url, row("port")["value"], row("port")["from"]) == (first, told["value"], "wb.start")
    assert wb.call("GET /api/hello").status == 200
    folder = row("folder")
    assert (folder["value"], folder["from"]) == (str(Path.cwd()), "default")
    with Workbench("shop.ipynb", port=0) as ours:
        assert settings_facts(ours)[1]["from"] == "shop.ipynb"
        assert "Move the notebook, then restart the kernel" in settings_facts(ours)[1]["change"]["words"]


def test_no_restart_is_offered_where_a_click_cannot(ask: Asking) -> None:
    assert ask("panel", tab="settings")["restart"] == ""
    assert "Fix: run wb.restart() in a cell" in ask("restart")["failed"]


def test_the_panel_is_drawn_anew_when_a_call_came(desk: Desk, wb: Workbench) -> None:
    before = views.everything(desk)
    assert views.everything(desk) == before
    wb.invoke("api.hello")
    assert views.everything(desk)["changes"] != before["changes"]


def test_the_saved_panel_is_small_however_many_services_there_are(desk: Desk, wb: Workbench) -> None:
    from workbench.notebook.still import essence, still

    wb.deploy(*(type(f"S{number}", (Hello,), {"name": f"api.s{number}"}) for number in range(60)))
    facts = views.everything(desk)
    html = still(facts, wb.clock.now())
    assert "62 services" in html
    assert "and 12 more services" in html
    assert len(html) < 20_000
    wb.invoke("api.hello")
    assert essence(views.everything(desk)) == essence(facts), "a call is no reason to edit the notebook"


def test_what_strangers_send_stays_text(ask: Asking, desk: Desk, wb: Workbench) -> None:
    wb.invoke("api.hello", SCRIPT)
    wb.log.append(wb.log[-1]._replace(text=SCRIPT))
    assert ask("panel", tab="log")["rows"][0]["text"] == SCRIPT, "escaped by the page, once"
    mails = wb.peers.start("imap", name="mails")
    assert isinstance(mails, IMAPMailbox)
    mails.arrive(SCRIPT, SCRIPT)
    for draws in (desk.html_of_peer, running.peer):
        desk.html_of_peer = draws
        html = ask("panel", tab="peers")["rows"][0]["html"]
        assert "from a stranger" in html
        assert "<script" not in html
