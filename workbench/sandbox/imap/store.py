"""What an IMAP server keeps: folders of mails with their flags, and what a search finds among them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

from workbench.sandbox.mail import Mail

SET = re.compile(r"(\d+|\*)(:(\d+|\*))?(,(\d+|\*)(:(\d+|\*))?)*")
FLAGS = {"ANSWERED", "DELETED", "DRAFT", "FLAGGED", "SEEN", "RECENT"}
ADDRESSES = {"BCC", "CC", "FROM", "TO"}
DAYS = {"BEFORE": "<", "ON": "=", "SINCE": ">", "SENTBEFORE": "<", "SENTON": "=", "SENTSINCE": ">"}


class Bad(Exception):
    """What the client sent is no IMAP, or more of it than is spoken here."""


class Kept:
    """One mail in a folder."""

    def __init__(self, uid: int, raw: bytes, flags: set[str], at: datetime) -> None:
        self.uid, self.raw, self.flags, self.at = uid, raw, flags, at

    @cached_property
    def mail(self) -> Mail:
        """To be looked at."""
        return Mail("", [], self.raw)

    @property
    def head(self) -> bytes:
        """Its header fields, with the empty line after them."""
        head, mark, _ = self.raw.partition(b"\r\n\r\n")
        return head + mark

    @property
    def text(self) -> bytes:
        """All behind them."""
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def sent(self) -> date:
        """The day in its Date."""
        try:
            return parsedate_to_datetime(self.mail.headers.get("Date", "")).date()
        except ValueError:
            return self.at.date()

    def fields(self, name: str) -> str:
        """Every value of one header field, in lower case."""
        named = (value for each, value in self.mail.headers.items() if each.lower() == name.lower())
        return "\n".join(named).lower()


class Folder:
    """A mailbox; `changed` is called after every change."""

    def __init__(self, validity: int, changed: Callable[[], None] = lambda: None) -> None:
        self.validity, self.uidnext = validity, 1
        self.mails: list[Kept] = []
        self.changed = changed

    def add(self, raw: bytes, flags: set[str] | None = None, at: datetime | None = None) -> Kept:
        """Take one more; lines end as mails' do."""
        text = re.sub(rb"\r?\n", b"\r\n", raw)
        kept = Kept(self.uidnext, text, set(flags or ()), at or datetime.now(UTC))
        self.uidnext += 1
        self.mails.append(kept)
        self.changed()
        return kept

    def copy(self, changed: Callable[[], None]) -> Folder:
        """The same mails with the same numbers, whose flags are their own."""
        made = Folder(self.validity, changed)
        made.uidnext = self.uidnext
        made.mails = [Kept(each.uid, each.raw, set(each.flags), each.at) for each in list(self.mails)]
        return made

    def remove(self, gone: list[Kept]) -> None:
        """Throw mails away."""
        self.mails = [each for each in self.mails if each not in gone]
        self.changed()


def numbers(text: str, most: int) -> set[int]:
    """The numbers of a set as `1:3,5,7:*`, where `*` is the greatest there is."""
    if not SET.fullmatch(text):
        raise Bad(f"{text[:40]!r} is no set of numbers")
    found: set[int] = set()
    for part in text.split(","):
        ends = [most if each == "*" else int(each) for each in part.split(":")]
        low, high = min(ends), max(ends)
        # A client may ask for 1:4294967295; nobody has so many.
        found |= set(range(low, min(high, max(most, low)) + 1))
    return found


class Search:
    """One search: the criteria as tokens, lists as lists."""

    def __init__(self, tokens: list[Any], mails: list[Kept]) -> None:
        self._mails = mails
        left = list(tokens)
        if left and str(left[0]).upper() == "CHARSET":
            left = left[2:]
        self._tests = []
        while left:
            self._tests.append(self._key(left))

    def found(self) -> Iterator[tuple[int, Kept]]:
        """Those that fit, each with its number."""
        for number, mail in enumerate(self._mails, 1):
            if all(test(number, mail) for test in self._tests):
                yield number, mail

    def _key(self, left: list[Any]) -> Callable[[int, Kept], bool]:
        if not left:
            raise Bad("the search ends in the middle")
        token = left.pop(0)
        if isinstance(token, list):
            tests = []
            while token:
                tests.append(self._key(token))
            return lambda number, mail: all(test(number, mail) for test in tests)
        word = str(token).upper()
        if word == "NOT":
            test = self._key(left)
            return lambda number, mail: not test(number, mail)
        if word == "OR":
            one, other = self._key(left), self._key(left)
            return lambda number, mail: one(number, mail) or other(number, mail)
        return self._simple(word, left)

    def _simple(self, word: str, left: list[Any]) -> Callable[[int, Kept], bool]:
        if word == "ALL":
            return lambda number, mail: True
        if word in FLAGS or word in {f"UN{each}" for each in FLAGS} or word in ("NEW", "OLD"):
            return _flag_test(word)
        if SET.fullmatch(word):
            chosen = numbers(word, len(self._mails))
            return lambda number, mail: number in chosen
        value = self._value(word, left)
        if word == "UID":
            uids = numbers(value, max((mail.uid for mail in self._mails), default=0))
            return lambda number, mail: mail.uid in uids
        if word in ("KEYWORD", "UNKEYWORD"):
            return lambda number, mail: (value in mail.flags) == (word == "KEYWORD")
        if word in ("LARGER", "SMALLER"):
            size = int(value)
            return lambda number, mail: len(mail.raw) > size if word == "LARGER" else len(mail.raw) < size
        if word in DAYS:
            return _day_test(word, value)
        return self._text_test(word, value.lower(), left)

    def _text_test(self, word: str, text: str, left: list[Any]) -> Callable[[int, Kept], bool]:
        if word == "HEADER":
            wanted = self._value(word, left).lower()
            return lambda number, mail: wanted in mail.fields(text) and bool(wanted or mail.fields(text))
        if word in ADDRESSES or word == "SUBJECT":
            return lambda number, mail: text in mail.fields(word)
        if word == "BODY":
            return lambda number, mail: text in f"{mail.mail.text}\n{mail.mail.html}".lower()
        if word == "TEXT":
            return lambda number, mail: text in f"{mail.head.decode(errors='replace')}\n{mail.mail.text}".lower()
        raise Bad(f"the search key {word[:40]} is not spoken here")

    @staticmethod
    def _value(word: str, left: list[Any]) -> str:
        if not left or isinstance(left[0], list):
            raise Bad(f"{word[:40]} needs a value")
        return str(left.pop(0))


def _flag_test(word: str) -> Callable[[int, Kept], bool]:
    if word == "NEW":
        return lambda number, mail: "\\Recent" in mail.flags and "\\Seen" not in mail.flags
    if word == "OLD":
        return lambda number, mail: "\\Recent" not in mail.flags
    wanted = not (word.startswith("UN") and word.removeprefix("UN") in FLAGS)
    flag = f"\\{word.removeprefix('UN').capitalize() if not wanted else word.capitalize()}"
    return lambda number, mail: (flag in mail.flags) == wanted


def _day_test(word: str, value: str) -> Callable[[int, Kept], bool]:
    try:
        day = datetime.strptime(value, "%d-%b-%Y").replace(tzinfo=UTC).date()
    except ValueError as exc:
        raise Bad(f"{value[:40]!r} is no day as 1-Feb-2026") from exc
    sign = DAYS[word]

    def test(number: int, mail: Kept) -> bool:
        theirs = mail.sent if word.startswith("SENT") else mail.at.date()
        return theirs < day if sign == "<" else theirs == day if sign == "=" else theirs >= day

    return test
