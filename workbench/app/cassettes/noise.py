"""What differs between runs of the same call: what all have in common, and the names of the rest.

`...` stands for what differs: in a test, in a cassette, and in memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from workbench.core.masking import MASKER, mask
from workbench.core.payload.asked import Answers, Unknown
from workbench.core.payload.copying import Hidden, Long, Made, Opaque

ANYTHING = ...
CREDENTIALS = frozenset(
    (
        *("apikey", "auth", "authorization", "cookie", "cookies", "credential", "credentials", "passphrase", "passwd"),
        *("password", "pwd", "secret", "secrets", "token", "tokens"),
    )
)
KEYS = frozenset((word, "key") for word in ("access", "account", "api", "auth", "private", "secret", "subscription"))
"""Words, and two that follow each other, in the name of what is a credential."""

LEAST_KEY = 16
"""From when on a text that is called `key` is taken for a credential [characters]."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")


def common(first: Any, *others: Any) -> Any:
    """What values have in common; `...` wherever they do not."""
    if all(type(each) is type(first) for each in others):
        if isinstance(first, Made):
            records = (each.record for each in others if each.cls is first.cls)
            return Made(first.cls, common(first.record, *records))
        if isinstance(first, dict) and all(each.keys() == first.keys() for each in others):
            return {key: common(value, *(each[key] for each in others)) for key, value in first.items()}
        if isinstance(first, list | tuple) and all(len(each) == len(first) for each in others):
            parts = [common(*each) for each in zip(first, *others, strict=True)]
            return _like_it(first, parts)
    return first if all(_equal(first, each) for each in others) else ANYTHING


def like(expected: Any, found: Any) -> bool:
    """Whether a value is as expected, where `...` and what nobody knows is like anything."""
    return difference(expected, found) is None


def difference(expected: Any, found: Any, at: str = "") -> str | None:
    """The first place where a value is not as expected; '' for the whole, None if there is none."""
    if expected is ANYTHING or isinstance(expected, Unknown):
        return None
    if isinstance(expected, Made) and isinstance(found, Made) and expected.cls is found.cls:
        return difference(expected.record, found.record, at)
    if isinstance(expected, dict) and isinstance(found, dict):
        if expected.keys() != found.keys():
            return _below(at, next(iter(expected.keys() ^ found.keys())))
        places = ((_below(at, key), each, found[key]) for key, each in expected.items())
    elif isinstance(expected, list | tuple) and type(expected) is type(found):
        if len(expected) != len(found):
            return f"{at}[{min(len(expected), len(found))}]"
        places = ((f"{at}[{place}]", *pair) for place, pair in enumerate(zip(expected, found, strict=True)))
    else:
        return None if _equal(expected, found) else at
    return next((place for name, one, two in places if (place := difference(one, two, name)) is not None), None)


def at_place(value: Any, place: str) -> Any:
    """What stands at a place, for a person to see; the value itself where that cannot be told."""
    for name, each in leaves(value):
        if name == place:
            return each
    return value


def leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every value within a value, the outermost first, with its name, as `rows[0].id`."""
    yield at, value
    if isinstance(value, Made):
        yield from leaves(value.record, at)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, _below(at, key))
    elif isinstance(value, list | tuple):
        for place, each in enumerate(value):
            yield from leaves(each, f"{at}[{place}]")


def noisy(value: Any) -> list[str]:
    """The names of what differs, as `rows[0].id`; `the whole` if nothing is in common."""
    return [name or "the whole" for name, each in leaves(value) if each is ANYTHING]


def without_credentials(value: Any) -> Any:
    """A value with `...` in place of whatever is called like a credential: that is neither kept nor compared."""
    if isinstance(value, Made):
        return Made(value.cls, without_credentials(value.record))
    if isinstance(value, dict):
        return {key: ANYTHING if is_credential(key, each) else without_credentials(each) for key, each in value.items()}
    if isinstance(value, list | tuple) and not isinstance(value, Hidden | Long | Opaque):
        return _like_it(value, [without_credentials(each) for each in value])
    return mask(value) if isinstance(value, str) else value


def replaced(value: Any, old: str, new: str) -> Any:
    """A value in whose texts and bytes something else stands for `old`."""
    if isinstance(value, str):
        return value.replace(old, new) if type(value) is str else value
    if isinstance(value, bytes):
        return value.replace(old.encode(), new.encode())
    if isinstance(value, Made):
        return Made(value.cls, replaced(value.record, old, new))
    if type(value) is dict:
        return {replaced(key, old, new): replaced(each, old, new) for key, each in value.items()}
    if isinstance(value, list | tuple) and not isinstance(value, Hidden | Long | Opaque):
        return _like_it(value, [replaced(each, old, new) for each in value])
    return value


def is_credential(name: Any, value: Any) -> bool:
    """Whether a value is called like a credential, as `Authorization`, `api_key` or `accessToken`.

    `author` is not, and `key` alone only where it is long and of one word.
    """
    if not isinstance(name, str) or not isinstance(value, str | bytes | list | tuple):
        return False
    words = [each.lower() for each in _WORD.findall(name)]
    if any(each in CREDENTIALS for each in words) or any(pair in KEYS for pair in pairwise(words)):
        return True
    return (
        words == ["key"] and isinstance(value, str) and len(value) >= LEAST_KEY and value.isascii() and " " not in value
    )


def _equal(one: Any, two: Any) -> bool:
    # What was learned since is masked on both sides.
    if isinstance(one, str) and isinstance(two, str) and MASKER.knows_any:
        return mask(one) == mask(two)
    return type(one) is type(two) and bool(one == two) if isinstance(one, bool) or isinstance(two, bool) else one == two


def _below(at: str, key: Any) -> str:
    return f"{at}.{key}" if at else str(key)


def _like_it(first: Any, parts: list[Any]) -> Any:
    if isinstance(first, list):
        made = type(first)(parts)
        if isinstance(first, Answers) and isinstance(made, Answers):
            made.is_whole = first.is_whole
        return made
    return type(first)._make(parts) if hasattr(first, "_make") else tuple(parts)
