"""Over HTTP each caller gets the answer to its own request, or an error, whatever else the server says.

`make soak` makes it 10,000 calls of 32 callers.
"""

from __future__ import annotations

import io
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from tests.connections.rest.conftest import opened as opened
from tests.connections.rest.conftest import source as source
from tests.connections.rest.test_rest import Script, http
from tests.connections.suites.examples import opened as played
from tests.soak.answers import Manner, Server, answer, interim, soak
from workbench import Workbench
from workbench.connections.common.http import MOST_INTERIM
from workbench.connections.definition import Opening
from workbench.connections.dropbox.definition import DropboxConnection
from workbench.connections.folder import LocalFolder
from workbench.connections.rest.definition import RESTConnection
from workbench.connections.rest.live import LiveREST
from workbench.connections.s3.definition import S3Connection
from workbench.core.clock import SystemClock
from workbench.core.errors import ConnectionFailed, DeadlineExceeded
from workbench.core.secret import secret
from workbench.sandbox import certificates
from workbench.sandbox.dropbox.server import DropboxServer
from workbench.sandbox.http.source import HTTPSource

SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
CALLS = 10_000 if SOAK else 400
OTHERS = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n"
OTHERS += '"others"'
UNASKED: list[dict[str, Any]] = [
    {"interim": (103,)},
    {"interim": (102,)},
    {"interim": (100, 103, 102, 103)},
    {"surplus": OTHERS},
    {"surplus": "\r\n"},
    {"interim": (103,), "surplus": OTHERS, "close_after_answer": True},
]
# Each of them with REST; with the other kinds, which read answers by the same code, those that hold the others within.
every_unasked = pytest.mark.parametrize("fault", UNASKED, ids=str)
unasked = pytest.mark.parametrize("fault", UNASKED if SOAK else [*UNASKED[2:4], UNASKED[5]], ids=str)


@pytest.fixture
def client_of() -> Iterator[Callable[..., LiveREST]]:
    clients = []

    def opens(server: Server, **fields: Any) -> LiveREST:
        definition = RESTConnection(
            "My API", host=server.host, path="/{who}", data_format="", **{"retries": 0, **fields}
        )
        clients.append(definition.open(Opening(lambda wanted, owner: "", SystemClock())))
        return clients[-1]

    yield opens
    for client in clients:
        client.close()


# Every kind that speaks HTTP.
@every_unasked
def test_rest_callers_get_their_own_answer(opened: Any, source: HTTPSource, fault: dict[str, Any]) -> None:
    client: LiveREST = opened(source.url, path="/{who}", retries=0)
    people = ("ann", "bob", "cleo", "dan")
    for who in people:
        source.reply(f"/{who}", json=who)
    with source.fail(**fault):
        assert [client.get("c", {"who": who}).data for who in people] == list(people)
        assert [client.post("c", {}, {"who": who}).data for who in people] == list(people)
        assert client.call("HEAD", "c", None, {"who": "ann"}).content == b""
        assert client.get("c", {"who": "dan"}).data == "dan"
        for who in people:
            with client.open(f"/{who}") as stream:
                assert stream.read() == f'"{who}"'.encode()


@unasked
def test_messages_get_their_own_answer(fault: dict[str, Any]) -> None:
    with played("twilio", retries=0) as (conn, peer), peer.fail(**fault):
        told = [conn.send(text, to="+48123456789") for text in ("one", "two", "three")]
        assert [each.body for each in told] == ["one", "two", "three"]
        assert [each.sid for each in told] == [each.sid for each in peer.messages]
        assert conn.ping() == "account active"


@pytest.fixture(scope="module")
def bucket() -> Iterator[tuple[Any, Any]]:
    with played("s3", retries=0) as pair:
        yield pair


@unasked
def test_files_of_a_bucket_get_their_own_answer(bucket: tuple[Any, Any], fault: dict[str, Any]) -> None:
    conn, peer = bucket
    with peer.fail(**fault):
        for name in ("a", "b", "c"):
            conn.write(name, name.encode() * 3, overwrite=True)
            # A stream is sent only when it is asked for: botocore reads the answer to Expect by itself.
            conn.client.put_object(Bucket="my-bucket", Key=f"{name}2", Body=io.BytesIO(name.encode()))
        names = ["a", "a2", "b", "b2", "c", "c2"]
        assert [conn.read(name) for name in names] == [b"aaa", b"a", b"bbb", b"b", b"ccc", b"c"]
        assert sorted(conn.listdir("")) == names


@unasked
def test_files_of_an_account_get_their_own_answer(fault: dict[str, Any]) -> None:
    with played("dropbox", max_retries_on_error=0) as (conn, peer), peer.fail(**fault):
        for name in ("a", "b", "c"):
            conn.write(name, name.encode() * 3)
        assert [conn.read(name) for name in ("a", "b", "c")] == [b"aaa", b"bbb", b"ccc"]
        assert conn.client.files_get_metadata("/b").name == "b"


@unasked
def test_within_tls_callers_get_their_own_answer(fault: dict[str, Any]) -> None:
    peer = DropboxServer("d", encrypted=True).start()
    definition = peer.stand_in(DropboxConnection("d", user_agent="Test/1.0", max_retries_on_error=0))
    conn = definition.open(Opening(lambda wanted, owner: "token", SystemClock()))
    with peer.fail(**fault):
        for name in ("a", "b", "c"):
            conn.write(name, name.encode() * 3)
        assert [conn.read(name) for name in ("a", "b", "c")] == [b"aaa", b"bbb", b"ccc"]
    conn.close()
    peer.stop()


@unasked
def test_files_are_transferred_as_they_are(tmp_path: Path, fault: dict[str, Any]) -> None:
    with Workbench(port=0, folder=tmp_path) as wb:
        wb.define(RESTConnection("My Data", host="https://data.example.com"), LocalFolder("To", path="/nowhere"))
        wb.sandbox()
        source: Any = wb.peers["My Data"]
        for name in ("a", "b", "c"):
            source.reply(f"/{name}.csv", data=name.encode() * 100_000)
        with source.fail(**fault):
            for name in ("a", "b", "c"):
                wb.transfer(f"My Data:/{name}.csv", "To:")
        peer: Any = wb.peers["To"]
        assert dict(peer.files) == {f"{name}.csv": name.encode() * 100_000 for name in ("a", "b", "c")}


def test_through_a_proxy_callers_get_their_own_answer_in_time(
    opened: Any, source: HTTPSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", source.url)
    monkeypatch.delenv("no_proxy", raising=False)
    client = opened("http://data.example.com", path="/{who}", retries=0, timeout_seconds=5, deadline_seconds=5)
    for who in ("ann", "bob"):
        source.reply(f"/{who}", json=who)
    with source.fail(interim=(103,)):
        assert [client.get("c", {"who": who}).data for who in ("ann", "bob")] == ["ann", "bob"]
    late = opened("http://data.example.com", path="/ann", retries=0, timeout_seconds=5, deadline_seconds=0.5)
    with source.fail(bytes_per_second=20), pytest.raises(DeadlineExceeded):
        late.get("c")


@pytest.mark.parametrize("here", ["127.0.0.1", "127.0.0.2", "[::1]", "0.0.0.0"])
def test_what_is_of_this_machine_goes_through_no_proxy(
    opened: Any, source: HTTPSource, monkeypatch: pytest.MonkeyPatch, here: str
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, source.url)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(ConnectionFailed, match="cannot be reached"):
        opened(f"http://{here}:9", retries=0).get("c")
    keys = {"access_key": "me", "secret_key": secret("KEY")}
    s3 = S3Connection("x", bucket="bucket", address=f"http://{here}:9", retries=0, **keys)
    opening = Opening(lambda secret, owner: "key", SystemClock())
    with closing(s3.open(opening)) as conn, pytest.raises(ConnectionFailed):
        conn.read("a.txt")
    assert len(source.requests) == 0


def test_who_hangs_up_without_having_said_so_is_asked_again_or_told_of(opened: Any, source: HTTPSource) -> None:
    client: LiveREST = opened(source.url, path="/{who}", retries=5)
    for who in ("ann", "bob"):
        source.reply(f"/{who}", json=who)
    with source.fail(close_after_answer=True):
        assert [client.get("c", {"who": who}).data for who in ("ann", "bob") * 3] == ["ann", "bob"] * 3
        before = len(source.requests)
        for who in ("ann", "bob") * 3:
            # The end may meet the request on its way, and a POST is not sent twice.
            with suppress(ConnectionFailed):
                assert client.post("c", {}, {"who": who}).data == who
        assert len(source.requests) - before <= 6


@pytest.mark.parametrize("beyond", [0, 1])
def test_surplus_that_tls_holds_back_is_found(client_of: Any, monkeypatch: pytest.MonkeyPatch, beyond: int) -> None:
    def manner(who: str) -> Manner:
        # As much as is read at once, and then another answer in the same record of TLS.
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 8000\r\nX: %b\r\n\r\n"
        fill = io.DEFAULT_BUFFER_SIZE - 8000 - len(head % b"") - beyond
        return Manner([head % (b"x" * fill) + who.encode() * 8000 + answer("other")])

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.authority().file))
    with Server(manner, certificates.loopback()) as server:
        client = client_of(server)
        assert [client.get("c", {"who": who}).text for who in "abc"] == [who * 8000 for who in "abc"]
        assert server.connections == 3


# What is passed over, and what is not.
def test_interim_answers_are_passed_over_up_to_a_bound(client_of: Any) -> None:
    many = {"most": MOST_INTERIM, "more": MOST_INTERIM + 1, "next": 0}
    with Server(lambda who: Manner([interim(*[103] * many[who]) + answer(who)])) as server:
        client = client_of(server)
        assert client.get("c", {"who": "most"}).text == "most"
        with pytest.raises(
            ConnectionFailed, match="more than 64 interim answers, as 103 Early Hints, and no final one"
        ):
            client.get("c", {"who": "more"})
        assert client.get("c", {"who": "next"}).text == "next"
        assert server.connections == 2


def test_a_switch_of_protocols_is_refused(client_of: Any) -> None:
    first = {"switch": interim(101), "late": interim(103, 101), "next": b""}
    with Server(lambda who: Manner([first[who] + answer(who)])) as server:
        client = client_of(server)
        for who in ("switch", "late"):
            with pytest.raises(ConnectionFailed, match="answered 101 Switching Protocols, which nobody asked for"):
                client.get("c", {"who": who})
        assert client.get("c", {"who": "next"}).text == "next"
        assert server.connections == 3


def test_a_connection_without_surprises_is_kept(client_of: Any) -> None:
    with Server(lambda who: Manner([interim(103, 102), answer(who, chunked=who == "b")])) as server:
        client = client_of(server)
        assert [client.get("c", {"who": who}).text for who in "abcd"] == list("abcd")
        assert server.connections == 1


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("surplus", [answer("other"), b"\r\n", b"x", answer("other")[:9], b"\0" * 20_000])
def test_a_connection_with_surplus_is_not_used_again(client_of: Any, chunked: bool, surplus: bytes) -> None:
    with Server(lambda who: Manner([answer(who, chunked=chunked) + surplus])) as server:
        client = client_of(server)
        assert [client.get("c", {"who": who}).text for who in "abc"] == list("abc")
        assert server.connections == 3


@pytest.mark.parametrize("surplus", [answer("other"), answer("other", "408 Request Timeout"), b"x"])
def test_a_connection_that_speaks_while_nobody_asks_is_not_used_again(client_of: Any, surplus: bytes) -> None:
    with Server(lambda who: Manner([answer(who)], late=surplus)) as server:
        client = client_of(server)
        for who in "abc":
            assert client.get("c", {"who": who}).text == who
            assert server.say_late() == 1
        assert server.connections == 3


def test_a_body_that_must_not_be_is_read_as_nobodys_answer(client_of: Any) -> None:
    statuses = {"a": "204 No Content", "b": "304 Not Modified", "c": "200 OK"}
    with Server(
        lambda who: Manner([answer(answer("other").decode(), statuses[who]) if who != "c" else answer(who)])
    ) as server:
        client = client_of(server)
        assert [client.get("c", {"who": who}).status_code for who in "ab"] == [204, 304]
        assert client.get("c", {"who": "c"}).text == "c"


# Nothing is asked twice.
def test_what_may_have_been_done_is_not_asked_again_on_another_connection(client_of: Any) -> None:
    manners = {"a": Manner([answer("a")]), "b": Manner([], ends=True), "c": Manner([interim(103)], ends=True)}
    with Server(manners.__getitem__) as server:
        client = client_of(server, retries=3)
        assert client.post("c", "x", {"who": "a"}).text == "a"
        for who in "bc":
            with pytest.raises(ConnectionFailed):
                client.post("c", "x", {"who": who})
        assert server.asked == {"a": 1, "b": 1, "c": 1}


def test_a_connection_that_has_ended_is_asked_nothing(client_of: Any) -> None:
    with Server(lambda who: Manner([answer(who)], late=b"x")) as server:
        client = client_of(server, retries=3)
        for who in "abc":
            assert client.post("c", "x", {"who": who}).text == who
            server.say_late()
        assert server.asked == {"a": 1, "b": 1, "c": 1}


@contextmanager
def s3_client(address: str, **fields: Any) -> Iterator[Any]:
    definition = S3Connection(
        "Bucket",
        bucket="my-bucket",
        access_key="AKIA",
        secret_key=secret("KEY"),
        address=address,
        **{"timeout_seconds": 5, **fields},
    )
    live = definition.open(Opening(lambda wanted, owner: "key", SystemClock()))
    yield live.client
    live.close()


# botocore reads what is said to Expect by itself.
def expects(*steps: bytes | None) -> Callable[[socket.socket], None]:
    """Send what is given, one after the other; None waits for the body, which is `body`."""

    def act(connected: socket.socket) -> None:
        seen = b""
        while b"\r\n\r\n" not in seen:
            seen += connected.recv(65536)
        for step in steps:
            while step is None and not seen.endswith(b"body"):
                seen += connected.recv(65536)
            connected.sendall(step or b"")

    return act


GOOD = http("200 OK", b"", b'ETag: "841a2d689ad86bd1611447453c22c6fc"')
REFUSAL = http("403 Forbidden", b"<Error><Code>AccessDenied</Code></Error>")


@pytest.mark.parametrize(
    ("steps", "refusal"),
    [
        ((interim(100), None, GOOD), None),
        ((interim(103), None, GOOD), None),
        ((interim(103, 100), None, GOOD), None),
        ((interim(100), None, interim(103, 102) + GOOD), None),
        ((interim(100, 103), None, GOOD), None),
        ((REFUSAL,), "AccessDenied"),
        ((interim(103), None, REFUSAL), "AccessDenied"),
        ((b"HTTP/1.1 100 Continue\r\n",), "closed"),
        ((interim(101),), "101 Switching Protocols|closed|aborted"),
    ],
)
def test_a_stream_is_sent_when_it_may_be(steps: tuple[bytes | None, ...], refusal: str | None) -> None:
    with Script(expects(*steps)) as script, s3_client(script.host) as client:

        def put() -> Any:
            return client.put_object(Bucket="my-bucket", Key="a", Body=io.BytesIO(b"body"))

        if refusal is None:
            assert put()["ETag"] == '"841a2d689ad86bd1611447453c22c6fc"'
        else:
            with pytest.raises((BotoCoreError, ClientError), match=refusal):
                put()


def test_a_client_used_by_itself_waits_no_longer_than_the_connections_timeout() -> None:
    over = threading.Event()
    with Script(lambda connected: over.wait(30) and None) as script:
        with s3_client(script.host, timeout_seconds=0.3) as client, pytest.raises(ReadTimeoutError):
            client.list_buckets()
        assert not over.is_set()
        over.set()


# The whole.
@pytest.mark.timeout(900 if CALLS > 400 else 120)
def test_of_many_callers_none_gets_the_answer_of_another() -> None:
    found = soak(CALLS, seed=20_261_129)
    assert found.wrong == []
    assert found.repeated == []
    assert found.own + found.failed >= CALLS
    assert found.own > CALLS * 0.8
    assert found.late > CALLS / 20
    assert found.connections < CALLS
