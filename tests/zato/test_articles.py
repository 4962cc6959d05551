"""The articles' services run word for word, with their own imports."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from tests.kernels import Kernel
from tests.serving import still as still
from tests.serving import wb as wb
from tests.zato import articles
from workbench import BasicAuth, RESTChannel, RESTConnection, Service, SMTPConnection, Workbench


def load(wb: Workbench, name: str, text: str) -> list[str]:
    """Load a module; what went live."""
    path = wb.folder / f"{name}.py"
    path.write_text(text)
    return [str(version) for version, _ in wb.load(path).versions]


@pytest.mark.usefixtures("still")
def test_sample_answers_the_articles_request(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPLE_PASSWORD", "password")
    assert load(wb, "sample", articles.SAMPLE) == ["api.sample v1"]
    from workbench import secret

    wb.define(
        BasicAuth("my.user", password=secret("SAMPLE_PASSWORD")),
        RESTChannel("api.sample", path="/api/sample", security="my.user", limit="3/m"),
    )
    assert requests.get(f"{wb.start()}/api/sample", timeout=30).status_code == 401
    address = wb.start().replace("http://", "http://my.user:password@") + "/api/sample"
    answers = [requests.get(address, timeout=30) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[0].text == "Hello there!\n"
    assert answers[2].json()["details"] == "Error 429 Too Many Requests"
    assert answers[2].json()["cid"] == answers[2].headers["X-Zato-CID"]


def test_sync_data_fetches_keeps_and_mails(wb: Workbench) -> None:
    assert load(wb, "sync", articles.SYNC) == ["api.scheduler.sync v1"]
    wb.define(
        RESTConnection("My Data Source", host="https://data.example.com", path="/rates"),
        SMTPConnection("My SMTP", host="smtp.example.com", port=587, mode="starttls", from_="sync@example.com"),
    )
    wb.sandbox()
    wb.peers["My Data Source"].reply("/rates", json={"EUR": 1.08})
    wb.invoke("api.scheduler.sync")
    (mail,) = wb.peers["My SMTP"].messages
    assert (mail.subject, mail.to, mail.cc) == ("New data", ["hello@example.com"], ["hello.cc@example.com"])
    assert mail.text.strip() == "Check attached data"
    assert b"EUR" in mail.attachments["my.data.txt"]
    assert wb.kvdb.conn.get("newest.data").encode() == mail.attachments["my.data.txt"]


def test_the_upload_services_deploy_and_name_what_they_use(wb: Workbench) -> None:
    for name, text, live in (
        ("dropbox_connector", articles.DROPBOX, "api.connector.dropbox v1"),
        ("rest_upload", articles.UPLOAD, "api.channel.rest.upload v1"),
        ("scheduler_upload", articles.SCHEDULED, "api.channel.scheduler.upload v1"),
    ):
        assert load(wb, name, text) == [live]


def test_rest_upload_hands_the_file_on_exactly(wb: Workbench) -> None:
    load(wb, "rest_upload", articles.UPLOAD)
    received: list[Any] = []

    class Connector(Service):
        name = "api.connector.dropbox"

        class SimpleIO:
            input_required = "file_name", "data"

        def handle(self) -> None:
            received.append((self.request.input.file_name, self.request.input.data))

    wb.deploy(Connector)
    wb.define(RESTChannel("upload", path="/api/upload", service="api.channel.rest.upload"))
    content = bytes(range(256))
    # As `curl -XPOST --data-binary @file` sends it: any bytes under a form's content type.
    answer = requests.post(
        f"{wb.start()}/api/upload?file_name=my-file.txt",
        data=content,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    assert received == [("my-file.txt", content)]


def test_startup_callables_tell_phases_apart(wb: Workbench, tmp_path: Path) -> None:
    path = tmp_path / "my_startup.py"
    path.write_text(articles.STARTUP)
    startup = runpy.run_path(str(path))
    from zato.common import SERVER_STARTUP  # type: ignore[import-not-found, unused-ignore]

    invoked: list[Any] = []
    server = SimpleNamespace(cluster_id=1, invoke=lambda service, request: invoked.append((service, request)))
    started = SimpleNamespace(phase=SERVER_STARTUP.PHASE.AFTER_STARTED, kwargs={"server": server})
    for each in ("update_fs_config", "create_cache"):
        startup[each](started)
    ((service, request),) = invoked
    assert service == "zato.cache.builtin.create"
    assert request["cache_type"] == "builtin"

    class Enabled(Service):
        name = "enabled"

        def handle(self) -> str:
            return "True"

    wb.deploy(Enabled)
    wb.define(RESTChannel("enabled"))
    config = SimpleNamespace(component_enabled=SimpleNamespace(cassandara=False))
    early = SimpleNamespace(
        phase=SERVER_STARTUP.PHASE.FS_CONFIG_ONLY,
        kwargs={
            "server_config": config,
            "pickup_config": {},
            "sio_config": {},
            "sso_config": {},
            "base_dir": str(tmp_path),
            "address": f"{wb.start()}/enabled",
        },
    )
    startup["update_fs_config"](early)
    assert config.component_enabled.cassandara is True  # as the article spells it


def test_the_article_runs_as_a_cell(tmp_path: Path) -> None:
    env = {"WORKBENCH_PORT": "0", "WORKBENCH_STORE": "memory://", "JUPYTER_RUNTIME_DIR": str(tmp_path)}
    with Kernel("workbench", env=env) as kernel:
        shown = [each["text/plain"] for each in kernel.run(articles.SAMPLE).displays]
        assert shown == ["api.sample v1 is live."]
        kernel.run("from workbench import RESTChannel; wb.define(RESTChannel('api.sample'))")
        url = kernel.run("print(wb.url)").stdout.strip()
        assert requests.get(f"{url}/api/sample", timeout=30).text == "Hello there!\n"
        shown = [each["text/plain"] for each in kernel.run(articles.SYNC).displays]
        assert shown == [
            "api.scheduler.sync v1 is live. It uses 2 connections that nobody defined yet: "
            "REST 'My Data Source', SMTP 'My SMTP'."
        ]
