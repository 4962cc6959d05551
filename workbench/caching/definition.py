"""A cache as its author writes it."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta, structs

from workbench.core.definition import Definition
from workbench.core.errors import StoreUnavailable
from workbench.core.secret import Secret
from workbench.stores.url import REDIS_SCHEMES, read_url, redacted


class Cache(Definition, tag="cache", frozen=True):
    """A cache: `self.cache.get_cache("builtin", "my.cache").set("key", value, expiry=60)`.

    The names and defaults of fields are Zato's, but for `store`. Once it is full, the entry that nobody has used for
    longest goes. In a store it outlives its process, and all processes that name the same store have it together;
    values are then text, bytes, numbers, and lists and dicts of them.
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
    store: Annotated[
        str,
        Meta(description="Where it is: sqlite:///file.db, redis://host:6379/0; empty: in this process, and with it."),
    ] = ""
    password: Annotated[Secret | None, Meta(description="Secret that holds the password of Redis.")] = None

    @property
    def called(self) -> str:
        """The server that it calls; '' for none."""
        return self.store if self.store.startswith(("redis://", "rediss://")) else ""

    @property
    def is_on_server(self) -> bool:
        """Whether it is in a Redis, reached by network or by a socket of this machine."""
        return self.store.partition("://")[0] in REDIS_SCHEMES

    def problems(self) -> dict[str, str]:
        if not self.store:
            return {"password": "is of no use without a store in Redis"} if self.password is not None else {}
        if redacted(self.store) != self.store:
            return {"store": "holds a password; leave it out, and say password=secret('NAME')"}
        try:
            kind = read_url(self.store, "cache", ("sqlite", "redis")).kind
        except StoreUnavailable as exc:
            return {"store": f"cannot be: {exc}"}
        if kind == "sqlite" and self.password is not None:
            return {"password": "is of no use to a file"}
        return {}

    def in_process(self) -> Cache:
        """The same cache in a process alone, as a copy has it."""
        return structs.replace(self, store="", password=None) if self.store else self
