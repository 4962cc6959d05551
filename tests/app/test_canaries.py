"""Thirty canaries: secrets that are typed, logged, raised and sent are found in nothing that is kept or shown."""

from __future__ import annotations

import base64
import contextlib
import io
import logging
import secrets as random
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from workbench import APIKey, BasicAuth, IntervalJob, RESTChannel, RESTConnection, Service, secret
from workbench.app.workbench import Workbench
from workbench.core.errors import BadRequest, ConnectionFailed
from workbench.core.secret import PlainSecretWarning
from workbench.notebook.displays import HTML
from workbench.ui.calls import ended

NUMBER = 30


class Echo(BaseHTTPRequestHandler):
    """A server that repeats in its answer, and in its refusals, whatever it was sent."""

    def do_GET(self) -> None:
        said = f"{self.path} {dict(self.headers)}".encode()
        self.send_response(401 if "refuse" in self.path else 200)
        self.send_header("Content-Length", str(len(said)))
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def echo() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(30)


def forms(canary: str) -> set[bytes]:
    """The canary as it is, misread, as URLs write it, and what is left of it in base64 after any number of bytes."""
    misread = canary.encode().decode("latin-1")
    found = {canary.encode(), quote(canary, safe="").encode(), misread.encode()}
    for before in range(3):
        coded = base64.b64encode(b"u" * before + canary.encode() + b"zzz").decode()[4:-8]
        found |= {coded.encode(), coded.replace("+", "-").replace("/", "_").encode()}
    return found


class Talks(Service):
    """Says every canary in every way that a service has."""

    name = "canary.talks"

    def handle(self) -> str:
        number = int(self.request.raw_request)
        conn = self.out.rest["Echo"].conn
        value = VALUES[number]
        self.logger.info("as argument %s", value)
        self.logger.warning(f"in the line {quote(value, safe='')}")
        logging.getLogger("some.library").error("Basic %s", base64.b64encode(f"ada:{value}".encode()).decode())
        print("printed", value, {"in": value})
        print(value[:7], end="")
        print(value[7:])
        thread = threading.Thread(target=lambda: print("by a thread", value))
        thread.start()
        thread.join()
        self.logger.info("%s", conn.get(self.cid, params={"api_key": value}, headers={"X-Token": value}).text)
        self.logger.info("%s", conn.get(self.cid, params={"refuse": value}).text)
        with contextlib.suppress(ConnectionFailed):
            self.out.rest["Nowhere"].conn.get(self.cid, params={"token": value})
        if number % 3 == 0:
            raise ValueError(f"it was {value}")
        if number % 3 == 1:
            raise BadRequest(f"not with {value}")
        return f"the answer {value}"


VALUES: list[str] = []


def test_no_canary_is_found_anywhere(
    tmp_path: Path, echo: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    VALUES[:] = [f"Canary{number}/{random.token_urlsafe(9)}+&é" for number in range(NUMBER)]
    runtime, folder, store = tmp_path / "runtime", tmp_path / "folder", tmp_path / "store" / "store.db"
    folder.mkdir()
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(runtime))
    for number, value in enumerate(VALUES):
        monkeypatch.setenv(f"CANARY_{number}", value)
    log_file = logging.FileHandler(folder / "service.log", encoding="utf-8")
    for name in ("some.library", "workbench", "workbench.service"):
        logging.getLogger(name).addHandler(log_file)
    shown = io.StringIO()
    try:
        with Workbench(folder=folder, store=f"sqlite:///{store}", port=0) as wb:
            for number in range(NUMBER - 2):
                user = (
                    APIKey(f"user {number}", key=secret(f"CANARY_{number}"))
                    if number % 2
                    else BasicAuth(f"user {number}", username="ada", password=secret(f"CANARY_{number}"))
                )
                wb.define(user)
            with pytest.warns(PlainSecretWarning):
                wb.define(APIKey("typed", key=VALUES[-1]))
            wb.define(
                RESTConnection("Echo", host=echo, path="/x", headers={"X-Own": secret(f"CANARY_{NUMBER - 2}")}),
                RESTConnection("Nowhere", host="http://127.0.0.1:9", retries=0),
            )
            wb.deploy(Talks)
            wb.define(
                RESTChannel("canary.talks", service="canary.talks", path="/talks/{canary}", data_format="raw"),
                *(
                    IntervalJob(f"job {number}", service="canary.talks", hours=1, extra=str(number))
                    for number in range(NUMBER)
                ),
            )
            for number in range(NUMBER):
                path = f"/talks/{quote(VALUES[number], safe='')}?api_key={quote(VALUES[number])}"
                answer = wb.call(f"POST {path}", data=str(number))
                shown.write(repr(answer) + HTML[type(answer)](answer))
                run = wb.jobs[f"job {number}"].execute()
                shown.write(repr(run) + HTML[type(run)](run))
            for trace in wb.traffic:
                shown.write(repr(trace) + HTML[type(trace)](trace) + repr(trace.root.error))
                for each in (trace.root.error, *VALUES[:1]):
                    shown.write(repr(ended(None, ValueError(f"it was {each}"), trace)))
                shown.write("".join(step.describe() for _, step in trace.root.tree()))
            shown.write(repr(wb.log) + "".join(f"{line!r}{line.text}" for line in wb.log))
            shown.write(repr(wb.connections) + repr(wb.users) + repr(wb.jobs) + repr(wb.traffic))
            shown.write("".join(item.definition.to_code() for item in wb.connections.values()))
            assert "***" in shown.getvalue()
            assert len(wb.log) > 10 * NUMBER
            runs = [run for job in wb.jobs.values() for run in job.runs]
            assert len(runs) == NUMBER
            shown.write(repr(runs))
    finally:
        for name in ("some.library", "workbench", "workbench.service"):
            logging.getLogger(name).removeHandler(log_file)
        log_file.close()
    with sqlite3.connect(store) as kept:
        assert kept.execute("SELECT count(*) FROM entry").fetchone()[0] > NUMBER
    kept.close()
    out, err = capfd.readouterr()
    kept_bytes = {"what was shown": shown.getvalue().encode(), "output": (out + err).encode()}
    kept_bytes |= {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {"service.log", "store.db"} <= {Path(name).name for name in kept_bytes}
    leaks = [
        (place, canary, content[max(0, content.find(form) - 60) :][:140])
        for place, content in kept_bytes.items()
        for canary in VALUES
        for form in forms(canary)
        if form in content
    ]
    assert leaks == []
