"""Copies of values for a later run: whatever a service is given and a connection answers, bounded, without secrets."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import PurePath
from types import NoneType
from typing import Any, NamedTuple, Protocol, Self
from uuid import UUID

import msgspec

from workbench.core.definition import Definition
from workbench.core.masking import MASKER, mask

OF_A_VALUE = 16
"""What a value takes besides its text [bytes], about as much as a place in a list and its number."""

DEEPEST = 100
LONG_BYTES = 64 * 1024
"""From when on a text or bytes that were sent are kept as their hash [bytes or characters]."""

ATOMS = (
    *(NoneType, bool, int, float, complex, Decimal, Fraction, date, time, timedelta, tzinfo, UUID, PurePath, Enum),
    *(IPv4Address, IPv4Network, IPv6Address, IPv6Network, Definition),
)
"""What never changes, and so need not be copied."""
SIMPLE = frozenset((NoneType, bool, int, float))
BYTES = (bytes, bytearray, memoryview)


class CannotKeep(Exception):
    """A value cannot be kept; the text says why, as the end of a sentence about it."""


class Recordable(Protocol):
    """An answer of a class of its own that can be kept: it says what it is made of, and is made of that again."""

    def to_record(self) -> Any:
        """What it is made of, in values that can be kept."""
        ...

    @classmethod
    def of_record(cls, record: Any, held: Any) -> Self:
        """The same again; `held` is the connection as the service holds it, for what an answer can do by itself."""
        ...


class Made(NamedTuple):
    """A copy of what a class of its own is made of."""

    cls: type[Any]
    record: Any

    def __repr__(self) -> str:
        fields = self.record.items() if isinstance(self.record, dict) else ()
        told = ", ".join(f"{name}={value!r}" for name, value in fields if value) or repr(self.record)
        return f"{self.cls.__name__}({told})"


class Opaque(NamedTuple):
    """Something that was sent and cannot be looked at, as a stream: its type is all that is compared."""

    type: str

    def __repr__(self) -> str:
        return f"<{self.type}>"


class Long(NamedTuple):
    """A long text, or bytes, that were sent: as long, and with the same hash, is the same."""

    size: int
    hash: str

    def __repr__(self) -> str:
        return f"<{self.size:,} {self.hash}>"


class Hidden(NamedTuple):
    """A text, or bytes, in which values of secrets stood: in pieces, each with whether it is the name of a secret."""

    pieces: tuple[tuple[str, bool], ...]
    is_bytes: bool

    def __repr__(self) -> str:
        return repr("".join(f"secret({each})" if is_name else each for each, is_name in self.pieces))

    def revealed(self) -> str | bytes:
        """The text with the values again, as far as this process has learned them."""
        text = "".join(MASKER.value_of(each) if is_name else each for each, is_name in self.pieces)
        return text.encode("utf-8", "surrogateescape") if self.is_bytes else text


class Copying:
    """Copies one value, in which the name of a secret takes the place of its value.

    Args:
        most: How much of it may be kept [bytes, characters].
    """

    def __init__(self, most: int) -> None:
        self.size, self._most = 0, most

    def keep(self, value: Any) -> Any:
        """A copy of a whole value; raises CannotKeep, whatever the value's own methods raise."""
        try:
            return self.copy(value)
        except CannotKeep:
            raise
        except Exception as exc:  # of those methods, or as another thread changes it
            raise CannotKeep(f"could not be copied ({type(exc).__name__})") from exc

    def copy(self, value: Any, depth: int = 0) -> Any:
        """A copy of a value, or of one within it, that nobody else can change."""
        cls = type(value)
        # What most values are: to look through all that one might be takes three times as long.
        if cls in SIMPLE:
            self.take(OF_A_VALUE)
            return value
        if cls in (tuple, list, dict) and depth <= DEEPEST:
            self.take(OF_A_VALUE)
            return self._of_plain(cls, value, depth + 1) if value else cls()
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, BYTES):
            return self.bytes(value)
        self.take(OF_A_VALUE)
        if isinstance(value, ATOMS):
            return value
        if depth > DEEPEST:
            raise CannotKeep("is nested too deeply to be kept")
        return self._of_many(value, depth + 1)

    def _of_plain(self, cls: type[Any], value: Any, depth: int) -> Any:
        copy = self.copy
        if cls is dict:
            return {copy(key, depth): copy(each, depth) for key, each in value.items()}
        copies = [copy(each, depth) for each in value]
        return copies if cls is list else tuple(copies)

    def _of_many(self, value: Any, depth: int) -> Any:
        cls = type(value)
        if isinstance(value, dict) and _is_ours(cls):
            copies = {self.copy(key, depth): self.copy(each, depth) for key, each in value.items()}
            return _of_dict(cls, copies)
        if cls in (set, frozenset):
            return cls(self.copy(each, depth) for each in value)
        if isinstance(value, tuple) and hasattr(cls, "_make"):
            return cls._make(self.copy(each, depth) for each in value)
        if hasattr(cls, "of_record"):
            return Made(cls, self.copy(value.to_record(), depth))
        if isinstance(value, msgspec.Struct):
            fields = {name: self.copy(getattr(value, name), depth) for name in value.__struct_fields__}
            return msgspec.structs.replace(value, **fields)
        if dataclasses.is_dataclass(value) and not isinstance(value, type) and hasattr(value, "__dict__"):
            made = object.__new__(cls)
            vars(made).update({name: self.copy(each, depth) for name, each in vars(value).items()})
            return made
        return self.otherwise(value)

    def take(self, size: int) -> None:
        """Count so much; raises CannotKeep once it is too much."""
        self.size += size
        if self.size > self._most:
            raise CannotKeep(f"is over {self._most:,} bytes, too large to be kept")

    def text(self, value: str) -> Any:
        """A text; where the value of a secret stands in it, whose name is not known, it cannot be kept."""
        self.take(len(value))
        if MASKER.knows_any and mask(value) != value:
            return _hidden(value, False)
        return value

    def bytes(self, value: Any) -> Any:
        """Bytes, as texts are."""
        self.take(len(value))
        if MASKER.knows_any and mask(text := bytes(value).decode("utf-8", "surrogateescape")) != text:
            return _hidden(text, True)
        return value if type(value) is bytes else bytearray(value) if type(value) is bytearray else bytes(value)

    def otherwise(self, value: Any) -> Any:
        """Anything else."""
        raise CannotKeep(f"is a {type(value).__name__}, which cannot be kept")


class Sending(Copying):
    """Copies what is sent, to be compared with what a later run sends: the CID left out, secrets masked.

    What is long is hashed, and what cannot be looked at is known by its type.
    """

    def __init__(self, most: int, cid: str) -> None:
        super().__init__(most)
        self._cid = cid

    def text(self, value: str) -> Any:
        if len(value) > LONG_BYTES:
            return self._long(value.encode("utf-8", "surrogatepass"))
        self.take(len(value))
        text = value.replace(self._cid, "...") if self._cid in value else value
        return mask(text) if MASKER.knows_any else text

    def bytes(self, value: Any) -> Any:
        if len(value) > LONG_BYTES:
            return self._long(value)
        self.take(len(value))
        value = bytes(value).replace(self._cid.encode(), b"...")
        if MASKER.knows_any and mask(text := value.decode("utf-8", "surrogateescape")) != text:
            return mask(text)
        return value

    def _long(self, value: Any) -> Long:
        # SHA-256, since processors have it: half the time of BLAKE2 in Python's own C.
        return Long(len(value), sha256(value).hexdigest()[:32])

    def otherwise(self, value: Any) -> Any:
        return Opaque(type(value).__name__)


def _hidden(text: str, is_bytes: bool) -> Hidden:
    if (pieces := MASKER.apart(text)) is None:
        raise CannotKeep("holds the value of a secret, which is not kept")
    return Hidden(tuple(pieces), is_bytes)


def fresh(copy: Any, held: Any) -> Any:
    """A value for a service to work with, made of a copy that stays as it is."""
    if isinstance(copy, Hidden):
        return copy.revealed()
    if isinstance(copy, Made):
        return copy.cls.of_record(fresh(copy.record, held), held)
    if isinstance(copy, dict):
        copies = {key: fresh(each, held) for key, each in copy.items()}
        return copies if type(copy) is dict else _of_dict(type(copy), copies)
    if type(copy) in (list, tuple, set, frozenset):
        return type(copy)(fresh(each, held) for each in copy)
    if isinstance(copy, tuple):
        make: Callable[[Any], Any] = type(copy)._make  # type: ignore[attr-defined]
        return make(fresh(each, held) for each in copy)
    if isinstance(copy, bytearray | msgspec.Struct) or dataclasses.is_dataclass(copy):
        return Copying(1 << 62).copy(copy) if not isinstance(copy, ATOMS) else copy
    return copy


def _of_dict(cls: type[Any], items: Mapping[Any, Any]) -> Any:
    made: Any = dict.__new__(cls)
    dict.update(made, items)
    return made


def _is_ours(cls: type[Any]) -> bool:
    return cls.__module__.startswith("workbench.")
