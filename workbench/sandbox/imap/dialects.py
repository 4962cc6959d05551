"""How mail servers of several makes say things: what they take in a search and a login, and what they do not open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

DialectName = Literal["dovecot", "gmail", "exchange"]


class Dialect(NamedTuple):
    """What is other than with a server that takes all.

    Args:
        parent: What is said to who opens a folder that only holds others; if empty, no such folder is listed.
        charsets: Those in which a search may be.
        is_7bit: Whether letters beyond ASCII are taken in literals alone, as RFC 3501 has it.
        knows_plain: Whether a login may be by AUTHENTICATE PLAIN; by LOGIN it may always be.
    """

    parent: str = ""
    charsets: tuple[str, ...] = ("UTF-8", "US-ASCII")
    is_7bit: bool = False
    knows_plain: bool = True


DIALECTS: Mapping[DialectName | None, Dialect] = {
    None: Dialect(),
    "dovecot": Dialect(parent="Mailbox doesn't exist: {}"),
    "gmail": Dialect(parent="[NONEXISTENT] Unknown Mailbox: {} (Failure)", is_7bit=True),
    "exchange": Dialect(charsets=("US-ASCII",), is_7bit=True, knows_plain=False),
}
"""Sources: Dovecot 2.3 as it answers; what users of imap_tools and IMAPClient report of Gmail and Exchange."""
