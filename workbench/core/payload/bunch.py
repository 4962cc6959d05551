"""`Bunch`: a dict whose keys are attributes, too, as the package of that name has it."""

from __future__ import annotations

from typing import Any


class Bunch(dict[Any, Any]):
    """A dict with attributes: `bunch.key` is `bunch["key"]`."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            there = ", ".join(map(str, self)) or "none"
            raise AttributeError(f"There is no key {name!r}; there: {there}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __dir__(self) -> list[str]:
        return [*map(str, self), *super().__dir__()]

    def __repr__(self) -> str:
        return f"Bunch({dict(self)!r})"

    def copy(self) -> Bunch:
        """A shallow copy."""
        return Bunch(self)

    def toDict(self) -> dict[Any, Any]:
        """Plain dicts, all the way down."""
        plain: dict[Any, Any] = unbunchify(self)
        return plain

    @staticmethod
    def fromDict(value: Any) -> Any:
        """The same with a Bunch for each dict."""
        return bunchify(value)


def bunchify(value: Any) -> Any:
    """A value with a Bunch in place of each dict in it, in lists and tuples too."""
    if isinstance(value, dict):
        return Bunch({key: bunchify(each) for key, each in value.items()})
    return type(value)(map(bunchify, value)) if type(value) in (list, tuple) else value


def unbunchify(value: Any) -> Any:
    """A value with plain dicts, the other way round."""
    if isinstance(value, dict):
        return {key: unbunchify(each) for key, each in value.items()}
    return type(value)(map(unbunchify, value)) if type(value) in (list, tuple) else value
