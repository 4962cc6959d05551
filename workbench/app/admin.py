"""The workbench's own HTTP addresses, for the command line: `/workbench/status` and `/workbench/invoke`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from workbench.channels.exchange import Exchange
from workbench.channels.pipeline import Admin
from workbench.core.errors import BadRequest

if TYPE_CHECKING:
    from workbench.app.workbench import Workbench


class Invocation(msgspec.Struct):
    """What the command line asks for: a service, and a payload in JSON or text."""

    service: str
    payload: Any = ""


def admin_addresses(wb: Workbench) -> dict[tuple[str, str], Admin]:
    """What each address does; the caller holds the token."""

    def status(exchange: Exchange) -> Any:
        return {"app": wb.app, "url": wb.url, "services": sorted(wb.services), "channels": sorted(wb.channels)}

    def invoke(exchange: Exchange) -> Any:
        try:
            asked = msgspec.json.decode(exchange.body, type=Invocation)
        except msgspec.MsgspecError as exc:
            raise BadRequest(f"Invalid invocation: {exc}") from exc
        return {"cid": exchange.cid, "answer": wb.invoke(asked.service, asked.payload)}

    return {("GET", "/workbench/status"): status, ("POST", "/workbench/invoke"): invoke}
