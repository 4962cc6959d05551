"""`self.response`: what goes back, and how it is written as bytes."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec

from workbench.core.payload.plain import plain
from workbench.core.payload.simpleio import Declared, Output

_json = msgspec.json.Encoder(enc_hook=plain)

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
BYTES = "application/octet-stream"


class Response:
    """Payload, status, headers and content type of an answer."""

    __slots__ = ("_io", "_payload", "content_encoding", "content_type", "headers", "status_code", "status_message")

    def __init__(self, io: Declared) -> None:
        self._io = io
        self._payload: Any = None
        self.status_code: int | HTTPStatus = 200
        self.status_message = ""
        self.headers: dict[str, Any] = {}  # by name; a list is a line each
        self.content_type = ""
        self.content_encoding = ""

    @property
    def payload(self) -> Any:
        """What the caller gets; with declared output names, an object to set elements on."""
        if self._payload is None and self._io.output_names is not None:
            self._payload = Output(self._io.output_names)
        return self._payload

    @payload.setter
    def payload(self, value: Any) -> None:
        self._payload = value

    def answer(self, returned: Any) -> Any:
        """The final value: what `handle` returned, unless it returned nothing.

        Raises:
            ValueError: It is not what the service declares as its output.
        """
        value = self._payload if returned is None else returned
        io = self._io
        if io.output_model is not None and int(self.status_code) < 300:
            io.output_model.check(value)
        if value is None and io.is_repeated and int(self.status_code) < 300:
            value = []
        if value is None:
            if not io.must_answer or int(self.status_code) >= 300:
                return ""
            value = {}
        if io.output_names is None and io.response_elem is None:
            return value
        return io.write(value)


def encoded(value: Any) -> tuple[bytes, str]:
    """Bytes and content type: text and bytes as they are, everything else as JSON.

    Raises:
        TypeError: JSON cannot say this value; names its type and what to return instead.
    """
    if isinstance(value, str):
        return value.encode(), TEXT
    if value is None:
        return b"", TEXT
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value), BYTES
    return _json.encode(value), JSON


encode_json: Callable[[Any], bytes] = _json.encode
