"""Forms in parts: fields and files as their senders meant them, under bounds."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
import requests
from pydantic import BaseModel

from tests.serving import Received, Wire
from workbench import RESTChannel, Service, Workbench
from workbench.channels.bodies.body import IN_MEMORY_BYTES
from workbench.channels.bodies.multipart import FIELDS_BYTES, MOST_PARTS, read_parts
from workbench.core.errors import BadRequest, CallerError, ContentTooLarge, UnsupportedMediaType
from workbench.core.payload.parts import Parts

KIND = "multipart/form-data; boundary=X"


def part(disposition: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"Content-Disposition: form-data; {disposition}", *headers]
    return b"--X\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + body + b"\r\n"


def whole(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--X--\r\n"


def read(*parts: bytes) -> Parts:
    return read_parts(KIND, io.BytesIO(whole(*parts)))


class Shows(Service):
    name = "shows"

    def handle(self) -> Any:
        shown = [[each.name, each.filename, each.content_type, each.text] for each in self.request.files]
        return {"payload": self.request.payload, "files": shown, "input": self.request.input}


class ByName(Service):
    name = "by.name"

    def handle(self) -> Any:
        form = self.request.http.get_form_data()
        given = {name: getattr(value, "filename", value) for name, value in form.items()}
        return [given, self.request.files["file"].size]


class Stores(Service):
    name = "stores"

    def handle(self) -> Any:
        return len(self.request.payload if self.request.http.params else self.request.stream.read())


class Hashes(Service):
    name = "hashes"

    def handle(self) -> Any:
        return [hashlib.sha256(each.stream.read()).hexdigest() for each in self.request.files]


@pytest.fixture
def wire(wb: Workbench) -> Iterator[Wire]:
    wb.deploy(Shows, ByName, Stores, Hashes)
    wb.define(
        RESTChannel("shows"),
        RESTChannel("form", service="shows", data_format="form"),
        RESTChannel("by.name"),
        RESTChannel("stores", data_format="raw"),
        RESTChannel("hashes", data_format="raw", max_body_bytes=4 * IN_MEMORY_BYTES),
    )
    with Wire(wb) as made:
        yield made


def sent(wire: Wire, path: str, *parts: bytes) -> Received:
    return wire.request(f"POST {path}", f"Content-Type: {KIND}", body=whole(*parts)).answer()


@pytest.mark.parametrize("path", ["/shows", "/form"])
def test_fields_are_the_payload_and_files_are_the_files(wire: Wire, path: str) -> None:
    received = sent(
        wire,
        path,
        part('name="who"', "żółw".encode()),
        part('name="tag"', b"1"),
        part('name="tag"', b""),
        part('name="file"; filename="报告.csv"', b"x;y\r\n--Y", "Content-Type: text/csv"),
        part('name="none"; filename=""', b"", "Content-Type: application/octet-stream"),
    )
    fields = {"who": "żółw", "tag": ["1", ""]}
    files = [["file", "报告.csv", "text/csv", "x;y\r\n--Y"]]
    assert msgspec.json.decode(received.body) == {"payload": fields, "files": files, "input": fields}


def test_a_service_that_asks_for_a_file_by_name_gets_it_or_the_caller_is_told(wire: Wire) -> None:
    one = part('name="file"; filename="a.csv"', b"abc")
    assert sent(wire, "/by/name", part('name="who"', b"Ann"), one).body == b'[{"who":"Ann","file":"a.csv"},3]'
    received = sent(wire, "/by/name", part('name="other"; filename="a"', b"x"))
    assert received.status == 400
    assert b"the file 'file' is missing; given: other" in received.body


def test_a_channel_that_takes_bodies_as_they_are_stores_no_boundaries(wire: Wire) -> None:
    for path in ("/stores", "/stores?payload=1"):
        received = sent(wire, path, part('name="file"; filename="a"', b"x"))
        assert received.status == 415
        assert b"not as multipart/form-data; or the service reads self.request.files" in received.body
        assert wire.request(f"POST {path}", body=b"x").answer().body == b"1"


def test_the_whole_body_is_there_for_who_asks_and_the_log_says_what_it_is(wb: Workbench) -> None:
    class Keeps(Service):
        name = "keeps"

        def handle(self) -> Any:
            return self.request.raw_request

    wb.deploy(Keeps)
    wb.define(RESTChannel("keeps"))
    with Wire(wb) as wire:
        one = part('name="file"; filename="a"', b"x")
        received = sent(wire, "/keeps", one)
    assert received.body == whole(one)
    said = [line.text for line in wb.log.of(received.headers["x-zato-cid"])]
    assert said == ["raw_request is a whole multipart/form-data body; its files are self.request.files"]


def test_a_big_file_comes_as_a_stream_from_disk(wire: Wire) -> None:
    big = random.Random(1).randbytes(2 * IN_MEMORY_BYTES + 7)
    received = sent(wire, "/hashes", part('name="a"; filename="a"', big), part('name="b"; filename="b"', b"x"))
    assert msgspec.json.decode(received.body) == [hashlib.sha256(each).hexdigest() for each in (big, b"x")]


def test_what_requests_sends_is_read(wb: Workbench, wire: Wire) -> None:
    files = {"file": ("żółw.csv", b"x;y", "text/csv")}
    answer = requests.post(f"http://{wire.host}/shows", data={"who": "Ann"}, files=files, timeout=30)
    assert answer.json()["files"] == [["file", "żółw.csv", "text/csv", "x;y"]]
    assert answer.json()["payload"] == {"who": "Ann"}


@dataclass
class AsDataclass:
    n: int = 0
    flag: bool = False
    ids: list[int] = field(default_factory=list)
    maybe: int | None = None


class AsStruct(msgspec.Struct):
    n: int = 0
    flag: bool = False
    ids: list[int] = []
    maybe: int | None = None


class AsPydantic(BaseModel):
    n: int = 0
    flag: bool = False
    ids: list[int] = []
    maybe: int | None = None


@pytest.mark.parametrize("model", [AsDataclass, AsStruct, AsPydantic])
def test_fields_fill_a_model_as_those_of_any_form(wb: Workbench, model: Any) -> None:
    class Takes(Service):
        name = "takes"
        input = model

        def handle(self) -> Any:
            given = self.request.input
            return [given.n, given.flag, given.ids, given.maybe]

    wb.deploy(Takes)
    wb.define(RESTChannel("takes"))
    with Wire(wb) as wire:
        parts = [
            part(f'name="{name}"', text)
            for name, text in (("n", b"05"), ("flag", b"on"), ("ids", b"1"), ("maybe", b""))
        ]
        assert sent(wire, "/takes", *parts).body == b"[5,true,[1],null]"
        assert sent(wire, "/takes", part('name="n"', b"x")).status == 400


def test_any_content_comes_back_whatever_it_has_of_a_boundary() -> None:
    source = random.Random(7)
    pieces = [b"\r\n--X", b"\r\n--", b"--X--", b"\r\n", b"\r", b"-", b"X", b"\x00\xff", b"abc"]
    for _ in range(200):
        # What begins with CR LF and the boundary would be one.
        body = b"".join(source.choices(pieces[1:], k=source.randrange(8))).replace(b"\r\n--X", b"\r\n-X")
        (file,) = read(part('name="f"; filename="f"', body)).files
        assert file.bytes == body


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('filename="a b.csv"', "a b.csv"),
        ("filename=a.csv", "a.csv"),
        ("filename*=UTF-8''%C5%BC%C3%B3w.csv", "żów.csv"),
        ('filename="a\\"b;c.csv"', 'a"b;c.csv'),
        ('filename="../../etc/passwd"', "passwd"),
        ('filename="C:\\\\Users\\\\a.csv"', "a.csv"),
        ('filename="C:\\Users\\a.csv"', "a.csv"),
        ('filename="a%20b.csv"', "a%20b.csv"),
    ],
)
def test_a_file_is_called_as_its_sender_calls_it_without_a_path(disposition: str, name: str) -> None:
    (file,) = read(part(f'name="f"; {disposition}', b"x")).files
    assert (file.name, file.filename) == ("f", name)


def test_several_files_of_one_field_are_all_there() -> None:
    parts = read(*(part(f'name="f"; filename="{each}"', b"x") for each in "ab"), part('name="g"; filename="c"', b"y"))
    assert [each.filename for each in parts.files] == ["a", "b", "c"]
    assert [each.filename for each in parts.files.of("f")] == ["a", "b"]
    together = parts.together()
    assert (together["f"], together["g"]) == (parts.files[:2], parts.files[2])


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", BadRequest),
        (b"plain", BadRequest),
        (part('name="a"', b"x"), BadRequest),
        (whole(part('name="a"', b"x"))[:-6], BadRequest),
        (whole(part("", b"x")), BadRequest),
        (whole(part('name="a"', b"\xff")), BadRequest),
        (whole(part('name="a"', b"x", "Content-Transfer-Encoding: base64")), UnsupportedMediaType),
        (whole(*[part('name="a"')] * (MOST_PARTS + 1)), ContentTooLarge),
        (whole(part('name="a"', bytes(FIELDS_BYTES + 1))), ContentTooLarge),
        (whole(part('name="a"', b"x", f"X-Long: {'x' * 100_000}")), BadRequest),
        (whole(part('name="a"', b"x", *[f"X-{i}: 1" for i in range(1000)])), BadRequest),
    ],
)
def test_what_is_no_form_or_too_much_of_one_is_the_callers_error(body: bytes, error: type[CallerError]) -> None:
    with pytest.raises(error):
        read_parts(KIND, io.BytesIO(body))


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=ż"]
)
def test_a_form_without_a_boundary_is_the_callers_error(kind: str) -> None:
    with pytest.raises(BadRequest, match="names no boundary"):
        read_parts(kind, io.BytesIO(whole(part('name="a"', b"x"))))
    with pytest.raises(BadRequest):
        read_parts(f"multipart/form-data; boundary={'x' * 1000}", io.BytesIO(b"x"))


def test_no_more_parts_than_may_be_are_read() -> None:
    assert len(read(*[part('name="a"')] * MOST_PARTS).fields["a"]) == MOST_PARTS


def test_a_quoted_boundary_in_any_case_of_the_type_is_read() -> None:
    parts = read_parts('Multipart/Form-Data; charset=utf-8; boundary="X"', io.BytesIO(whole(part('name="a"', b"1"))))
    assert parts.fields == {"a": "1"}
