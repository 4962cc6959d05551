"""A JSON-RPC channel: one operation, whose requests name a service and come alone or in a list."""

from __future__ import annotations

from typing import Any

from workbench.app.serving.openapi.answers import ERROR_RPC, JSON, Responses, answer, answers_of
from workbench.app.serving.openapi.schemas import Components, Schema, side_of
from workbench.app.serving.openapi.ways import Way, words_of
from workbench.runtime.registry import Version

ID: Schema = {"type": ["string", "number", "null"]}


def json_rpc_of(way: Way, components: Components) -> dict[str, Any]:
    """What a JSON-RPC channel does."""
    one: Schema = {"anyOf": [_request(name, each, components) for name, each in way.services.items()]}
    one = one if way.services else {"type": "object"}
    result: Schema = {
        "type": "object",
        "properties": {"jsonrpc": {"const": "2.0"}, "id": ID, "result": {}},
        "required": ["jsonrpc", "id", "result"],
    }
    replies = [result, components.put("ErrorRPC", ERROR_RPC)]
    good: Responses = {
        "200": answer(
            "A result or an error for each request that has an id.",
            {JSON: {"schema": {"anyOf": [*replies, {"type": "array", "items": {"anyOf": replies}}]}}},
        ),
        "204": answer("No request has an id.", {}),
    }
    lines = [f"- `{name}`: {words_of(each, '').summary}".rstrip(": ") for name, each in way.services.items()]
    return {
        "summary": f"JSON-RPC 2.0: {', '.join(way.services)}",
        "description": "\n".join(lines),
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}}},
        },
        "responses": answers_of(way, good, components, reads_input=False),
    }


def _request(name: str, service: Version, components: Components) -> Schema:
    side = side_of(service.io, "input", components)
    must_be_sent = side is not None and any(field.is_required for field in side.fields.values())
    return {
        "type": "object",
        "title": name,
        "properties": {
            "jsonrpc": {"const": "2.0"},
            "id": ID,
            "method": {"const": name},
            "params": {"type": ["object", "array"]} if side is None else side.schema,
        },
        "required": ["jsonrpc", "method", *(["params"] if must_be_sent else [])],
    }
