"""What every backend agrees on: which keys are allowed, and what a counter is."""

from __future__ import annotations

import re

from workbench.core.errors import WorkbenchError

LONGEST_KEY = 4_000
"""Characters; enough for application, collection, name and time, each escaped."""

_NUMBER = re.compile(rb"-?[0-9]{1,19}")
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


class NotACounter(WorkbenchError, ValueError):
    """`incr` met a value that is not a 64-bit whole number, or would leave that range."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The value at {key!r} cannot be counted up: it is not a whole number of 64 bits, or would leave their "
            f"range. Fix: count under a key of its own."
        )


def valid_key(key: str) -> None:
    """Refuse a key that some backend could not hold.

    Raises:
        ValueError: It is empty, longer than 4,000 characters, or holds half of a surrogate pair.
    """
    if not 0 < len(key) <= LONGEST_KEY:
        raise ValueError(
            f"A store key has 1 to {LONGEST_KEY} characters, this one {len(key)}. "
            f"Fix: take a shorter one, which is not empty."
        )
    key.encode()


def counted(key: str, value: bytes, by: int) -> int:
    """The counter at `value` plus `by`; raises NotACounter."""
    if not _NUMBER.fullmatch(value) or not _LOWEST <= (count := int(value) + by) <= _HIGHEST:
        raise NotACounter(key)
    return count


def key_part(name: object) -> str:
    """A name, of any kind as people look for one, as one part of a key, whose parts have slashes between them."""
    text = str(name)
    return text.replace("%", "%25").replace("/", "%2F") if "%" in text or "/" in text else text


def name_of_part(part: str) -> str:
    """The name that `key_part` was given."""
    return part.replace("%2F", "/").replace("%25", "%")
