"""The body of an answer as other people's servers send it: JSON in any encoding, and what is nearly JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from workbench.connections.rest.answer import parsed
from workbench.core.errors import ConnectionFailed
from workbench.sandbox.http.source import HTTPSource

TEXT = '{"a": "ä € ✓"}'
CASES = {
    "utf-8": (TEXT.encode(), "application/json"),
    "a byte order mark": (TEXT.encode("utf-8-sig"), "application/json"),
    "a byte order mark and its name": (TEXT.encode("utf-8-sig"), "application/json; charset=utf-8"),
    "a byte order mark and a wrong name": (TEXT.encode("utf-8-sig"), "application/json; charset=iso-8859-1"),
    "utf-16 with a mark": (TEXT.encode("utf-16"), "application/json; charset=utf-16"),
    "utf-16 that nobody names": (TEXT.encode("utf-16"), "application/json"),
    "utf-16-le without a mark": (TEXT.encode("utf-16-le"), "application/json"),
    "utf-16-be by its name": (TEXT.encode("utf-16-be"), 'application/json; charset="UTF-16BE"'),
    "utf-32 that nobody names": (TEXT.encode("utf-32"), "application/json"),
    "utf-8 that is called latin-1": (TEXT.encode(), "application/json; charset=iso-8859-1"),
}


@pytest.mark.parametrize("name", CASES)
def test_json_is_read_in_the_encoding_that_it_has(opened: Any, source: HTTPSource, name: str) -> None:
    body, kind = CASES[name]
    source.reply("/", data=body, headers={"Content-Type": kind})
    assert opened(source.url, path="/").get("c").data == {"a": "ä € ✓"}


@pytest.mark.parametrize(("charset", "text"), [("iso-8859-1", "ä"), ("windows-1252", "5 €"), ("shift_jis", "日本")])
def test_json_is_read_by_the_charset_that_its_content_type_names(
    opened: Any, source: HTTPSource, charset: str, text: str
) -> None:
    body = f'{{"a": "{text}"}}'.encode(charset)
    source.reply("/", data=body, headers={"Content-Type": f"application/json; charset={charset}"})
    assert opened(source.url, path="/").get("c").data == {"a": text}


@pytest.mark.parametrize("said", ['{"a": NaN, "b": -Infinity}', "1e999", '"\\ud83d"', "12345678901234567890"])
def test_what_is_nearly_json_is_read_as_requests_reads_it(said: str) -> None:
    wanted = json.loads(said)
    assert repr(parsed(said.encode(), "application/json")) == repr(wanted)


def test_nan_is_a_number_that_is_none(opened: Any, source: HTTPSource) -> None:
    source.reply("/", data=b'{"a": NaN}', headers={"Content-Type": "application/json"})
    assert math.isnan(opened(source.url, path="/").get("c").data["a"])


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"a": "\xe4"}', "application/json"),
        (b'{"a": 1', "application/json"),
        (b'{"a": "\xe4"}', "application/json; charset=nope"),
        (b'{"a": "\xe4"}', "application/json; charset=unicode_escape"),
        (b"\xff\xfe{", "application/json; charset=utf-16"),
        (b"[" * 100_000, "application/json"),
        (b"9" * 5000 + b"x", "application/json"),
    ],
)
def test_what_is_no_json_is_told(opened: Any, source: HTTPSource, body: bytes, kind: str) -> None:
    source.reply("/", data=body, headers={"Content-Type": kind})
    response = opened(source.url, path="/").get("c")
    with pytest.raises(ConnectionFailed, match=r"answered 200 with a body that is no JSON .* Fix: read .text"):
        _ = response.data
    assert response.content == body
