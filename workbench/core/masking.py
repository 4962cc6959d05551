"""Hides the values of secrets in all that the workbench keeps or shows.

Each value is learned when it is revealed. From then on it, its base64 and its escaped forms become `***` wherever text
is kept or shown; what was kept before is masked when it is shown.
"""

from __future__ import annotations

import base64
import html
import json
from threading import Lock
from typing import Any
from urllib.parse import quote, quote_plus

MARK = "***"
LEAST = 6
"""Shortest value that is masked [characters]. A shorter one, such as a PIN, occurs in times, ports and sizes by chance:
masking it there would make text unreadable, and tell more of the secret than it hides."""

_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")


class Masker:
    """The values that one process has learned, in each form in which they may turn up in text."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._learned: set[str] = set()
        self._names: dict[str, str] = {}
        self._plain: tuple[str, ...] = ()
        self._coded: tuple[str, ...] = ()

    @property
    def knows_any(self) -> bool:
        """Whether there is anything to mask."""
        return bool(self._plain or self._coded)

    def learn(self, value: str, name: str = "") -> None:
        """Mask this value from now on; of one of many lines, as a key, each line.

        `name` is what its secret is called; without one, no record can say it by name.
        """
        if name and len(value) >= LEAST:
            self._names[value] = name
        if value in self._learned:
            return
        plain: set[str] = set()
        coded: set[str] = set()
        for line in {value, *(each.strip() for each in value.splitlines())}:
            if len(line) >= LEAST and not line.startswith("-----"):
                plain |= _escaped(line)
                coded |= _in_base64(line.encode(errors="surrogatepass"))
        with self._lock:
            # The longest first: a value may be part of another.
            self._plain = tuple(sorted({*self._plain, *plain}, key=len, reverse=True))
            self._coded = tuple({*self._coded, *coded})
            self._learned.add(value)

    def learn_pair(self, username: str, password: str) -> None:
        """Mask what Basic Auth makes of a user and a password, also of one that is too short to be masked itself."""
        coded = base64.b64encode(f"{username}:{password}".encode()).decode().rstrip("=")
        if len(coded) >= LEAST:
            with self._lock:
                self._coded = tuple({*self._coded, coded})

    def mask(self, text: str) -> str:
        """The text with `***` for each value learned; of a word of base64 that holds one, nothing is left."""
        if len(text) < LEAST:
            return text  # too short to hold one
        for form in self._coded:
            if form in text:
                text = _without_word(text, form)
        for form in self._plain:
            if form in text:
                text = text.replace(form, MARK)
        return text

    def apart(self, text: str) -> list[tuple[str, bool]] | None:
        """The text in pieces, each with whether it is the name of a secret whose value stood there.

        None where a value stands in it whose name is not known, or in another form than its own.
        """
        pieces = [(text, False)]
        for value in sorted(self._names, key=len, reverse=True):
            pieces = [made for each in pieces for made in _without_value(each, value, self._names[value])]
        return None if any(self.mask(each) != each for each, is_name in pieces if not is_name) else pieces

    def value_of(self, name: str) -> str:
        """The value that was learned under this name; words that stand in for it where there is none."""
        return next((value for value, each in list(self._names.items()) if each == name), f"(secret {name})")

    def forget(self) -> None:
        """Know no value any more; for tests, which must not mask each other's words."""
        with self._lock:
            self._learned.clear()
            self._names.clear()
            self._plain = self._coded = ()


def _escaped(value: str) -> set[str]:
    """A value as it is, as URLs, JSON, HTML and Python's repr write it, and as UTF-8 that is read as Latin-1."""
    urls = {
        quote(value, safe="", errors="replace"),
        quote(value, errors="replace"),
        quote_plus(value, errors="replace"),
    }
    lower = {_lower_hex(each) for each in urls}
    texts = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    # What HTTP's rules make of a header, and of text whose charset nobody names.
    misread = value.encode(errors="surrogatepass").decode("latin-1")
    return {value, misread, html.escape(value), *urls, *lower, *texts}


def _lower_hex(url: str) -> str:
    first, *others = url.split("%")
    return "".join([first, *(f"%{each[:2].lower()}{each[2:]}" for each in others)])


def _in_base64(value: bytes) -> set[str]:
    """What a value looks like within base64, behind any number of bytes: the letters that depend on it alone.

    Three bytes become four letters, so there are three ways, as in the masks of GitHub's runner.
    """
    found = set()
    for before in range(3):
        coded = base64.b64encode(bytes(before) + value).decode()
        letters = coded[(before * 8 + 5) // 6 : (before + len(value)) * 8 // 6]
        found |= {letters, letters.replace("+", "-").replace("/", "_")}
    return found


def _without_word(text: str, form: str) -> str:
    """The text with `***` for each word of base64 that holds the form; the letters beside it tell some of its bits."""
    kept: list[str] = []
    done = 0
    while (at := text.find(form, done)) >= 0:
        start, end = at, at + len(form)
        while start > done and text[start - 1] in _BASE64:
            start -= 1
        while end < len(text) and text[end] in _BASE64:
            end += 1
        kept += [text[done:start], MARK]
        done = end
    return "".join([*kept, text[done:]])


def _without_value(piece: tuple[str, bool], value: str, name: str) -> list[tuple[str, bool]]:
    text, is_name = piece
    if is_name or value not in text:
        return [piece]
    parts = [made for each in text.split(value) for made in ((each, False), (name, True))][:-1]
    return [each for each in parts if each[0]]


def masked(value: Any) -> Any:
    """Plain data, of dicts, lists and texts, masked throughout."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {key: masked(each) for key, each in value.items()}
    return [masked(each) for each in value] if isinstance(value, list | tuple) else value


MASKER = Masker()
"""This process's: logs and streams are the process's, too."""
learn, learn_pair, mask = MASKER.learn, MASKER.learn_pair, MASKER.mask
