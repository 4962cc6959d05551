"""*Try before you save* for connections and users, and what is asked before something is removed."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.ui.conftest import Asking, Hello
from workbench import (
    APIKey,
    BasicAuth,
    FTPConnection,
    IntervalJob,
    JSONRPCChannel,
    Limit,
    RESTChannel,
    RESTConnection,
    Service,
    SOAPChannel,
    Workbench,
    secret,
)
from workbench.connections import catalog
from workbench.core.origin import Origin
from workbench.runtime.registry import Source
from workbench.sandbox.ftp.server import FTPServer
from workbench.security.definitions import SecurityDefinition
from workbench.ui.panel.trying import label_of


@pytest.fixture
def wb(tmp_path: Path) -> Iterator[Workbench]:
    with Workbench(port=0, folder=tmp_path) as made:
        made.deploy(Hello)
        yield made


@pytest.fixture
def server() -> Iterator[FTPServer]:
    """An FTP server that lets one user in."""
    started = FTPServer("real", users={"me": "typed-canary-4720"}).start()
    yield started
    started.stop()


def values(server: FTPServer, value: str, **more: Any) -> dict[str, Any]:
    typed = {"name": "", "value": value, "place": ".env", "typed": True}
    return {"name": "Mine", "host": "127.0.0.1", "port": str(server.port), "username": "me", "password": typed} | more


def test_a_connection_is_pinged_with_a_typed_password_and_nothing_is_kept(
    ask: Asking, wb: Workbench, server: FTPServer, tmp_path: Path
) -> None:
    assert ask("form", connection="ftp", preset={})["try"] == "Ping"
    said = ask("form try", connection="ftp", values=values(server, "typed-canary-4720"))
    assert said["problems"] == {}
    assert said["tried"].startswith("FTP 'Mine' answered: ")
    assert list(wb.connections) == []
    assert wb.secrets.names == []
    refused = ask("form try", connection="ftp", values=values(server, "wrong-canary-4721"))["failed"]
    assert "canary" not in refused
    assert not (tmp_path / ".env").exists()
    assert list(wb.peers.values()) == []


def test_a_secret_that_is_set_is_used_where_none_is_typed(
    ask: Asking, wb: Workbench, server: FTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_PASSWORD", "typed-canary-4720")
    named = values(server, "", password="THE_PASSWORD")
    assert "answered" in ask("form try", connection="ftp", values=named)["tried"]
    assert "is not set" in ask("form try", connection="ftp", values=values(server, "", password="NO_SUCH"))["failed"]


def test_all_that_is_wrong_is_said_and_nothing_is_asked(ask: Asking, server: FTPServer) -> None:
    said = ask("form try", connection="ftp", values={"name": "", "host": "", "port": "99999"})
    assert set(said["problems"]) >= {"name", "host", "port"}
    assert "tried" not in said


def test_a_connection_in_force_keeps_its_open_session_while_its_edit_is_tried(
    ask: Asking, wb: Workbench, server: FTPServer
) -> None:
    wb.secrets.keep("THE_PASSWORD", "typed-canary-4720")
    wb.define(FTPConnection("Mine", host="127.0.0.1", port=server.port, username="me", password=secret("THE_PASSWORD")))
    before = wb.connections["Mine"].conn
    edit = {"collection": "connections", "name": "Mine"}
    assert "failed" in ask("form try", edit=edit, values=values(server, "wrong-canary-4721"))
    assert wb.connections["Mine"].conn is before
    assert wb.secrets.in_file("THE_PASSWORD") == "typed-canary-4720"
    assert before.ping()


def test_in_a_sandbox_a_peer_answers_and_goes_again(ask: Asking, wb: Workbench) -> None:
    wb.sandbox()
    typed = {"name": "Far", "host": "https://data.example.com"}
    assert "answered" in ask("form try", connection="rest", values=typed)["tried"]
    assert list(wb.peers.values()) == []


@pytest.mark.parametrize("kind", ["BasicAuth", "APIKey"])
def test_a_user_is_checked_with_what_is_typed(ask: Asking, wb: Workbench, kind: str) -> None:
    field = "password" if kind == "BasicAuth" else "key"
    typed = {"name": "", "value": "typed-canary-4722", "place": ".env", "typed": True}
    assert ask("form", kind=kind, preset={})["try"] == "Check"
    said = ask("form try", kind=kind, values={"name": "ada", field: typed})
    assert said["tried"].endswith("is let in with these credentials.")
    assert list(wb.users) == []
    assert "is not set" in ask("form try", kind=kind, values={"name": "ada", field: "NO_SUCH"})["failed"]


def test_every_kind_of_connection_and_user_can_be_tried() -> None:
    assert {label_of(catalog.definition_class(kind)) for kind in catalog.rows()} == {"Ping"}
    assert {label_of(each) for each in (BasicAuth, APIKey, SecurityDefinition)} == {"Check"}
    assert {label_of(each) for each in (RESTChannel, SOAPChannel, JSONRPCChannel)} == {"Send a request"}
    assert label_of(IntervalJob) == "", "its next runs are shown as it is typed"


def test_what_depends_on_a_thing_is_told_before_it_is_removed(
    ask: Asking, wb: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADA_PASSWORD", "correct horse")

    class Asks(Service):
        name = "api.asks"

        def handle(self) -> object:
            return self.out.rest["source"].conn.get(self.cid).text

    wb.deploy(Asks)
    wb.define(
        RESTConnection("source", host="https://data.example.com"),
        RESTConnection("unused", host="https://data.example.com"),
        BasicAuth("ada", username="ada", password=secret("ADA_PASSWORD")),
        RESTChannel("private", service="api.asks", security="ada"),
        Limit("ada", on="user", lines="5/m"),
    )

    def depends(collection: str, name: str) -> tuple[list[str], list[str]]:
        said = ask("depends", collection=collection, name=name)
        return sorted(said["named_by"]), said["used_by"]

    assert depends("connections", "source") == ([], ["api.asks"])
    assert depends("connections", "unused") == ([], [])
    assert depends("users", "ada") == (["REST 'private'", "limit on user 'ada'"], [])
    assert "private" in ask("remove", collection="users", name="ada")["failed"], "what names it keeps it in force"
    assert depends("channels", "private") == ([], [])
    assert "undo" in ask("remove", collection="channels", name="private")


def test_of_everything_that_can_be_removed_is_told_what_depends_on_it(ask: Asking, wb: Workbench) -> None:
    wb.define(
        RESTChannel("public", service="api.hello"),
        IntervalJob("hourly", service="api.hello", hours=1),
        RESTChannel("limited", service="api.hello", path="/limited", limit="5/m"),
        Limit("api.hello", on="service", lines="5/m"),
    )
    assert ask("form save", connection="rest", values={"name": "far", "host": "https://data.example.com"})["said"]
    click = next(iter(wb.clicked))
    named = [("jobs", "hourly"), ("limits", "service api.hello"), ("channels", "public"), ("clicked", click)]
    # A limit that a channel says itself goes with it.
    named.append(("channels", "limited"))
    assert [ask("depends", collection=collection, name=name) for collection, name in named] == [
        {"named_by": [], "used_by": [], "in_cell": False}
    ] * len(named)
    assert "is named 'hourli'" in ask("depends", collection="jobs", name="hourli")["failed"]


def test_a_change_by_click_can_be_taken_back_whatever_names_what_it_changed(
    ask: Asking, wb: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADA_PASSWORD", "correct horse")
    with wb.drafting.scope(Source(Origin("cell", cell_id="c1"), ""), lambda _: True):
        wb.define(BasicAuth("ada", username="ada", password=secret("ADA_PASSWORD")))
    wb.define(RESTChannel("private", service="api.hello", security="ada"))
    edit = {"collection": "users", "name": "ada"}
    assert ask("depends", **edit)["in_cell"]
    values = {"name": "ada", "username": "ada.l", "password": "ADA_PASSWORD"}
    assert "is changed" in ask("form save", edit=edit, values=values)["said"]
    (click,) = wb.clicked
    assert ask("depends", **edit) == {"named_by": ["REST 'private'"], "used_by": [], "in_cell": True}
    assert ask("depends", collection="clicked", name=click) == {"named_by": [], "used_by": [], "in_cell": False}
    assert "is removed" in ask("click remove", name=click)["said"]


class Looks(Service):
    """Looks from inside a call whether others reach the address by which it came."""

    name = "api.looks"
    wb: Workbench
    path = ""
    seen: ClassVar[list[int]] = []

    def handle(self) -> dict[str, Any]:
        client = http.client.HTTPConnection("127.0.0.1", int(self.wb.url.rpartition(":")[2]), timeout=30)
        client.request("GET", self.path)
        self.seen.append(client.getresponse().status)
        client.close()
        return {"id": self.request.http.params.get("id")}


def test_a_channel_is_called_before_it_is_there_and_nobody_else_reaches_it(ask: Asking, wb: Workbench) -> None:
    Looks.wb, Looks.path, Looks.seen = wb, "/drafted/1", []
    wb.deploy(Looks)
    values = {"name": "drafted", "service": "api.looks", "path": "/drafted/{id}", "method": "GET"}
    assert ask("form", kind="RESTChannel", preset={})["try"] == "Send a request"
    said = ask("form try", kind="RESTChannel", values=values)
    assert said["tried"] == 'GET /drafted/1 was answered 200, application/json {"id":"1"}'
    assert said["mood"] == "live"
    assert Looks.seen == [404], "while it was tried, its address was open to nobody else"
    assert "drafted" not in wb.channels
    assert wb.call("GET /drafted/1").status == 404


def test_an_edit_of_a_channel_is_tried_and_the_channel_goes_on_as_it_was(
    ask: Asking, wb: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADA_PASSWORD", "correct horse")
    Looks.wb, Looks.path, Looks.seen = wb, "/hello", []
    wb.deploy(Looks)
    wb.define(
        BasicAuth("ada", username="ada", password=secret("ADA_PASSWORD")), RESTChannel("api.hello", path="/hello")
    )
    edit = {"collection": "channels", "name": "api.hello"}
    values = {"name": "api.hello", "service": "api.looks", "path": "/hello", "security": "ada"}
    said = ask("form try", edit=edit, values=values)
    assert "was answered 200" in said["tried"], "with the credentials of its user"
    assert Looks.seen == [200], "others went on by the channel in force, without credentials"
    assert wb.channels["api.hello"].security == ""


def test_a_channel_that_cannot_be_opened_says_so_when_it_is_tried(ask: Asking, wb: Workbench) -> None:
    wb.define(RESTChannel("api.hello", path="/hello"))
    taken = {"name": "other", "service": "api.hello", "path": "/hello"}
    assert "/hello" in ask("form try", kind="RESTChannel", values=taken)["failed"]
    said = ask("form try", kind="RESTChannel", values={"name": "other", "service": "api.none", "path": "none"})
    assert set(said["problems"]) == {"path"}
    missing = ask("form try", kind="RESTChannel", values={"name": "other", "service": "api.none", "path": "/none"})
    assert set(missing["problems"]) == {"service"}
