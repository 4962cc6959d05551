"""What callers get: the answers of services, and errors in the shape of their channel."""

from __future__ import annotations

from typing import Any

from workbench.app.serving.openapi.schemas import Components, Schema, side_of
from workbench.app.serving.openapi.ways import Way
from workbench.channels.soap import CONTENT_TYPES
from workbench.runtime.registry import Version

JSON, TEXT, ANY, RPC = "application/json", "text/plain", "*/*", "RPC"
Responses = dict[str, dict[str, Any]]

HEADERS: dict[str, Any] = {
    "X-Zato-CID": {
        "description": "The call's correlation id, which its trace and its lines in the log bear.",
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {"description": "How to say who calls.", "schema": {"type": "string"}},
    "Retry-After": {
        "description": "When to call again [s], if the limit tells.",
        "schema": {"type": "integer"},
    },
    "RateLimit": {"description": "What is left, if the limit tells.", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "What may be called, if the limit tells.", "schema": {"type": "string"}},
}
"""Headers of answers: those of limits are of draft-ietf-httpapi-ratelimit-headers."""

ERROR: Schema = {
    "type": "object",
    "description": "Why a call was refused, or failed.",
    "properties": {
        "result": {"const": "Error"},
        "cid": {"type": "string", "description": "The call's correlation id."},
        "details": {"type": "string", "description": "What is wrong; of a failure of the service, no word of it."},
    },
    "required": ["result", "cid", "details"],
}
ERROR_31: Schema = {
    "type": "object",
    "description": "Why a call was refused, or failed, in the form of Zato 3.1.",
    "properties": {
        "zato_env": {
            "type": "object",
            "properties": {**ERROR["properties"], "result": {"const": "ZATO_ERROR"}},
            "required": ["result", "cid", "details"],
        }
    },
    "required": ["zato_env"],
}
ERROR_RPC: Schema = {
    "type": "object",
    "description": "JSON-RPC 2.0, 5.1.",
    "properties": {
        "jsonrpc": {"const": "2.0"},
        "id": {"type": ["string", "number", "null"]},
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "integer"},
                "message": {"type": "string"},
                "data": {"type": "object", "description": "Holds the correlation id as ctx.cid."},
            },
            "required": ["code", "message"],
        },
    },
    "required": ["jsonrpc", "id", "error"],
}


def answers_of(way: Way, good: Responses, components: Components, *, reads_input: bool) -> Responses:
    """All answers of a channel: those that are given, and its errors.

    Args:
        good: Answers to calls that went well.
        components: Where errors are put.
        reads_input: Whether a call may be refused for what it sends.
    """
    shape, content = _errors(way, components)

    def error(name: str, description: str, *headers: str) -> dict[str, Any]:
        components.responses[f"{name}{shape}"] = answer(description, content, *headers)
        return {"$ref": f"#/components/responses/{name}{shape}"}

    found = dict(good)
    if any("status_code" in each.source for each in way.services.values()) and shape != RPC:
        found["default"] = answer("Another status, which the service sets itself; or an error.", {})
    else:
        found["4XX"] = error("Refused", "The call was refused.")
        found["5XX"] = error("Failed", "The call failed, or nobody was free to take it.")
    if reads_input:
        said = "What was sent misses something, or has a wrong value; each is named."
        found["400"] = error("BadRequest", said)
    if way.user is not None:
        found["401"] = error("Unauthorized", "Nobody said who calls, or not rightly.", "WWW-Authenticate")
    if way.is_limited:
        said = "Too many calls."
        found["429"] = error("TooManyRequests", said, "Retry-After", "RateLimit", "RateLimit-Policy")
    return dict(sorted(found.items()))


def good_of(way: Way, service: Version | None, components: Components) -> Responses:
    """The answer of a service that ended well, by plain REST."""
    channel, side = way.channel, None if service is None else side_of(service.io, "output", components)
    wrapper = None if service is None else service.io.response_elem
    schema: Schema | None = None if side is None else side.schema
    if service is not None and side is not None and service.io.output_names is not None:
        # A service may answer with one row, or with a list of them.
        row = components.put(f"{_word(service.name)}.answer", side.schema)
        rows = {"type": "array", "items": row}
        schema = rows if service.io.is_repeated else {"anyOf": [row, rows]}
    if wrapper is not None:
        schema = {"type": "object", "properties": {wrapper: schema or {}}, "required": [wrapper]}
    if schema is None:
        return {"200": answer("What the service answers.", {channel.content_type or ANY: {"schema": {}}})}
    content = {channel.content_type or JSON: {"schema": schema}}
    io = None if service is None else service.io
    if io is not None and io.output_names is not None and not (io.must_answer or io.is_repeated) and wrapper is None:
        content[TEXT] = {"schema": {"const": "", "description": "Nothing is set."}}
    return {"200": answer("What the service answers.", content)}


def _word(name: str) -> str:
    return "".join(each if each.isascii() and (each.isalnum() or each in "._-") else "_" for each in name)


def _errors(way: Way, components: Components) -> tuple[str, dict[str, Any]]:
    """The shape of a channel's errors, in a word, and in schemas."""
    if way.channel.kind == "SOAP":
        fault = {"schema": {"type": "string", "description": "A SOAP fault."}}
        return "SOAP", {each.partition(";")[0]: fault for each in CONTENT_TYPES.values()}
    if way.channel.kind == "JSON-RPC":
        return RPC, {JSON: {"schema": components.put("ErrorRPC", ERROR_RPC)}}
    if way.channel.envelope == "zato-3.1":
        return "31", {JSON: {"schema": components.put("Error31", ERROR_31)}}
    return "", {JSON: {"schema": components.put("Error", ERROR)}}


def answer(description: str, content: dict[str, Any], *headers: str) -> dict[str, Any]:
    """One answer; each carries its correlation id."""
    made: dict[str, Any] = {"description": description}
    made["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Zato-CID", *headers)}
    return made | ({"content": content} if content else {})
