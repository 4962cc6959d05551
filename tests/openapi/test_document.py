"""What /openapi.json says of channels, their services, users and limits."""

from __future__ import annotations

from dataclasses import make_dataclass
from typing import Any

import pytest

from tests.openapi.asking import ask, told
from tests.openapi.services import SERVICES, Anything, Elements, OwnStatus, TakeOrder
from workbench import (
    APIKey,
    BasicAuth,
    JSONRPCChannel,
    Limit,
    RESTChannel,
    Service,
    SOAPChannel,
    Workbench,
    secret,
)

JSON = "application/json"


@pytest.fixture
def shop(wb: Workbench) -> Workbench:
    wb.deploy(*SERVICES)
    return wb


def operation(document: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][path][method]
    return found


def schema_of(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        place: Any = document
        for word in schema["$ref"].removeprefix("#/").split("/"):
            place = place[word]
        schema = place
    return schema


def test_every_kind_of_channel_and_declaration_together_is_valid(
    shop: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", "a long password")
    names = [cls.name for cls in SERVICES]
    shop.define(BasicAuth("My User", password=secret("PASSWORD")), APIKey("my.key", key=secret("PASSWORD")))
    shop.define(*(RESTChannel(name) for name in names))
    shop.define(*(RESTChannel(f"form.{name}", service=name, data_format="form", method="POST") for name in names[:5]))
    shop.define(*(RESTChannel(f"raw.{name}", service=name, data_format="raw", method="PUT") for name in names))
    shop.define(RESTChannel("café", path="/café/{id}/of/{name}.txt", service="shop.elements", security="My User"))
    shop.define(RESTChannel("old", service="anything", envelope="zato-3.1", security="my.key", content_type="text/csv"))
    shop.define(
        JSONRPCChannel("rpc", services=tuple(names)), JSONRPCChannel("rpc.in", path="/{x}/rpc", services="own.status")
    )
    shop.define(
        SOAPChannel("soap", service="anything", limit="5/m"), RESTChannel("closed", service="anything", active=False)
    )
    document = told(shop)
    # Of PUT, one service knows nothing.
    assert len(document["paths"]) == 8 + 5 + 7 + 2 + 2 + 1
    assert "/raw/shop/by-verb" not in document["paths"]
    assert "/closed" not in document["paths"]
    assert "/caf%C3%A9/{id}/of/{name}.txt" in document["paths"]
    ids = [each["operationId"] for item in document["paths"].values() for each in item.values()]
    assert len(set(ids)) == len(ids)


def test_a_body_is_the_model_without_what_the_path_says(shop: Workbench) -> None:
    shop.define(
        RESTChannel("take", service="shop.order.take", path="/orders", method="POST"),
        RESTChannel("put", service="shop.order.take", path="/orders/{id}", method="PUT"),
    )
    document = told(shop)
    whole = operation(document, "/orders", "post")
    assert whole["requestBody"] == {
        "required": True,
        "content": {JSON: {"schema": {"$ref": "#/components/schemas/Order"}}},
    }
    assert "parameters" not in whole
    rest = operation(document, "/orders/{id}", "put")
    assert rest["parameters"] == [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}]
    body = rest["requestBody"]["content"][JSON]["schema"]
    assert (list(body["properties"]), body["required"]) == (["lines", "note", "tags"], ["lines"])
    assert shop.call("PUT /orders/7", json={"lines": [{"sku": "a"}]}).json() == {"id": 7, "total": 1}


def test_the_first_line_of_a_docstring_is_the_summary_and_the_rest_the_description(shop: Workbench) -> None:
    shop.define(RESTChannel("take", service="shop.order.take", method="POST"), RESTChannel("shop.by-verb"))
    document = told(shop)
    taken = operation(document, "/take", "post")
    assert (taken["summary"], taken["description"]) == ("Take an order.", "Each line is counted.")
    assert taken["tags"] == ["shop.order"]
    by_verb = document["paths"]["/shop/by-verb"]
    assert {method: each["summary"] for method, each in by_verb.items()} == {"get": "Read it.", "delete": "Delete it."}


def test_without_a_body_the_input_is_the_query_in_the_words_that_it_takes(shop: Workbench) -> None:
    shop.define(
        RESTChannel("find", service="shop.find", method="GET"),
        RESTChannel("elements", service="shop.elements", method="GET"),
        RESTChannel("take", service="shop.order.take", method="DELETE"),
    )
    document = told(shop)
    sku, most = operation(document, "/find", "get")["parameters"]
    assert sku == {"name": "sku", "in": "query", "required": True, "schema": {"type": "string"}}
    assert (most["name"], "required" in most, most["schema"]["maximum"]) == ("most", False, 50)
    colours = operation(document, "/elements", "get")["parameters"][3]
    assert (colours["name"], colours["style"], colours["explode"]) == ("colours", "form", False)
    assert shop.call("GET /elements?id=1&is_new=on&colours=a,b").json()["colours"] == "a,b"
    # What a parameter cannot say is a body's, whatever the method.
    deleted = operation(document, "/take", "delete")
    assert [each["name"] for each in deleted["parameters"]] == ["id", "note", "tags"]
    assert list(deleted["requestBody"]["content"][JSON]["schema"]["properties"]) == ["lines"]
    assert shop.call("DELETE /take?id=3&tags=a", json={"lines": []}).json() == {"id": 3, "total": 0}


def test_forms_and_raw_bodies_are_told_as_they_are_read(shop: Workbench) -> None:
    shop.define(
        RESTChannel("form", service="shop.find", method="POST", data_format="form"),
        RESTChannel("raw", service="shop.find", method="POST", data_format="raw"),
    )
    document = told(shop)
    assert set(operation(document, "/form", "post")["requestBody"]["content"]) == {
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    }
    raw = operation(document, "/raw", "post")
    assert set(raw["requestBody"]["content"]) == {"application/octet-stream"}
    assert [each["name"] for each in raw["parameters"]] == ["sku", "most"]


def test_an_answer_is_what_is_declared_and_one_that_the_service_chooses_is_any(shop: Workbench) -> None:
    shop.define(*(RESTChannel(cls.name, method="GET") for cls in (TakeOrder, Elements, Anything, OwnStatus)))
    document = told(shop)
    answers = {path: item["get"]["responses"] for path, item in document["paths"].items()}
    reply = schema_of(document, answers["/shop/order/take"]["200"]["content"][JSON]["schema"])
    assert reply["required"] == ["id", "total"]
    row, rows = answers["/shop/elements"]["200"]["content"][JSON]["schema"]["anyOf"]
    assert schema_of(document, row)["required"] == ["id", "is_new", "colours"]
    assert rows == {"type": "array", "items": row}
    assert answers["/anything"]["200"]["content"] == {"*/*": {"schema": {}}}
    assert "4XX" in answers["/anything"]
    assert (set(answers["/own/status"]), "content" in answers["/own/status"]["default"]) == ({"200", "default"}, False)


def test_users_and_limits_are_told_with_the_answers_that_they_cause(
    shop: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", "a long password")
    shop.define(
        BasicAuth("My User", password=secret("PASSWORD")),
        APIKey("my.key", key=secret("PASSWORD"), header="X-Key", limit="10/m"),
        RESTChannel("basic", service="anything", method="GET", security="My User"),
        RESTChannel("key", service="anything", method="GET", security="my.key"),
        RESTChannel("open", service="shop.find", method="GET"),
        RESTChannel("limited", service="anything", method="GET", limit="10/m"),
    )
    shop.define(Limit("shop.find", on="service", lines="10/m"))
    document = told(shop)
    assert document["components"]["securitySchemes"] == {
        "My_User": {"type": "http", "scheme": "basic", "description": "Basic Auth 'My User'"},
        "my.key": {"type": "apiKey", "in": "header", "name": "X-Key", "description": "API key 'my.key'"},
    }
    found = {path: item["get"] for path, item in document["paths"].items()}
    assert {path: each.get("security") for path, each in found.items()} == {
        "/basic": [{"My_User": []}],
        "/key": [{"my.key": []}],
        "/open": None,
        "/limited": None,
    }
    assert {path: sorted({"401", "429"} & set(each["responses"])) for path, each in found.items()} == {
        "/basic": ["401"],
        "/key": ["401", "429"],
        "/open": ["429"],
        "/limited": ["429"],
    }
    many = schema_of(document, found["/limited"]["responses"]["429"])
    assert set(many["headers"]) == {"X-Zato-CID", "Retry-After", "RateLimit", "RateLimit-Policy"}


def test_the_errors_of_a_channel_have_the_shape_of_its_answers(shop: Workbench) -> None:
    shop.define(
        RESTChannel("new", service="shop.find", method="GET"),
        RESTChannel("old", service="shop.find", method="GET", envelope="zato-3.1"),
    )
    document = told(shop)
    for path, shape in (("/new", "Error"), ("/old", "Error31")):
        bad = schema_of(document, operation(document, path, "get")["responses"]["400"])
        schema = schema_of(document, bad["content"][JSON]["schema"])
        assert schema is document["components"]["schemas"][shape]
        assert set(schema["required"]) == set(shop.call(f"GET {path}").json())


def test_a_json_rpc_channel_tells_each_service_as_a_method(shop: Workbench) -> None:
    shop.define(JSONRPCChannel("rpc", services=("shop.find", "anything")))
    body = operation(told(shop), "/rpc", "post")["requestBody"]["content"][JSON]["schema"]
    one, many = body["anyOf"]
    assert many["items"] == one
    find, anything = one["anyOf"]
    assert (find["properties"]["method"], find["properties"]["params"]) == (
        {"const": "shop.find"},
        {"$ref": "#/components/schemas/FindKey"},
    )
    assert ("params" in find["required"], "params" in anything["required"]) == (True, False)


def test_paths_that_differ_in_names_alone_are_one_and_a_deeper_one_is_told(shop: Workbench) -> None:
    shop.define(
        RESTChannel("read", service="anything", path="/files/{id}", method="GET"),
        RESTChannel("write", service="anything", path="/files/{number}", method="PUT"),
        RESTChannel("deep", service="anything", path="/files/{rest}", method="GET", match_slash=True),
    )
    paths = told(shop)["paths"]
    assert list(paths) == ["/files/{id}"]
    assert paths["/files/{id}"]["put"]["parameters"][0]["name"] == "id"
    assert paths["/files/{id}"]["get"]["operationId"] == "read.get"
    assert "Where a parameter holds slashes, channel deep answers." in paths["/files/{id}"]["get"]["description"]


def test_a_channel_for_every_method_says_so_and_is_told_for_those_that_differ(shop: Workbench) -> None:
    shop.define(RESTChannel("anything"))
    item = told(shop)["paths"]["/anything"]
    assert set(item) == {"get", "post", "put", "patch", "delete"}
    assert all(each["description"] == "It answers every method." for each in item.values())


def test_operations_keep_their_ids_whatever_comes_beside_them(shop: Workbench) -> None:
    shop.define(RESTChannel("my channel", service="anything", path="/b", method="GET"))
    before = operation(told(shop), "/b", "get")["operationId"]
    shop.define(RESTChannel("a", service="anything", path="/a", method="GET"))
    shop.define(RESTChannel("my channel", service="anything", path="/b", method=("GET", "PUT")), replace=True)
    item = told(shop)["paths"]["/b"]
    assert (before, item["get"]["operationId"], item["put"]["operationId"]) == (
        "my_channel.get",
        "my_channel.get",
        "my_channel.put",
    )


def test_what_is_deployed_defined_and_removed_is_seen_at_once(shop: Workbench) -> None:
    shop.define(RESTChannel("anything", method="GET"))
    first = told(shop)
    assert "summary" not in operation(first, "/anything", "get")

    class Anything(Service):
        """Another version."""

        name = "anything"
        input = "id"

        def handle(self) -> str:
            return "ok"

    shop.deploy(Anything, replace=True)
    second = told(shop)
    assert operation(second, "/anything", "get")["summary"] == "Another version."
    assert operation(second, "/anything", "get")["parameters"][0]["name"] == "id"
    shop.services["anything"].rollback()
    assert told(shop) == first
    assert first["info"]["version"] != second["info"]["version"]
    shop.channels["anything"].close()
    assert told(shop)["paths"] == {}


def test_one_that_cannot_be_described_takes_no_other_with_it_and_says_so(
    shop: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    Odd = make_dataclass("Odd", [("x", "Nowhere")])  # type: ignore[list-item]

    class Takes(Service):
        name = "takes"
        input = "id"

        def handle(self) -> str:
            return "ok"

    shop.deploy(Takes)
    shop.define(RESTChannel("takes", path="/takes/{id}", method="GET"), RESTChannel("anything", method="GET"))
    # As after a later cell has taken away what an annotation names.
    shop.services["takes"].live.io.input_names = None
    shop.services["takes"].live.io.input_model = type("Gone", (), {"kind": Odd, "fields": {}})()
    document = told(shop)
    assert "cannot be described: NameError" in operation(document, "/takes/{id}", "get")["description"]
    assert operation(document, "/anything", "get")["responses"]["200"]
    assert "'takes' is described by its address alone" in caplog.text


def test_what_has_not_changed_is_not_sent_again(shop: Workbench) -> None:
    shop.define(RESTChannel("anything", method="GET"))
    tag = ask(shop).headers["ETag"]
    again = ask(shop, **{"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    shop.define(RESTChannel("other", service="anything", method="GET"))
    assert ask(shop, **{"If-None-Match": tag}).status_code == 200


def test_the_document_is_no_call_and_no_channel_takes_its_address(shop: Workbench) -> None:
    kept = len(shop.traffic)
    ask(shop)
    assert len(shop.traffic) == kept
    with pytest.raises(Exception, match=r"must not be /ping, /openapi.json or below /workbench/"):
        shop.define(RESTChannel("anything", path="/openapi.json"))


def test_a_secret_in_a_docstring_is_masked(shop: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "do-not-tell-this")
    shop.define(BasicAuth("u", password=secret("PASSWORD")))

    class Careless(Service):
        """Log in with do-not-tell-this."""

        name = "careless"

        def handle(self) -> str:
            return "ok"

    shop.deploy(Careless)
    shop.define(RESTChannel("careless", method="GET", security="u"))
    assert operation(told(shop), "/careless", "get")["summary"] == "Log in with ***."


def test_a_user_of_a_kind_of_its_own_is_told_by_its_headers() -> None:
    from tests.security.test_third_kind import Bearer
    from workbench.app.serving.openapi.ways import schemes_of

    assert schemes_of(Bearer("b", token=secret("T"))) == [
        {"type": "http", "scheme": "bearer", "description": "Bearer token 'b'"}
    ]
