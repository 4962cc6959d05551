"""Which channel answers a path: fixed paths by one look-up, paths with parameters from the most specific down."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import unquote

from workbench.channels.definition import PLACEHOLDER
from workbench.channels.rest import METHODS
from workbench.core.errors import BadRequest, MethodNotAllowed, NotFound, PathTaken

_KEPT = re.compile("%(2[Ff]|25|(?![0-9A-Fa-f]{2}))")


class Routed(Protocol):
    """Anything that answers for a channel."""

    channel: Any


E = TypeVar("E", bound=Routed)


def decoded(path: str) -> str:
    """A raw path with its percent-encoding undone, but for the slash and the percent sign, which stay %2F and %25.

    So /caf%C3%A9 is the channel's /café, and a%2Fb stays one parameter.

    Raises:
        BadRequest: It is not UTF-8; two such paths must not become one.
    """
    try:
        if not path.isascii():
            path = path.encode("latin-1").decode()
        return decoded_definition(path, "strict")
    except UnicodeError:
        raise BadRequest("The path is not UTF-8") from None


class Pattern(Generic[E]):
    """A path with parameters, and the endpoints on it."""

    def __init__(self, channel: Any) -> None:
        self.slashes = channel.match_slash
        self.literals = literals_of(channel)
        self.first, *self.between, self.last = self.literals
        self.endpoints: list[tuple[E, list[str]]] = []
        literal = sum(map(len, self.literals))
        self.order = (self.slashes, -literal, len(self.literals), channel.path)

    def match(self, path: str) -> list[str] | None:
        """The parameters' values, each as long as it can be from the left, or None.

        From the right, so that it is linear in the path: a regular expression would take a stranger's path of 8 KiB
        with three parameters for hours.
        """
        if not (path.startswith(self.first) and path.endswith(self.last)):
            return None
        start, end = len(self.first), len(path) - len(self.last)
        values = []
        for literal in reversed(self.between):
            at = path.rfind(literal, start, end - 1)
            if at < 0:
                return None
            values.append(path[at + len(literal) : end])
            end = at
        values.append(path[start:end] if start < end else "")
        if not all(values) or (not self.slashes and any("/" in value for value in values)):
            return None
        return values[::-1]


def literals_of(channel: Any) -> tuple[str, ...]:
    """The pieces of a path around its parameters."""
    return tuple(decoded_definition(piece) for piece in PLACEHOLDER.split(channel.path)[0::2])


def decoded_definition(path: str, errors: str = "replace") -> str:
    """The same for the path of a definition, where letters may stand as they are."""
    return unquote(_KEPT.sub(lambda match: "%252F" if match[1] in ("2F", "2f") else "%2525", path), errors=errors)


class Routes(Generic[E]):
    """An immutable table of endpoints, made anew when a channel changes.

    Raises:
        PathTaken: Two active channels answer one path and method.
    """

    def __init__(self, endpoints: Iterable[E] = ()) -> None:
        self._fixed: dict[str, list[E]] = {}
        patterns: dict[object, Pattern[E]] = {}
        for endpoint in endpoints:
            channel = endpoint.channel
            if "{" in channel.path:
                # Two paths that differ in the names of their parameters alone are one.
                shape = (channel.match_slash, literals_of(channel))
                pattern = patterns.setdefault(shape, Pattern[E](channel))
                _check_free(channel, (each for each, _ in pattern.endpoints))
                pattern.endpoints.append((endpoint, PLACEHOLDER.findall(channel.path)))
            else:
                on_path = self._fixed.setdefault(decoded_definition(channel.path), [])
                _check_free(channel, on_path)
                on_path.append(endpoint)
        self._patterns = sorted(patterns.values(), key=lambda pattern: pattern.order)

    def __iter__(self) -> Iterator[E]:
        """Every endpoint."""
        yield from chain.from_iterable(self._fixed.values())
        yield from (endpoint for pattern in self._patterns for endpoint, _ in pattern.endpoints)

    def find(self, method: str, path: str) -> tuple[E, dict[str, str]]:
        """The endpoint for a raw (still percent-encoded) path, and its decoded parameters.

        Raises:
            BadRequest: The path cannot be read.
            NotFound: No channel has this path.
            MethodNotAllowed: Channels have it, for other methods.
        """
        encoded = "%" in path or not path.isascii()
        if encoded:
            path = decoded(path)
        on_path = self._fixed.get(path)
        if on_path is not None and (endpoint := _by_method(on_path, method)) is not None:
            return endpoint, {}
        refused = [on_path or []]
        for pattern in self._patterns:
            if (values := pattern.match(path)) is None:
                continue
            if (endpoint := _by_method([each for each, _ in pattern.endpoints], method)) is not None:
                names = next(names for each, names in pattern.endpoints if each is endpoint)
                return endpoint, dict(zip(names, map(unquote, values) if encoded else values, strict=True))
            refused.append([each for each, _ in pattern.endpoints])
        if allow := set(_methods(chain.from_iterable(refused))):
            raise MethodNotAllowed(allow=sorted(allow))
        raise NotFound("Not Found")


def _check_free(channel: Any, on_path: Iterable[Routed]) -> None:
    for other in on_path:
        shared = set(channel.methods or ()) & set(other.channel.methods or ())
        if shared or not channel.methods or not other.channel.methods:
            raise PathTaken(channel.path, other.channel.name, channel.name, sorted(shared))


def _by_method(on_path: list[E], method: str) -> E | None:
    """The endpoint for a method; GET's also answers HEAD, unless another one does."""
    stand_in = None
    for endpoint in on_path:
        methods = endpoint.channel.methods
        if method in (methods or METHODS):
            return endpoint
        if method == "HEAD" and "GET" in methods:
            stand_in = endpoint
    return stand_in


def _methods(endpoints: Iterable[Routed]) -> Iterator[str]:
    for endpoint in endpoints:
        methods = endpoint.channel.methods or METHODS
        yield from methods
        if "GET" in methods:
            yield "HEAD"
