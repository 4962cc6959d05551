"""A page of another site that may call can read the answers; one that may not learns nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from workbench import RESTChannel, Service, Workbench

APP = "https://app.example"
PAGE = {"Origin": APP, "Sec-Fetch-Site": "cross-site"}
ASKS = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,content-type"}


class Hello(Service):
    name = "api.hello"

    def handle(self) -> str:
        return "Hello there!"


class Says(Service):
    name = "api.says"

    def handle(self) -> str:
        self.response.headers["Access-Control-Allow-Origin"] = "*"
        return ""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Workbench(port=0, origins=[APP]) as made:
        made.deploy(Hello, Says)
        made.define(RESTChannel("api.hello", method="PUT", limit="2/d"), RESTChannel("api.says"))
        yield made.start()


def allowed(answer: requests.Response) -> str | None:
    return answer.headers.get("Access-Control-Allow-Origin")


def test_the_question_before_a_call_is_answered_for_a_page_that_may(url: str) -> None:
    answer = requests.options(f"{url}/api/hello", headers=PAGE | ASKS, timeout=5)
    assert (answer.status_code, allowed(answer)) == (204, APP)
    assert answer.headers["Access-Control-Allow-Methods"] == "PUT"
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization,content-type"


def test_every_answer_can_be_read_refusals_too(url: str) -> None:
    answers = [requests.put(f"{url}/api/hello", headers=PAGE, timeout=5) for _ in range(3)]
    answers += [requests.get(f"{url}/api/{name}", headers=PAGE, timeout=5) for name in ("hello", "nobody")]
    assert [each.status_code for each in answers] == [200, 200, 429, 405, 404]
    assert [allowed(each) for each in answers] == [APP] * 5
    assert {each.headers["Vary"] for each in answers} == {"Origin"}


def test_what_a_service_says_of_pages_stands(url: str) -> None:
    assert allowed(requests.get(f"{url}/api/says", headers=PAGE, timeout=5)) == "*"


def test_nobody_else_is_told_anything(url: str) -> None:
    assert allowed(requests.get(f"{url}/ping", timeout=5)) is None
    other = PAGE | {"Origin": "https://other.example"}
    for headers in (other, other | ASKS):
        answer = requests.options(f"{url}/api/hello", headers=headers, timeout=5)
        assert (answer.status_code, allowed(answer)) == (403, None)
    assert requests.options(f"{url}/api/hello", headers=ASKS, timeout=5).status_code == 405
