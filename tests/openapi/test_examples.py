"""Examples from recorded calls: for who holds the token, and without secrets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.openapi.asking import ask, told
from tests.openapi.services import Elements, TakeOrder
from workbench import BasicAuth, RESTChannel, Service, Workbench, secret
from workbench.app.serving.openapi.examples import LONGEST_BYTES
from workbench.core.payload import elements

JSON = "application/json"
ORDER = {"id": 7, "lines": [{"sku": "a", "count": 2}]}


class LogIn(Service):
    name = "log.in"
    input = "user", "password", elements.Secret("pin")
    output = "user", "session_token"

    def handle(self) -> None:
        self.response.payload.user = self.request.input.user
        self.response.payload.session_token = "made-up"


class Echo(Service):
    name = "echo"

    def handle(self) -> Any:
        return self.request.payload


@pytest.fixture
def shop(wb: Workbench) -> Workbench:
    wb.deploy(TakeOrder, Elements, LogIn, Echo)
    wb.define(
        RESTChannel("take", service="shop.order.take", method=("POST", "PUT")),
        RESTChannel("elements", service="shop.elements", method="GET"),
        RESTChannel("log.in", method="POST"),
        RESTChannel("echo", method="POST"),
    )
    return wb


def examples(wb: Workbench, path: str, method: str = "post") -> tuple[Any, Any]:
    """What is told of the body and of the answer; None where nothing is."""
    operation = told(wb, "?examples=1")["paths"][path][method]
    places = (operation.get("requestBody", {}), operation["responses"]["200"])
    contents = (place.get("content", {}).get(JSON, {}) for place in places)
    body, answer = (content.get("examples", {}).get("recorded", {}).get("value") for content in contents)
    return body, answer


def test_the_last_call_that_went_well_is_the_example(shop: Workbench) -> None:
    assert shop.call("POST /take", json=ORDER | {"id": 1}).status == 200
    assert shop.call("POST /take", json=ORDER).status == 200
    assert shop.call("POST /take", json={"id": "wrong"}).status == 400
    assert examples(shop, "/take") == (ORDER, {"id": 7, "total": 2})
    assert examples(shop, "/take", "put") == (None, None)


def test_a_query_is_told_with_its_parameters(shop: Workbench) -> None:
    shop.call("GET /elements?id=3&is_new=true")
    parameters = told(shop, "?examples=1")["paths"]["/elements"]["get"]["parameters"]
    assert {each["name"]: each.get("example") for each in parameters if "example" in each} == {
        "id": "3",
        "is_new": "true",
    }


def test_nobody_gets_them_who_does_not_ask_and_hold_the_token(shop: Workbench) -> None:
    shop.call("POST /take", json=ORDER)
    assert "recorded" not in str(told(shop))
    assert ask(shop, "?examples=1").status_code == 403


def test_what_is_a_secret_by_its_declaration_its_name_or_its_value_is_masked(
    shop: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", "never-tell-this-one")
    shop.define(BasicAuth("u", password=secret("PASSWORD")))
    shop.call("POST /log/in", json={"user": "ada", "password": "adas", "pin": "1234"})
    body, answer = examples(shop, "/log/in")
    assert body == {"user": "ada", "password": "***", "pin": "***"}
    assert answer == {"user": "ada", "session_token": "***"}
    shop.call("POST /echo", json={"said": "it is never-tell-this-one", "deep": [{"api_key": "k", "author": "a"}]})
    assert examples(shop, "/echo")[0] == {"said": "it is ***", "deep": [{"api_key": "***", "author": "a"}]}


@pytest.mark.parametrize("body", [b"{not json", b"\xff\xfe", b'"' + b"x" * LONGEST_BYTES + b'"'])
def test_what_is_no_json_or_too_long_is_no_example(shop: Workbench, body: bytes) -> None:
    class Takes(Service):
        name = "takes"

        def handle(self) -> dict[str, int]:
            return {"length": len(self.request.raw_request)}

    shop.deploy(Takes)
    shop.define(RESTChannel("takes", method="POST"))
    assert shop.call("POST /takes", data=body).status == 200
    assert examples(shop, "/takes") == (None, {"length": len(body)})


def test_a_body_that_is_not_kept_leaves_the_answer(shop: Workbench) -> None:
    shop.call("POST /take", json=ORDER)
    root: Any = shop.traffic[-1].root
    root.came = (None, "", {}, "was too large to be kept")
    assert examples(shop, "/take") == (None, {"id": 7, "total": 2})
