"""A page of another site that may call can read the answers; one that may not learns nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests

from workbench import APIKey, RESTChannel, Service, WebSocketChannel, Workbench, secret

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
    answer = requests.options(f"{url}/api/hello", headers=PAGE | ASKS, timeout=30)
    assert (answer.status_code, allowed(answer)) == (204, APP)
    assert answer.headers["Access-Control-Allow-Methods"] == "PUT"
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization,content-type"


def test_every_answer_can_be_read_refusals_too(url: str) -> None:
    answers = [requests.put(f"{url}/api/hello", headers=PAGE, timeout=30) for _ in range(3)]
    answers += [requests.get(f"{url}/api/{name}", headers=PAGE, timeout=30) for name in ("hello", "nobody")]
    assert [each.status_code for each in answers] == [200, 200, 429, 405, 404]
    assert [allowed(each) for each in answers] == [APP] * 5
    assert {each.headers["Vary"] for each in answers} == {"Origin"}


def test_what_a_service_says_of_pages_stands(url: str) -> None:
    assert allowed(requests.get(f"{url}/api/says", headers=PAGE, timeout=30)) == "*"


def test_nobody_else_is_told_anything(url: str) -> None:
    assert allowed(requests.get(f"{url}/ping", timeout=30)) is None
    other = PAGE | {"Origin": "https://other.example"}
    for headers in (other, other | ASKS):
        answer = requests.options(f"{url}/api/hello", headers=headers, timeout=30)
        assert (answer.status_code, allowed(answer)) == (403, None)
    assert requests.options(f"{url}/api/hello", headers=ASKS, timeout=30).status_code == 405


CLICK = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1", "Accept": "text/html"}


def test_a_click_from_another_site_is_asked_about_and_calls_nothing(url: str) -> None:
    target = '/api/says?to=a%20b&say="><script>alert(1)</script>'
    answer = requests.get(url + target, headers=CLICK | {"Sec-Fetch-Site": "cross-site"}, timeout=30)
    assert answer.status_code == 403
    assert f'<a class="open" href="{url}/api/says?to=a%20b&amp;say=' in answer.text
    assert "<script" not in answer.text
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert allowed(answer) is None
    # The page's own link is a click on a page of this server.
    assert requests.get(f"{url}/api/says", headers=CLICK | {"Sec-Fetch-Site": "same-origin"}, timeout=30).ok


def test_a_click_under_the_same_host_name_calls(url: str) -> None:
    answer = requests.get(f"{url}/api/says", headers=CLICK | {"Sec-Fetch-Site": "same-site"}, timeout=30)
    assert (answer.status_code, answer.text) == (200, "")


def test_the_root_lists_what_is_open_for_a_browser(url: str) -> None:
    page = requests.get(url, headers={"Accept": "text/html,*/*"}, timeout=30)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f'<a href="{url}/api/says">/api/says</a>' in page.text
    assert "/api/hello" in page.text
    assert f'href="{url}/api/hello"' not in page.text, "it takes PUT alone"
    assert requests.get(url, timeout=30).status_code == 404, "a program is told that nothing is there"
    assert requests.get(url, headers=CLICK | {"Sec-Fetch-Site": "cross-site"}, timeout=30).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "shop.example"},
        {"X-Forwarded-For": "203.0.113.7"},
        {"Forwarded": "for=203.0.113.7"},
        {"Via": "1.1 proxy"},
    ],
)
def test_nobody_elsewhere_is_told_what_is_open(headers: dict[str, str]) -> None:
    with Workbench(port=0, hosts="shop.example") as made:
        made.deploy(Hello)
        made.define(RESTChannel("api.hello"))
        answer = requests.get(made.start(), headers={"Accept": "text/html"} | headers, timeout=30)
        assert (answer.status_code, "api.hello" in answer.text) == (404, False)


@pytest.mark.parametrize("user", ["", "reader"])
def test_the_root_leads_to_the_page_of_a_websocket_channel(user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READER_KEY", "a-key")
    with Workbench(port=0) as made:
        made.deploy(Hello)
        made.define(APIKey("reader", key=secret("READER_KEY")))
        made.define(WebSocketChannel("news", service="api.hello", path="/ws/news", security=user))
        listed = requests.get(made.start(), headers={"Accept": "text/html"}, timeout=30).text
        assert f"WebSocket, {'only reader' if user else 'anyone on this machine'}" in listed
        (link,) = re.findall(r'href="([^"]+/ws/news)"', listed)
        assert "Try news" in requests.get(link, headers={"Accept": "text/html"}, timeout=30).text
        made.define(WebSocketChannel("news", service="api.hello", path="/ws/news/{topic}"))
        assert "href" not in requests.get(made.start(), headers={"Accept": "text/html"}, timeout=30).text


def test_a_channel_at_the_root_is_what_answers_there() -> None:
    with Workbench(port=0) as made:
        made.deploy(Hello)
        made.define(RESTChannel("api.hello", path="/"))
        assert requests.get(made.start(), headers={"Accept": "text/html"}, timeout=30).text == "Hello there!"
