"""An answer as the bytes that go out in one write."""

from __future__ import annotations

from email.utils import formatdate
from http import HTTPStatus
from time import time

from workbench.channels.answers import SWITCHING_PROTOCOLS, Answer

PHRASES = {status.value: status.phrase for status in HTTPStatus} | {413: "Content Too Large"}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BODILESS = (SWITCHING_PROTOCOLS, 204, 304)


class Starts:
    """The first lines of answers: status, server and date, made once a second for each status."""

    def __init__(self) -> None:
        self._second, self._date = 0, ""
        self._by_status: dict[int, str] = {}

    def of(self, status: int, reason: str, is_dated: bool) -> str:
        """The lines, each with its end.

        Args:
            reason: The words after the status; '' for its own.
            is_dated: Whether the Date header is among them: the machine's own time (RFC 9110, 6.6.1), not the
                workbench's, which may travel.
        """
        second = int(time())
        if second != self._second:
            self._second, self._date = second, f"Date: {formatdate(second, usegmt=True)}\r\n"
            self._by_status.clear()
        if reason or not is_dated:
            return _start(status, reason) + (self._date if is_dated else "")
        if (found := self._by_status.get(status)) is None:
            found = self._by_status[status] = _start(status, "") + self._date
        return found


def _start(status: int, reason: str) -> str:
    return f"HTTP/1.1 {status} {reason or PHRASES.get(status, 'Unknown')}\r\nServer: workbench\r\n"


_starts = Starts()


def bytes_of(answer: Answer, to_head: bool, closes: bool, is_old: bool) -> bytes:
    """The whole answer, or the head of one whose body follows in parts.

    Args:
        to_head: Whether the request was a HEAD, whose answer has the length and no body.
        closes: Whether the connection ends with it.
        is_old: Whether the client speaks HTTP/1.0: it is told if the connection goes on, and knows no chunks.
    """
    status, headers, body, reason, parts = answer
    length = len(body) if parts is None else parts.length
    lines, is_dated = [""], True
    for name, value in headers:
        lines.append(f"{name}: {value}\r\n")
        if len(name) == 4 and name.lower() == "date":
            is_dated = False
    lines[0] = _starts.of(status, reason, is_dated)
    if status not in BODILESS:
        if length is not None:
            lines.append(f"Content-Length: {length}\r\n")
        elif not is_old:
            lines.append("Transfer-Encoding: chunked\r\n")
    if closes and status != SWITCHING_PROTOCOLS:
        lines.append("Connection: close\r\n")
    elif is_old:
        lines.append("Connection: Keep-Alive\r\n")
    lines.append("\r\n")
    head = "".join(lines).encode("latin-1", "replace")
    return head if to_head or status in BODILESS else head + body
