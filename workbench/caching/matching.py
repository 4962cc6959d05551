"""Which keys are meant, where many entries are asked for at once: Zato's words for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

Matches = Callable[[str], object]


def _all(texts: str | Iterable[str]) -> Matches:
    wanted = _several(texts)
    return lambda key: all(each in key for each in wanted)


def _any(texts: str | Iterable[str]) -> Matches:
    wanted = _several(texts)
    return lambda key: any(each in key for each in wanted)


def _several(texts: str | Iterable[str]) -> list[str]:
    return [texts] if isinstance(texts, str) else list(texts)


WORDS: Mapping[str, tuple[Callable[[Any], Matches], str]] = {
    "by_prefix": (lambda text: lambda key: key.startswith(text), "begin with a text"),
    "by_suffix": (lambda text: lambda key: key.endswith(text), "end with a text"),
    "by_regex": (lambda pattern: re.compile(pattern).match, "match a regular expression from their beginning on"),
    "contains": (lambda text: lambda key: text in key, "contain a text"),
    "not_contains": (lambda text: lambda key: text not in key, "do not contain a text"),
    "contains_all": (_all, "contain each of several texts"),
    "contains_any": (_any, "contain one of several texts"),
}
"""What makes a test of keys out of what is looked for, by its word, and what it says of keys."""


class Matching:
    """`get_by_prefix("user.")`, `delete_contains_any(["a", "b"])`: each of get, set, delete and expire joined with each
    of `WORDS`. What a method takes after that which is looked for, its `..._matching` takes after the test.
    """

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., Any]: ...


def _method(verb: str, word: str) -> Callable[..., Any]:
    test_of, said = WORDS[word]

    def method(self: Any, looked_for: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self, f"{verb}_matching")(test_of(looked_for), *args, **kwargs)

    method.__name__, method.__qualname__ = f"{verb}_{word}", f"Matching.{verb}_{word}"
    method.__doc__ = f"{verb.capitalize()} the entries whose keys {said}; see `{verb}_matching` for the rest."
    return method


for _verb in ("get", "set", "delete", "expire"):
    for _word in WORDS:
        setattr(Matching, f"{_verb}_{_word}", _method(_verb, _word))
