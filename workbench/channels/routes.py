"""Which channel answers a path: fixed paths by one look-up, paths with parameters from the most specific down."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar
from urllib.parse import unquote

from workbench.channels.rest import PLACEHOLDER, RESTChannel
from workbench.core.errors import MethodNotAllowed, NotFound, PathTaken


class Routed(Protocol):
    """Anything that answers for a channel."""

    channel: RESTChannel


E = TypeVar("E", bound=Routed)


class Pattern(Generic[E]):
    """A path with parameters, and the endpoints on it."""

    def __init__(self, channel: RESTChannel) -> None:
        self.path = channel.path
        inside = "(.+)" if channel.match_slash else "([^/]+)"
        pieces = PLACEHOLDER.split(channel.path)
        self.names = pieces[1::2]
        self.regex = re.compile(inside.join(re.escape(piece) for piece in pieces[0::2]))
        self.endpoints: list[E] = []
        literal = sum(len(piece) for piece in pieces[0::2])
        self.order = (channel.match_slash, -literal, len(self.names), channel.path)

    @property
    def shape(self) -> str:
        """The path with its parameters' names taken out: two of one shape collide."""
        return self.regex.pattern


class Routes(Generic[E]):
    """An immutable table of endpoints, made anew when a channel changes.

    Raises:
        PathTaken: Two active channels answer one path and method.
    """

    def __init__(self, endpoints: Iterable[E] = ()) -> None:
        self._fixed: dict[str, list[E]] = {}
        patterns: dict[str, Pattern[E]] = {}
        for endpoint in endpoints:
            channel = endpoint.channel
            if "{" in channel.path:
                pattern = Pattern[E](channel)
                on_path = patterns.setdefault(pattern.shape, pattern).endpoints
            else:
                on_path = self._fixed.setdefault(channel.path, [])
            _check_free(channel, on_path)
            on_path.append(endpoint)
        self._patterns = sorted(patterns.values(), key=lambda pattern: pattern.order)

    def find(self, method: str, path: str) -> tuple[E, dict[str, str]]:
        """The endpoint for a raw (still percent-encoded) path, and its decoded parameters.

        Raises:
            NotFound: No channel has this path.
            MethodNotAllowed: Channels have it, for other methods.
        """
        on_path = self._fixed.get(path)
        if on_path is not None:
            return _by_method(on_path, method), {}
        if "%" in path and (on_path := self._fixed.get(unquote(path))) is not None:
            return _by_method(on_path, method), {}
        for pattern in self._patterns:
            if match := pattern.regex.fullmatch(path):
                values = (unquote(value) for value in match.groups())
                endpoint = _by_method(pattern.endpoints, method)
                return endpoint, dict(zip(PLACEHOLDER.findall(endpoint.channel.path), values, strict=True))
        raise NotFound("Not Found")


def _check_free(channel: RESTChannel, on_path: Iterable[Routed]) -> None:
    for other in on_path:
        shared = set(channel.methods) & set(other.channel.methods)
        if shared or not channel.methods or not other.channel.methods:
            raise PathTaken(channel.path, other.channel.name, channel.name, sorted(shared))


def _by_method(on_path: list[E], method: str) -> E:
    for endpoint in on_path:
        methods = endpoint.channel.methods
        if not methods or method in methods or (method == "HEAD" and "GET" in methods):
            return endpoint
    allow = {each for endpoint in on_path for each in endpoint.channel.methods}
    raise MethodNotAllowed(allow=sorted(allow | ({"HEAD"} if "GET" in allow else set())))
