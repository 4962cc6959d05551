"""What one call says for itself: files, timeout, auth, cookies, redirects, as with `requests`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.parser import BytesParser
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.serving import wb as wb
from workbench.connections.common.errors import Refused
from workbench.connections.rest.definition import RESTConnection
from workbench.core.errors import DeadlineExceeded, ServiceUsage
from workbench.core.masking import mask
from workbench.core.secret import secret
from workbench.core.service import Service
from workbench.sandbox.http.source import HTTPSource
from workbench.security.definitions import basic


def parts_of(request: Any) -> dict[str, tuple[str | None, str, bytes]]:
    """The parts of a form by name: file name, type and contents."""
    head = b"Content-Type: " + request.headers["Content-Type"].encode() + b"\r\n\r\n"
    parts = BytesParser().parsebytes(head + request.body).get_payload()
    return {
        str(each.get_param("name", header="Content-Disposition")): (
            each.get_filename(),
            each.get_content_type(),
            each.get_payload(decode=True),
        )
        for each in parts
    }


def test_files_and_fields_go_out_as_a_form(opened: Any, source: HTTPSource, tmp_path: Path) -> None:
    source.reply("/", text="ok")
    on_disk = tmp_path / "Zürich.csv"
    on_disk.write_bytes(b"x;y\r\n")
    client = opened(source.url, path="/", headers={"Content-Type": "application/json"})
    files = {
        "bytes": ("a.pdf", b"%PDF", "application/pdf"),
        "stream": BytesIO(b"\x00\xff"),
        "text": ("t.txt", StringIO("grüße")),
        "path": on_disk,
        "renamed": ("b.csv", on_disk, "text/csv"),
    }
    client.post("c", {"who": "Änn", "n": "1"}, files=files, headers={"content-type": "text/wrong"})
    found = parts_of(source.requests[-1])
    assert source.requests[-1].headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert found["who"] == (None, "text/plain", "Änn".encode())
    assert found["bytes"] == ("a.pdf", "application/pdf", b"%PDF")
    assert found["stream"][2] == b"\x00\xff"
    assert found["text"][2] == "grüße".encode()
    assert found["path"][2] == found["renamed"][2] == b"x;y\r\n"
    assert found["renamed"][:2] == ("b.csv", "text/csv")


@pytest.mark.parametrize(
    "more",
    [
        {"files": {"a": 5}},
        {"files": {"a": ("n.txt", None)}},
        {"files": 5},
        {"files": {"a": b"1"}, "data": "text beside files"},
        {"files": {"a": Path("/nonexistent/a.txt")}},
    ],
)
def test_files_that_are_none_are_refused(opened: Any, source: HTTPSource, more: Any) -> None:
    with pytest.raises(ServiceUsage, match=r"REST 'My API' cannot send these files: .* Fix: files=\{'file'"):
        opened(source.url).post("c", **more)
    assert len(source.requests) == 0


@pytest.mark.parametrize("auth", [("jöe", "pä:ss"), ["jöe", secret("PASSWORD")], (b"j\xc3\xb6e", "pä:ss")])
def test_a_user_and_a_password_of_the_call_go_before_those_of_the_connection(
    opened: Any, source: HTTPSource, auth: Any
) -> None:
    source.reply("/", text="ok")
    client = opened(source.url, path="/", username="ann", password=secret("KEY"))
    client.get("c", auth=auth)
    client.get("c")
    told = [request.headers["Authorization"] for request in source.requests]
    assert mask(f"sent {told[0]}") == "sent Basic ***"
    # Learns what it makes, so that all would be masked after it.
    assert told == [basic("jöe", "pä:ss"), basic("ann", "k-123")]


def test_an_object_of_requests_may_say_who_calls(opened: Any, source: HTTPSource) -> None:
    source.reply("/", status=401, headers={"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth"'}, times=1)
    source.reply("/", text="ok")
    assert opened(source.url, path="/").get("c", auth=requests.auth.HTTPDigestAuth("ann", "pw")).status_code == 200
    assert source.requests[-1].headers["Authorization"].startswith('Digest username="ann", realm="r"')


def test_cookies_of_a_call_are_its_own(opened: Any, source: HTTPSource) -> None:
    source.reply("/", text="ok", headers={"Set-Cookie": "login=ann-4711"})
    client = opened(source.url, path="/")
    client.get("c", cookies={"k": "v", "session": secret("KEY")})
    client.get("c", auth=("ann", "pw"))
    client.get("c", auth=("bob", "pw"))
    client.get("c")
    told = [request.headers.get("Cookie") for request in source.requests]
    assert told == ["k=v; session=k-123", None, None, None]


@pytest.mark.parametrize(
    "more",
    [
        {"auth": "ann"},
        {"auth": ("ann", None)},
        {"auth": ("ann", "pw", "more")},
        {"cookies": "k=v"},
        {"cookies": {"k": "v\r\nX-Evil: 1"}},
        {"cookies": {"k": "v; domain=evil"}},
        {"cookies": {"k": 1}},
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": True},
        {"timeout": "3"},
        {"timeout": (1, 2, 3)},
        {"timeout": (1, None)},
        {"timeout": float("nan")},
        {"allow_redirects": "no"},
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(opened: Any, source: HTTPSource, more: Any) -> None:
    with pytest.raises(ServiceUsage, match="REST 'My API': ") as refused:
        opened(source.url).get("c", **more)
    assert "Evil" not in str(refused.value)
    assert len(source.requests) == 0


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("json", "give it as data"),
        ("stream", "conn.open"),
        ("verify", "set ca_file or verify_tls in the definition"),
        ("cert", "a client's certificate is not supported"),
        ("proxies", "HTTPS_PROXY"),
        ("file", "did you mean files=?"),
        ("nonsense", "there are allow_redirects, auth, cookies, files, timeout"),
    ],
)
def test_other_words_of_requests_say_what_to_do_here(opened: Any, source: HTTPSource, name: str, fix: str) -> None:
    with pytest.raises(ServiceUsage) as refused:
        opened(source.url).post("c", "x", **{name: 1})
    assert str(refused.value).startswith(f"REST 'My API' takes no {name}= at a call. Fix: ")
    assert fix in str(refused.value)


def test_a_timeout_of_the_call_is_the_longest_wait_of_a_try(opened: Any, source: HTTPSource) -> None:
    source.reply("/", text="late", after=30)
    # Of the connection's own timeout it would be answered.
    client = opened(source.url, path="/", timeout_seconds=200, deadline_seconds=300, retries=0)
    for timeout in (0.2, (5, 0.2)):
        with pytest.raises(DeadlineExceeded, match=r"did not answer in time \((0.2|5) s a try, 1 try, 300 s in all\)"):
            client.get("c", timeout=timeout)


def test_no_timeout_of_a_call_goes_beyond_the_deadline(opened: Any, source: HTTPSource) -> None:
    source.reply("/", text="late", after=30)
    client = opened(source.url, path="/", deadline_seconds=0.3, retries=0)
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=r"25 s a try, 1 try, 0.3 s in all"):
        client.get("c", timeout=25)
    assert time.monotonic() - began < 20


def test_a_redirect_is_the_answer_where_it_is_not_followed(opened: Any, source: HTTPSource) -> None:
    source.reply("/", status=302, headers={"Location": "/there"})
    source.reply("/there", text="here")
    client = opened(source.url, path="/")
    assert client.get("c", allow_redirects=False).status_code == 302
    assert client.get("c").text == client.get("c", allow_redirects=True).text == "here"


@pytest.fixture
def other() -> Iterator[HTTPSource]:
    made = HTTPSource("other").start()
    made.reply("/there", text="taken")
    yield made
    made.stop()


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize(
    "sent", [{"data": {"iban": "DE-4711"}}, {"data": "x", "method": "PUT"}, {"files": {"a": b"1"}}]
)
def test_a_body_goes_to_no_other_host_unasked(
    opened: Any, source: HTTPSource, other: HTTPSource, status: int, sent: dict[str, Any]
) -> None:
    more = dict(sent)
    method, data = more.pop("method", "POST"), more.pop("data", None)
    # By way of the same host, which tells nothing of where it leads.
    source.reply("/", status=status, headers={"Location": "/further"})
    source.reply("/further", status=status, headers={"Location": f"{other.url}/there?token=t-4711"})
    client = opened(source.url, path="/", api_key=secret("KEY"))
    with pytest.raises(Refused) as refused:
        client.call(method, "c", data, **more)
    said = str(refused.value)
    assert f"answered {status} and sends the call on to {other.url}, where its body does not go unasked. Fix: " in said
    assert "4711" not in said
    assert len(other.requests) == 0
    assert [request.path for request in source.requests] == ["/", "/further"]
    assert client.call(method, "c", data, allow_redirects=True, **more).text == "taken"
    assert other.requests[-1].body == source.requests[-1].body != b""
    assert other.requests[-1].headers.get("X-API-Key") is None
    assert client.call(method, "c", data, allow_redirects=False, **more).status_code == status


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_that_is_not_followed_is_the_answer_wherever_it_leads(
    opened: Any, source: HTTPSource, other: HTTPSource, status: int
) -> None:
    source.reply("/", status=status, headers={"Location": f"{other.url}/there"})
    answer = opened(source.url, path="/").post("c", {"iban": "DE-4711"}, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (status, f"{other.url}/there")
    assert len(other.requests) == 0


@pytest.mark.parametrize("status", [301, 302, 303])
def test_other_redirects_are_followed_without_the_body(
    opened: Any, source: HTTPSource, other: HTTPSource, status: int
) -> None:
    source.reply("/", status=status, headers={"Location": f"{other.url}/there"})
    assert opened(source.url, path="/").post("c", {"iban": "DE-4711"}).text == "taken"
    assert (other.requests[-1].method, other.requests[-1].body) == ("GET", b"")


def test_cookies_of_a_call_follow_to_no_other_host_however_often_it_redirects(
    opened: Any, source: HTTPSource, other: HTTPSource
) -> None:
    source.reply("/", status=302, headers={"Location": f"{other.url}/first"})
    other.reply("/first", status=302, headers={"Location": "/second"})
    other.reply("/second", status=302, headers={"Location": f"{other.url}/there"})
    answer = opened(source.url, path="/").get("c", cookies={"session": secret("KEY")}, auth=("ann", "k-123-pw"))
    assert answer.text == "taken"
    assert source.requests[-1].headers["Cookie"] == "session=k-123"
    assert [request.path for request in other.requests] == ["/first", "/second", "/there"]
    assert "k-123" not in repr([dict(request.headers) for request in other.requests])
    assert all(request.headers.get("Authorization") is None for request in other.requests)


def test_a_service_sends_files_in_every_way_and_to_a_peer(wb: Any) -> None:
    class Sends(Service):
        name = "sends"

        def handle(self) -> Any:
            conn = self.outgoing.plain_http.get("docs.out").conn
            answers = [conn.post(self.cid, files={"file": ("a.pdf", BytesIO(b"%PDF"))}, timeout=3)]
            answers.append(self.rest["docs.out"].post(files={"file": ("a.pdf", b"%PDF")}, auth=("ann", "pw")))
            return [each.data["id"] for each in answers]

    class SendsAsync(Service):
        name = "sends.async"

        async def handle(self) -> Any:
            answer = await self.rest["docs.out"].aio.post(files={"file": ("a.pdf", b"%PDF")}, cookies={"k": "v"})
            with pytest.raises(ServiceUsage, match="takes no verify="):
                await self.rest["docs.out"].aio.post(verify=False)
            return answer.data["id"]

    wb.deploy(Sends, SendsAsync)
    wb.define(RESTConnection("docs.out", host="https://docs.example.com", path="/queue"))
    wb.sandbox()
    wb.peers["docs.out"].reply("/queue", json={"id": "7"})
    assert wb.invoke("sends") == ["7", "7"]
    assert wb.invoke("sends.async") == "7"
    requests_ = wb.peers["docs.out"].requests[:]
    assert [parts_of(each)["file"][2] for each in requests_] == [b"%PDF"] * 3
    assert requests_[1].headers["Authorization"] == basic("ann", "pw")
    assert requests_[2].headers["Cookie"] == "k=v"
