"""Calls made by hand, for tests of what a service sees."""

from __future__ import annotations

from typing import Any, cast

from workbench.core.call import Call, ChannelInfo, HTTPInput
from workbench.core.payload.request import Request
from workbench.core.payload.simpleio import declared_by
from workbench.core.service import Service


def request_of(
    cls: type[Service],
    raw: Any = "",
    *,
    data_format: str = "json",
    query: str = "",
    params: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Request:
    """What an instance of `cls` would find in `self.request` for this body and these parameters."""
    http = HTTPInput("POST", "/x", query, headers or {}, "127.0.0.1", params)
    channel = ChannelInfo("c", "http-soap", data_format)
    call = Call("x", raw, cid="c1", channel=channel, services={}, surroundings=cast(Any, None), http=http)
    return Request(call, declared_by(cls, "x"))
