"""Zato's `zato.server.service`: the Service class and SimpleIO's elements."""

from __future__ import annotations

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
    Opaque,
    Secret,
    Text,
    Unicode,
)
from workbench.core.payload.elements import UTCDateTime as UTC
from workbench.core.service import Service

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
    "Int",
    "Integer",
    "List",
    "ListOfDicts",
    "Opaque",
    "Secret",
    "Service",
    "Text",
    "Unicode",
]
