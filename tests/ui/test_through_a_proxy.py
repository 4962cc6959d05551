"""Addresses where Jupyter stands below a base path, and jupyter-server-proxy leads to the workbench."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from socket import socket
from typing import Any

import pytest
import requests

from tests.kernels import kernel_env
from tests.serving import until
from tests.ui.conftest import Asking, Hello
from workbench import RESTChannel, Workbench
from workbench.app.serving.runtime_file import running
from workbench.channels.guard import TOKEN_HEADER
from workbench.ui import desks, views
from workbench.ui.carriers.page import open_page
from workbench.ui.desk import Desk
from workbench.ui.modules import joined

BASE = "/user/ada/"


class Jupyter:
    """A Jupyter server with the proxy and without JupyterLab, as a hub starts it for a user."""

    def __init__(self, home: Path) -> None:
        self.token, self._log = secrets.token_hex(16), home / "log"
        with socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}{BASE}"
        options = [f"--ServerApp.base_url={BASE}", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
        options += ["--ServerApp.port_retries=0", "--allow-root", "--no-browser", f"--ServerApp.root_dir={home}"]
        options += [f"--IdentityProvider.token={self.token}", "--ServerApp.allow_remote_access=True"]
        options += ["--ServerApp.jpserver_extensions={'jupyter_server_proxy': True}"]
        places = {f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyter_server", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=kernel_env(**places),
            )

    def answers(self) -> bool:
        assert self.process.poll() is None, self._log.read_text()[-3000:]
        try:
            return requests.get(f"{self.url}api/status", params={"token": self.token}, timeout=30).ok
        except requests.ConnectionError:
            return False

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)

    def through(self, port: int, path: str, **more: Any) -> requests.Response:
        """Ask a port of this machine through the proxy, as who is logged in."""
        headers = {"Authorization": f"token {self.token}", **more.pop("headers", {})}
        return requests.get(f"{self.url}proxy/{port}/{path}", headers=headers, timeout=30, **more)


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    pytest.importorskip("jupyter_server_proxy")
    started = Jupyter(tmp_path_factory.mktemp("jupyter"))
    try:
        until(started.answers, "Jupyter answers", seconds=90)
        yield started
    finally:
        started.stop()


@pytest.fixture
def wb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    with Workbench(port=0, folder=tmp_path) as made:
        made.deploy(Hello)
        made.define(RESTChannel("api.hello"))
        open_page(made)
        made.start()
        yield made
    desks.close_all()


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


def clicked(page: Any) -> Any:
    """What a click on the address of the service opens."""
    with page.expect_popup() as popup:
        page.locator("a.wb-address", has_text="/api/hello").first.click()
    popup.value.wait_for_load_state()
    return popup.value


def test_the_address_on_a_card_works_below_the_base_path(jupyter: Jupyter, wb: Workbench, chromium: Any) -> None:
    facts = views.facts(desks.desk_of(wb), views.services(["api.hello"])) | {"url": wb.url, "title": "Workbench"}
    html = f"""<!doctype html><meta charset=utf-8>
        <script id="jupyter-config-data" type="application/json">{json.dumps({"baseUrl": BASE})}</script>
        <div id="card"></div><script type="module">import card from "{BASE}card.js";
        const asked = window.asked = [], facts = {json.dumps(facts)};
        const model = {{ get: () => facts, on() {{}}, off() {{}}, send: (message) => asked.push(message) }};
        card.render({{ model, el: document.getElementById("card") }});</script>"""
    page = chromium.new_page()
    page.goto(f"{jupyter.url}api/status?token={jupyter.token}")
    page.route("**/card.html", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.route("**/card.js", lambda route: route.fulfill(body=joined("widget.js"), content_type="text/javascript"))
    page.goto(f"{jupyter.url}card.html")
    way = f"{jupyter.url}proxy/{port_of(wb.url)}/"
    assert page.locator(".wb-card-title a").inner_text() == way
    opened = clicked(page)
    assert (opened.url, opened.locator("body").inner_text()) == (f"{way}api/hello", "Hello there!")
    # The kernel hears under which name its person has Jupyter open.
    assert page.evaluate("asked[0].host") == "127.0.0.1"
    page.context.close()


@pytest.mark.parametrize("way_in", ["server", "own"])
def test_the_page_works_through_the_proxy(jupyter: Jupyter, wb: Workbench, chromium: Any, way_in: str) -> None:
    [found] = running()
    port = port_of(found.url if way_in == "server" else found.own_url)
    given = requests.post(f"{found.own_url}/workbench/code", headers={TOKEN_HEADER: found.token}, timeout=30)
    page = chromium.new_page()
    page.goto(f"{jupyter.url}api/status?token={jupyter.token}")
    page.goto(f"{jupyter.url}proxy/{port}/workbench/#{given.json()['code']}")
    page.locator('[data-service="api.hello"]').wait_for(timeout=20_000)
    opened = clicked(page)
    assert opened.url == f"{jupyter.url}proxy/{port_of(wb.url)}/api/hello"
    assert opened.locator("body").inner_text() == "Hello there!"
    page.context.close()


def test_a_hub_s_name_is_answered_for_once_a_card_has_told_it(jupyter: Jupyter, wb: Workbench) -> None:
    port, hub = port_of(wb.url), {"Host": "hub.example"}
    assert jupyter.through(port, "api/hello", headers=hub).status_code == 403
    desk: Desk = desks.desk_of(wb)
    Asking(desk)("hello", path="x.ipynb", host="hub.example")
    assert jupyter.through(port, "api/hello", headers=hub).text == "Hello there!"
    assert jupyter.through(port, "api/hello", headers={"Host": "evil.example"}).status_code == 403
