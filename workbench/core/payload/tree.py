"""Configuration as services read it: a dict whose keys are attributes too, all the way down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.core.errors import UnknownName


class Tree(dict[str, Any]):
    """A dict with attributes: `config.billing.url` is `config["billing"]["url"]`."""

    def __init__(self, content: Mapping[str, Any] | None = None, name: str = "configuration") -> None:
        super().__init__()
        vars(self)["_name"] = name
        for key, value in (content or {}).items():
            self[key] = Tree(value, f"{name}.{key}") if isinstance(value, Mapping) else value

    def __getattr__(self, key: str) -> Any:
        if key in self:
            return self[key]
        if key.startswith("__"):
            raise AttributeError(key)
        raise UnknownName(f"key of {vars(self)['_name']}", key, self).as_attribute()

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __delattr__(self, key: str) -> None:
        if key not in self:
            raise UnknownName(f"key of {vars(self)['_name']}", key, self).as_attribute()
        del self[key]

    def __dir__(self) -> list[str]:
        return [*self, *super().__dir__()]
