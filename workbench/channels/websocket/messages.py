"""What a message says: the input of a call on the way in; an answer, an error or news on the way out.

A client may send its input as it is, or, as Zato's clients do, `{"meta": {"id": ...}, "data": ...}`; what it gets has
always this form, in which `meta` says the CID, the status as in HTTP, and the id of the message that is answered.
Source: Zato 3.1, web_socket/msg.py, for the names in `meta` and the types of messages.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NamedTuple

from workbench.core.cid import new_cid
from workbench.core.errors import BadRequest
from workbench.core.payload.request import parsed
from workbench.core.payload.response import encode_json

LONGEST_ID = 200
"""Characters of the id that a client gives a message."""

INVOKE = "invoke-service"
ANSWERED, FAILED, NEWS = "zwsx.rspok", "zwsx.rsperr", "zwsx.rqc"
"""Types of messages: an answer, an error, and what a service sends by itself."""


class Incoming(NamedTuple):
    """A message of a client: what its service is given, and the id to answer it under, if it has one."""

    payload: Any
    id: str | int | None = None


def read(message: str | bytes, data_format: Literal["json", "raw"]) -> Incoming:
    """Understand a message; bytes are given on as they are.

    Raises:
        BadRequest: It is no JSON, or its `meta` asks for something else than a call.
    """
    if data_format == "raw" or isinstance(message, bytes):
        return Incoming(message)
    said = parsed(message, "json")
    if not isinstance(said, dict) or not isinstance(meta := said.get("meta"), dict) or said.keys() - {"meta", "data"}:
        return Incoming(said)
    if meta.get("action", INVOKE) != INVOKE:
        raise BadRequest(f"meta.action must be {INVOKE}, or left out")
    return Incoming(said.get("data", ""), id_of(meta.get("id")))


def understood(message: str | bytes, data_format: Literal["json", "raw"]) -> tuple[Incoming, Exception | None]:
    """What a message says, or what is wrong with it."""
    try:
        return read(message, data_format), None
    except Exception as exc:
        return Incoming(message), exc


def id_of(given: Any) -> Any:
    """The id that a client gives a message.

    Raises:
        BadRequest: It is neither a number nor text of a bounded length.
    """
    is_text = isinstance(given, str) and len(given) <= LONGEST_ID
    if given is None or is_text or (isinstance(given, int) and not isinstance(given, bool)):
        return given
    raise BadRequest(f"meta.id must be a whole number, or text of at most {LONGEST_ID} characters")


def outgoing(meta: dict[str, Any], data: Any) -> list[str | bytes]:
    """Messages that say something: one, or two where the data are bytes, which then come as they are in the second.

    Raises:
        TypeError: JSON cannot say the data; names their type.
    """
    if isinstance(data, bytes | bytearray | memoryview):
        body = bytes(data)
        return [encode_json({"meta": {**meta, "binary_bytes": len(body)}, "data": None}).decode(), body]
    return [encode_json({"meta": meta, "data": data}).decode()]


def news(now: datetime, data: Any, **meta: Any) -> list[str | bytes]:
    """Messages that a service sends by itself; with more in their `meta`.

    Raises:
        TypeError: JSON cannot say the data; names their type.
    """
    usual = {"id": new_cid(), "timestamp": now.isoformat(), "msg_type": NEWS, "status": 200}
    return outgoing(usual | meta, data)
