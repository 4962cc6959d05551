"""Looks for secrets in all that is about to travel: values that are known here, and what looks or is named like one.

What is found once, as `password="..."` in a cell, is looked for everywhere, in each form in which it may turn up.
"""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from base64 import b64decode
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from workbench.core import source
from workbench.core.masking import LEAST, Masker
from workbench.testing.lint.secrets import SECRET_NAME, SECRET_VALUES, stands_for_one, typed_secrets

_NAME = r"(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key)"
_SAID = (
    # A value that a text names so; it has a digit, which words of a sentence have not.
    re.compile(
        rf"(?i){_NAME}[\"'`*]{{0,3}}\s{{0,3}}[:=]\s{{0,3}}[\"'`*]{{0,3}}(?=\S{{0,200}}\d)([^\s\"'`*,;<>(){{}}\[\]]{{6,200}})"
    ),
    # A header, RFC 9110, 11.6.2.
    re.compile(r"(?i)\b(?:bearer|basic)\s{1,3}(?=\S{0,200}\d)([A-Za-z0-9+/._~-]{12,2000}=*)"),
)
_BLOCK = re.compile(r"-----BEGIN ([A-Z ]{0,30}PRIVATE KEY)-----.{0,20000}?-----END \1-----", re.DOTALL)
_CODED = re.compile(r"base64,([A-Za-z0-9+/=\s]{16,})")
_WORD = re.compile(r"[\w.+/=~-]*")


class Place(NamedTuple):
    """A text that travels: where a person finds it, and whether it is Python."""

    where: str
    text: str
    is_code: bool = False


class Found(NamedTuple):
    """A value that may be a secret; `where` are all places that have it. The value is never shown."""

    number: int
    value: str
    why: str
    where: tuple[str, ...]

    @property
    def shown(self) -> str:
        """The value as a person may see it: its first letters and its length, and of a short one no letter."""
        first = self.value[:3] if len(self.value) >= 2 * LEAST else ""
        return f"{first}... ({len(self.value)} characters)"

    def __str__(self) -> str:
        return f"{self.number}. {self.shown}: {self.why}; in {', '.join(self.where)}"


def look(places: Iterable[Place], known: Mapping[str, str], none: Collection[str] = (), first: int = 1) -> list[Found]:
    """What may be a secret in these places.

    Args:
        places: All texts that travel.
        known: Values that are known to be secrets, by the name that a person knows them by.
        none: Values of which a person has said that they are none.
        first: The number of the first that is found.
    """
    texts = list(places)
    why: dict[str, str] = {value: f"the value of {name}" for name, value in known.items() if len(value) >= LEAST}
    for place in texts:
        for value, reason in _values(place):
            why.setdefault(value, reason)
    found = list[Found]()
    for value, reason in why.items():
        if value in none:
            continue
        masker = mask_of([value])
        where = tuple(dict.fromkeys(place.where for place in texts if _has(place, value, masker)))
        if where:
            found.append(Found(first + len(found), value, reason, where))
    return found


def mask_of(values: Iterable[str]) -> Masker:
    """What masks these values, in each of their forms."""
    masker = Masker()
    for value in values:
        masker.learn(value)
    return masker


def _has(place: Place, value: str, masker: Masker) -> bool:
    # Of code its texts and comments: a weak password may be a word of the language.
    texts = words_of(place.text) if place.is_code else [place.text]
    if any(masker.mask(each) != each for each in (*texts, *decoded(place.text))):
        return True
    # Too short to be looked for everywhere, it is one where a name says so.
    return len(value) < LEAST and any(value == each for each, _ in _values(place))


def _values(place: Place) -> Iterator[tuple[str, str]]:
    """Values that look or are named like secrets, and why."""
    if place.is_code:
        tree = tree_of(place.text)
        for name, node in typed_secrets(tree) if tree is not None else ():
            yield text_of(node), f"{name} has it"
    within = list(decoded(place.text))
    for text in (place.text, *within):
        yield from ((value, "it looks like a secret") for value in _looks(text))
    for text in (*(words_of(place.text) if place.is_code else [place.text]), *within):
        for pattern in _SAID:
            yield from ((each, "a text names it so") for each in pattern.findall(text) if not stands_for_one(each))
    if not place.is_code:
        yield from _of_keys(place.text)


def _looks(text: str) -> Iterator[str]:
    yield from (match[0] for match in _BLOCK.finditer(text))
    for pattern in SECRET_VALUES:
        for match in pattern.finditer(text):
            if match[0].startswith("://"):
                # Of an address the password alone.
                yield match[0].rpartition("@")[0].split(":", 2)[2]
            elif not match[0].startswith("-----"):
                # Formats say how a token begins; it ends where its word does.
                end = _WORD.match(text, match.end())
                yield match[0] + (end[0] if end else "")


def _of_keys(text: str) -> Iterator[tuple[str, str]]:
    """Values of JSON whose key is a secret's name."""
    if not text.lstrip().startswith(("{", "[")):
        return
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    yield from _below(value)


def _below(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            is_named = SECRET_NAME.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(key)).replace("-", "_"))
            if isinstance(each, str) and is_named and not stands_for_one(each):
                yield each, f"{key} has it"
            yield from _below(each)
    elif isinstance(value, list):
        for each in value:
            yield from _below(each)


def decoded(text: str) -> Iterator[str]:
    """What a text holds as base64, as letters of one byte each: files that a display or an attachment carries."""
    for match in _CODED.finditer(text):
        try:
            yield b64decode("".join(match[1].split())).decode("latin-1")
        except ValueError:
            continue


def tree_of(text: str) -> ast.Module | None:
    """A cell or module as a tree, line by line as it is written; None for what is not Python, as lines of magics."""
    try:
        return source.tree_of(plain(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def plain(text: str) -> str:
    """A cell as Python of the same places: the magic at its top as a comment."""
    return f"#{text[1:]}" if text.startswith("%%") else text


def lines_of(text: str) -> list[str]:
    """Lines as Python counts them: other signs that end a line elsewhere, as U+2028, are part of them."""
    return list(io.StringIO(text, newline=""))


def words_of(text: str) -> list[str]:
    """The texts and comments of Python, in order; of what cannot be read so, all of it."""
    try:
        return [each.string for each in tokens_of(text)]
    except (tokenize.TokenError, SyntaxError):
        return [text]


def tokens_of(text: str) -> list[tokenize.TokenInfo]:
    """The texts and comments of Python with their places; raises TokenError, SyntaxError."""
    return [each for each in tokenize.generate_tokens(iter(lines_of(plain(text))).__next__) if _is_word(each)]


def _is_word(token: tokenize.TokenInfo) -> bool:
    """Whether a token is a text or comment; from Python 3.12 on, the texts of an f-string are tokens of their own."""
    return token.type in (tokenize.STRING, tokenize.COMMENT) or tokenize.tok_name[token.type] == "FSTRING_MIDDLE"


def text_of(node: ast.Constant) -> str:
    """The text of a literal, bytes as letters."""
    return node.value.decode("latin-1") if isinstance(node.value, bytes) else str(node.value)
