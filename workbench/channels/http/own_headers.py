"""The headers that a service sets, as lines of an answer: refused, encoded or told, but none is changed in silence."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

log = logging.getLogger("workbench.http")

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
OF_THE_WIRE = frozenset(("connection", "content-length", "keep-alive", "server", "transfer-encoding", "x-zato-cid"))
ADDRESSES = frozenset(("location", "content-location"))
FILENAME = re.compile(r"""(?<![\w*-])filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))""", re.IGNORECASE)
ATTR_CHARS = "!#$&+-.^_`|~"
"""What RFC 5987 leaves as it is in `filename*`, besides letters and digits."""
PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


def own_headers(headers: Mapping[str, Any], cid: str) -> list[tuple[str, str]]:
    """A service's headers as pairs; a list of values is a line each, None is no header.

    A file name in Content-Disposition may have any letters (RFC 6266: `filename*` beside an ASCII `filename`), and so
    may an address in Location (RFC 3987, 3.1). Headers that are the wire's own are left out, and the log says so.

    Raises:
        ValueError: A header would break the message, or holds letters that a header cannot.
    """
    pairs = []
    for name, value in headers.items():
        for each in value if isinstance(value, list | tuple | set | frozenset) else (value,):
            if each is not None:
                pairs.append((str(name), _sendable(str(name), each)))
    if left_out := sorted({name for name, _ in pairs if name.lower() in OF_THE_WIRE}):
        log.warning("the service's %s is left out, since the server sets it (cid:%s)", ", ".join(left_out), cid)
    return [pair for pair in pairs if pair[0].lower() not in OF_THE_WIRE]


def without(headers: Mapping[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    """Headers but for one, in whatever case."""
    return ((each, value) for each, value in headers.items() if str(each).lower() != name)


def _sendable(name: str, value: Any) -> str:
    """One value, in letters that a header can hold."""
    text = value.decode("latin-1") if isinstance(value, bytes | bytearray) else str(value)
    if TOKEN.fullmatch(name) is None or any(mark in text for mark in "\r\n\0"):
        raise ValueError(f"The response header {name!r} holds a line break or is no header name.")
    if text.isascii() or _is_encoded(text):
        return text
    if name.lower() == "content-disposition":
        text = FILENAME.sub(lambda found: _filename(found, "filename*" in text.lower()), text)
    elif name.lower() in ADDRESSES:
        text = quote(text, safe=PRINTABLE)
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError(
            f"The response header {name!r} holds letters that HTTP cannot send in a header. "
            f"Fix: encode them, as urllib.parse.quote does, or send them in the body."
        ) from None
    return text


def _is_encoded(text: str) -> bool:
    """Whether these are the bytes of UTF-8, a letter each, as WSGI has them: its sender has seen to it."""
    try:
        text.encode("latin-1").decode()
    except UnicodeError:
        return False
    return True


def _filename(found: re.Match[str], has_other: bool) -> str:
    """`filename="?"; filename*=UTF-8''...` for a name with other letters than ASCII's."""
    name = re.sub(r"\\(.)", r"\1", found[1]) if found[1] is not None else found[2]
    if name.isascii():
        return found[0]
    shown = "".join(each if each.isascii() and each not in '"\\' else "_" for each in name)
    return f'filename="{shown}"' + ("" if has_other else f"; filename*=UTF-8''{quote(name, safe=ATTR_CHARS)}")
