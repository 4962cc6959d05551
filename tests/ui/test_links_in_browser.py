"""Addresses in displays, clicked in a real browser on pages of this machine's and of other sites."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from workbench import RESTChannel, Service, Workbench


class Counts(Service):
    name = "api.counts"
    calls = 0

    def handle(self) -> str:
        Counts.calls += 1
        return "Hello there!"


@contextmanager
def site(html: str) -> Iterator[int]:
    """A page of somebody else's, on a port of its own; gives the port."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def url() -> Iterator[str]:
    Counts.calls = 0
    with Workbench(port=0) as wb:
        wb.deploy(Counts)
        wb.define(RESTChannel("api.counts"))
        yield f"{wb.start()}/api/counts"


def opened_by_click(page: Any) -> Any:
    with page.expect_popup() as popup:
        page.get_by_text("address").click()
    popup.value.wait_for_load_state()
    return popup.value


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_click_on_an_address_answers_under_the_page_s_own_host_name(chromium: Any, url: str, host: str) -> None:
    there = url.replace("localhost", host)
    with site(f'<a href="{there}" target="_blank" rel="noopener">address</a>') as port:
        page = chromium.new_page()
        page.goto(f"http://{host}:{port}/")
        shown = opened_by_click(page)
        assert shown.locator("body").inner_text() == "Hello there!"
        assert Counts.calls == 1
        page.context.close()


def test_under_another_host_name_the_person_is_asked_and_open_answers(chromium: Any, url: str) -> None:
    with site(f'<a href="{url}" target="_blank" rel="noopener">address</a>') as port:
        page = chromium.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        asked = opened_by_click(page)
        asked.get_by_text(url).wait_for()
        assert Counts.calls == 0
        asked.get_by_text("Open", exact=True).click()
        asked.get_by_text("Hello there!").wait_for()
        assert Counts.calls == 1
        page.context.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_page_that_goes_there_by_itself_calls_nothing(chromium: Any, url: str, host: str) -> None:
    by_itself = (
        f'<img src="{url}"><iframe src="{url}"></iframe><script>fetch("{url}", {{mode: "no-cors"}}).catch(() => 0)'
        f'.finally(() => {{ location = "{url}"; }})</script>'
    )
    with site(by_itself) as port:
        page = chromium.new_page()
        # Playwright looks into a page as if the person had clicked there: nothing may look before it has gone.
        with page.expect_event("framenavigated", lambda frame: frame == page.main_frame and frame.url == url):
            page.goto(f"http://{host}:{port}/", wait_until="commit")
        # A headless Chromium that has changed its process on the way may not have laid the page out.
        page.get_by_role("heading", name="Open this address?").wait_for(state="attached")
        assert Counts.calls == 0
        page.context.close()


def test_the_root_lists_what_is_open_and_its_links_answer(chromium: Any, url: str) -> None:
    page = chromium.new_page()
    page.goto(url.removesuffix("/api/counts"))
    page.get_by_role("link", name="/api/counts").click()
    page.get_by_text("Hello there!").wait_for()
    page.context.close()
