"""The document: every channel that a caller may see, in OpenAPI 3.1.

Source: https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from workbench.app.serving.openapi.answers import HEADERS
from workbench.app.serving.openapi.examples import Example, with_example
from workbench.app.serving.openapi.operations import address_alone, operation_of, params_of
from workbench.app.serving.openapi.schemas import Components
from workbench.app.serving.openapi.ways import Way, ids_of, schemes_of
from workbench.channels.definition import PLACEHOLDER
from workbench.channels.routes import literals_of
from workbench.core.masking import masked

log = logging.getLogger("workbench.app.serving.openapi")
SAFE = "/%:@!$&'()*+,;=~"
"""What a path may hold as it is, besides letters and digits: RFC 3986, 3.3."""

Document = dict[str, Any]
Recorded = Callable[[Way, str], Example | None]
"""Gives a recorded call of a channel and method, if there is one."""


def _nothing(way: Way, method: str) -> None:
    """What is recorded where nobody asks for examples."""


class Described:
    """Describes channels; of all of them, so that a name is the same for whoever sees some.

    Args:
        ways: Every channel, in the order in which they are asked.
        title: What the application is called.
    """

    def __init__(self, ways: Sequence[Way], title: str) -> None:
        self.ways, self._title = ways, title
        self.ids = ids_of(way.channel.name for way in ways)
        self._users = ids_of(way.user.name for way in ways if way.user is not None)

    def document(self, url: str, seen: Iterable[Way], recorded: Recorded = _nothing) -> Document:
        """The document, masked.

        Args:
            url: Where the server answers; it is the same for every path.
            seen: The channels that are told.
            recorded: Where examples come from; without it there are none.
        """
        drawing = _Drawing(self, recorded)
        for way in seen:
            drawing.add(way)
        shared = drawing.components
        components = {
            "schemas": shared.schemas,
            "responses": shared.responses,
            "headers": HEADERS if drawing.paths else {},
            "securitySchemes": drawing.schemes,
        }
        told = msgspec.to_builtins(
            masked(
                {
                    "paths": {path: item for path, item in sorted(drawing.paths.items()) if item},
                    "components": {name: dict(sorted(each.items())) for name, each in components.items() if each},
                }
            )
        )
        info = {"title": self._title, "version": digest_of(told)}
        return {"openapi": "3.1.1", "info": info, "servers": [{"url": url}], **told}

    def schemes(self, way: Way) -> dict[str, Any]:
        """What the user of a channel must send, by name; nothing where anyone may call."""
        if way.user is None:
            return {}
        name = self._users[way.user.name]
        try:
            found = schemes_of(way.user)
        except Exception:
            log.warning("%s cannot say by which headers it calls", way.user, exc_info=True)
            found = [{"type": "apiKey", "in": "header", "name": "Authorization", "description": str(way.user)}]
        return {name if place == 0 else f"{name}.{place + 1}": each for place, each in enumerate(found)}


class _Drawing:
    """A document as it is made."""

    def __init__(self, of: Described, recorded: Recorded) -> None:
        self._of, self._recorded = of, recorded
        self.components = Components()
        self.paths: dict[str, dict[str, Any]] = {}
        self.schemes: dict[str, Any] = {}
        self._templates: dict[tuple[str, ...], str] = {}

    def add(self, way: Way) -> None:
        """Add the operations of a channel; paths that differ in the names of their parameters alone are one."""
        template = self._templates.setdefault(literals_of(way.channel), way.channel.path)
        item, params = self.paths.setdefault(_written(template), {}), params_of(way.channel.path, template)
        schemes = self._of.schemes(way)
        self.schemes |= schemes
        for method in way.methods:
            word = method.lower()
            if word in item:
                # OpenAPI has no two operations that differ in whether a parameter may hold slashes.
                note = f"Where a parameter holds slashes, channel {way.channel.name} answers."
                item[word]["description"] = "\n\n".join(filter(None, (item[word].get("description"), note)))
                continue
            operation: dict[str, Any] = {"operationId": f"{self._of.ids[way.channel.name]}.{word}"}
            operation |= self._operation(way, method, params)
            if schemes:
                operation["security"] = [{each: [] for each in schemes}]
            item[word] = operation

    def _operation(self, way: Way, method: str, params: dict[str, str]) -> dict[str, Any]:
        try:
            made = operation_of(way, method, params, self.components)
        except Exception as exc:
            # One declaration that cannot be described must not take all others with it.
            log.warning("channel %r is described by its address alone", way.channel.name, exc_info=True)
            made = address_alone(params, f"What it takes and gives cannot be described: {type(exc).__name__}: {exc}")
        if (example := self._recorded(way, method)) is not None:
            with_example(made, example)
        return made


def digest_of(value: Any) -> str:
    """A short word that is another one whenever the value is."""
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()[:12]


def _written(path: str) -> str:
    """A channel's path as an address has it: letters that it may not hold are encoded."""
    pieces = PLACEHOLDER.split(path)
    return "".join(f"{{{each}}}" if place % 2 else quote(each, safe=SAFE) for place, each in enumerate(pieces))
