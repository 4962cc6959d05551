"""A cache as its author writes it."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from workbench.core.definition import Definition


class Cache(Definition, tag="cache", frozen=True):
    """A cache of this process: `self.cache.get_cache("builtin", "my.cache").set("key", value, expiry=60)`.

    The names and defaults of fields are Zato's. Once it is full, the entry that nobody has used for longest goes.
    """

    kind: ClassVar[str] = "cache"
    collection: ClassVar[str] = "caches"

    max_size: Annotated[
        int, Meta(ge=1, le=100_000_000, description="Most entries; beyond it the least recently used goes.")
    ] = 10_000
    max_item_size: Annotated[
        int,
        Meta(ge=1, le=1 << 30, description="Largest value: characters of text, bytes, or bytes as JSON of others."),
    ] = 10_000
    is_default: Annotated[bool, Meta(description="Whether `self.cache.default` is this one.")] = False
    extend_expiry_on_get: Annotated[bool, Meta(description="Whether an entry that is read begins its time anew.")] = (
        True
    )
    extend_expiry_on_set: Annotated[
        bool, Meta(description="Whether an entry that is set again, without an expiry, begins its time anew.")
    ] = True
