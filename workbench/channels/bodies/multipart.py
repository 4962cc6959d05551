"""Reads multipart/form-data, as browsers and `curl -F` send forms with files (RFC 7578)."""

from __future__ import annotations

import logging
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import BinaryIO

from workbench.core.errors import BadRequest, ContentTooLarge, UnsupportedMediaType
from workbench.core.payload.parts import File, Files, Parts

TYPE = "multipart/form-data"
MOST_PARTS = 1000
"""As many as a form without files may have fields."""
FIELDS_BYTES = 8 * 1024 * 1024
"""Largest text of all fields together, which are kept in memory."""
BLOCK_BYTES = 256 * 1024
# It warns of what a stranger sent, with no word of whose request it was; the refusal says both.
logging.getLogger("python_multipart").setLevel(logging.ERROR)
AS_IT_IS = ("", "7bit", "8bit", "binary")


def is_multipart(content_type: str) -> bool:
    """Whether a body is a form in parts."""
    return content_type[: len(TYPE)].lower() == TYPE


def read_parts(content_type: str, stream: BinaryIO) -> Parts:
    """The fields and files of a body. A file over 1 MiB lies on disk; the channel's `max_body_bytes` bounds them all.

    Raises:
        BadRequest: The body is not what its Content-Type says, is cut off, or holds a field that is not UTF-8.
        ContentTooLarge: It has over 1000 parts, or over 8 MiB of fields.
        UnsupportedMediaType: A part is encoded in a way that RFC 7578 has abandoned.
    """
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser

    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_boundary()
    if not boundary or not boundary.isascii():
        raise BadRequest("The Content-Type names no boundary, by which its parts could be told apart")
    reading = Reading()
    try:
        parser = MultipartParser(boundary, reading.callbacks())  # type: ignore[arg-type]
        while block := stream.read(BLOCK_BYTES):
            parser.write(block)
        parser.finalize()
    except FormParserError:
        raise BadRequest("The body is not the multipart/form-data that its Content-Type says") from None
    if not reading.is_whole:
        raise BadRequest("The multipart/form-data body is cut off")
    return reading.parts()


class Reading:
    """One body as its parser goes through it."""

    def __init__(self) -> None:
        self._fields: list[tuple[str, bytearray]] = []
        self._files = Files()
        self._count = self._fields_bytes = 0
        self._name, self._value, self._head = bytearray(), bytearray(), Message()
        self._field: bytearray | None = None
        self._file: File | None = None
        self.is_whole = False

    def callbacks(self) -> dict[str, object]:
        """What the parser calls, by its names."""
        names = ("part_begin", "header_field", "header_value", "header_end", "headers_finished", "part_data", "end")
        return {f"on_{name}": getattr(self, f"_{name}") for name in names}

    def _part_begin(self) -> None:
        self._count += 1
        if self._count > MOST_PARTS:
            raise ContentTooLarge(f"The form has over {MOST_PARTS} parts")
        self._head = Message()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._head[_text(self._name)] = _text(self._value)
        self._name, self._value = bytearray(), bytearray()

    def _headers_finished(self) -> None:
        head = self._head
        name = _parameter(head, "name")
        if head.get_content_disposition() != "form-data" or name is None:
            raise BadRequest("A part of the form has no name")
        if (coding := str(head.get("Content-Transfer-Encoding", "")).strip().lower()) not in AS_IT_IS:
            raise UnsupportedMediaType(f"A part of the form has the Content-Transfer-Encoding {coding!r:.40}")
        filename = _parameter(head, "filename")
        self._field = self._file = None
        if filename is None:
            self._field = bytearray()
            self._fields.append((name, self._field))
            return
        # RFC 7578, 4.2: where a file lay is nobody's business, and no place to write it to.
        last = filename.replace("\\", "/").rpartition("/")[2]
        self._file = File(name, last, str(head.get("Content-Type", "")))
        self._files.append(self._file)

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.add(data[start:end])
        elif self._field is not None:
            self._fields_bytes += end - start
            if self._fields_bytes > FIELDS_BYTES:
                raise ContentTooLarge(f"The fields of the form are over {FIELDS_BYTES} bytes")
            self._field += data[start:end]

    def _end(self) -> None:
        self.is_whole = True

    def parts(self) -> Parts:
        """What was found. An empty file without a name is what browsers send for none."""
        found: dict[str, list[str]] = {}
        for name, value in self._fields:
            try:
                found.setdefault(name, []).append(value.decode())
            except UnicodeDecodeError:
                raise BadRequest(f"The field {name!r:.60} of the form is not UTF-8 text") from None
        files = Files(each for each in self._files if each.filename or each.size)
        return Parts({name: values[0] if len(values) == 1 else values for name, values in found.items()}, files)


def _text(header: bytearray) -> str:
    """A header's name or value: UTF-8, as browsers send it, else Latin-1."""
    try:
        return header.decode()
    except UnicodeDecodeError:
        return header.decode("latin-1")


def _parameter(head: Message, name: str) -> str | None:
    """A parameter of Content-Disposition; in the form of RFC 5987, which some libraries send, too."""
    found = head.get_param(name, header="Content-Disposition")
    return None if found is None else collapse_rfc2231_value(found)
