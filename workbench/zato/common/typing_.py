"""Zato's `zato.common.typing_`: names for types, as its models use them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Optional, Union, cast

any_, cast_, dict_, list_, set_, tuple_, optional, union_ = Any, cast, dict, list, set, tuple, Optional, Union
callable_ = Callable[..., Any]
anydict, anylist, anyset, anytuple = dict[Any, Any], list[Any], set[Any], tuple[Any, ...]
anynone, anydictnone, anylistnone = Any | None, dict[Any, Any] | None, list[Any] | None
boolnone, floatnone, intnone, strnone, bytesnone = bool | None, float | None, int | None, str | None, bytes | None
dictlist, dictnone, listnone, dictorlist = list[dict[Any, Any]], dict | None, list | None, dict | list
intlist, strlist, strlistnone, intlistnone = list[int], list[str], list[str] | None, list[int] | None
stranydict, strdict, strstrdict, strdictnone = dict[str, Any], dict[str, Any], dict[str, str], dict[str, Any] | None
intset, strset, strtuple = set[int], set[str], tuple[str, ...]


def list_field() -> Any:
    """The default of a model's field: a list of its own for each object."""
    return field(default_factory=list)


def dict_field() -> Any:
    """The default of a model's field: a dict of its own for each object."""
    return field(default_factory=dict)


__all__ = [
    "any_",
    "anydict",
    "anydictnone",
    "anylist",
    "anylistnone",
    "anynone",
    "anyset",
    "anytuple",
    "asdict",
    "boolnone",
    "bytesnone",
    "callable_",
    "cast_",
    "dataclass",
    "dict_",
    "dict_field",
    "dictlist",
    "dictnone",
    "dictorlist",
    "field",
    "floatnone",
    "intlist",
    "intlistnone",
    "intnone",
    "intset",
    "list_",
    "list_field",
    "listnone",
    "optional",
    "set_",
    "stranydict",
    "strdict",
    "strdictnone",
    "strlist",
    "strlistnone",
    "strnone",
    "strset",
    "strstrdict",
    "strtuple",
    "tuple_",
    "union_",
]
