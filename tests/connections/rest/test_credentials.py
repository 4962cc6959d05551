"""Secrets in headers and queries of outgoing REST: sent, never shown, and never to another host."""

from __future__ import annotations

import linecache
import pickle
import socket
import threading
import traceback
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from workbench import RESTConnection, secret
from workbench.app.workbench import Workbench
from workbench.connections.definition import Opening
from workbench.connections.rest.live import LiveREST
from workbench.core.clock import SystemClock
from workbench.core.errors import ConnectionFailed
from workbench.core.masking import mask
from workbench.core.secret import PlainSecretWarning, Secret

TOKEN = "tok-CANARY-4711"


class Recorder(ThreadingHTTPServer):
    """Keeps what it was asked; sends on to another address if it has one."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.target = ""
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def end(self) -> None:
        self.shutdown()
        self.server_close()
        self.thread.join(30)


class _Asked(BaseHTTPRequestHandler):
    server: Recorder

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        self.send_response(302 if self.server.target else 200)
        if self.server.target:
            self.send_header("Location", self.server.target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Recorder]:
    server = Recorder()
    yield server
    server.end()


@pytest.fixture
def other() -> Iterator[Recorder]:
    server = Recorder()
    yield server
    server.end()


@pytest.fixture
def wb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    monkeypatch.setenv("API_TOKEN", TOKEN)
    with Workbench(port=0) as wb:
        yield wb


def host(server: Recorder, name: str = "127.0.0.1") -> str:
    return f"http://{name}:{server.server_port}"


def test_secrets_in_headers_and_queries_are_sent_and_shown_by_name_alone(wb: Workbench, server: Recorder) -> None:
    definition = RESTConnection(
        "Rates",
        host=host(server),
        path="/rates",
        headers={"Authorization": secret("API_TOKEN", prefix="Bearer "), "X-Plain": "yes"},
        params={"api_key": secret("API_TOKEN"), "limit": "5"},
    )
    wb.define(definition)
    conn = wb.connections["Rates"].conn
    conn.get("", params={"token": secret("API_TOKEN")}, headers={"X-Token": secret("API_TOKEN")})
    path, headers = server.asked[0]
    assert sorted(path.partition("?")[2].split("&")) == [f"api_key={TOKEN}", "limit=5", f"token={TOKEN}"]
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["X-Token"] == TOKEN
    assert headers["X-Plain"] == "yes"
    for shown in (repr(definition), definition.to_code()):
        assert TOKEN not in shown
        assert 'secret("API_TOKEN", prefix="Bearer ")' in shown
    assert eval(definition.to_code(), {"RESTConnection": RESTConnection, "secret": secret}) == definition
    assert pickle.loads(pickle.dumps(definition)) == definition


def test_no_header_of_a_call_follows_a_redirect_to_another_host(
    wb: Workbench, server: Recorder, other: Recorder
) -> None:
    server.target = f"{host(other, 'localhost')}/taken"
    wb.define(
        RESTConnection(
            "Own",
            host=host(server),
            api_key=secret("API_TOKEN"),
            headers={"Authorization": secret("API_TOKEN"), "X-Own-Name": secret("API_TOKEN"), "Accept": "text/csv"},
        )
    )
    wb.connections["Own"].conn.get("", headers={"X-Of-The-Call": secret("API_TOKEN")})
    assert TOKEN in server.asked[0][1]["X-Own-Name"]
    assert TOKEN in server.asked[0][1]["X-Of-The-Call"]
    [(path, headers)] = other.asked
    assert path == "/taken"
    assert headers["Accept"] == "text/csv"
    assert TOKEN not in repr(headers)


def test_headers_follow_a_redirect_within_the_host(wb: Workbench, server: Recorder) -> None:
    wb.define(RESTConnection("Own", host=host(server), headers={"X-Own-Name": secret("API_TOKEN")}))
    server.target = f"{host(server)}/again"

    class Once(str):
        """True for the first request alone."""

        def __bool__(self) -> bool:
            return len(server.asked) < 2

    server.target = Once(server.target)
    assert wb.connections["Own"].conn.get("").status_code == 200
    assert [headers["X-Own-Name"] for _, headers in server.asked] == [TOKEN, TOKEN]


@pytest.mark.parametrize("name", ["Authorization", "x-api-key", "X-Auth-Token", "Api-Key", "X-My-Secret", "Cookie"])
def test_a_plain_credential_header_warns_and_is_shown_no_more(name: str) -> None:
    with pytest.warns(PlainSecretWarning, match=f"headers {name} was given as plain text") as warned:
        made = RESTConnection(f"Plain {name}", host="https://example.com", headers={name: f"Bearer {TOKEN}"})
    assert [each.filename for each in warned] == [__file__]
    assert TOKEN not in repr(made)
    assert TOKEN not in mask(f"sent {TOKEN}")
    assert isinstance(made.headers[name], Secret)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert made.replace(path="/x").headers == made.headers


@pytest.mark.parametrize("name", ["api_key", "token", "access_token", "key", "client_secret", "sig"])
def test_a_plain_credential_in_a_query_warns_once(name: str) -> None:
    def made_twice() -> RESTConnection:
        RESTConnection("Query", host="https://example.com", params={name: f"{TOKEN}-{name}"})
        made = RESTConnection("Query", host="https://example.com", path=f"/x?{name}={TOKEN}&limit=5")
        made.replace(retries=0)
        return made

    with pytest.warns(PlainSecretWarning, match=name) as warned:
        made = made_twice()
    assert len(warned) == 2
    assert TOKEN not in mask(repr(made))


def test_headers_and_queries_that_are_no_credentials_do_not_warn() -> None:
    plain = {"Accept": "text/csv", "X-Request-Source": "workbench", "Idempotency-Key": "abc-1", "X-Keyboard": "us"}
    made = RESTConnection("Calm", host="https://example.com", headers=plain, path="/x?monkey=1&limit=5&key={key}")
    assert made.headers == plain


def test_a_warning_points_at_the_line_of_the_person_and_shows_it_without_the_secret(
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = f"from workbench import *\n\nRESTConnection('W', host='https://e.com', headers={{'Cookie': '{TOKEN}'}})\n"
    source += f"\nRESTConnection('P', host='https://e.com', username='ada', password='{TOKEN}')\n"
    file = "/tmp/cell-of-a-test.py"
    linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = _as_python_shows_it
        exec(compile(source, file, "exec"), {})
    said = capsys.readouterr().err
    assert f"{file}:3: PlainSecretWarning" in said
    assert f"{file}:5: PlainSecretWarning" in said
    assert "password='***'" in said
    assert TOKEN not in said
    assert TOKEN in linecache.getline(file, 3)


def _as_python_shows_it(message: object, category: type, filename: str, lineno: int, *_: object) -> None:
    import sys

    sys.stderr.write(warnings.formatwarning(message, category, filename, lineno))  # type: ignore[arg-type]


def test_a_sandbox_is_told_no_real_secret_of_headers_and_queries(wb: Workbench) -> None:
    wb.define(
        RESTConnection(
            "Rates",
            host="https://rates.example.com",
            path="/latest",
            headers={"Authorization": secret("API_TOKEN", prefix="Bearer "), "Accept": "text/csv"},
            params={"api_key": secret("API_TOKEN")},
        )
    )
    wb.sandbox()
    wb.peers["Rates"].reply("/latest", json={"EUR": 1.08})  # type: ignore[attr-defined]
    answer = wb.connections["Rates"].conn.get("")
    sent = answer.request
    assert answer.data == {"EUR": 1.08}
    assert sent.headers["Authorization"].startswith("Bearer ")
    assert sent.headers["Accept"] == "text/csv"
    assert TOKEN not in f"{sent.url} {sent.headers}"


def test_the_query_of_a_call_that_failed_is_in_no_traceback() -> None:
    """What a library says of a failure repeats the whole address."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        definition = RESTConnection("Rates", host=f"http://127.0.0.1:{held.getsockname()[1]}", path="/x", retries=0)
        conn = LiveREST(definition, Opening(lambda wanted, owner: "", SystemClock()))
        for ask in (lambda: conn.get("cid", {"q": "".join(("pla", "in"))}), lambda: conn.open("/x?q=" + "pla" + "in")):
            with pytest.raises(ConnectionFailed) as failed:
                ask()
            told = "".join(traceback.format_exception(failed.value))
            assert "Connection refused" in told
            assert "q=plain" not in told
        conn.close()
