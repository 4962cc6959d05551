"""A service's headers: what cannot be sent is encoded, or the service's error, and never another value."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import pytest

from tests.serving import Wire
from workbench import RESTChannel, Service, Workbench
from workbench.channels.http.own_headers import own_headers


class Sets(Service):
    name = "sets"

    def handle(self) -> str:
        self.response.headers = dict(HEADERS)
        self.response.content_encoding = CODING[0]
        return "x"


HEADERS: dict[str, object] = {}
CODING = [""]


@pytest.fixture
def wire(wb: Workbench) -> Iterator[Wire]:
    wb.deploy(Sets)
    wb.define(RESTChannel("sets"))
    HEADERS.clear()
    CODING[0] = ""
    with Wire(wb) as made:
        yield made


@pytest.mark.parametrize("several", [["a=1; HttpOnly", "b=2"], ("a=1; HttpOnly", "b=2")])
def test_several_values_of_one_header_are_a_line_each(wire: Wire, several: object) -> None:
    HEADERS.update({"Set-Cookie": several, "X-None": None, "X-Empty": []})
    received = wire.request("GET /sets").answer()
    assert received.all("set-cookie") == ["a=1; HttpOnly", "b=2"]
    assert received.all("x-none") == received.all("x-empty") == []


@pytest.mark.parametrize("name", ["Content-Encoding", "content-encoding", "CONTENT-ENCODING"])
def test_a_services_own_content_encoding_is_kept_once(wire: Wire, name: str) -> None:
    HEADERS[name] = "br"
    assert wire.request("GET /sets").answer().all("content-encoding") == ["br"]
    CODING[0] = "GZIP"
    received = wire.request("GET /sets").answer()
    assert received.all("content-encoding") == ["GZIP"]
    assert received.body.startswith(b"\x1f\x8b")


@pytest.mark.parametrize("name", ["żółw.csv", "é.csv", "报告.csv", "it\u2019s.pdf", "plan \U0001f680.txt", 'a"ż.txt'])
def test_a_file_name_has_any_letters(wire: Wire, name: str) -> None:
    quoted = name.replace('"', '\\"')
    HEADERS["Content-Disposition"] = f'attachment; filename="{quoted}"; size=5'
    (sent,) = wire.request("GET /sets").answer().all("content-disposition")
    plain, star, size = sent.removeprefix("attachment; ").split("; ")
    assert unquote(star.removeprefix("filename*=UTF-8''")) == name
    assert plain.isascii()
    assert plain.startswith('filename="')
    assert plain.endswith(f'{name[-4:]}"')
    assert size == "size=5"


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("Content-Disposition", "inline; filename=żw", "inline; filename=\"_w\"; filename*=UTF-8''%C5%BCw"),
        ("Content-Disposition", "filename=\"ż\"; filename*=UTF-8''%C5%BC", "filename=\"_\"; filename*=UTF-8''%C5%BC"),
        ("Content-Disposition", 'attachment; filename="a b.csv"', 'attachment; filename="a b.csv"'),
        ("Location", "/caf\u00e9/żółw?a=%20", "/caf%C3%A9/%C5%BC%C3%B3%C5%82w?a=%20"),
        ("X-Encoded", "żółw".encode().decode("latin-1"), "żółw".encode().decode("latin-1")),
        ("X-Latin", "caf\u00e9", "caf\u00e9"),
        ("X-Bytes", b"caf\xe9", "caf\u00e9"),
        ("X-Number", 5, "5"),
    ],
)
def test_other_letters_are_encoded_where_a_rule_says_how(name: str, value: object, sent: str) -> None:
    assert own_headers({name: value}, "c1") == [(name, sent)]


@pytest.mark.parametrize("name", ["X-Name", "Content-Type", "Set-Cookie"])
def test_other_letters_elsewhere_are_the_services_error_and_say_how(wb: Workbench, wire: Wire, name: str) -> None:
    HEADERS[name] = "żółw"
    received = wire.request("GET /sets").answer()
    assert received.status == 500
    said = wb.log.of(received.headers["x-zato-cid"])[-1].text
    assert f"The response header {name!r} holds letters that HTTP cannot send in a header. Fix: encode them" in said


def test_a_header_that_the_server_sets_is_left_out_and_told(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    HEADERS.update({"Connection": "x", "transfer-encoding": "chunked"})
    received = wire.request("GET /sets").answer()
    assert (received.status, received.all("transfer-encoding")) == (200, [])
    (told,) = [each.getMessage() for each in caplog.records if each.name == "workbench.http"]
    assert told == (
        f"the service's Connection, transfer-encoding is left out, since the server sets it "
        f"(cid:{received.headers['x-zato-cid']})"
    )
