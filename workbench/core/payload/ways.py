"""`self.out`, `self.email`, `self.cloud`: ways out by kind, and the connections of a kind by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench.core.call import Call, Connections
from workbench.core.errors import UnknownName


class Ways:
    """A group of ways out, `self.out` or `self.cloud.aws`: one attribute per kind of connection, or per group."""

    __slots__ = ("_call", "_prefix")

    def __init__(self, call: Call, prefix: str) -> None:
        self._call, self._prefix = call, prefix

    def __getattr__(self, word: str) -> Any:
        if word.startswith("__"):
            raise AttributeError(word)
        dotted = f"{self._prefix}.{word}"
        ways = self._call.surroundings.connections.ways()
        if dotted not in ways and any(each.startswith(f"{dotted}.") for each in ways):
            return Ways(self._call, dotted)
        return Way(self._call, dotted)

    def __dir__(self) -> list[str]:
        ways = self._call.surroundings.connections.ways()
        below = (each.removeprefix(f"{self._prefix}.") for each in ways if each.startswith(f"{self._prefix}."))
        return list(dict.fromkeys(each.partition(".")[0] for each in below))


class Way:
    """The connections of one kind, by name."""

    __slots__ = ("_attribute", "_call", "_kind")

    def __init__(self, call: Call, attribute: str) -> None:
        self._call, self._attribute = call, attribute
        self._connections.expect_way(attribute)
        self._kind = self._connections.ways()[attribute]

    @property
    def _connections(self) -> Connections:
        return self._call.surroundings.connections

    def __getitem__(self, name: str) -> Any:
        item = self._connections.item(self._kind, name)
        view = item.definition.attributes[self._attribute]
        if view != "item":
            item = item.conn if view == "conn" else getattr(item.conn, view)(self._call.cid)
        return self._call.surroundings.held(self._call, name, item)

    def get(self, name: str, *default: Any) -> Any:
        """The connection of that name; of none, the default, or UnknownName where none is given."""
        return default[0] if default and name not in self else self[name]

    def values(self) -> list[Any]:
        """The connections of this kind."""
        return [self[name] for name in self.keys()]

    def items(self) -> list[tuple[str, Any]]:
        """Name and connection of each of this kind."""
        return [(name, self[name]) for name in self.keys()]

    def keys(self) -> list[str]:
        """Names of the connections of this kind."""
        return self._connections.names(self._kind)

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except UnknownName as exc:
            raise exc.as_attribute() from None

    _ipython_key_completions_ = keys
