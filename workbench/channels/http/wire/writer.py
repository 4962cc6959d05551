"""An answer as the bytes that go out in one write."""

from __future__ import annotations

from email.utils import formatdate
from http import HTTPStatus
from time import time

from workbench.channels.answers import Answer

PHRASES = {status.value: status.phrase for status in HTTPStatus} | {413: "Content Too Large"}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BODILESS = (204, 304)


class Dates:
    """The Date header, made once a second."""

    def __init__(self) -> None:
        self._second, self._text = 0, ""

    def now(self) -> str:
        """The line, with its end; the machine's own time (RFC 9110, 6.6.1), not the workbench's, which may travel."""
        second = int(time())
        if second != self._second:
            self._second, self._text = second, f"Date: {formatdate(second, usegmt=True)}\r\n"
        return self._text


_dates = Dates()


def bytes_of(answer: Answer, to_head: bool, closes: bool, is_old: bool) -> bytes:
    """The whole answer, or the head of one whose body follows in parts.

    Args:
        to_head: Whether the request was a HEAD, whose answer has the length and no body.
        closes: Whether the connection ends with it.
        is_old: Whether the client speaks HTTP/1.0: it is told if the connection goes on, and knows no chunks.
    """
    status, headers, body, reason, parts = answer
    length = len(body) if parts is None else parts.length
    lines = [f"HTTP/1.1 {status} {reason or PHRASES.get(status, 'Unknown')}\r\nServer: workbench\r\n"]
    if not any(name.lower() == "date" for name, _ in headers):
        lines.append(_dates.now())
    for name, value in headers:
        lines.append(f"{name}: {value}\r\n")
    if status not in BODILESS:
        if length is not None:
            lines.append(f"Content-Length: {length}\r\n")
        elif not is_old:
            lines.append("Transfer-Encoding: chunked\r\n")
    if closes:
        lines.append("Connection: close\r\n")
    elif is_old:
        lines.append("Connection: Keep-Alive\r\n")
    lines.append("\r\n")
    head = "".join(lines).encode("latin-1", "replace")
    return head if to_head or status in BODILESS else head + body
