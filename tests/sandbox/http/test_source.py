"""The HTTP peer, asked by requests, as every REST connection asks it, and by a socket, as nobody should."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from workbench.connections.definition import Opening
from workbench.connections.rest.definition import RESTConnection
from workbench.core.clock import SystemClock
from workbench.core.errors import ConnectionFailed, DeadlineExceeded, ServiceUsage
from workbench.core.secret import given, secret
from workbench.sandbox.http import wire
from workbench.sandbox.http.source import HTTPSource


@pytest.fixture
def source() -> Iterator[HTTPSource]:
    source = HTTPSource("My Data Source").start()
    yield source
    source.stop()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def ask(
    session: requests.Session, source: HTTPSource, path: str, method: str = "GET", **more: Any
) -> requests.Response:
    return session.request(method, source.url + path, timeout=30, **more)


def raw(source: HTTPSource, data: bytes) -> bytes:
    """Everything answered to these bytes until the peer hangs up."""
    with socket.create_connection((source.host, source.port), timeout=30) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while more := client.recv(65536):
            answer += more
        return answer


def test_it_answers_what_it_was_told(source: HTTPSource, session: requests.Session) -> None:
    source.reply("/rates", json={"EUR": 1.08, "é": None})
    source.reply("/text", text="grüße")
    source.reply("/bytes", data=b"\x00\xff", headers={"Content-Type": "image/png", "X-A": "1"})
    source.reply("/made", status=201, method="POST")
    assert ask(session, source, "/rates").json() == {"EUR": 1.08, "é": None}
    assert ask(session, source, "/text").text == "grüße"
    answer = ask(session, source, "/bytes")
    assert (answer.content, answer.headers["Content-Type"], answer.headers["X-A"]) == (b"\x00\xff", "image/png", "1")
    assert ask(session, source, "/made", "POST").status_code == 201
    assert ask(session, source, "/made").status_code == 404


def test_an_unknown_path_says_what_was_asked_and_what_there_is(source: HTTPSource, session: requests.Session) -> None:
    source.reply("/rates", json=1)
    source.reply("/made", method="post")
    answer = ask(session, source, "/ratse?day=1")
    assert answer.status_code == 404
    assert "was asked GET /ratse?day=1 and has no reply to it; it has: /rates, POST /made." in answer.text
    assert "Fix: .reply('/ratse', json=...)" in answer.text


def test_counted_replies_come_first_and_in_order(source: HTTPSource, session: requests.Session) -> None:
    source.reply("/r", text="always")
    source.reply("/r", text="first", times=1)
    source.reply("/r", text="then", times=2, status=503)
    assert [ask(session, source, "/r").text for _ in range(5)] == ["first", "then", "then", "always", "always"]
    source.reply("/r", text="now")
    assert ask(session, source, "/r").text == "now"
    source.reply("/once", times=1)
    assert [ask(session, source, "/once").status_code for _ in range(2)] == [200, 404]
    assert "used up" in ask(session, source, "/once").text


def test_the_same_reply_again_changes_nothing(source: HTTPSource) -> None:
    for _ in range(3):
        source.reply("/rates", json=1)
        source.reply("/rates?day=1", json=2)
    assert source.replies == ["/rates -> 200", "/rates?day=1 -> 200"]
    source.forget()
    assert source.replies == []


def test_a_reply_for_one_query(source: HTTPSource, session: requests.Session) -> None:
    source.reply("/rates?day=1", text="one", times=9)
    source.reply("/rates", text="any")
    assert ask(session, source, "/rates?day=1").text == "one"
    assert ask(session, source, "/rates?day=2").text == "any"
    assert ask(session, source, "/rates", params={"day": "1"}).text == "one"


def test_the_journal_keeps_what_was_sent_and_hides_who_it_was(source: HTTPSource, session: requests.Session) -> None:
    source.reply("/a b/é")
    ask(session, source, "/a b/é?q=1&q=2&e=", "PUT", data=b'{"x": 1}', headers={"X-One": "1"}, auth=("me", "secret"))
    (request,) = source.requests
    assert (request.method, request.path, request.query) == ("PUT", "/a b/é", "q=1&q=2&e=")
    assert (request.params, request.json(), request.status) == ({"q": "2", "e": ""}, {"x": 1}, 200)
    assert request.headers["x-one"] == "1"
    assert request.headers["Authorization"].startswith("Basic ")
    assert "'Authorization': '***'" in repr(request.headers)
    assert "secret" not in repr(source.requests)
    assert repr(request) == "PUT /a b/é?q=1&q=2&e= -> 200, 8 bytes"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "PROPFIND"])
def test_every_method_on_one_kept_connection(source: HTTPSource, session: requests.Session, method: str) -> None:
    source.reply("/m", text="body")
    for _ in range(3):
        answer = ask(session, source, "/m", method)
        assert answer.status_code == 200
        assert answer.text == ("" if method == "HEAD" else "body")
        assert answer.headers["Content-Length"] == "4"
    ports = {each.headers["Host"] for each in source.requests}
    assert (len(source.requests), len(ports)) == (3, 1)
    assert [each.method for each in source.requests] == [method] * 3


def test_chunked_and_large_bodies_arrive_whole(source: HTTPSource, session: requests.Session) -> None:
    large = bytes(range(256)) * 20_000
    source.reply("/up", data=large)
    chunks = [large[start : start + 70_001] for start in range(0, len(large), 70_001)]
    assert ask(session, source, "/up", "POST", data=iter(chunks)).content == large
    assert ask(session, source, "/up", "POST", data=large).content == large
    assert [request.body == large for request in source.requests] == [True, True]


def test_a_reply_can_wait(source: HTTPSource, session: requests.Session) -> None:
    source.reply("/slow", text="x", after=0.15)
    began = time.monotonic()
    assert ask(session, source, "/slow").text == "x"
    assert time.monotonic() - began >= 0.14


def test_a_slow_reply_holds_nobody_else_up(source: HTTPSource, session: requests.Session) -> None:
    source.reply("/slow", after=30)
    source.reply("/quick", text="x")
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(requests.get, source.url + "/slow", timeout=30)
        source.requests.wait(0)
        assert ask(session, source, "/quick").text == "x"
        source.stop()
        assert isinstance(slow.exception(5), requests.ConnectionError)


def test_many_clients_at_once(source: HTTPSource) -> None:
    source.reply("/n", text="x")
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda n: requests.get(f"{source.url}/n?n={n}", timeout=30).text, range(200)))
    assert answers == ["x"] * 200
    assert sorted(int(request.params["n"]) for request in source.requests) == list(range(200))


def test_a_status_that_passes(source: HTTPSource, session: requests.Session) -> None:
    source.reply("/r", text="well")
    source.fail(status=429, retry_after_seconds=7, times=2)
    answers = [ask(session, source, "/r") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert [request.status for request in source.requests] == [429, 429, 200]


def test_a_body_that_breaks_off(source: HTTPSource, session: requests.Session) -> None:
    source.reply("/r", data=b"x" * 1000)
    source.fail(cut_body_after_bytes=100, times=1)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        ask(session, source, "/r")
    assert len(ask(session, source, "/r").content) == 1000


@pytest.mark.parametrize("fault", ["garbage", "hang_up"])
def test_an_answer_that_is_none(source: HTTPSource, session: requests.Session, fault: str) -> None:
    source.reply("/r")
    source.fail(**{fault: True}, times=1)
    with pytest.raises(requests.ConnectionError):
        ask(session, source, "/r", "POST")
    assert source.requests[-1].status == 0
    assert ask(session, source, "/r", "POST").status_code == 200


def test_drop_by_drop(source: HTTPSource, session: requests.Session) -> None:
    source.reply("/r", data=b"x" * 100)
    with source.fail(bytes_per_second=400):
        began = time.monotonic()
        assert len(ask(session, source, "/r").content) == 100
        assert time.monotonic() - began > 0.2


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", b"400"),
        (b"GET /\r\n\r\n", b"400"),
        (b"GET / HTTP/2.0\r\n\r\n", b"400"),
        (b"G(T / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", b"400"),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n", b"413"),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFF\r\n", b"413"),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 201 + b"\r\n", b"431"),
    ],
)
def test_what_is_no_http_gets_its_status_and_is_not_kept(source: HTTPSource, sent: bytes, status: bytes) -> None:
    answer = raw(source, sent)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"Connection: close" in answer
    assert len(source.requests) == 0


def test_half_a_request_gets_no_answer(source: HTTPSource) -> None:
    assert raw(source, b"GET / HT") == b""
    assert raw(source, b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab") == b""
    assert raw(source, b"") == b""
    assert source.ping() == "ok"


def test_requests_in_a_row_are_answered_in_a_row(source: HTTPSource) -> None:
    source.reply("/1", text="one")
    source.reply("/2", text="two")
    answer = raw(source, b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nConnection: close\r\n\r\nGET /3 HTTP/1.1\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.index(b"one") < answer.index(b"two")
    assert raw(source, b"GET http://elsewhere/1?q=http://x HTTP/1.0\r\n\r\n").endswith(b"one")
    assert source.requests[-1].query == "q=http://x"


def test_a_client_that_asks_first_whether_to_send(source: HTTPSource) -> None:
    source.reply("/up", text="taken")
    with socket.create_connection((source.host, source.port), timeout=30) as client:
        client.sendall(b"PUT /up HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"ok")
        assert b"taken" in client.makefile("rb").read()
    assert source.requests[-1].body == b"ok"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"path": "rates"}, "path must begin with /"),
        ({"path": "/r", "json": 1, "text": "x"}, "give one body, not json and text"),
        ({"path": "/r", "json": None, "data": b""}, "give one body, not json and data"),
        ({"path": "/r", "status": 99}, "between 200 and 999"),
        ({"path": "/r", "times": 0}, "times at least 1"),
        ({"path": "/r", "after": -1}, "must not be negative"),
    ],
)
def test_a_reply_that_cannot_be_is_refused(source: HTTPSource, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ServiceUsage, match=words):
        source.reply(**arguments)
    assert source.replies == []


def test_it_is_shown_without_anything_that_changes(source: HTTPSource, session: requests.Session) -> None:
    source.reply("/rates", json=1)
    ask(session, source, "/rates")
    assert repr(source) == "HTTP source 'My Data Source': replies to /rates -> 200.\n1. GET /rates -> 200"
    assert source.rows() == [{"method": "GET", "path": "/rates", "status": 200, "sent": 0}]


def opened(source: HTTPSource, **fields: Any) -> Any:
    definition = RESTConnection("My Data Source", host="https://data.example.com", path="/rates", **fields)
    return source.stand_in(definition).open(Opening(lambda secret, owner: given(secret.name) or "", SystemClock()))


def test_a_rest_connection_meets_it_with_a_secret_of_its_own(source: HTTPSource) -> None:
    source.reply("/rates", json={"EUR": 1.08})
    conn = opened(source, username="me", password=secret("REAL"))
    assert conn.get("cid-1").data == {"EUR": 1.08}
    assert conn.ping().startswith("HEAD 200")
    assert source.requests[0].headers["X-Zato-CID"] == "cid-1"
    assert source.requests[0].headers["Authorization"].startswith("Basic ")
    conn.close()


def test_a_rest_connection_outlives_its_faults_and_reports_those_that_stay(source: HTTPSource) -> None:
    source.reply("/rates", json=1)
    conn = opened(source, retries=1, deadline_seconds=2.0, timeout_seconds=0.3)
    source.fail(status=503, times=1)
    assert conn.get("c").status_code == 200
    source.fail(cut_body_after_bytes=0)
    with pytest.raises(ConnectionFailed):
        conn.get("c")
    source.fail(refuse=True)
    with pytest.raises(ConnectionFailed, match="refused"):
        conn.get("c")
    source.fail(delay_seconds=30)
    with pytest.raises(DeadlineExceeded):
        conn.get("c")
    source.heal()
    assert conn.get("c").data == 1
    conn.close()


def test_a_proxy_of_the_environment_never_sees_what_goes_to_a_peer(
    source: HTTPSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.reply("/rates", json=1)
    proxy = HTTPSource("proxy").start()
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    conn = opened(source)
    assert conn.get("c").data == 1
    assert (len(source.requests), len(proxy.requests)) == (1, 0)
    conn.close()
    proxy.stop()


def test_a_body_above_the_bound_is_refused(
    source: HTTPSource, session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MOST_BODY_BYTES", 10)
    source.reply("/up")
    assert ask(session, source, "/up", "POST", data=b"x" * 10).status_code == 200
    assert raw(source, b"POST /up HTTP/1.1\r\nContent-Length: 11\r\n\r\n").startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("of", ["data", "file"])
@pytest.mark.parametrize(
    ("asked", "status", "part", "told"),
    [
        ({"Range": "bytes=2-4"}, 206, b"cde", "bytes 2-4/10"),
        ({"Range": "bytes=7-"}, 206, b"hij", "bytes 7-9/10"),
        ({"Range": "bytes=-2"}, 206, b"ij", "bytes 8-9/10"),
        ({"Range": "bytes=0-99"}, 206, b"abcdefghij", "bytes 0-9/10"),
        ({"Range": "bytes=10-"}, 416, b"", "bytes */10"),
        ({"Range": "bytes=0-1,3-4"}, 200, b"abcdefghij", None),
        ({"Range": "lines=1-2"}, 200, b"abcdefghij", None),
        ({"Range": "bytes=2-4", "If-Range": '"another"'}, 200, b"abcdefghij", None),
        ({}, 200, b"abcdefghij", None),
    ],
)
def test_a_part_may_be_asked_for(
    source: HTTPSource,
    session: requests.Session,
    tmp_path: Path,
    of: str,
    asked: dict[str, str],
    status: int,
    part: bytes,
    told: str | None,
) -> None:
    (tmp_path / "a").write_bytes(b"abcdefghij")
    source.reply("/a", **({"data": b"abcdefghij"} if of == "data" else {"file": tmp_path / "a"}))
    answer = session.get(f"{source.url}/a", headers=asked)
    assert (answer.status_code, answer.content, answer.headers.get("Content-Range")) == (status, part, told)
    head = session.head(f"{source.url}/a")
    assert (head.headers["Content-Length"], head.headers["Accept-Ranges"]) == ("10", "bytes")
    same = session.get(f"{source.url}/a", headers={"Range": "bytes=2-4", "If-Range": head.headers["ETag"]})
    assert (same.status_code, same.content) == (206, b"cde")


def test_parts_and_versions_can_be_switched_off(source: HTTPSource, session: requests.Session) -> None:
    source.reply("/a", data=b"abc")
    with source.fail(ignore_range=True):
        assert session.get(f"{source.url}/a", headers={"Range": "bytes=1-"}).content == b"abc"
    with source.fail(no_etag=True):
        assert "ETag" not in session.get(f"{source.url}/a").headers


def test_a_file_breaks_off_too(source: HTTPSource, session: requests.Session, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1_000_000)
    source.reply("/a", file=tmp_path / "a")
    with source.fail(cut_body_after_bytes=500_000), pytest.raises(requests.exceptions.ChunkedEncodingError):
        _ = session.get(f"{source.url}/a").content
    assert len(session.get(f"{source.url}/a").content) == 1_000_000
