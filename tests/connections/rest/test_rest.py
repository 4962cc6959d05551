"""Outgoing REST against servers that answer well, late, badly, or not at all."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from tests.connections.suites.timing import ended_in_time
from tests.serving import wb as wb
from workbench.app.workbench import Workbench
from workbench.connections.rest.definition import RESTConnection
from workbench.connections.rest.live import LiveREST
from workbench.core.current import CURRENT
from workbench.core.errors import ConnectionFailed, DeadlineExceeded, InvalidDefinition, ServiceUsage
from workbench.core.secret import secret
from workbench.sandbox import certificates
from workbench.sandbox.dropbox.server import DropboxServer
from workbench.sandbox.http.source import HTTPSource


class Script:
    """A TCP server that does with each connection what it was told."""

    def __init__(self, *acts: Callable[[socket.socket], None]) -> None:
        self._acts = acts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connected, _ = self._listener.accept()
            except OSError:
                return
            act = self._acts[min(self.connections, len(self._acts) - 1)]
            self.connections += 1
            threading.Thread(target=self._act, args=(act, connected), daemon=True).start()

    def _act(self, act: Callable[[socket.socket], None], connected: socket.socket) -> None:
        try:
            with connected:
                act(connected)
        except OSError:
            pass

    def drips(self, head: bytes, drop: bytes = b"a", every: float = 0.02) -> Callable[[socket.socket], None]:
        """Send a head, then drop by drop for ever."""

        def act(connected: socket.socket) -> None:
            connected.recv(65536)
            connected.sendall(head)
            while not self._over.wait(every):
                connected.sendall(drop)

        return act

    def close(self) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(30)

    def __enter__(self) -> Script:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def says(data: bytes) -> Callable[[socket.socket], None]:
    def act(connected: socket.socket) -> None:
        connected.recv(65536)
        connected.sendall(data)

    return act


def http(status: str = "200 OK", body: bytes = b"", *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 " + status.encode(), b"Content-Length: %d" % len(body), *headers, b"", body]
    return b"\r\n".join(lines)


# What goes out.
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options", "send"])
def test_every_method_goes_out_under_the_cid(opened: Any, source: HTTPSource, method: str) -> None:
    source.reply("/rates", json={"EUR": 1.08})
    response = getattr(opened(source.url, path="/rates"), method)("cid1")
    assert (response.status_code, response.data) == (200, {"EUR": 1.08})
    request = source.requests[-1]
    assert request.method == {"send": "POST"}.get(method, method.upper())
    assert request.headers["X-Zato-CID"] == "cid1"
    assert repr(response) == "<Response [200]>"


def test_params_fill_the_path_and_the_rest_is_the_query(opened: Any, source: HTTPSource) -> None:
    client = opened(source.url, path="/orders/{id}/{what}")
    source.reply("/orders/a/b c/é", text="ok")
    assert client.get("c", {"id": "a/b c", "what": "é", "x": [1, 2], "y": "&=", "z": None}).text == "ok"
    request = source.requests[-1]
    assert request.query == "x=1&x=2&y=%26%3D"
    with pytest.raises(ServiceUsage, match=r"has the path /orders/\{id\}/\{what\}; params miss 'what', given: id"):
        client.get("c", {"id": 1})


@pytest.mark.parametrize("value", [".", ".."])
def test_a_parameter_cannot_lead_to_another_path(opened: Any, source: HTTPSource, value: str) -> None:
    with pytest.raises(ServiceUsage, match="'id' may not be . or .., which would lead to another path"):
        opened(source.url, path="/orders/{id}").get("c", {"id": value})
    source.reply("/orders/../admin", text="its own name")
    assert opened(source.url, path="/orders/{id}").get("c", {"id": "../admin"}).text == "its own name"


@pytest.mark.parametrize(
    ("data", "data_format", "body", "content_type"),
    [
        ({"a": "ł"}, "json", '{"a":"ł"}'.encode(), "application/json"),
        ([1, None], "json", b"[1,null]", "application/json"),
        ('{"own": 1}', "json", b'{"own": 1}', "application/json"),
        (b"\x00\xff", "", b"\x00\xff", None),
        (bytearray(b"\x00\xff"), "", b"\x00\xff", None),
        ("text ł", "", "text ł".encode(), None),
        ({"a": "1 2", "b": [1, 2]}, "form", b"a=1+2&b=1&b=2", "application/x-www-form-urlencoded"),
        (None, "json", b"", None),
        ("", "json", b"", None),
    ],
)
def test_data_is_sent_as_the_connection_says(
    opened: Any, source: HTTPSource, data: Any, data_format: str, body: bytes, content_type: str | None
) -> None:
    source.reply("/", text="ok")
    opened(source.url, data_format=data_format, path="/").post("c", data)
    request = source.requests[-1]
    assert (request.body, request.headers.get("Content-Type")) == (body, content_type)


def test_credentials_and_headers_go_out(opened: Any, source: HTTPSource) -> None:
    source.reply("/", text="ok")
    client = opened(
        source.url,
        path="/",
        username="jöe",
        password=secret("PASSWORD"),
        api_key=secret("KEY"),
        api_key_header="X-Own",
        headers={"X-A": "1", "X-B": "2"},
    )
    client.get("c", headers={"X-B": "3"})
    headers = source.requests[-1].headers
    from workbench.security.definitions import basic

    assert headers["Authorization"] == basic("jöe", "pä:ss")
    assert (headers["X-Own"], headers["X-A"], headers["X-B"]) == ("k-123", "1", "3")
    assert headers["User-Agent"] == "workbench"


@pytest.mark.parametrize("fields", [{"api_key": secret("BROKEN")}, {"headers": {"X-A": "a\r\nX-Evil: k-123"}}])
def test_a_header_that_would_break_the_message_is_not_sent_nor_shown(
    opened: Any, source: HTTPSource, fields: dict[str, Any]
) -> None:
    with pytest.raises(ServiceUsage, match="a header cannot be sent, it holds a line break") as failure:
        opened(source.url, **fields).get("c")
    assert "k-123" not in str(failure.value)
    assert failure.value.__suppress_context__
    assert len(source.requests) == 0


def test_letters_beyond_latin_1_in_a_header_are_named(opened: Any, source: HTTPSource) -> None:
    with pytest.raises(ServiceUsage, match="has letters beyond Latin-1"):
        opened(source.url).get("c", headers={"X-A": "zażółć"})


def test_a_key_does_not_follow_a_redirect_to_another_host(opened: Any, source: HTTPSource) -> None:
    source.reply("/there", text="ok")
    with Script(
        says(http("302 Found", b"", b"Location: " + f"{source.url}/there".encode(), b"Connection: close"))
    ) as s:
        other = s.host.replace("127.0.0.1", "localhost")
        client = opened(other, username="u", password=secret("PASSWORD"), api_key=secret("KEY"))
        assert client.get("c").text == "ok"
    headers = source.requests[-1].headers
    assert headers.get("X-Api-Key") is headers.get("X-API-Key") is headers.get("Authorization") is None


# What comes back.
def test_data_is_parsed_where_it_is_json(opened: Any, source: HTTPSource) -> None:
    source.reply("/json", json=[1])
    source.reply("/text", text="plain")
    source.reply("/empty")
    assert opened(source.url, path="/json", data_format="").get("c").data == [1]
    assert opened(source.url, path="/text", data_format="").get("c").data == "plain"
    assert opened(source.url, path="/empty").get("c").data == ""
    response = opened(source.url, path="/text").get("c")
    assert response.text == "plain"
    with pytest.raises(ConnectionFailed, match="answered 200 with a body that is no JSON .* Fix: read .text, or set"):
        _ = response.data


def test_a_refusal_in_plain_text_is_told_in_its_own_words(opened: Any, source: HTTPSource) -> None:
    with pytest.raises(
        ConnectionFailed, match=r"^REST 'My API' answered 404: HTTP source .* has no reply to it.*Fix: "
    ):
        _ = opened(source.url, path="/rates").get("c").data
    source.reply("/busy", text="try later", status=503)
    with pytest.raises(ConnectionFailed, match="^REST 'My API' answered 503: try later$"):
        _ = opened(source.url, path="/busy").get("c").data


def test_a_status_is_no_error(opened: Any, source: HTTPSource) -> None:
    source.reply("/", status=404, json={"why": "gone"})
    response = opened(source.url, path="/").get("c")
    assert (response.status_code, response.data, response.ok) == (404, {"why": "gone"}, False)


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidDefinition, match=r"host must not hold .* give username= and password=secret") as refused:
        RESTConnection("My API", host="https://user:hunter2@example.com")
    assert "hunter2" not in str(refused.value)
    with pytest.raises(InvalidDefinition, match=r"host must be: Scheme and host, as https://example\.com\.$"):
        RESTConnection("My API", host="example.com")


def test_one_connection_serves_many_calls(opened: Any) -> None:
    def act(connected: socket.socket) -> None:
        while connected.recv(65536):
            connected.sendall(http(body=b"{}"))

    with Script(act) as script:
        client = opened(script.host)
        for _ in range(10):
            assert client.get("c").data == {}
        assert script.connections == 1


def test_many_threads_share_a_connection_definition(opened: Any, source: HTTPSource) -> None:
    source.reply("/", json={"n": 1})
    client, answers = opened(source.url, path="/", pool_size=20), []
    threads = [threading.Thread(target=lambda: answers.append(client.get("c").data)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [{"n": 1}] * 20


# What fails, and how often it is tried.
def test_nobody_there_is_said_in_a_sentence(opened: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        host = f"http://127.0.0.1:{gone.getsockname()[1]}"
    with pytest.raises(ConnectionFailed) as failure:
        opened(host, retries=0).get("c")
    assert str(failure.value) == f"REST 'My API' at {host} cannot be reached: [Errno 111] Connection refused (1 try)."
    assert not isinstance(failure.value, DeadlineExceeded)


def test_a_status_that_may_pass_is_tried_again(opened: Any, source: HTTPSource) -> None:
    source.reply("/", json="ok")
    client = opened(source.url, path="/")

    def call() -> None:
        source.reply("/", status=503, times=2)
        began = time.monotonic()
        assert client.get("c").data == "ok"
        assert time.monotonic() - began >= 0.9

    ended_in_time(call, 1.8)
    assert len(source.requests) == 3


def test_a_call_that_may_have_done_something_is_not_repeated(opened: Any, source: HTTPSource) -> None:
    source.reply("/", status=503)
    assert opened(source.url, path="/").post("c", {"a": 1}).status_code == 503
    with Script(says(b"")) as script, pytest.raises(ConnectionFailed, match="1 try"):
        opened(script.host).post("c", {"a": 1})
    assert len(source.requests) == script.connections == 1


def test_a_call_that_was_never_sent_is_repeated_whatever_it_does(opened: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        host = f"http://127.0.0.1:{gone.getsockname()[1]}"
    with pytest.raises(ConnectionFailed, match="2 tries"):
        opened(host, retries=1).post("c", {"a": 1})


def test_who_hangs_up_is_tried_again(opened: Any) -> None:
    with Script(says(b""), says(http(body=b'"ok"'))) as script:
        assert opened(script.host).get("c").data == "ok"
        assert script.connections == 2


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_obeyed(opened: Any, source: HTTPSource, form: str) -> None:
    source.reply("/", json="ok")
    client = opened(source.url, path="/")

    def call() -> None:
        began = time.monotonic()
        at = datetime.now(UTC) + timedelta(seconds=2)
        said = "1" if form == "seconds" else format_datetime(at, usegmt=True)
        source.reply("/", status=503, headers={"Retry-After": said}, times=1)
        assert client.get("c").data == "ok"
        # A date has whole seconds, so that between one and two are left of it.
        assert time.monotonic() - began >= 0.95

    ended_in_time(call, 2.7)


def test_a_retry_after_beyond_the_deadline_gives_the_answer_there_is(opened: Any, source: HTTPSource) -> None:
    source.reply("/", status=503, headers={"Retry-After": "60"})
    client = opened(source.url, path="/", deadline_seconds=5)

    def call() -> None:
        assert client.get("c").status_code == 503

    ended_in_time(call, 0.9)


@pytest.mark.parametrize(
    "answer",
    [
        b"this is no http at all\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        http("200 OK", b"not gzip", b"Content-Encoding: gzip"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut off",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nnonsense",
        http("302 Found", b"", b"Location: ftp://elsewhere/x"),
        b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 200 + b"\r\n",
        b"\x00\x01\x02",
    ],
)
def test_garbage_is_a_failed_connection(opened: Any, answer: bytes) -> None:
    with Script(says(answer)) as script, pytest.raises(ConnectionFailed, match="REST 'My API' at http://127.0.0.1"):
        opened(script.host, retries=0).get("c")


def test_a_silent_peer_costs_the_timeout_a_try(opened: Any) -> None:
    with Script(lambda connected: threading.Event().wait(10)) as script:  # type: ignore[arg-type,return-value]
        client = opened(script.host, timeout_seconds=0.3, retries=1, deadline_seconds=20)

        def call() -> None:
            began = time.monotonic()
            with pytest.raises(DeadlineExceeded, match=r"did not answer in time \(0.3 s a try, 2 tries, 20 s in all\)"):
                client.get("c")
            assert time.monotonic() - began >= 0.8

        ended_in_time(call, 1.36)
        assert script.connections == 2


@pytest.mark.parametrize("where", ["body", "chunks", "head", "status", "silence"])
def test_the_deadline_holds_within_a_tenth_however_the_peer_drips(opened: Any, where: str) -> None:
    head = {
        "body": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "head": b"HTTP/1.1 200 OK\r\nX-Slow: ",
        "status": b"HTTP",
        "silence": b"",
    }[where]
    drop = {"chunks": b"1\r\na\r\n", "silence": b""}.get(where, b"a")
    script = Script(lambda connected: script.drips(head, drop)(connected))
    with script:
        client = opened(script.host, timeout_seconds=5, deadline_seconds=1.0)
        took = [missed(client)]
        while not 0.9 <= took[-1] <= 1.1 and len(took) < 3:  # beside other work, the machine itself may be late
            took.append(missed(client))
        assert 0.9 <= took[-1] <= 1.1, took
        assert script.connections == len(took)


def missed(client: LiveREST) -> float:
    """How long a call that misses its deadline takes [s]."""
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded, match="1 s in all"):
        client.get("c")
    return time.monotonic() - began


def test_a_call_after_a_missed_deadline_has_all_of_its_own_time(opened: Any) -> None:
    script = Script(
        lambda connected: script.drips(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")(connected),
        says(http(body=b'"ok"')),
    )
    with script:
        client = opened(script.host, deadline_seconds=0.3)
        with pytest.raises(DeadlineExceeded):
            client.get("c")
        assert client.get("c").data == "ok"


def test_a_ping_asks_once(opened: Any, source: HTTPSource) -> None:
    source.reply("/x/ping", text="ok")
    assert opened(source.url, path="/x/{name}").ping().startswith("HEAD 200 in ")
    assert [request.method for request in source.requests] == ["HEAD"]
    with Script(says(b"")) as script, pytest.raises(ConnectionFailed, match="1 try"):
        opened(script.host).ping()
    assert script.connections == 1


# In services.
def test_an_async_service_awaits_and_is_told_so(opened: Any, source: HTTPSource) -> None:
    source.reply("/", json={"n": 1})
    client = opened(source.url, path="/")

    async def main() -> Any:
        answers = await asyncio.gather(
            client.aio.get("c1", {"a": 1}),
            client.aio.post("c2", {"b": 1}, {"c": 2}),
            client.for_call("c3").aio.get(),
        )
        with pytest.raises(AttributeError, match="has get, post, .* not 'brew'"):
            _ = client.aio.brew
        return [each.data for each in answers]

    assert asyncio.run(main()) == [{"n": 1}] * 3
    assert {request.headers["X-Zato-CID"]: request.query for request in source.requests} == {
        "c1": "a=1",
        "c2": "c=2",
        "c3": "",
    }


def test_in_a_service_the_call_is_traced_and_async_ones_say_the_fix(wb: Any, source: HTTPSource) -> None:
    from workbench.core.service import Service

    source.reply("/rates/EUR", json={"EUR": 1.08})

    class Fetches(Service):
        name = "fetches"

        def handle(self) -> Any:
            long = self.out.plain_http["Rates"].conn.get(self.cid, {"code": "EUR"}).data
            other = self.outgoing.rest.get("Rates").conn.get(self.cid, {"code": "EUR"}).data
            short = self.rest["Rates"].get({"code": "EUR"}).data
            assert long == other == short
            return short

    class FetchesAsync(Service):
        name = "fetches.async"

        async def handle(self) -> Any:
            return (await self.rest["Rates"].aio.get({"code": "EUR"})).data

    class Blocks(Service):
        name = "blocks"

        async def handle(self) -> Any:
            return self.rest["Rates"].get({"code": "EUR"})

    wb.deploy(Fetches, FetchesAsync, Blocks)
    wb.define(RESTConnection("Rates", host=source.url, path="/rates/{code}"))
    assert wb.invoke("fetches") == wb.invoke("fetches.async") == {"EUR": 1.08}
    assert repr(wb.traffic[0]) == "fetches ok\n" + "\n".join(["  GET Rates /rates/EUR 200"] * 3)
    assert repr(wb.traffic[1]) == "fetches.async ok\n  GET Rates /rates/EUR 200"
    assert {request.headers["X-Zato-CID"] for request in source.requests} == {trace.cid for trace in wb.traffic}
    with pytest.raises(ServiceUsage, match=r"'blocks' is async, and REST 'Rates' would block .* await conn.aio.get"):
        wb.invoke("blocks")
    assert CURRENT.get() is None


def test_an_unknown_connection_says_how_to_define_it(wb: Any) -> None:
    from workbench.core.errors import UnknownName
    from workbench.core.service import Service

    class Fetches(Service):
        name = "fetches"

        def handle(self) -> Any:
            return self.out.rest["Rats"]

    wb.deploy(Fetches)
    wb.define(RESTConnection("Rates", host="http://localhost:1"))
    with pytest.raises(UnknownName, match="REST connection is named 'Rats'; there are: Rates. Did you mean 'Rates'?"):
        wb.invoke("fetches")


def test_a_private_authority_is_trusted_by_its_file_alone(wb: Workbench) -> None:
    peer = DropboxServer("d", encrypted=True).start()
    try:
        wb.define(RESTConnection("R", host=peer.url, ca_file=str(certificates.authority().file)))
        assert wb.connections["R"].conn.get("cid").status_code == 404
        wb.define(RESTConnection("R", host=peer.url), replace=True)
        with pytest.raises(ConnectionFailed, match=r"cannot be trusted.* set ca_file="):
            wb.connections["R"].conn.get("cid")
    finally:
        peer.stop()
    with pytest.raises(InvalidDefinition, match="ca_file has no use with verify_tls=False"):
        RESTConnection("R", host="https://example.com", ca_file="a.pem", verify_tls=False)
