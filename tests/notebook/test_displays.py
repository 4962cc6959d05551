"""Every value has a stable plain text and a live form in HTML, into which no stranger can write."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
import requests

from tests.kernels import Kernel, Outputs

pytestmark = pytest.mark.parametrize("kernel", ["7.4.0"], indirect=True)
SERVICE = """
class Echo(Service):
    "Says <b>what</b> it is told."
    name = "echo"
    def handle(self):
        print("<script>alert(1)</script>")
        self.logger.warning("careful & slow")
        return self.request.http.params.get("say", "nothing")
"""
VOID = {"br", "img", "hr", "input", "wbr"}


class Balanced(HTMLParser):
    """Counts tags that are never closed, and keeps what a page must not bring."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.scripts: list[Any] = []
        self.links: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script" or any(name.startswith("on") for name, _ in attrs):
            self.scripts.append((tag, attrs))
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


def htmls(outputs: Outputs) -> list[str]:
    return [each["data"]["text/html"] for each in outputs.items if "text/html" in each.get("data", {})]


def test_the_greeting_and_the_deploy_line_have_links_that_answer(kernel: Kernel, url: str) -> None:
    kernel.run("%reload_ext workbench")
    greeting = kernel.run("%reload_ext workbench")
    assert Balanced(htmls(greeting)[0]).links == [str(kernel.run("print(wb.url)").stdout.strip())]
    outputs = kernel.run("from workbench import *\n" + SERVICE + "wb.define(RESTChannel('echo'))")
    links = Balanced(htmls(outputs)[-1]).links
    assert links
    for link in links:
        assert requests.get(link, timeout=30).text == "nothing"


@pytest.mark.parametrize(
    "expression",
    [
        "wb",
        "wb.services",
        "wb.channels",
        "wb.connections",
        "wb.security",
        "wb.limits",
        "wb.peers",
        "wb.call('/echo?say=<i>hi</i>')",
        "wb.call('/nowhere')",
        "wb.traffic[-1]",
        "wb.sandbox()",
        "wb.sandbox(False)",
        "wb.jobs.import_crontab('0 6 30 2 * <b>run</b>\\n@daily ls\\n@reboot <script>', service='api.echo')",
        "wb.define(RESTConnection('A <b>', host='https://example.com'))",
    ],
)
def test_a_display_is_sound_html_and_stable_text(kernel: Kernel, expression: str) -> None:
    kernel.run("wb.call('/echo?say=<script>alert(2)</script>')")
    first, second = kernel.run(expression), kernel.run(expression)
    for html in [*htmls(first), *htmls(second)]:
        page = Balanced(html)
        assert page.open == []
        assert page.scripts == []
    assert htmls(first), f"{expression} has no HTML"
    if "define" not in expression:
        assert first.result == second.result
    assert not re.search(r"localhost:\d|0x[0-9a-f]{6}|[0-9a-f]{24}", str(first.result))


def test_what_a_peer_or_caller_sends_cannot_become_markup(kernel: Kernel) -> None:
    html = htmls(kernel.run("wb.call('/echo?say=<script>alert(2)</script>')"))[0]
    assert "&lt;script&gt;" in html
    assert "<script" not in html


def test_an_answer_shows_its_body_once_and_its_trace_as_a_table(kernel: Kernel) -> None:
    html = htmls(kernel.run("wb.call('/echo?say=one')"))[0]
    assert html.count("<pre") == 1
    assert html.count("GET /echo") == 1
    assert html.count("<table") == 1
    assert 'colspan="3"' in html, "a log line has the whole width"
