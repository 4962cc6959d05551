"""JSON-RPC 2.0 channels: one address, a list of services that may be called as methods, batches.

Source: the JSON-RPC 2.0 specification (2013-01-04). HTTP status: 200 for whatever was understood, since one batch may
hold both; a request that a limit or the credentials stop answers with that status. Errors of services are coded as in
Zato: -32429 too many requests, -32403 forbidden, and so on for every status.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta, structs

from workbench.channels.answers import TOLD
from workbench.channels.definition import DialectChannel
from workbench.channels.dialect import NewCall, Outcome
from workbench.channels.exchange import Answer, Exchange
from workbench.core.call import Call
from workbench.core.errors import BadRequest, InvalidInput, UnknownName
from workbench.core.request import parsed
from workbench.core.response import JSON, encode_json

LARGEST_BATCH = 1000
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603


class JSONRPCChannel(DialectChannel, tag="json-rpc channel", frozen=True, kw_only=True):
    """An HTTP address that speaks JSON-RPC 2.0; a method's name is a service's.

    A batch is one request to the limits of the channel and of the user, and as many calls to those of its services.
    """

    kind: ClassVar[str] = "JSON-RPC"

    services: Annotated[tuple[str, ...] | str, Meta(description="Services that may be called as methods.")] = ()

    def __post_init__(self) -> None:
        if isinstance(self.services, str):
            structs.force_setattr(self, "services", (self.services,))
        super().__post_init__()

    @property
    def leads_to(self) -> tuple[str, ...]:
        return tuple(self.services)

    def problems(self) -> dict[str, str]:
        return super().problems() | ({} if self.services else {"services": "must name at least one service"})

    def dialect(self) -> JSONRPC:
        return JSONRPC(self.leads_to)


class Asked(msgspec.Struct, frozen=True):
    """One request object, as far as it could be understood."""

    id: Any = None
    wants_reply: bool = True
    error: dict[str, Any] | None = None


class JSONRPC:
    """Reads requests and batches, writes results and errors."""

    def __init__(self, services: tuple[str, ...]) -> None:
        self._services = frozenset(services)

    def calls(self, exchange: Exchange, new_call: NewCall) -> list[Call]:
        """A call for each request object that names a method there is."""
        if not exchange.body:
            raise BadRequest("Invalid JSON: the body is empty")
        body = parsed(exchange.body, "json")
        objects = body if isinstance(body, list) else [body]
        if not objects or len(objects) > LARGEST_BATCH:
            # Section 7 of the specification: one error object, not a list of them.
            error = _error(INVALID_REQUEST, f"A batch holds 1 to {LARGEST_BATCH} requests")
            exchange.heard = (False, [(Asked(error=error), None)])
            return []
        asked: list[tuple[Asked, Call | None]] = [self._read(each, new_call) for each in objects]
        exchange.heard = (isinstance(body, list), asked)
        return [call for _, call in asked if call is not None]

    def _read(self, given: Any, new_call: NewCall) -> tuple[Asked, Call | None]:
        if not isinstance(given, dict) or given.get("jsonrpc") != "2.0" or not isinstance(given.get("method"), str):
            id_ = given.get("id") if isinstance(given, dict) else None
            return Asked(id_, error=_error(INVALID_REQUEST, "Invalid Request")), None
        params = given.get("params", {})
        asked = Asked(given.get("id"), "id" in given)
        if not isinstance(params, dict | list) or isinstance(asked.id, dict | list | bool):
            return Asked(None, error=_error(INVALID_REQUEST, "Invalid Request")), None
        if given["method"] not in self._services:
            return Asked(asked.id, asked.wants_reply, _error(METHOD_NOT_FOUND, "Method not found")), None
        return asked, new_call(given["method"], params)

    def answer(self, exchange: Exchange, outcomes: list[Outcome]) -> Answer:
        """The replies in the order of the requests; nothing at all for notifications alone."""
        by_call = {call: (value, error) for call, value, error in outcomes}
        is_batch, asked = exchange.heard
        replies = [
            self._reply(each, by_call.get(call), exchange.cid)
            for each, call in asked
            if each.wants_reply or (each.error is not None and each.error["code"] == INVALID_REQUEST)
        ]
        if not replies:
            return Answer(204, [("X-Zato-CID", exchange.cid)], b"")
        return _answer(200, exchange.cid, replies if is_batch else replies[0])

    def _reply(self, asked: Asked, outcome: tuple[Any, BaseException | None] | None, cid: str) -> dict[str, Any]:
        if asked.error is not None or outcome is None:
            return _with_id(asked.id, {"error": _with_cid(asked.error or {}, cid)})
        value, error = outcome
        if error is not None:
            return _with_id(asked.id, {"error": _with_cid(error_of(error), cid)})
        return _with_id(asked.id, {"result": None if value == "" else _readable(value)})

    def refusal(self, exchange: Exchange, error: BaseException) -> Answer:
        """One error object; a body that cannot be read is a parse error, whatever it was meant to be."""
        said = _error(PARSE_ERROR, error.details) if isinstance(error, BadRequest) else error_of(error)
        status = 200 if isinstance(error, BadRequest) else error.status if isinstance(error, TOLD) else 500
        headers = error.headers() if isinstance(error, TOLD) else []
        return _answer(status, exchange.cid, _with_id(None, {"error": _with_cid(said, exchange.cid)}), headers)


def error_of(error: BaseException) -> dict[str, Any]:
    """Code and message for what a service raised; callers learn nothing of what is not theirs."""
    if isinstance(error, InvalidInput):
        return _error(INVALID_PARAMS, error.details)
    if isinstance(error, UnknownName) or not isinstance(error, TOLD):
        return _error(INTERNAL_ERROR, "Internal error")
    return _error(-32000 - error.status, error.details)


def _readable(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes | bytearray) else value


def _error(code: int, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}


def _with_cid(error: dict[str, Any], cid: str) -> dict[str, Any]:
    return {**error, "data": {"ctx": {"cid": cid}}}


def _with_id(id_: Any, rest: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", **rest, "id": id_}


def _answer(status: int, cid: str, body: Any, headers: list[tuple[str, str]] | None = None) -> Answer:
    return Answer(status, [("X-Zato-CID", cid), ("Content-Type", JSON), *(headers or [])], encode_json(body))
