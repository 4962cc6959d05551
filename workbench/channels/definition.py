"""What every channel is, and what every channel over HTTP is: an address, who may call it, how often, bounds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from msgspec import Meta, structs

from workbench.channels.guard import DESCRIPTION, is_own_path
from workbench.core.definition import Definition, Reference
from workbench.core.payload.response import TEXT

if TYPE_CHECKING:
    from workbench.channels.dialect import Dialect
    from workbench.channels.live import LiveChannel, Opening

PLACEHOLDER = re.compile(r"{([^{}]*)}")


class ChannelDefinition(Definition, frozen=True, kw_only=True):
    """The definition of a way in. A kind of its own adds fields, says what it leads to, and makes its live channel.

    `type` is what a service reads as `self.channel.type`, one of Zato's words. `first_fields` are those that a form
    shows at once. `takes_limit` says whether limits of endpoints are for this kind.
    """

    collection: ClassVar[str] = "channels"
    type: ClassVar[str] = ""
    first_fields: ClassVar[tuple[str, ...]] = ()
    takes_limit: ClassVar[bool] = True

    @property
    def security(self) -> str:
        """Name of the security definition whose user may call; '' lets anyone."""
        return ""

    @property
    def limit(self) -> str:
        """Calls allowed, as 100/m; '' for no bound."""
        return ""

    @property
    def active(self) -> bool:
        """Whether it answers at all."""
        return True

    @property
    def open_to(self) -> str:
        """Who may call where there is no security definition, as a sentence."""
        return "anyone on this machine may call it"

    @property
    def address(self) -> str:
        """Where callers find it, in the words of its kind: a path, a port, a queue."""
        return ""

    @property
    def methods(self) -> tuple[str, ...] | None:
        """HTTP methods it answers, empty for every one; None for a kind that does not speak HTTP."""
        return None

    @property
    def leads_to(self) -> tuple[str, ...]:
        """Names of the services behind it."""
        return ()

    def live(self, opening: Opening) -> LiveChannel:
        """Make the live channel; must not open it yet."""
        raise NotImplementedError

    def references(self) -> Iterator[Reference]:
        for service in self.leads_to:
            yield Reference("services", service, "service")
        if self.security:
            yield Reference("security", self.security, "security")


class HTTPChannel(ChannelDefinition, frozen=True, kw_only=True):
    """An HTTP address that leads to services."""

    type: ClassVar[str] = "http-soap"

    path: Annotated[
        str, Meta(max_length=2000, description="Address, as /api/orders/{id}; empty: made of the name.")
    ] = ""
    security: Annotated[str, Meta(description="Security definition whose user may call; empty: anyone.")] = ""
    limit: Annotated[
        str, Meta(max_length=200_000, description="Calls allowed, as 100/m; several lines name networks.")
    ] = ""
    timeout_seconds: Annotated[float, Meta(gt=0, le=86400, description="Longest wait for the service [s].")] = 60.0
    max_body_bytes: Annotated[int, Meta(ge=0, description="Largest request body, on disk from 8 MiB on [bytes].")] = (
        8 * 1024 * 1024
    )
    active: Annotated[bool, Meta(description="Whether it answers at all.")] = True

    def __post_init__(self) -> None:
        if not self.path:
            structs.force_setattr(self, "path", path_of(self.name))
        super().__post_init__()

    @property
    def address(self) -> str:
        return self.path

    @property
    def methods(self) -> tuple[str, ...]:
        return ("POST",)

    @property
    def data_format(self) -> str | None:
        """What is said of how services read the payload; None where nothing is."""
        return "dict"

    @property
    def payload_format(self) -> str:
        """How services read the payload."""
        return self.data_format or "dict"

    @property
    def text_type(self) -> str:
        """Content type of an answer that is text, where neither the service nor the channel names one."""
        return TEXT

    @property
    def match_slash(self) -> bool:
        """Whether {name} may hold slashes."""
        return False

    @property
    def content_type(self) -> str:
        """Content type of answers; '' goes by what is returned."""
        return ""

    @property
    def envelope(self) -> str:
        """Shape of error bodies."""
        return "zato"

    def live(self, opening: Opening) -> LiveChannel:
        return opening.http(self)

    def dialect(self) -> Dialect[Any] | None:
        """How it reads and writes bodies; None for plain REST."""
        return None

    def problems(self) -> dict[str, str]:
        return problems_of_path(self.path)

    def changed(self) -> dict[str, object]:
        changed = super().changed()
        if self.path == path_of(self.name):
            del changed["path"]
        return changed


def problems_of_path(path: str) -> dict[str, str]:
    """What is wrong with the path of a channel, under the field `path`."""
    names, around = PLACEHOLDER.findall(path), PLACEHOLDER.sub("", path)
    if any(not name.isidentifier() for name in names) or len(set(names)) != len(names):
        return {"path": "must have different {names}, each a word"}
    if "{" in around or "}" in around:
        return {"path": "has a brace without its partner"}
    if is_own_path(path):
        return {"path": f"must not be /ping, {DESCRIPTION} or below /workbench/, which are the server's own"}
    if not path.startswith("/") or re.search(r"[\s?#]", path):
        return {"path": "must begin with / and hold no space, ? or #"}
    return {}


def path_of(name: object) -> str:
    """The path of a channel that names none."""
    return f"/{str(name).replace('.', '/')}"
