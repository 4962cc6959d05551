"""What JSON has no word for, made of what it has: for answers, and for whatever else is sent as JSON."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, MappingView, Sequence, Set
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from pathlib import PurePath
from typing import Any, cast
from uuid import UUID

AS_TEXT = (
    PurePath,
    Fraction,
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)

# Not `str(value)`, which a subclass may have changed.
BASES: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, bytes.__bytes__),
)
LISTED = (Sequence, Set, MappingView, deque)


def plain(value: Any) -> Any:
    """A value in types that JSON knows, or one step nearer; the encoder's hook for all that it cannot say itself.

    Values of subclasses are as those of their base, as with `json` and `orjson`. Numbers and arrays of numpy and pandas
    are numbers and lists, what is not there (NaT, NA) is null, addresses and paths are text, ranges are as PostgreSQL
    writes them. Models of other libraries say themselves what they are.

    Raises:
        TypeError: JSON cannot say this value; names its type and what to return instead.
    """
    if value is None or isinstance(value, bool):  # keys: as values they never come here
        return "null" if value is None else str(value).lower()
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    if (found := _of_base(value)) is not None:
        return found
    for method in ("model_dump", "to_dict", "dict"):
        if callable(made := getattr(value, method, None)):
            return made()
    if callable(listed := getattr(value, "tolist", None)):
        kind = getattr(getattr(value, "dtype", None), "kind", "")
        unit = {"M": "datetime64[us]", "m": "timedelta64[us]"}.get(kind)
        return listed() if unit is None else value.astype(unit).tolist()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, LISTED):
        return [*cast(Iterable[Any], value)]
    if isinstance(value, (*AS_TEXT, Exception)):
        return str(value)
    if all(hasattr(value, each) for each in ("lower", "upper", "bounds")):
        return _range(value)
    raise TypeError(
        f"A {type(value).__name__} cannot be sent as JSON. Fix: return text, bytes, a dict, a list, a number, "
        f"a dataclass, a msgspec.Struct or a pydantic model."
    )


def _of_base(value: Any) -> Any:
    """A value of a subclass as one of its base; None for anything else."""
    for base, made in BASES:
        if isinstance(value, base):
            return made(value)
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, datetime):
        day = (value.year, value.month, value.day)
        clock = (value.hour, value.minute, value.second, value.microsecond)
        return datetime(*day, *clock, tzinfo=value.tzinfo, fold=value.fold)
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    if isinstance(value, time):
        return time(value.hour, value.minute, value.second, value.microsecond, value.tzinfo)
    if isinstance(value, timedelta):
        return timedelta(value.days, value.seconds, value.microseconds)
    return None


def _range(value: Any) -> str:
    """A range of psycopg or SQLAlchemy, as `[1,5)`; a bound that is not there is empty."""
    if getattr(value, "isempty", False) or getattr(value, "is_empty", False):
        return "empty"
    opens, closes = value.bounds
    lower, upper = ("" if each is None else str(each) for each in (value.lower, value.upper))
    return f"{opens}{lower},{upper}{closes}"
