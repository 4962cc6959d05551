"""Criteria of a search, and logins, as IMAP sends them: letters beyond ASCII may go in literals alone.

Source: RFC 3501, 4.3: a quoted text is of 7-bit letters, a literal of any; 6.4.4: CHARSET before the criteria.
"""

from __future__ import annotations

import re
from collections.abc import Callable

PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s()"]+')


class Pieces:
    """Words of a command in pieces: the server asks for each but the first, once it has the length of its literal."""

    def __init__(self, words: str) -> None:
        texts, literals, at = [], [], 0
        for found in PIECE.finditer(words):
            if not found[0].isascii():
                quoted = found[0].startswith('"')
                literals.append((re.sub(r"\\(.)", r"\1", found[0][1:-1]) if quoted else found[0]).encode())
                texts.append(words[at : found.start()].encode() + b"{%d}" % len(literals[-1]))
                at = found.end()
        texts.append(words[at:].encode())
        self.first = texts[0]
        self._has_more = bool(literals)
        self._others = iter([literal + text for literal, text in zip(literals, texts[1:], strict=True)])

    @property
    def literal(self) -> Callable[[bytes], bytes] | None:
        """What imaplib takes for a literal: a method, called as often as the server asks; None for one piece."""
        return self._next if self._has_more else None

    def _next(self, asked: bytes) -> bytes:
        # Nothing more to a server that asks once too often.
        return next(self._others, b"")


def quoted(text: str) -> str:
    """A text as IMAP quotes it."""
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
