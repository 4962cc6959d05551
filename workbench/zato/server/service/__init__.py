"""Zato's `zato.server.service`: the Service class, its adapter for REST, and SimpleIO's elements."""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins

from workbench.core.payload.elements import (
    CSV,
    UUID,
    AsIs,
    Bool,
    Boolean,
    Date,
    DateTime,
    Decimal,
    Dict,
    DictList,
    Float,
    Int,
    Integer,
    List,
    ListOfDicts,
    Nested,
    Opaque,
    Secret,
    Text,
    Unicode,
)
from workbench.core.payload.elements import Elem as ForceType
from workbench.core.payload.elements import UTCDateTime as UTC
from workbench.core.payload.plain import plain
from workbench.core.payload.response import encode_json
from workbench.core.service import Service
from workbench.zato.common.typing_ import (
    any_,
    anydict,
    anylist,
    dataclass,
    dict_,
    dictlist,
    field,
    intlist,
    intnone,
    list_,
    optional,
    strdict,
    strlist,
    strnone,
)
from workbench.zato.server.service.adapter import RESTAdapter


class Model:
    """The base of a service's models: `@dataclass(init=False)` above `class Order(Model)`."""

    def to_dict(self) -> Any:
        """Plain data, all the way down."""
        return to_builtins(self, enc_hook=plain)

    def to_json(self) -> str:
        """JSON."""
        return encode_json(self).decode()


__all__ = [
    "CSV",
    "UTC",
    "UUID",
    "AsIs",
    "Bool",
    "Boolean",
    "Date",
    "DateTime",
    "Decimal",
    "Dict",
    "DictList",
    "Float",
    "ForceType",
    "Int",
    "Integer",
    "List",
    "ListOfDicts",
    "Model",
    "Nested",
    "Opaque",
    "RESTAdapter",
    "Secret",
    "Service",
    "Text",
    "Unicode",
    "any_",
    "anydict",
    "anylist",
    "dataclass",
    "dict_",
    "dictlist",
    "field",
    "intlist",
    "intnone",
    "list_",
    "optional",
    "strdict",
    "strlist",
    "strnone",
]
