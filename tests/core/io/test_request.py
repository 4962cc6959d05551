"""What a service sees of its request."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.calls import request_of
from workbench.core.errors import BadRequest, ServiceUsage, UnsupportedMediaType
from workbench.core.payload.request import Headers, parsed
from workbench.core.service import Service


def test_raw_request_is_exactly_what_came() -> None:
    raw = bytes(range(256))
    request = request_of(Service, raw, data_format="raw")
    assert request.raw_request is raw
    assert request.raw is request.payload is raw


@pytest.mark.parametrize(
    ("raw", "content_type", "text"),
    [
        ("zażółć".encode(), "", "zażółć"),
        ("zażółć".encode(), "text/plain", "zażółć"),
        ("zażółć".encode("iso-8859-2"), "text/plain; charset=iso-8859-2", "zażółć"),
        ("zażółć".encode("cp1250"), 'text/csv; header=present; Charset = "Windows-1250"; x=y', "zażółć"),
        ("日本".encode("utf-16"), "text/plain;charset=UTF-16", "日本"),
        (bytearray(b"abc"), "", "abc"),
        ("a job's extra", "text/plain; charset=iso-8859-2", "a job's extra"),
        (b"", "", ""),
        (None, "", ""),
    ],
)
def test_text_is_text_by_the_charset_of_the_request(raw: object, content_type: str, text: str) -> None:
    request = request_of(Service, raw, headers={"Content-Type": content_type})
    assert request.text == text
    assert type(request.text) is str
    assert request.raw_request is raw


@pytest.mark.parametrize(
    ("raw", "content_type", "error", "words"),
    [
        (b"\xff", "", BadRequest, "The body is not UTF-8 text"),
        (b"\xff", "text/plain; charset=us-ascii", BadRequest, "The body is not US-ASCII text"),
        (b"a", "text/plain; charset=klingon", UnsupportedMediaType, "There is no charset 'klingon'"),
        (b"a", "text/plain; charset=hex", UnsupportedMediaType, "There is no charset 'hex'"),
        (b"\\x", "text/plain; charset=unicode_escape", UnsupportedMediaType, "There is no charset 'unicode_escape'"),
        (b"a", "text/plain; charset=IDNA", UnsupportedMediaType, "There is no charset 'IDNA'"),
        ({"a": 1}, "", ServiceUsage, r"was given a dict, which is no text. Fix: read self.request.payload"),
    ],
)
def test_what_is_no_text_is_refused_in_words(
    raw: object, content_type: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        _ = request_of(Service, raw, headers={"Content-Type": content_type}).text


@pytest.mark.parametrize(
    ("raw", "contents"),
    [(b"abc", b"abc"), ("ł", "ł".encode()), (bytearray(b"abc"), b"abc"), ("", b""), (None, b""), (b"", b"")],
)
def test_what_came_is_a_stream_at_its_beginning(raw: object, contents: bytes) -> None:
    request = request_of(Service, raw)
    assert (request.stream.tell(), request.stream.seekable(), request.stream.read()) == (0, True, contents)
    assert request.stream.read() == b""
    with request.stream:
        pass
    assert request.stream.read() == contents


def test_a_file_that_was_given_is_the_stream(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    with path.open("rb") as file, path.open(encoding="utf-8") as text:
        assert request_of(Service, file).stream is file
        with pytest.raises(ServiceUsage, match="was given a TextIOWrapper, which is no stream of bytes"):
            _ = request_of(Service, text).stream


@pytest.mark.parametrize("raw", [{"a": 1}, [b"a"], 5])
def test_what_is_no_stream_says_so(raw: object) -> None:
    with pytest.raises(ServiceUsage, match=r"no stream of bytes. Fix: read self.request.payload"):
        _ = request_of(Service, raw).stream


def test_a_stream_passes_through_declared_input() -> None:
    class Takes(Service):
        class SimpleIO:
            input_required = "file_name", "data"

    for each in (io.BytesIO(b"abc"), bytearray(b"abc"), memoryview(b"abc")):
        assert request_of(Takes, {"file_name": "a", "data": each}).input.data is each


@pytest.mark.parametrize(
    ("raw", "data_format", "payload"),
    [
        (b'{"a": [1, "\xc5\x82"]}', "json", {"a": [1, "ł"]}),
        (b"", "json", ""),
        ('{"a": 1}', "dict", '{"a": 1}'),
        ({"a": 1}, "json", {"a": 1}),
        (b"a=1&b=2&b=3&c=", "form", {"a": "1", "b": ["2", "3"], "c": ""}),
        (b"", "form", ""),
    ],
)
def test_payload_is_read_as_the_channel_says(raw: object, data_format: str, payload: object) -> None:
    assert request_of(Service, raw, data_format=data_format).payload == payload


@pytest.mark.parametrize("raw", [b"{", b"\xff", b'"\xff"', b"1e999", b"NaN", b"1 2", b"[" * 100_000, b"{'a': 1}"])
def test_invalid_json_is_the_callers_error(raw: bytes) -> None:
    with pytest.raises(BadRequest, match="^Invalid JSON: "):
        _ = request_of(Service, raw).payload


@given(st.binary(max_size=60))
def test_any_bytes_are_json_or_the_callers_error(raw: bytes) -> None:
    with contextlib.suppress(BadRequest):
        parsed(raw, "json")


def test_invalid_json_does_not_matter_to_who_reads_the_raw_request() -> None:
    assert request_of(Service, b"{").raw_request == b"{"


def test_query_wins_over_path_and_repeats_become_lists() -> None:
    http = request_of(Service, query="a=1&b=2&b=3&d=%C5%82+x&e=", params={"a": "0", "f": "9"}).http
    assert http.GET == {"a": "1", "b": ["2", "3"], "d": "ł x", "e": ""}
    assert http.params == {"a": "1", "b": ["2", "3"], "d": "ł x", "e": "", "f": "9"}
    assert http.params.f == "9"


@pytest.mark.parametrize("query", ["a=%FF", "&".join(f"a{i}=1" for i in range(1001))])
def test_a_query_that_cannot_be_read_is_the_callers_error(query: str) -> None:
    with pytest.raises(BadRequest, match="Invalid parameters"):
        _ = request_of(Service, query=query).http.GET


def test_a_form_is_read_only_on_request() -> None:
    assert request_of(Service, b"a=1", data_format="raw").http.POST == {}
    assert request_of(Service, b"a=1", data_format="form").http.POST == {"a": "1"}
    assert request_of(Service, b"a=1", data_format="raw").http.get_form_data() == {"a": "1"}


def test_a_form_that_is_no_text_or_comes_in_parts_is_refused() -> None:
    with pytest.raises(BadRequest, match="not UTF-8"):
        _ = request_of(Service, b"\xff", data_format="form").payload
    multipart = {"Content-Type": "multipart/form-data; boundary=x"}
    with pytest.raises(UnsupportedMediaType, match="application/x-www-form-urlencoded"):
        _ = request_of(Service, b"--x", data_format="form", headers=multipart).payload


def test_headers_are_found_in_any_case() -> None:
    request = request_of(Service, headers={"user-agent": "curl", "X-API-Key": "k"})
    headers = request.http.headers
    assert headers["USER-AGENT"] == headers.get("User-agent") == request.http.user_agent == "curl"
    assert "x-api-key" in headers
    assert headers.get("nope", 5) == 5
    assert Headers([("a-b", "1")]) == {"A-B": "1"}
