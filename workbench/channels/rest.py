"""REST channels: an HTTP address bound to a service."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, structs

from workbench.channels.definition import HTTPChannel
from workbench.core.payload.response import JSON, TEXT

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

DataFormat = Literal["json", "form", "raw"]
Envelope = Literal["zato", "zato-3.1"]


class RESTChannel(HTTPChannel, tag="rest channel", frozen=True, kw_only=True):
    """An HTTP address that leads to a service.

    Bodies are read as JSON unless `data_format` says otherwise. Where it says `json` itself, an answer that is text has
    the content type application/json, as in Zato; where nothing is said, text is text/plain. What the service sets as
    `self.response.content_type`, and then the channel's `content_type`, wins over both.
    """

    kind: ClassVar[str] = "REST"
    first_fields: ClassVar[tuple[str, ...]] = ("path", "name", "method", "security", "limit")

    service: Annotated[str, Meta(description="Name of the service that answers; empty: of this name.")] = ""
    method: Annotated[str | tuple[str, ...], Meta(description="Method, or several; none means all.")] = ()
    data_format: Annotated[
        DataFormat | None,
        Meta(description="How `self.request.payload` is read; empty: as JSON. With json said, answers are JSON, too."),
    ] = None
    match_slash: Annotated[bool, Meta(description="Whether {name} may hold slashes.")] = False
    content_type: Annotated[str, Meta(description="Content type of answers; empty: by what is returned.")] = ""
    envelope: Annotated[Envelope, Meta(description="Shape of error bodies.")] = "zato"

    def __post_init__(self) -> None:
        if not self.service:
            structs.force_setattr(self, "service", self.name)
        if isinstance(self.method, str):
            structs.force_setattr(self, "method", tuple(self.method.upper().replace(",", " ").split()))
        elif isinstance(self.method, list | tuple | set | frozenset):
            structs.force_setattr(self, "method", tuple(str(each).upper() for each in self.method))
        super().__post_init__()

    @property
    def methods(self) -> tuple[str, ...]:
        return self.method if isinstance(self.method, tuple) else (self.method,)

    @property
    def payload_format(self) -> str:
        return self.data_format or "json"

    @property
    def text_type(self) -> str:
        return JSON if self.data_format == "json" else TEXT

    @property
    def leads_to(self) -> tuple[str, ...]:
        return (self.service,)

    def problems(self) -> dict[str, str]:
        found = super().problems()
        if unknown := [each for each in self.methods if each not in METHODS]:
            found["method"] = f"must be of {', '.join(METHODS)}, not {', '.join(unknown)}"
        return found

    def changed(self) -> dict[str, object]:
        changed = super().changed()
        if self.service == self.name:
            del changed["service"]
        methods = self.methods
        if methods:
            changed["method"] = methods[0] if len(methods) == 1 else methods
        return changed
