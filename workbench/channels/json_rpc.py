"""JSON-RPC 2.0 channels: one address, a list of services that may be called as methods, batches.

Source: the JSON-RPC 2.0 specification (2013-01-04). HTTP status: 200 for whatever was understood, since one batch may
hold both; a request that a limit or the credentials stop answers with that status. Errors of services are coded as in
Zato: -32429 too many requests, -32403 forbidden, and so on for every status.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, NamedTuple

from msgspec import Meta, structs

from workbench.channels.answers import FOR_CALLERS, Answer
from workbench.channels.definition import HTTPChannel
from workbench.channels.dialect import NewCall, Outcome
from workbench.core.call import Call
from workbench.core.errors import BadRequest, ContentTooLarge, InvalidInput, UnknownName
from workbench.core.payload.request import parsed
from workbench.core.payload.response import JSON, encode_json

LARGEST_BATCH = 1000
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""A string of JSON; one without an end is all that is left, so that nobody looks for its end from each sign anew."""

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603


class JSONRPCChannel(HTTPChannel, tag="json-rpc channel", frozen=True, kw_only=True):
    """An HTTP address that speaks JSON-RPC 2.0; a method's name is a service's.

    A batch is one request to the limits of the channel and of the user, and as many calls to those of its services.
    """

    kind: ClassVar[str] = "JSON-RPC"
    type: ClassVar[str] = "json-rpc"

    services: Annotated[tuple[str, ...] | str, Meta(description="Services that may be called as methods.")] = ()
    max_elements: Annotated[int, Meta(ge=1, description="Most elements of all arrays and objects in a body.")] = 500_000

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
        return JSONRPC(self.leads_to, self.max_elements)


class RequestObject(NamedTuple):
    """One request of a batch, as far as it could be understood: a call, or an error."""

    id: Any = None
    wants_reply: bool = True
    call: Call | None = None
    error: dict[str, Any] | None = None


class Batch(NamedTuple):
    """The requests of one body; `is_list` says whether they came in a list, as their replies then do."""

    requests: list[RequestObject]
    is_list: bool

    @property
    def calls(self) -> list[Call]:
        """The calls that could be understood."""
        return [each.call for each in self.requests if each.call is not None]


class JSONRPC:
    """Reads requests and batches, writes results and errors."""

    def __init__(self, services: tuple[str, ...], max_elements: int) -> None:
        self._services, self._max_elements = frozenset(services), max_elements

    def read(self, body: bytes, new_call: NewCall) -> Batch:
        """A call for each request object that names a method there is."""
        if not body:
            raise BadRequest("Invalid JSON: the body is empty")
        if has_more_elements(body, self._max_elements):
            raise ContentTooLarge(f"The JSON holds over {self._max_elements} elements")
        value = parsed(body, "json")
        objects = value if isinstance(value, list) else [value]
        if not objects or len(objects) > LARGEST_BATCH:
            # Section 7 of the specification: one error object, not a list of them.
            error = _error(INVALID_REQUEST, f"A batch holds 1 to {LARGEST_BATCH} requests")
            return Batch([RequestObject(error=error)], False)
        return Batch([self._read(each, new_call) for each in objects], isinstance(value, list))

    def _read(self, given: Any, new_call: NewCall) -> RequestObject:
        invalid = _error(INVALID_REQUEST, "Invalid Request")
        if not isinstance(given, dict) or given.get("jsonrpc") != "2.0" or not isinstance(given.get("method"), str):
            return RequestObject(given.get("id") if isinstance(given, dict) else None, error=invalid)
        id_, params, method = given.get("id"), given.get("params", {}), given["method"]
        if not isinstance(params, dict | list) or isinstance(id_, dict | list | bool):
            return RequestObject(error=invalid)
        if method not in self._services:
            return RequestObject(id_, "id" in given, error=_error(METHOD_NOT_FOUND, "Method not found"))
        return RequestObject(id_, "id" in given, new_call(method, params))

    def answer(self, reading: Batch, outcomes: list[Outcome], cid: str) -> Answer:
        """The replies in the order of the requests; nothing at all for notifications alone."""
        by_call = {call: (value, error) for call, value, error in outcomes}
        replies = [
            self._reply(each, by_call, cid)
            for each in reading.requests
            if each.wants_reply or (each.error is not None and each.error["code"] == INVALID_REQUEST)
        ]
        if not replies:
            return Answer(204, [("X-Zato-CID", cid)], b"")
        return _answer(200, cid, replies if reading.is_list else replies[0])

    def _reply(
        self, request: RequestObject, by_call: Mapping[Call, tuple[Any, BaseException | None]], cid: str
    ) -> dict[str, Any]:
        if request.call is None:
            return _with_id(request.id, {"error": _with_cid(request.error or {}, cid)})
        value, error = by_call[request.call]
        if error is not None:
            return _with_id(request.id, {"error": _with_cid(error_of(error), cid)})
        return _with_id(request.id, {"result": None if value == "" else _readable(value)})

    def refusal(
        self, error: BaseException, headers: Mapping[str, str], cid: str, reading: Batch | None = None
    ) -> Answer:
        """One error object; a body that cannot be read is a parse error, whatever it was meant to be."""
        unreadable = isinstance(error, BadRequest)
        told = _error(PARSE_ERROR, error.details) if isinstance(error, BadRequest) else error_of(error)
        status, more = (error.status, error.headers()) if isinstance(error, FOR_CALLERS) else (500, [])
        return _answer(200 if unreadable else status, cid, _with_id(None, {"error": _with_cid(told, cid)}), more)


def has_more_elements(body: bytes, most: int) -> bool:
    """Whether the arrays and objects of JSON hold more elements than that in all.

    Reading it would hold every other thread for as long as it takes, 0.2 s for 2.4 million. What parts elements is
    counted, outside of strings; an empty array with a space in it counts as one element.
    """
    count = _elements(body)
    if count > most:
        count -= sum(_elements(string[0]) for string in STRING.finditer(body))
    return count > most


def _elements(text: bytes) -> int:
    return sum(text.count(sign) for sign in b",[{") - text.count(b"[]") - text.count(b"{}")


def error_of(error: BaseException) -> dict[str, Any]:
    """Code and message for what a service raised; callers learn nothing of what is not theirs."""
    if isinstance(error, InvalidInput):
        return _error(INVALID_PARAMS, error.details)
    if isinstance(error, UnknownName) or not isinstance(error, FOR_CALLERS):
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
