"""Cards of channels ask the channel, not its class: SOAP, JSON-RPC, and a kind that another distribution brings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.channels.line_channel import LineChannel
from tests.ui.conftest import Asking
from workbench import APIKey, JSONRPCChannel, Limit, RESTChannel, SOAPChannel, WebSocketChannel, Workbench, secret
from workbench.channels.definition import ChannelDefinition
from workbench.notebook.still import still
from workbench.ui import rows, views
from workbench.ui.desk import Desk

KINDS = [
    SOAPChannel("way", path="/way", service="api.hello", security="u", limit="5/d"),
    JSONRPCChannel("way", path="/way", services=("api.failing", "api.hello"), security="u", limit="5/d"),
    LineChannel("way", service="api.hello", security="u", limit="5/d"),
]
each_kind = pytest.mark.parametrize("channel", KINDS, ids=lambda channel: channel.kind)


@pytest.fixture
def secured(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    monkeypatch.setenv("CARD_KEY", "k")
    wb.define(APIKey("u", key=secret("CARD_KEY")))
    return wb


def row_of(wb: Workbench, service: str) -> dict[str, Any]:
    [row] = rows.services(wb, [service], {})
    return row


@each_kind
def test_a_service_shows_the_address_of_every_kind(secured: Workbench, channel: ChannelDefinition) -> None:
    secured.define(channel)
    secured.start()
    found = {each["channel"]: each for each in row_of(secured, "api.hello")["addresses"]}
    assert list(found) == ["api.hello", "way"]
    way = found["way"]
    assert (way["kind"], way["path"], way["security"], way["open"]) == (channel.kind, channel.address, "u", True)
    assert (way["link"], way["methods"]) == (False, "Line" if channel.methods is None else "POST")
    assert way["url"] == (f"{secured.url}/way" if channel.methods else "")
    secured.channels["way"].close()
    assert [each["open"] for each in row_of(secured, "api.hello")["addresses"]] == [True, False]


@each_kind
def test_a_services_limits_are_those_of_its_channels_of_every_kind(
    secured: Workbench, ask: Asking, channel: ChannelDefinition
) -> None:
    secured.define(channel)
    assert [(each["on"], each["name"]) for each in row_of(secured, "api.hello")["limits"]] == [("channel", "way")]
    targets = {(each["on"], each["name"]): each["text"] for each in ask("limit", service="api.hello")["targets"]}
    assert targets["channel", "way"] == f"this endpoint {channel.address}"
    assert ask("limit", service="api.hello")["users"] == ["u"]
    assert isinstance(secured.limits["channel way"], Limit)


@each_kind
def test_a_channel_of_every_kind_has_a_row(secured: Workbench, desk: Desk, channel: ChannelDefinition) -> None:
    secured.define(channel)
    secured.start()
    draw = views.definitions([channel])
    [shown] = draw(desk)["definitions"]
    assert (shown["text"], shown["where"], shown["who"]) == (str(channel), channel.address, "only u")
    assert shown["curl"] == (f"curl -X POST {secured.url}/way" if channel.methods else "")
    secured.channels.remove("way")
    [shown] = draw(desk)["definitions"]
    assert (shown["gone"], shown["curl"], shown["where"]) == (True, "", channel.address)


@each_kind
def test_a_channel_of_every_kind_is_edited_by_its_own_form(
    secured: Workbench, ask: Asking, channel: ChannelDefinition
) -> None:
    secured.define(channel)
    edit = {"collection": "channels", "name": "way"}
    form = ask("form", edit=edit)["form"]
    assert (form["kind"], form["title"]) == (type(channel).__name__, channel.kind)
    values = {each["name"]: each["value"] for each in form["fields"]}
    assert "undo" not in ask("form save", edit=edit, values=values), "nothing has changed"
    said = ask("form save", edit=edit, values=values | {"limit": "7/d"})
    assert said["said"] == f"{channel} is changed."
    assert secured.channels["way"].definition == channel.replace(limit="7/d")
    ask("undo", undo=said["undo"])
    assert secured.channels["way"].definition == channel


@pytest.mark.parametrize("kind", ["RESTChannel", "SOAPChannel", "JSONRPCChannel"])
def test_a_service_is_published_by_every_kind_of_ours(wb: Workbench, ask: Asking, kind: str) -> None:
    form = ask("form", kind=kind, preset={"service": "api.failing"})["form"]
    values = {each["name"]: each["value"] for each in form["fields"]}
    said = ask("form save", kind=kind, values=values)
    assert said["problems"] == {}
    assert said["said"] == f"{form['title']} {values['name']!r} is open."
    assert [each["kind"] for each in row_of(wb, "api.failing")["addresses"]] == [form["title"]]
    assert wb.channels[values["name"]].definition.leads_to == ("api.failing",)


def test_the_short_form_of_a_kind_is_its_own(wb: Workbench, ask: Asking) -> None:
    wb.define(LineChannel("way", service="api.hello"))
    fields = ask("form", edit={"collection": "channels", "name": "way"})["form"]["fields"]
    assert [each["name"] for each in fields if not each["more"]] == ["port", "name"]
    for kind in ("Workbench", "ChannelDefinition", "AMQPChannel"):
        said = f"There is no form for {kind!r}. Fix: define it in a cell."
        assert ask("form", kind=kind, preset={})["failed"] == said


def test_a_curl_uses_a_method_that_the_channel_answers(wb: Workbench, desk: Desk) -> None:
    channels = [
        RESTChannel("any", service="api.hello"),
        RESTChannel("post", service="api.hello", method="POST"),
        RESTChannel("get", service="api.hello", method="PUT, GET"),
        RESTChannel("parameter", path="/p/{x}", service="api.hello"),
        RESTChannel("off", service="api.hello", active=False),
    ]
    wb.define(*channels)
    wb.start()
    url = wb.url
    assert [each["curl"] for each in views.definitions(channels)(desk)["definitions"]] == [
        f"curl {url}/any",
        f"curl -X POST {url}/post",
        f"curl {url}/get",
        "",
        "",
    ]


def test_the_address_of_a_websocket_is_a_link_also_where_its_page_asks_for_a_key(secured: Workbench) -> None:
    ways = (
        RESTChannel("rest", service="api.hello", security="u"),
        WebSocketChannel("socket", service="api.hello", security="u"),
    )
    secured.define(*ways)
    secured.start()
    found = {each["channel"]: each["link"] for each in row_of(secured, "api.hello")["addresses"]}
    assert (found["rest"], found["socket"]) == (False, True)


def test_the_card_of_a_cell_says_each_of_its_channels_once(wb: Workbench, desk: Desk) -> None:
    wb.define(RESTChannel("other", service="api.hello", path="/api/other"))
    channel = wb.channels["api.hello"].definition
    shown = views.services(["api.hello"], channels=[channel])(desk)
    assert [each["channel"] for each in shown["services"][0]["addresses"]] == ["other"]
    assert [(each["name"], each["link"]) for each in shown["definitions"]] == [
        ("api.hello", wb.channels["api.hello"].url)
    ]
    html = still(shown, wb.clock.now())
    assert (html.count("/api/hello"), html.count("/api/other")) == (1, 1), "each is said once"
    wb.withdraw(channel)
    assert views.services(["api.hello"], channels=[channel])(desk)["definitions"][0]["link"] == ""
