"""Zato's `zato.common.marshal_.api`: the base of models."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Self

from msgspec import to_builtins

from workbench.core.payload import typed
from workbench.core.payload.plain import plain
from workbench.core.payload.response import encode_json


class Model:
    """The base of a service's models: `@dataclass(init=False)` above `class Order(Model)`."""

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """An object of plain data; raises InvalidInput, which names every element that is missing or wrong."""
        made: Self = typed.Model(cls).read(data, {}, cls.__name__)
        return made

    def to_dict(self) -> Any:
        """Plain data, all the way down."""
        return to_builtins(self, enc_hook=plain)

    def to_json(self) -> str:
        """JSON."""
        return encode_json(self).decode()

    def clone(self) -> Self:
        """A copy that shares nothing with this one."""
        return deepcopy(self)

    def get(self, name: str, default: Any = None) -> Any:
        """A field by name, or the default where it is not set."""
        return getattr(self, name, default)


__all__ = ["Model"]
