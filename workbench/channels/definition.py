"""What every channel over HTTP is: an address, who may call it, how often, and bounds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta, structs

from workbench.core.definition import Definition, Reference

if TYPE_CHECKING:
    from workbench.channels.dialect import Dialect

PLACEHOLDER = re.compile(r"{([^{}]*)}")


class HTTPChannel(Definition, frozen=True, kw_only=True):
    """An HTTP address that leads to services."""

    collection: ClassVar[str] = "channels"

    path: Annotated[str, Meta(max_length=2000, description="Address, as /api/orders/{id}.")] = ""
    security: Annotated[str, Meta(description="Security definition whose user may call; empty: anyone.")] = ""
    limit: Annotated[str, Meta(description="Calls allowed, as 100/m; several lines name networks.")] = ""
    timeout_seconds: Annotated[float, Meta(gt=0, le=86400, description="Longest wait for the service [s].")] = 60.0
    max_body_bytes: Annotated[int, Meta(ge=0, description="Largest request body, on disk from 8 MiB on [bytes].")] = (
        8 * 1024 * 1024
    )
    active: Annotated[bool, Meta(description="Whether it answers at all.")] = True

    def __post_init__(self) -> None:
        if not self.path:
            structs.force_setattr(self, "path", _path_of(self.name))
        super().__post_init__()

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods this channel answers; empty means every one."""
        return ("POST",)

    @property
    def leads_to(self) -> tuple[str, ...]:
        """Names of the services behind it."""
        return ()

    def dialect(self) -> Dialect | None:
        """How it reads and writes bodies; None for plain REST."""
        return None

    def problems(self) -> dict[str, str]:
        found = {}
        if not self.path.startswith("/") or re.search(r"[\s?#]", self.path):
            found["path"] = "must begin with / and hold no space, ? or #"
        names = PLACEHOLDER.findall(self.path)
        if any(not name.isidentifier() for name in names) or len(set(names)) != len(names):
            found["path"] = "must have different {names}, each a word"
        elif "{" in PLACEHOLDER.sub("", self.path) or "}" in PLACEHOLDER.sub("", self.path):
            found["path"] = "has a brace without its partner"
        elif self.path == "/ping" or self.path.startswith("/workbench/"):
            found["path"] = "must not be /ping or below /workbench/, which are the server's own"
        return found

    def changed(self) -> dict[str, object]:
        changed = super().changed()
        if self.path == _path_of(self.name):
            del changed["path"]
        return changed

    def references(self) -> Iterator[Reference]:
        for service in self.leads_to:
            yield Reference("services", service, "service")
        if self.security:
            yield Reference("security", self.security, "security")


def _path_of(name: object) -> str:
    """The path of a channel that names none."""
    return f"/{str(name).replace('.', '/')}"


class DialectChannel(HTTPChannel, frozen=True, kw_only=True):
    """A channel whose bodies have a form of their own: POST alone, to one fixed reading."""

    match_slash: ClassVar[bool] = False
    data_format: ClassVar[str] = "dict"
    content_type: ClassVar[str] = ""
    envelope: ClassVar[str] = "zato"
