"""JSONAdapter and RESTAdapter: services that are one call of a REST connection, as their authors tell it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.serving import wb as wb
from workbench import RESTChannel, RESTConnection, Workbench
from workbench.core.errors import CallerError, ConnectionFailed, ServiceUsage
from workbench.sandbox.http.source import HTTPSource

IMPORTS = """
from zato.common import ADAPTER_PARAMS
from zato.server.service import Model, RESTAdapter, dataclass
from zato.server.service.adapter import JSONAdapter
"""


@pytest.fixture
def api(wb: Workbench) -> HTTPSource:
    """The other side of the connection `My API`."""
    wb.define(RESTConnection("My API", host="https://api.example.com", path="/orders"))
    wb.define(RESTConnection("By path", host="https://api.example.com", path="/orders/{id}/{part}"))
    wb.sandbox()
    source = wb.peers["My API"]
    assert isinstance(source, HTTPSource)
    source.reply("/orders", json={"ok": True})
    return source


def load(wb: Workbench, text: str) -> list[str]:
    path = wb.folder / "adapters.py"
    path.write_text(IMPORTS + text)
    return [version.name for version, _ in wb.load(path).versions]


def adapter(wb: Workbench, base: str, *lines: str) -> None:
    body = "\n".join(f"    {line}" for line in lines)
    assert load(wb, f"class Adapter({base}):\n    name = 'adapter'\n{body}\n") == ["adapter"]


@pytest.mark.parametrize(
    ("lines", "query", "body"),
    [
        ((), "", {"id": 7, "name": "Ada"}),
        (("params_to_qs = True",), "id=7&name=Ada", None),
        (("force_in_qs = ['id']",), "id=7", {"name": "Ada"}),
        (("force_in_qs = ['nope']",), "nope=", {"id": 7, "name": "Ada"}),
        (("params = {'id': 1, 'x': 2}",), "", {"id": 1, "name": "Ada", "x": 2}),
        (
            ("params = {'id': 1, 'x': 2}", "apply_params = ADAPTER_PARAMS.APPLY_BEFORE_REQUEST"),
            "",
            {"id": 7, "name": "Ada", "x": 2},
        ),
    ],
)
def test_a_json_adapter_sends_its_payload_and_params(
    wb: Workbench, api: HTTPSource, lines: tuple[str, ...], query: str, body: Any
) -> None:
    adapter(wb, "JSONAdapter", "outconn = 'My API'", "method = 'post'", *lines)
    given = {"id": 7, "name": "Ada"}
    assert wb.invoke("adapter", given) == {"ok": True}
    asked = api.requests[-1]
    assert (asked.method, asked.query) == ("POST", query)
    assert (json.loads(asked.body) if asked.body else None) == body
    assert given == {"id": 7, "name": "Ada"}


def test_a_json_adapter_echoes_and_tells_what_it_would_send(wb: Workbench, api: HTTPSource) -> None:
    adapter(wb, "JSONAdapter", "outconn = 'My API'", "method = 'POST'")
    assert wb.invoke("adapter", {"id": 7, "echo": True}) == {"id": 7}
    assert wb.invoke("adapter", {"id": 7, "dry-run": True}) == {"params": {}, "data": '{"id":7}'}
    assert len(api.requests) == 0
    assert wb.invoke("adapter") == {"ok": True}


def test_a_refusal_reaches_the_caller_with_its_status_and_words(wb: Workbench, api: HTTPSource) -> None:
    adapter(wb, "JSONAdapter", "outconn = 'My API'", "method = 'POST'")
    wb.define(RESTChannel("adapter", path="/adapter"))
    for status in (404, 409, 422, 599):
        api.reply("/orders", text="No such order", status=status)
        with pytest.raises(CallerError, match="No such order") as refused:
            wb.invoke("adapter", {})
        assert refused.value.status == status
        answer = wb.call("POST /adapter", data={})
        assert (answer.status, answer.json()["details"]) == (status, "No such order")
    adapter(
        wb, "JSONAdapter", "outconn = 'My API'", "method = 'POST'", "raise_error_on = ['5']", "load_response = False"
    )
    api.reply("/orders", text="No such order", status=404)
    assert wb.invoke("adapter", {}) == "No such order"


def test_an_answer_that_is_no_json_says_what_to_write(wb: Workbench, api: HTTPSource) -> None:
    adapter(wb, "JSONAdapter", "outconn = 'My API'", "method = 'POST'")
    api.reply("/orders", text="<html>")
    with pytest.raises(ConnectionFailed, match=r"'adapter' was answered 200 .* no JSON .* Fix: load_response = False"):
        wb.invoke("adapter", {})


@pytest.mark.parametrize(
    ("base", "lines", "words"),
    [
        ("JSONAdapter", ("method = 'POST'",), "does not say outconn. Fix: outconn = '...'"),
        ("JSONAdapter", ("outconn = 'My API'",), "does not say method. Fix: method = '...'"),
        ("RESTAdapter", (), "does not say conn_name. Fix: conn_name = '...'"),
        (
            "RESTAdapter",
            ("conn_name = 'My API'", "sec_def_name = 'x'"),
            "There is no RESTAdapter.sec_def_name: .* Fix:",
        ),
        ("RESTAdapter", ("conn_name = 'My API'", "auth_scopes = 'x'"), "no RESTAdapter.auth_scopes: .* Fix:"),
        ("RESTAdapter", ("conn_name = 'Mine API'",), "No REST connection is named 'Mine API'; .*Did you mean 'My API'"),
    ],
)
def test_what_an_adapter_lacks_is_told(
    wb: Workbench, api: HTTPSource, base: str, lines: tuple[str, ...], words: str
) -> None:
    adapter(wb, base, *lines, "x = 1")
    with pytest.raises((ServiceUsage, KeyError), match=words):
        wb.invoke("adapter", {})
    assert len(api.requests) == 0


def test_a_rest_adapter_gets_by_its_connections_name(wb: Workbench, api: HTTPSource) -> None:
    adapter(wb, "RESTAdapter", "conn_name = 'My API'")
    assert wb.invoke("adapter", {"id": 7}) == {"ok": True}
    assert [(each.method, each.path, each.query, each.body) for each in api.requests] == [("GET", "/orders", "", b"")]


def test_each_part_of_a_rest_adapters_call_may_be_a_method(wb: Workbench, api: HTTPSource) -> None:
    adapter(
        wb,
        "RESTAdapter",
        "conn_name = 'Other'",
        "method = 'GET'",
        "def get_conn_name(self): return 'By path'",
        "def get_method(self): return 'put'",
        "def get_request(self): return {'name': self.request.payload['name']}",
        "def get_query_string(self, params): return {'page': 2}",
        "def get_path_params(self, params): return {'id': self.request.input.id, 'part': 'lines'}",
        "def get_headers(self): return {'X-Own': 'yes'}",
        "def get_auth_bearer(self): return 'abc'",
        "def map_response(self, data, **kwargs): return [data['n'] + 1, sorted(kwargs)]",
    )
    source = wb.peers["By path"]
    assert isinstance(source, HTTPSource)
    source.reply("/orders/7/lines", json={"n": 1})
    assert wb.invoke("adapter", {"id": 7, "name": "Ada"}) == [2, ["callback", "cid", "model"]]
    (asked,) = source.requests
    assert (asked.method, asked.path, asked.query, json.loads(asked.body)) == (
        "PUT",
        "/orders/7/lines",
        "page=2",
        {"name": "Ada"},
    )
    assert (asked.headers["X-Own"], asked.headers["Authorization"]) == ("yes", "Bearer abc")


@pytest.mark.parametrize(
    ("lines", "query", "body"),
    [
        (("has_query_string_id = True",), "id=7", None),
        (("has_query_string_id = True", "query_string_id_param = 'name'"), "name=Ada", None),
        (("has_json_id = True", "method = 'POST'"), "", {"id": 7}),
        (("has_json_id = True", "json_id_param = 'name'", "method = 'POST'"), "", {"name": "Ada"}),
    ],
)
def test_a_rest_adapter_sends_an_id_of_its_input(
    wb: Workbench, api: HTTPSource, lines: tuple[str, ...], query: str, body: Any
) -> None:
    adapter(wb, "RESTAdapter", "conn_name = 'My API'", *lines)
    wb.invoke("adapter", {"id": 7, "name": "Ada"})
    asked = api.requests[-1]
    assert (asked.query, json.loads(asked.body) if asked.body else None) == (query, body)


def test_a_rest_adapter_reads_its_answer_as_a_model(wb: Workbench, api: HTTPSource) -> None:
    text = """
@dataclass(init=False)
class Order(Model):
    id: int
    name: str = 'none'

class Adapter(RESTAdapter):
    name = 'adapter'
    conn_name = 'My API'
    model = Order

    def map_response(self, data):
        return [each.id for each in data] if isinstance(data, list) else [type(data).__name__, data.to_dict()]
"""
    assert load(wb, text) == ["adapter"]
    api.reply("/orders", json={"id": 7, "more": 1})
    assert wb.invoke("adapter") == ["Order", {"id": 7, "name": "none"}]
    api.reply("/orders", json=[{"id": 7}, {"id": 8}])
    assert wb.invoke("adapter") == [7, 8]
    api.reply("/orders", json={"id": "seven"})
    with pytest.raises(ConnectionFailed, match=r"'My API' answered what is no Order .* 'adapter': 'id': .*Fix:"):
        wb.invoke("adapter")


def test_a_rest_adapter_raises_for_a_status_that_is_no_success(wb: Workbench, api: HTTPSource) -> None:
    adapter(wb, "RESTAdapter", "conn_name = 'My API'", "needs_raw_response = True", "log_response = True")
    assert wb.invoke("adapter").status_code == 200
    assert wb.log[-1].text == "REST connection 'My API' answered 200: {\"ok\": true}"
    api.reply("/orders", text="No such order", status=404)
    with pytest.raises(ConnectionFailed, match="'My API' answered 404 to service 'adapter': No such order. Fix: "):
        wb.invoke("adapter")


def test_what_an_adapter_does_not_read_is_said_when_it_is_deployed(wb: Workbench) -> None:
    adapter(wb, "RESTAdapter", "conn_name = 'My API'", "max_retries = 5")
    assert [each.text for each in wb.log] == [
        "max_retries of Adapter is not read. Fix: retries=... on the RESTConnection"
    ]
