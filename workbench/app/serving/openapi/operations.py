"""One operation for each method of a channel: what it takes, what it answers, who may call."""

from __future__ import annotations

from typing import Any

from workbench.app.serving.openapi.answers import ANY, JSON, Responses, answer, answers_of, good_of
from workbench.app.serving.openapi.json_rpc import json_rpc_of
from workbench.app.serving.openapi.schemas import Components, Field, Schema, Side, object_of, side_of
from workbench.app.serving.openapi.ways import Way, words_of
from workbench.channels.definition import PLACEHOLDER

BODYLESS = frozenset(("GET", "HEAD", "DELETE", "OPTIONS"))
"""Methods whose input is described as parameters: what a body means there, RFC 9110 (9.3) leaves open."""
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
Operation = dict[str, Any]


def operation_of(way: Way, method: str, params: dict[str, str], components: Components) -> Operation:
    """What one method of a channel does; without its id, and without who may call.

    Args:
        params: The names of the path's parameters in the document, by their names in the channel.
        components: Where models are put.
    """
    if way.channel.dialect() is None:
        return _rest(way, method, params, components)
    made = json_rpc_of(way, components) if way.channel.kind == "JSON-RPC" else _of_dialect(way, components)
    if params:
        made["parameters"] = _path_parameters(way, params, None, components)
    return made


def _rest(way: Way, method: str, params: dict[str, str], components: Components) -> Operation:
    service = way.service
    side = None if service is None else side_of(service.io, "input", components)
    left = {} if side is None else {name: field for name, field in side.fields.items() if name not in params}
    by_query = method in BODYLESS or way.channel.payload_format == "raw"
    in_query = {name: each for name, each in left.items() if by_query and components.fits_query(each.schema)}
    in_body = {name: each for name, each in left.items() if name not in in_query}
    parameters = _path_parameters(way, params, side, components)
    parameters += [_parameter(name, "query", field, components) for name, field in in_query.items()]
    made = _described(way, method)
    if parameters:
        made["parameters"] = parameters
    if body := _body(way, method, side, in_body, components):
        made["requestBody"] = body
    good = good_of(way, service, components)
    made["responses"] = answers_of(way, good, components, reads_input=side is not None)
    return made


def _body(way: Way, method: str, side: Side | None, fields: dict[str, Field], components: Components) -> dict[str, Any]:
    """The request body; {} where there is none."""
    data_format = way.channel.payload_format
    if data_format == "raw":
        return {} if method in BODYLESS else {"content": {"application/octet-stream": {"schema": {}}}}
    content_types = FORMS if data_format == "form" else (JSON,)
    if side is None:
        return {} if method in BODYLESS else {"content": {each: {"schema": {}} for each in content_types}}
    if side.fields and not fields:
        return {}
    is_whole = len(fields) == len(side.fields)
    schema = side.schema if is_whole else object_of(fields)
    required = not side.fields or any(field.is_required for field in fields.values())
    made: dict[str, Any] = {"content": {each: {"schema": schema} for each in content_types}}
    return made | ({"required": True} if required else {})


def _path_parameters(
    way: Way, params: dict[str, str], side: Side | None, components: Components
) -> list[dict[str, Any]]:
    found = []
    for own, name in params.items():
        field = (side.fields if side is not None else {}).get(own, Field({"type": "string"}, is_required=True))
        made = _parameter(name, "path", field, components)
        if way.channel.match_slash:
            made["description"] = "It may hold slashes."
        found.append(made)
    return found


def _parameter(name: str, place: str, field: Field, components: Components) -> dict[str, Any]:
    schema = _without_null(components.resolved(field.schema), components)
    made: dict[str, Any] = {"name": name, "in": place}
    if place == "path" or field.is_required:
        made["required"] = True
    if said := schema.get("description"):
        made["description"] = said
    if place == "path":
        schema = {key: each for key, each in schema.items() if key != "default"}
        schema |= {"minLength": 1} if schema.get("type") == "string" and "minLength" not in schema else {}
    if field.is_list_with_commas:
        made |= {"style": "form" if place == "query" else "simple", "explode": False}
    return made | {"schema": schema}


def _without_null(schema: Schema, components: Components) -> Schema:
    """A schema as parameters can say it, for which there is no null."""
    members = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if not members or len(members) == len(schema["anyOf"]):
        return schema
    rest = {key: each for key, each in schema.items() if key not in ("anyOf", "default")}
    if schema.get("default") is not None:
        rest["default"] = schema["default"]
    return rest | (components.resolved(members[0]) if len(members) == 1 else {"anyOf": members})


def _described(way: Way, method: str) -> Operation:
    """Who says what of it: the service's own words."""
    words = words_of(way.service, method)
    made: Operation = {"summary": words.summary} if words.summary else {}
    said = [words.description, "It answers every method." if not way.channel.methods else ""]
    if text := "\n\n".join(filter(None, said)):
        made["description"] = text
    service = way.service.name if way.service is not None else ""
    if group := service.rpartition(".")[0]:
        made["tags"] = [group]
    return made


def _of_dialect(way: Way, components: Components) -> Operation:
    """A channel whose bodies are of its own kind, as SOAP's envelopes."""
    soap = {
        "text/xml": {"schema": {"type": "string", "description": "A SOAP 1.1 envelope."}},
        "application/soap+xml": {"schema": {"type": "string", "description": "A SOAP 1.2 envelope."}},
    }
    content: dict[str, Any] = soap if way.channel.kind == "SOAP" else {ANY: {"schema": {}}}
    good: Responses = {"200": answer("What the service answers.", content)}
    return _described(way, "POST") | {
        "requestBody": {"required": True, "content": content},
        "responses": answers_of(way, good, components, reads_input=True),
    }


def address_alone(params: dict[str, str], why: str) -> Operation:
    """What is known of a channel that cannot be described: its address."""
    parameters = [
        {"name": each, "in": "path", "required": True, "schema": {"type": "string"}} for each in params.values()
    ]
    made: Operation = {"description": why, "responses": {"default": {"description": "What the service answers."}}}
    return made | ({"parameters": parameters} if parameters else {})


def params_of(path: str, template: str) -> dict[str, str]:
    """The names of a path's parameters in the document, whose template may call them otherwise."""
    return dict(zip(PLACEHOLDER.findall(path), PLACEHOLDER.findall(template), strict=True))
