"""Values that were asked and answered, as plain data that JSON has, and back.

Numbers, texts, lists and dictionaries are as they are. Anything else is an object whose key `~` says what it is; long
texts and bytes that are no text are files of their own, named by their hash. To read a value imports nothing but our
own modules and those of our kinds' libraries: any other class must be loaded already, and be one that is made of data.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from hashlib import blake2b
from importlib import import_module
from ipaddress import ip_address, ip_network
from pathlib import PurePath
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from workbench.core.definition import Definition
from workbench.core.masking import MASKER, mask
from workbench.core.payload.asked import Answers, Unknown
from workbench.core.payload.copying import ATOMS, Hidden, Long, Made, Opaque
from workbench.core.payload.plain import plain

KEY = "~"
INLINE_BYTES = 4096
"""Texts and bytes up to this size stand in the cassette itself [characters, bytes]."""

LIBRARIES = frozenset(("workbench", "botocore", "dropbox", "imap_tools", "paramiko", "redis", "requests", "sqlalchemy"))
"""Packages whose modules may be imported to find a class, as that of an error."""

TEXTS: dict[str, tuple[type[Any], Callable[[Any], str], Callable[[str], Any]]] = {
    "datetime": (datetime, datetime.isoformat, datetime.fromisoformat),
    "date": (date, date.isoformat, date.fromisoformat),
    "time": (time, time.isoformat, time.fromisoformat),
    "decimal": (Decimal, str, Decimal),
    "fraction": (Fraction, str, Fraction),
    "uuid": (UUID, str, UUID),
    "path": (PurePath, str, PurePath),
    "zone": (ZoneInfo, str, ZoneInfo),
    "complex": (complex, str, complex),
}
"""Types whose values are a text: the type, its text, and the value again."""

MARKS: dict[str, Any] = {"anything": ..., "unknown": Unknown("is not known")}


class CannotWrite(Exception):
    """A value has no form in a cassette; the text says why, as the end of a sentence about it."""


class BadValue(ValueError):
    """A cassette has what no value was written as."""


def class_name(cls: type[Any]) -> str:
    """`module:Class`, by which a class is found again."""
    return f"{cls.__module__}:{cls.__qualname__}"


def class_named(name: str) -> type[Any]:
    """A class that is loaded, or is of `LIBRARIES`; raises BadValue."""
    module, _, path = name.partition(":")
    if module not in sys.modules and module.partition(".")[0] in LIBRARIES:
        with suppress(ImportError):
            import_module(module)
    found: Any = sys.modules.get(module)
    for word in path.split("."):
        found = getattr(found, word, None)
    if not isinstance(found, type):
        raise BadValue(f"it names the class {name!r}, which is not loaded")
    return found


class Writing:
    """Writes values; `bodies` fills with what is to be a file of its own, by its hash."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    def write(self, value: Any) -> Any:
        """A value as plain data; raises CannotWrite."""
        if value is None or (isinstance(value, bool | int) and type(value) in (bool, int)):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {KEY: "float", "of": str(value)}
        if type(value) is str:
            return self._text(value)
        if isinstance(value, bytes | bytearray):
            return self._bytes(value)
        if value is ... or isinstance(value, Unknown):
            return {KEY: "anything" if value is ... else "unknown"}
        if isinstance(value, Hidden | Long | Opaque):
            return _of_ours(value)
        return self._atom(value) if isinstance(value, ATOMS) else self._of_many(value)

    def _text(self, value: str) -> Any:
        if MASKER.knows_any and mask(value) != value:
            return self._hidden(value, False)
        try:
            contents = value.encode()
        except UnicodeEncodeError:
            return {KEY: "surrogates", "of": value.encode("utf-8", "surrogatepass").hex()}
        return value if len(contents) <= INLINE_BYTES else self._body("text", contents)

    def _bytes(self, value: bytes | bytearray) -> Any:
        kind, contents = type(value).__name__, bytes(value)
        if MASKER.knows_any and mask(said := contents.decode("utf-8", "surrogateescape")) != said:
            return self._hidden(said, True)
        if len(contents) <= INLINE_BYTES and (text := _as_text(contents)) is not None:
            return {KEY: kind, "text": text}
        return self._body(kind, contents)

    def _hidden(self, text: str, is_bytes: bool) -> Any:
        """Of a secret that was learned after the value came."""
        if (pieces := MASKER.apart(text)) is None:
            raise CannotWrite("holds the value of a secret whose name is not known")
        return _of_ours(Hidden(tuple(pieces), is_bytes))

    def _body(self, kind: str, contents: bytes) -> dict[str, Any]:
        name = hash_of(contents)
        self.bodies[name] = contents
        return {KEY: kind, "hash": name, "bytes": len(contents)}

    def _atom(self, value: Any) -> Any:
        if isinstance(value, Definition):
            return {KEY: "definition", "of": value.full_name}
        if isinstance(value, Enum):
            return {KEY: "member", "class": class_name(type(value)), "of": value.name}
        if isinstance(value, timedelta):
            return {KEY: "timedelta", "of": [value.days, value.seconds, value.microseconds]}
        for kind, (cls, text, _) in TEXTS.items():
            if isinstance(value, cls):
                return {KEY: kind, "of": text(value)}
        if isinstance(value, tzinfo):
            return {KEY: "offset", "of": (value.utcoffset(None) or timedelta()).total_seconds()}
        if isinstance(value, int | float | str):
            raise CannotWrite(f"is a {type(value).__name__}, which has no form in a file")
        return {KEY: "network" if "/" in str(value) else "address", "of": str(value)}

    def _of_many(self, value: Any) -> Any:
        cls = type(value)
        if cls is Answers:
            return {KEY: "items", "of": self._all(value), "whole": value.is_whole}
        if cls is list:
            return self._all(value)
        if cls is dict and list(value) == sorted(key for key in value if type(key) is str) and KEY not in value:
            return {key: self.write(each) for key, each in value.items()}
        if isinstance(value, dict):
            pairs = [[self.write(key), self.write(each)] for key, each in value.items()]
            return {KEY: "dict", "of": pairs} | ({} if cls is dict else {"class": class_name(cls)})
        if cls is tuple:
            return {KEY: "tuple", "of": self._all(value)}
        if cls in (set, frozenset):
            return {KEY: cls.__name__, "of": sorted(self._all(value), key=repr)}
        if isinstance(value, Made):
            return {KEY: "made", "class": class_name(value.cls), "of": self.write(value.record)}
        return {KEY: "fields", "class": class_name(cls), "of": self._fields(value)}

    def _fields(self, value: Any) -> Any:
        if hasattr(type(value), "_make"):
            return self._all(value)
        if isinstance(value, msgspec.Struct):
            return {name: self.write(getattr(value, name)) for name in sorted(value.__struct_fields__)}
        if dataclasses.is_dataclass(value) and hasattr(value, "__dict__"):
            return {name: self.write(each) for name, each in sorted(vars(value).items())}
        raise CannotWrite(f"is a {type(value).__name__}, which has no form in a file")

    def _all(self, values: Any) -> list[Any]:
        return [self.write(each) for each in values]


def hash_of(contents: bytes) -> str:
    """The name of a body's file."""
    return blake2b(contents, digest_size=16).hexdigest()


def _as_text(contents: bytes) -> str | None:
    try:
        text = contents.decode()
    except UnicodeDecodeError:
        return None
    return text if all(each.isprintable() or each in "\t\r\n" for each in text) else None


def _of_ours(value: Hidden | Long | Opaque) -> dict[str, Any]:
    if isinstance(value, Hidden):
        pieces = [{"name": text} if is_name else text for text, is_name in value.pieces]
        return {KEY: "hidden", "bytes": value.is_bytes, "of": pieces}
    return (
        {KEY: "long", "bytes": value.size, "hash": value.hash}
        if isinstance(value, Long)
        else {
            KEY: "opaque",
            "of": value.type,
        }
    )


class Reading:
    """Reads values again.

    Args:
        body: Gives the contents of a body by its hash; raises BadValue.
        definitions: The definitions in force, by name.
    """

    def __init__(self, body: Callable[[str, int], bytes], definitions: Mapping[str, Definition]) -> None:
        self._body, self._definitions = body, definitions

    def read(self, value: Any) -> Any:
        """A value as it was; raises BadValue."""
        if isinstance(value, list):
            return [self.read(each) for each in value]
        if not isinstance(value, dict):
            return value
        if KEY not in value:
            return {key: self.read(each) for key, each in value.items()}
        try:
            return self._special(str(value[KEY]), value)
        except BadValue:
            raise
        except Exception as exc:
            raise BadValue(f"what it has as {value[KEY]!r} is none ({type(exc).__name__})") from exc

    def _special(self, kind: str, value: dict[str, Any]) -> Any:
        if kind in MARKS:
            return MARKS[kind]
        if kind in TEXTS:
            return TEXTS[kind][2](value["of"])
        if (read := _PLAIN.get(kind)) is not None:
            return read(value.get("of"))
        if kind in ("text", "bytes", "bytearray"):
            return self._contents(kind, value)
        if kind == "hidden":
            pieces = ((each["name"], True) if isinstance(each, dict) else (each, False) for each in value["of"])
            return Hidden(tuple(pieces), value["bytes"])
        if kind == "long":
            return Long(value["bytes"], value["hash"])
        if kind == "definition":
            return self._definitions[value["of"]]
        return self._of_many(kind, value)

    def _contents(self, kind: str, value: dict[str, Any]) -> Any:
        contents = value["text"].encode() if "text" in value else self._body(value["hash"], value["bytes"])
        return contents.decode() if kind == "text" else bytearray(contents) if kind == "bytearray" else contents

    def _of_many(self, kind: str, value: dict[str, Any]) -> Any:
        if kind == "dict":
            items = {self.read(key): self.read(each) for key, each in value["of"]}
            return _of_dict(class_named(value["class"]), items) if "class" in value else items
        if kind == "member":
            return cast(Any, _of_kind(class_named(value["class"]), Enum))[value["of"]]
        of = self.read(value["of"])
        if kind in ("tuple", "set", "frozenset"):
            return {"tuple": tuple, "set": set, "frozenset": frozenset}[kind](of)
        if kind == "items":
            answers = Answers(of)
            answers.is_whole = bool(value["whole"])
            return answers
        cls = class_named(value["class"])
        if kind == "made":
            if not hasattr(cls, "of_record"):
                raise BadValue(f"{value['class']!r} is made of no record")
            return Made(cls, of)
        if kind == "fields":
            return _of_fields(cls, of)
        raise BadValue(f"it has a value of kind {kind!r}, which there is not")


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "float": float,
    "surrogates": lambda of: bytes.fromhex(of).decode("utf-8", "surrogatepass"),
    "timedelta": lambda of: timedelta(*of),
    "offset": lambda of: timezone(timedelta(seconds=of)),
    "network": ip_network,
    "address": ip_address,
    "opaque": Opaque,
}


def _of_kind(cls: type[Any], base: type[Any]) -> type[Any]:
    if not issubclass(cls, base):
        raise BadValue(f"{class_name(cls)!r} is no {base.__name__}")
    return cls


def _of_dict(cls: type[Any], items: dict[Any, Any]) -> Any:
    made: Any = dict.__new__(_of_kind(cls, dict))
    dict.update(made, items)
    return made


def _of_fields(cls: Any, of: Any) -> Any:
    if issubclass(cls, tuple) and hasattr(cls, "_make"):
        return cls._make(of)
    if issubclass(cls, msgspec.Struct):
        return cls(**of)
    if dataclasses.is_dataclass(cls):
        made: Any = object.__new__(cast(type[Any], cls))
        vars(made).update(of)
        return made
    raise BadValue(f"{class_name(cls)!r} has no fields")


def written_error(writing: Writing, error: tuple[type[Exception], Any, Any]) -> dict[str, Any]:
    """An error as plain data; raises CannotWrite."""
    cls, args, facts = error
    return {"args": writing.write(args), "class": class_name(cls), "facts": writing.write(facts)}


def read_error(reading: Reading, written: Any) -> tuple[type[Exception], Any, Any]:
    """An error again; raises BadValue."""
    if not isinstance(written, dict) or {"args", "class", "facts"} - written.keys():
        raise BadValue("an error in it has no class, args and facts")
    cls = _of_kind(class_named(str(written["class"])), Exception)
    return cls, reading.read(written["args"]), reading.read(written["facts"])


def plain_of(value: Any) -> Any:
    """What JSON has of a value that a service returned; its text where JSON has no word for it."""
    try:
        return msgspec.json.decode(_encoded(value))
    except (TypeError, msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError):
        return repr(value)


_encoded = msgspec.json.Encoder(enc_hook=plain).encode
