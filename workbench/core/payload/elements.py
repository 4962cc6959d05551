"""The elements that SimpleIO declarations are made of: a name, a type, maybe a default.

Names, inference rules and conversions follow Zato's SimpleIO; a plain string becomes the element its name suggests.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from copy import copy
from datetime import UTC, date, datetime
from decimal import Decimal as DecimalNumber
from decimal import InvalidOperation
from typing import Any, ClassVar

from workbench.core.payload.rules import RULES, Rules, suggested

UNSET: Any = type("Unset", (), {"__repr__": lambda self: "UNSET", "__bool__": lambda self: False})()

TRUE = frozenset(("true", "yes", "on", "y", "t", "1"))
FALSE = frozenset(("false", "no", "off", "n", "f", "0", ""))


class BadParts(ValueError):
    """Parts of a value are missing or wrong: the path of each from the value on, and what is wrong with it."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{path} {problem}" for path, problem in problems))


class Elem:
    """One named value of a service's input or output.

    `convert` raises ValueError with what the value should have been: "a whole number".

    Attributes:
        skips_empty: Whether an output leaves it out where it is '' or None.
        forces_empty: Whether an output has it as None where it is not set, though it is optional.
    """

    absent: ClassVar[Any] = ""
    wanted: ClassVar[str] = "text"
    skips_empty = forces_empty = False

    def __init__(self, name: str, default: Any = UNSET) -> None:
        self.name, self.default = name.removeprefix("-"), default
        self.optional = name.startswith("-")

    @property
    def stand_in(self) -> Any:
        """What an absent element is: its default, else its type's empty value."""
        return self.absent if self.default is UNSET else copy(self.default)

    def convert(self, value: Any) -> Any:
        """The value in this element's type; bytes pass through unchanged."""
        return value

    def written(self, value: Any) -> Any:
        """The value as an output has it; raises ValueError as `convert` does."""
        return self.convert(value)

    def under(self, rules: Rules) -> Elem:
        """The same element where other rules say what plain names within it suggest."""
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class AsIs(Elem):
    """Anything, untouched; `parts` say to who reads it what it holds, as in Zato, and are not checked."""

    def __init__(self, name: str, *parts: str | Elem, default: Any = UNSET) -> None:
        super().__init__(name, default)
        self.parts = parts


class Text(Elem):
    """Text; bytes and streams stay what they are."""

    def convert(self, value: Any) -> Any:
        if isinstance(value, str | bytes | bytearray | memoryview | None) or hasattr(value, "read"):
            return value
        return str(value)


class Secret(Text):
    """Text that never shows in a trace or a log."""


class Bool(Elem):
    """True or false, by the usual words."""

    absent = False
    wanted = "true or false"

    def convert(self, value: Any) -> Any:
        if isinstance(value, bool) or value is None:
            return bool(value)
        word = str(value).strip().lower()
        if word in TRUE:
            return True
        if word in FALSE:
            return False
        raise ValueError(self.wanted)


class Int(Elem):
    """A whole number; empty stays empty."""

    wanted = "a whole number"

    def convert(self, value: Any) -> Any:
        if value is None or value == "":
            return value
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise ValueError(self.wanted)
        return int(value)


class Float(Elem):
    """A number."""

    wanted = "a number"

    def convert(self, value: Any) -> Any:
        return 0.0 if value is None or value == "" else float(value)


class Decimal(Elem):
    """A decimal number, exact."""

    wanted = "a decimal number"

    def convert(self, value: Any) -> Any:
        try:
            return DecimalNumber(str(value))
        except InvalidOperation as exc:
            raise ValueError(self.wanted) from exc


class _Moment(Elem):
    """A day or an instant, ISO 8601, or in a format of `strptime`, in which an output is written then."""

    def __init__(self, name: str, format: str = "", default: Any = UNSET) -> None:
        super().__init__(name, default)
        self.format = "" if format == "iso" else format

    def _read(self, text: str) -> datetime | None:
        """Text in the element's own format; None if it is not."""
        with suppress(ValueError):
            # As it is written: the format says whether there is a zone.
            return datetime.strptime(text, self.format) if self.format else None  # noqa: DTZ007
        return None

    def written(self, value: Any) -> Any:
        moment = self.convert(value)
        return moment.strftime(self.format) if self.format else moment


class Date(_Moment):
    """A day, ISO 8601; of an instant, its day."""

    wanted = "a date as 2026-12-31"

    def convert(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        text = str(value)
        if (read := self._read(text)) is not None:
            return read.date()
        return date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text).date()


class DateTime(_Moment):
    """An instant, ISO 8601."""

    wanted = "a date and time as 2026-12-31T23:59:00"

    def convert(self, value: Any) -> Any:
        return value if isinstance(value, datetime) else self._read(str(value)) or datetime.fromisoformat(str(value))


class UTCDateTime(DateTime):
    """An instant in UTC; one without a zone is taken as UTC."""

    def convert(self, value: Any) -> Any:
        instant = super().convert(value)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


class UUID(Elem):
    """A UUID."""

    wanted = "a UUID"

    def convert(self, value: Any) -> Any:
        return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))


class CSV(Elem):
    """A list written with commas."""

    wanted = "a list written with commas"

    def convert(self, value: Any) -> Any:
        if isinstance(value, str):
            return value.split(",") if value else []
        if value is None or isinstance(value, list | tuple | set):
            return list(value or ())
        raise ValueError(self.wanted)


class List(Elem):
    """A list; one value becomes a list of one."""

    wanted = "a list"

    def convert(self, value: Any) -> Any:
        if value is None:
            return []
        return list(value) if isinstance(value, list | tuple | set) else [value]


class Dict(Elem):
    """An object with the given keys (all of them if none are given); `-key` is optional."""

    wanted = "an object"

    def __init__(self, name: str, *keys: str | Elem, default: Any = UNSET) -> None:
        super().__init__(name, default)
        self._declared = keys
        self.keys = [as_elem(key) for key in keys]

    def under(self, rules: Rules) -> Dict:
        made = copy(self)
        made.keys = [as_elem(key, rules) for key in self._declared]
        return made

    def convert(self, value: Any) -> Any:
        return self._parts(value, is_output=False)

    def written(self, value: Any) -> Any:
        return self._parts(value, is_output=True)

    def _parts(self, value: Any, is_output: bool) -> Any:
        if not isinstance(value, dict):
            raise ValueError(self.wanted)
        if not self.keys:
            return value
        found, problems = taken(self.keys, value, is_output)
        if problems:
            raise BadParts(problems)
        return found


class DictList(Elem):
    """A list of objects with the given keys."""

    wanted = "a list of objects"

    def __init__(self, name: str, *keys: str | Elem, default: Any = UNSET) -> None:
        super().__init__(name, default)
        self.each = Dict(name, *keys)

    def under(self, rules: Rules) -> DictList:
        made = copy(self)
        made.each = self.each.under(rules)
        return made

    def convert(self, value: Any) -> Any:
        return self._rows(value, self.each.convert)

    def written(self, value: Any) -> Any:
        return self._rows(value, self.each.written)

    def _rows(self, value: Any, converted: Callable[[Any], Any]) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise ValueError(self.wanted)
        rows, problems = [], []
        for i, each in enumerate(value):
            try:
                rows.append(converted(each))
            except ValueError as exc:
                problems += problems_in(f"[{i}]", self.each, exc)
        if problems:
            raise BadParts(problems)
        return rows


def taken(
    elems: Iterable[Elem], given: Mapping[str, Any], is_output: bool = False
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Each element's value out of `given`, and the path and fault of each that is missing or wrong."""
    found: dict[str, Any] = {}
    problems: list[tuple[str, str]] = []
    for elem in elems:
        value = given.get(elem.name, UNSET)
        if value is UNSET and elem.default is UNSET and not elem.optional:
            problems.append((elem.name, "is missing"))
        elif value is UNSET:
            found[elem.name] = elem.stand_in
        else:
            try:
                found[elem.name] = elem.written(value) if is_output else elem.convert(value)
            except (ValueError, TypeError, OverflowError) as exc:
                # Forms and JSON null send an optional element empty; where its type has no empty, that is absence.
                if value in (None, "") and (elem.optional or elem.default is not UNSET):
                    found[elem.name] = elem.stand_in
                else:
                    problems += problems_in(elem.name, elem, exc)
    return found, problems


def problems_in(path: str, elem: Elem, error: Exception) -> list[tuple[str, str]]:
    """What a failed conversion says, with the paths of the parts that failed."""
    if not isinstance(error, BadParts):
        return [(path, f"must be {elem.wanted}")]
    return [(f"{path}{'' if below.startswith('[') else '.'}{below}", said) for below, said in error.problems]


Opaque, Nested, Boolean, Integer, Unicode, ListOfDicts = AsIs, AsIs, Bool, Int, Text, DictList

_SUGGESTED: Mapping[str, type[Elem]] = {"bool": Bool, "int": Int, "secret": Secret}


def as_elem(declared: str | Elem, rules: Rules = RULES) -> Elem:
    """The element itself, or the one that a plain name suggests, as do names within it; without a rule it is text."""
    if isinstance(declared, Elem):
        return declared.under(rules)
    return _SUGGESTED.get(suggested(declared.removeprefix("-"), rules), Text)(declared)
