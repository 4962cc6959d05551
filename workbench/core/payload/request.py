"""`self.request`: what came in, parsed when first asked for."""

from __future__ import annotations

import codecs
import gc
import io
import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import parse_qs

import msgspec

from workbench.core.call import Call
from workbench.core.errors import BadRequest, ServiceUsage, UnsupportedMediaType
from workbench.core.payload.bunch import bunchify
from workbench.core.payload.parts import Files, Parts
from workbench.core.payload.simpleio import Declared, Input

_json = msgspec.json.Decoder()
LONG_BYTES = 256 * 1024
TEXT_FORMATS = ("form", "xml")
"""Formats in which everything is text, and is converted as parameters are."""
CHARSET = re.compile(r""";\s*charset\s*=\s*["']?([^\s"';]+)""", re.IGNORECASE)
NOT_IN_PARTS = (
    "Send the file itself as the body (curl --data-binary @file), not as multipart/form-data; "
    "or the service reads self.request.files"
)
NO_CHARSETS = frozenset(
    ("idna", "mbcs", "oem", "palmos", "punycode", "raw_unicode_escape", "undefined", "unicode_escape")
)
"""Codecs that Python alone knows: `codecs`, "Python Specific Encodings" in its documentation."""


class HTTPView:
    """`self.request.http`: method, path, parameters and headers; empty when the call did not come by HTTP."""

    __slots__ = ("_call", "_http", "_parts", "_read")

    def __init__(self, call: Call, parts: Callable[[], Parts]) -> None:
        self._call, self._http, self._parts = call, call.http, parts
        self._read: dict[str, Input] = {}

    @property
    def method(self) -> str:
        """The method, upper case."""
        return self._http.method if self._http else ""

    @property
    def path(self) -> str:
        """The path as requested, without the query."""
        return self._http.path if self._http else ""

    @property
    def headers(self) -> dict[str, str]:
        """Headers; look them up in any case."""
        return Headers(self._http.headers) if self._http else Headers()

    @property
    def user_agent(self) -> str:
        """The caller's User-Agent."""
        return self.headers.get("User-Agent", "")

    @property
    def GET(self) -> Input:
        """Query parameters; one that comes several times is a list."""
        return self._once("GET", lambda: form(self._http.query) if self._http else {})

    @property
    def POST(self) -> Input:
        """Form fields, only where the channel says `data_format="form"`; those of a form in parts are in `payload`."""
        return self._once("POST", lambda: self._form() if self._call.channel.data_format == "form" else {})

    @property
    def params(self) -> Input:
        """Path and query parameters together; the query wins, as in Zato."""
        return self._once("params", lambda: {**(self._http.path_params if self._http else {}), **self.GET})

    def get_form_data(self) -> Input:
        """The body read as a form, whatever the channel's format; of one in parts, its files, too."""
        has_parts = self._http is not None and self._http.read_parts is not None
        return Input(self._parts().together() if has_parts else self._form())

    def _form(self) -> dict[str, Any]:
        if self.headers.get("Content-Type", "").lower().startswith("multipart/"):
            raise UnsupportedMediaType("Send the form as application/x-www-form-urlencoded, not multipart")
        return form(text(raw_of(self._call)))

    def _once(self, name: str, read: Any) -> Input:
        if name not in self._read:
            self._read[name] = Input(read())
        return self._read[name]


class Headers(dict[str, str]):
    """Headers by name in any case."""

    def __init__(self, given: Any = ()) -> None:
        pairs = given.items() if hasattr(given, "items") else given
        super().__init__((canonical(name), value) for name, value in pairs)

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(canonical(name))

    def __contains__(self, name: object) -> bool:
        return super().__contains__(canonical(str(name)))

    def get(self, name: str, default: Any = None) -> Any:
        """The header's value, or `default`."""
        return super().get(canonical(name), default)


def canonical(name: str) -> str:
    """`x-API-key` as `X-Api-Key`."""
    return "-".join(part.capitalize() for part in name.split("-"))


class Request:
    """What a service sees of its call."""

    __slots__ = ("_call", "_http", "_input", "_io", "_parts", "_payload", "_stream")

    def __init__(self, call: Call, io: Declared) -> None:
        self._call, self._io = call, io
        self._http: HTTPView | None = None
        self._payload: Any = _UNREAD
        self._input: Any = _UNREAD
        self._stream: BinaryIO | None = None
        self._parts: Parts | None = None

    @property
    def cid(self) -> str:
        """The call's correlation id."""
        return self._call.cid

    def to_bunch(self) -> Any:
        """The payload, with a Bunch in place of each dict."""
        return bunchify(self.payload)

    bunchified = to_bunch

    @property
    def raw_request(self) -> Any:
        """Exactly what was received: bytes over HTTP, a job's extra, or what `invoke` was given.

        A body over 8 MiB is read into memory only now; `stream` never does so. Of a form in parts it is all of them,
        with what stands around its files, as the log then says.
        """
        if self._has_parts:
            log = logging.getLogger(f"workbench.service.{self._call.service}")
            log.info("raw_request is a whole multipart/form-data body; its files are self.request.files")
        return raw_of(self._call)

    raw = raw_request

    @property
    def text(self) -> str:
        """What was received as text; '' when nothing was.

        Bytes are decoded by the charset of the request's Content-Type, by UTF-8 if it names none. A job's extra, and
        text that `invoke` was given, are as they are. (In Zato this is `raw_request` again: bytes over HTTP.)

        Raises:
            BadRequest: The bytes are no text in that charset.
            UnsupportedMediaType: There is no such charset.
            ServiceUsage: What came is no bytes or text, as a dict that `invoke` was given.
        """
        raw = self.raw_request
        if isinstance(raw, str):
            return raw
        if raw is None or isinstance(raw, bytes | bytearray | memoryview):
            return decoded(bytes(raw or b""), charset_of(self._call))
        raise ServiceUsage(
            f"Service {self._call.service!r} was given a {type(raw).__name__}, which is no text. "
            f"Fix: read self.request.payload, or send text or bytes."
        )

    @property
    def stream(self) -> BinaryIO:
        """What was received as a stream of bytes, at its beginning; a file that `invoke` was given, as it is.

        It lasts as long as its call, and as services that the call has run in the background.

        Raises:
            ServiceUsage: What came is no bytes, text or stream, as a dict that `invoke` was given.
            UnsupportedMediaType: It is a form in parts, whose file would be stored with all that is around it.
        """
        if self._has_parts:
            raise UnsupportedMediaType(NOT_IN_PARTS)
        if self._stream is None or self._stream.closed:
            self._stream = self._opened()
        return self._stream

    @property
    def files(self) -> Files:
        """The files of a form in parts (multipart/form-data), as `curl -F` and browsers send it; none of others.

        Raises:
            BadRequest: The body is not such a form, or is cut off.
            ContentTooLarge: It has too many parts, or too long fields.
        """
        return self._read_parts().files if self._has_parts else Files()

    @property
    def _has_parts(self) -> bool:
        http = self._call.http
        return http is not None and http.read_parts is not None

    def _read_parts(self) -> Parts:
        """The parts, read once; only of a body that has some."""
        if self._parts is None:
            read = self._call.http.read_parts if self._call.http is not None else None
            assert read is not None
            self._parts = read(self._opened())
        return self._parts

    def _opened(self) -> BinaryIO:
        call = self._call
        return call.spool.open() if call.spool is not None else stream_of(call.raw, call.service)

    @property
    def http(self) -> HTTPView:
        """What HTTP says about this call."""
        if self._http is None:
            self._http = HTTPView(self._call, self._read_parts)
        return self._http

    @property
    def payload(self) -> Any:
        """The parsed body; '' when there is none; of a form in parts, its fields.

        Raises:
            BadRequest: The channel says JSON and the body is not.
            UnsupportedMediaType: The channel takes the body as it is, and a form in parts came.
        """
        if self._payload is _UNREAD and self._has_parts:
            if self._call.channel.data_format == "raw":
                raise UnsupportedMediaType(NOT_IN_PARTS)
            self._payload = Input(self._read_parts().fields)
        elif self._payload is _UNREAD:
            data_format, raw, ready = self._call.channel.data_format, self.raw_request, self._call.payload
            if ready is not None:
                self._payload = ready
            else:
                self._payload = self.http.POST if data_format == "form" and raw else self._parsed(raw, data_format)
        return self._payload

    @property
    def input(self) -> Any:
        """The declared input, or everything that came if nothing is declared; channel parameters win over the body."""
        if self._input is _UNREAD:
            self._input = self._read_input()
        return self._input

    def _read_input(self) -> Any:
        model, raw, http = self._io.input_model, self._call.raw, self._call.http
        plain_json = http is None or not (http.query or http.path_params)
        if model is not None and plain_json and type(raw) is bytes and raw and self._call.channel.data_format == "json":
            try:
                if (made := model.decode(raw)) is not None:
                    return made
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                pass  # read again below, where every wrong element is named
        params = self.http.params if http is not None else {}
        is_text = self._call.channel.data_format in TEXT_FORMATS or self._has_parts
        return self._io.read(self.payload, params, is_text)

    def _parsed(self, raw: Any, data_format: str) -> Any:
        """The payload; JSON is UTF-8 (RFC 8259, 8.1), and if it is not, it is what its Content-Type says."""
        try:
            return parsed(raw, data_format)
        except BadRequest:
            charset = charset_of(self._call)
            if not isinstance(raw, bytes) or is_utf8(charset):
                raise
            return parsed(decoded(raw, charset), data_format)

    if not TYPE_CHECKING:  # to a type checker, what is not here is an error

        def __getattr__(self, name: str) -> Any:
            """Say what to write for what a request of Zato's has and this has not."""
            if hasattr(type(self), name):  # a property has raised this
                return object.__getattribute__(self, name)
            from workbench.core.payload.differences import no_attribute

            raise no_attribute("self.request", name, (each for each in dir(self) if not each.startswith("_")))

    @property
    def channel_params(self) -> Input:
        """Zato's name for the parameters of path and query."""
        return self.http.params


def raw_of(call: Call) -> Any:
    """What a call was given, read into memory if it is not there yet."""
    if call.spool is not None and call.raw is None:
        call.raw = call.spool.read()
    return call.raw


def charset_of(call: Call) -> str:
    """The charset that a request's Content-Type names; UTF-8 if it names none."""
    content_type = call.http.headers.get("Content-Type", "") if call.http is not None else ""
    named = CHARSET.search(content_type)
    return named[1] if named is not None else "utf-8"


def is_utf8(charset: str) -> bool:
    """Whether a charset is UTF-8, or ASCII, which is part of it."""
    return charset.lower() in ("utf-8", "utf8", "utf-8-sig", "us-ascii", "ascii")


def decoded(raw: bytes, charset: str) -> str:
    """Bytes as text; a charset that is none, and bytes that do not fit it, are the caller's error."""
    try:
        if codecs.lookup(charset).name.replace("-", "_") in NO_CHARSETS:
            raise LookupError(charset)
        return raw.decode(charset)
    except UnicodeError:
        raise BadRequest(f"The body is not {charset.upper()} text") from None
    except (LookupError, ValueError):  # a name with a null character is a ValueError
        raise UnsupportedMediaType(f"There is no charset {charset!r:.40}") from None


def stream_of(raw: Any, service: str) -> BinaryIO:
    """Bytes or text as a stream; a stream of bytes as it is."""
    if isinstance(raw, str):
        raw = raw.encode()
    if raw is None or isinstance(raw, bytes | bytearray | memoryview):
        return io.BytesIO(raw or b"")
    if hasattr(raw, "read") and not isinstance(raw, io.TextIOBase):
        stream: BinaryIO = raw
        return stream
    raise ServiceUsage(
        f"Service {service!r} was given a {type(raw).__name__}, which is no stream of bytes. "
        f"Fix: read self.request.payload, or send bytes, text or a file opened in mode 'rb'."
    )


def parsed(raw: Any, data_format: str) -> Any:
    """A payload from what came in; text and bytes are read only as the format says."""
    if not isinstance(raw, str | bytes | bytearray) or data_format in ("", "dict", "raw"):
        return raw
    if not raw:
        return ""
    try:
        return _decoded(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        # RFC 8259, 8.1: a byte order mark may be ignored; PowerShell, Excel and .NET send one.
        mark: Any = "\ufeff" if isinstance(raw, str) else codecs.BOM_UTF8
        if raw.startswith(mark):
            return parsed(raw.removeprefix(mark), data_format)
        raise BadRequest(f"Invalid JSON: {exc}") from None
    except RecursionError:
        raise BadRequest("Invalid JSON: nested too deeply") from None


def _decoded(raw: str | bytes | bytearray) -> Any:
    """JSON, read without the cyclic collector if it is long: every other thread waits for the interpreter meanwhile.

    The collector would look again and again at all that was made so far: 2.4 million empty lists take 0.2 s without
    it and 0.8 s with it.
    """
    if len(raw) < LONG_BYTES or not gc.isenabled():
        return _json.decode(raw)
    gc.disable()
    try:
        return _json.decode(raw)
    finally:
        gc.enable()


def form(query: str) -> dict[str, Any]:
    """Query or form text as a dict; repeated keys become lists."""
    try:
        pairs = parse_qs(query, keep_blank_values=True, max_num_fields=1000, errors="strict")
    except ValueError as exc:
        raise BadRequest(f"Invalid parameters: {exc}") from None
    return {key: values[0] if len(values) == 1 else values for key, values in pairs.items()}


def text(raw: Any) -> str:
    """Bytes as text; what is not UTF-8 is the caller's error."""
    if isinstance(raw, str):
        return raw
    try:
        return bytes(raw or b"").decode()
    except (UnicodeDecodeError, TypeError):
        raise BadRequest("The body is not UTF-8 text") from None


_UNREAD: Any = object()
