"""What a REST API answered: the response of `requests`, with its body parsed."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.connections.rest.definition import RESTConnection
from workbench.core.errors import CallerError, ConnectionFailed
from workbench.core.masking import mask
from workbench.core.payload.request import CHARSET, decoded

if TYPE_CHECKING:
    from requests import Response as RequestsResponse

LONGEST_QUOTED = 500
"""Of what the other side says in plain text [characters]."""


class Response:
    """`requests.Response` with `.data`: the body parsed, when it is JSON."""

    __slots__ = ("_definition", "_response")

    def __init__(self, response: RequestsResponse, definition: RESTConnection) -> None:
        self._response, self._definition = response, definition

    @property
    def data(self) -> Any:
        """The parsed body if the connection or the answer says JSON, else its text.

        JSON is UTF-8; if it is not, it is what its byte order mark, its Content-Type or its first bytes say. NaN and
        Infinity, which are no JSON, are read as Python writes them.

        Raises:
            ConnectionFailed: The answer says JSON and is not; a refusal in plain text is told in its own words.
        """
        said = self._response.headers.get("Content-Type", "")
        if not self._response.content:
            return ""
        if self._definition.data_format != "json" and "json" not in said:
            return self._response.text
        try:
            return parsed(self._response.content, said)
        except (ValueError, RecursionError, CallerError) as exc:
            answered = f"{self._definition} answered {self._response.status_code}"
            if self._response.status_code >= 400 and said.startswith("text/plain"):
                raise ConnectionFailed(f"{answered}: {self._response.text[:LONGEST_QUOTED].strip()}") from exc
            raise ConnectionFailed(
                f"{answered} with a body that is no JSON ({exc}). Fix: read .text, or set data_format=''."
            ) from exc

    def to_record(self) -> Any:
        """What the answer is made of; what was asked is not part of it."""
        of = self._response
        return (
            self._definition,
            of.status_code,
            dict(of.headers),
            of.content,
            of.encoding,
            of.reason,
            mask(of.url or ""),
        )

    @classmethod
    def of_record(cls, record: Any, held: Any) -> Response:
        """The same answer again."""
        from requests import Response as RequestsResponse
        from requests.structures import CaseInsensitiveDict

        definition, response = record[0], RequestsResponse()
        _, response.status_code, headers, response._content, response.encoding, response.reason, response.url = record
        response.headers = CaseInsensitiveDict(headers)
        return cls(response, definition)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._response, name)

    def __repr__(self) -> str:
        return f"<Response [{self._response.status_code}]>"


def parsed(content: bytes, content_type: str) -> Any:
    """What JSON from anybody means; raises ValueError, RecursionError or CallerError."""
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return json.loads(_text(content, content_type))


def _text(content: bytes, content_type: str) -> str:
    from requests.utils import guess_json_utf

    named = CHARSET.search(content_type)
    if content.startswith(codecs.BOM_UTF8):
        charset = "utf-8-sig"
    else:
        guessed: str | None = guess_json_utf(content)  # type: ignore[no-untyped-call]
        charset = named[1] if named is not None else guessed or "utf-8"
    return decoded(content, charset).removeprefix("\ufeff")
