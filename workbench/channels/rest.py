"""REST channels: an HTTP address bound to a service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, structs

from workbench.core.definition import Definition, Reference

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PLACEHOLDER = re.compile(r"{([^{}]*)}")

DataFormat = Literal["json", "form", "raw"]
Envelope = Literal["zato", "zato-3.1"]


class RESTChannel(Definition, tag="rest channel", frozen=True, kw_only=True):
    """An HTTP address that leads to a service."""

    kind: ClassVar[str] = "REST"
    collection: ClassVar[str] = "channels"

    path: Annotated[str, Meta(max_length=2000, description="Address, as /api/orders/{id}.")] = ""
    service: Annotated[str, Meta(description="Name of the service that answers.")] = ""
    method: Annotated[str | tuple[str, ...], Meta(description="Method, or several; none means all.")] = ()
    security: Annotated[str, Meta(description="Security definition whose user may call; empty: anyone.")] = ""
    limit: Annotated[str, Meta(description="Calls allowed, as 100/m; several lines name networks.")] = ""
    data_format: Annotated[DataFormat, Meta(description="How `self.request.payload` is read.")] = "json"
    match_slash: Annotated[bool, Meta(description="Whether {name} may hold slashes.")] = False
    content_type: Annotated[str, Meta(description="Content type of answers; empty: by what is returned.")] = ""
    envelope: Annotated[Envelope, Meta(description="Shape of error bodies.")] = "zato"
    timeout_seconds: Annotated[float, Meta(gt=0, le=86400, description="Longest wait for the service [s].")] = 60.0
    max_body_bytes: Annotated[int, Meta(ge=0, description="Largest request body [bytes].")] = 8 * 1024 * 1024
    active: Annotated[bool, Meta(description="Whether it answers at all.")] = True

    def __post_init__(self) -> None:
        if not self.path:
            structs.force_setattr(self, "path", f"/{str(self.name).replace('.', '/')}")
        if not self.service:
            structs.force_setattr(self, "service", self.name)
        if isinstance(self.method, str):
            structs.force_setattr(self, "method", tuple(self.method.upper().replace(",", " ").split()))
        elif isinstance(self.method, list | tuple):
            structs.force_setattr(self, "method", tuple(str(each).upper() for each in self.method))
        super().__post_init__()

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods this channel answers; empty means every one."""
        return self.method if isinstance(self.method, tuple) else (self.method,)

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
        if unknown := [each for each in self.methods if each not in METHODS]:
            found["method"] = f"must be of {', '.join(METHODS)}, not {', '.join(unknown)}"
        return found

    def references(self) -> Iterator[Reference]:
        yield Reference("services", self.service, "service")
        if self.security:
            yield Reference("security", self.security, "security")

    def changed(self) -> dict[str, object]:
        changed = super().changed()
        methods = self.methods
        if methods:
            changed["method"] = methods[0] if len(methods) == 1 else methods
        return changed
