"""Calls made from a card: the form of their input, and as plain data how they ended, with the trace."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from workbench.core.errors import WorkbenchError
from workbench.core.failure import mood_of_error
from workbench.core.masking import mask, masked
from workbench.core.payload import elements
from workbench.core.payload.plain import plain
from workbench.core.payload.simpleio import Declared
from workbench.core.trace import Trace
from workbench.ui.desk import Content, Desk, Tell
from workbench.ui.forms.fields import Field, Kind, Wrong, shape_of, typed, words_in
from workbench.ui.forms.reading import Problems
from workbench.ui.trace import milliseconds, rows_of

LONGEST_SHOWN = 20_000
_OURS = str(Path(__file__).parent.parent)
_encode = msgspec.json.Encoder(enc_hook=plain).encode


_PLAIN = (inspect.StrType, inspect.DateType, inspect.DateTimeType, inspect.TimeType, inspect.UUIDType)
_TEXTS = (*_PLAIN, inspect.DecimalType)
_KINDS: dict[type[elements.Elem], Kind] = {
    elements.Secret: "password",
    elements.Bool: "choice",
    elements.Int: "integer",
    elements.Float: "number",
    elements.AsIs: "json",
    elements.List: "json",
    elements.Dict: "json",
    elements.DictList: "json",
}
_JSON = "JSON; text that is none is sent as it is"
_YES_OR_NO = ("", "true", "false")


class BadPayload(ValueError):
    """The text in the payload box is not JSON."""


def payload_of(text: str, form: str) -> Any:
    """What is sent: the text itself, or the JSON value that it is."""
    if form != "json" or not text.strip():
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as exc:
        raise BadPayload(f"is not JSON: {exc.msg.lower()}, line {exc.lineno}, column {exc.colno}") from None


def open_invoke(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """A field for each element of the service's declared input."""
    return {"fields": input_form(_io(desk, message))}


def _io(desk: Desk, message: Content) -> Declared:
    """What the service that is asked for takes and gives."""
    return desk.wb.services[str(message["service"])].live.io


def _payload(desk: Desk, message: Content) -> tuple[Any, Problems]:
    """What is sent, or what is wrong with it, by field."""
    if message.get("format") == "fields":
        return payload_from(_io(desk, message), message["values"])
    try:
        return payload_of(str(message.get("payload", "")), str(message.get("format", "text"))), {}
    except BadPayload as exc:
        return "", {"payload": str(exc)}


def invoke(desk: Desk, message: Content, tell: Tell) -> dict[str, Any] | None:
    """Run a service on a worker; the answer is told when it has ended, however long that takes."""
    payload, problems = _payload(desk, message)
    if problems:
        return {"problems": problems}

    def done(answer: Any, error: BaseException | None, trace: Trace) -> None:
        tell(ended(answer, error, trace))
        desk.courier.refresh_all()

    desk.wb.submit(str(message["service"]), payload, done)
    return None


def ended(answer: Any, error: BaseException | None, trace: Trace) -> dict[str, Any]:
    """How a call ended, with its trace."""
    said = {"cid": trace.cid, "trace": masked(rows_of(trace)), "ms": milliseconds(trace.root)}
    if error is None:
        return said | {"outcome": "ok", **shown(answer)}
    return said | {"outcome": "refused" if mood_of_error(error) == "attention" else "failed", **failure(error)}


def shown(answer: Any) -> dict[str, str]:
    """An answer as text, and whether it is text, JSON or another value."""
    if answer is None or answer in ("", b""):
        return {"form": "empty", "text": ""}
    if isinstance(answer, bytes):
        try:
            return _cut("text", answer.decode())
        except UnicodeDecodeError:
            return {"form": "bytes", "text": f"{len(answer):,} bytes"}
    if isinstance(answer, str):
        return _cut("text", answer)
    try:
        return _cut("json", msgspec.json.format(_encode(answer), indent=2).decode())
    except (TypeError, ValueError, RecursionError):
        return _cut("value", repr(answer))


def _cut(form: str, text: str) -> dict[str, str]:
    # Masked before it is cut: of a value cut in two, a part would be left.
    over = len(text := mask(text)) - LONGEST_SHOWN
    return {"form": form, "text": f"{text[:LONGEST_SHOWN]}\n... {over:,} more characters" if over > 0 else text}


def failure(error: BaseException) -> dict[str, str]:
    """An error as a person should see it: its sentence, and the line of their own code that raised it."""
    kind = "" if isinstance(error, WorkbenchError) else f"{type(error).__name__}: "
    return {"form": "error", "text": mask(f"{kind}{error}".rstrip(": ")), "where": mask(_where(error))}


def _where(error: BaseException) -> str:
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(_OURS) and "site-packages" not in frame.filename
    ]
    if not frames:
        return ""
    last = frames[-1]
    return f"{last.name}, line {last.lineno}" + (f": {last.line}" if last.line else "")


def input_fields(io: Declared) -> list[Field]:
    """A field for each element of an input; none where none is declared, or where a list of objects is."""
    if io.input_names is not None:
        return [_of_element(each) for each in io.input_names.values()]
    return list(_of_model(io.input_model.fields)) if io.input_model is not None else []


def _of_element(elem: elements.Elem) -> Field:
    kind: Kind = next((kind for cls, kind in _KINDS.items() if isinstance(elem, cls)), "text")
    default = None if elem.default is elements.UNSET else elem.default
    return Field(
        name=elem.name,
        label=elem.name,
        kind=kind,
        required=not elem.optional and default is None,
        default=default if isinstance(default, str | int | float) else None,
        description=_JSON if kind == "json" else "" if type(elem) is elements.Text else elem.wanted.capitalize(),
        choices=_YES_OR_NO if kind == "choice" else (),
    )


def _of_model(fields: Mapping[str, tuple[Any, bool]]) -> Iterator[Field]:
    for name, (declared, required) in fields.items():
        kind, choices, description = _kind_of(declared)
        said = ". ".join(filter(None, (description, _JSON if kind == "json" else "")))
        yield Field(name=name, label=name, kind=kind, required=required, choices=choices, description=said)


def _kind_of(declared: Any) -> tuple[Kind, tuple[str, ...], str]:
    """What a field of a model takes; what has no field of its own is written as JSON."""
    try:
        shape = shape_of(declared)
    except TypeError:
        return "json", (), ""
    if shape.is_union:
        return "json", (), shape.description
    if words := _words(declared, shape.info):
        return "choice", ("", *words), shape.description
    if shape.kind in ("integer", "number"):
        return shape.kind, (), shape.description
    return ("text" if isinstance(shape.info, _TEXTS) else "json"), (), shape.description


def _words(declared: Any, info: Any) -> dict[str, Any]:
    """The few values that a type has, by the word that a person chooses."""
    if isinstance(info, inspect.BoolType):
        return {"true": True, "false": False}
    values = [each.value for each in info.cls] if isinstance(info, inspect.EnumType) else words_in(declared)
    return {str(each): each for each in values}


def payload_from(io: Declared, given: Mapping[str, Any]) -> tuple[dict[str, Any], Problems]:
    """The payload of what was typed, without what was left empty; or what is wrong, by field."""
    payload: dict[str, Any] = {}
    problems: Problems = {}
    for field in input_fields(io):
        try:
            value = _value(io, field, given.get(field.name))
        except Wrong as exc:
            problems[field.name] = str(exc)
            continue
        if value is not None:
            payload[field.name] = value
    return payload, problems


def _value(io: Declared, field: Field, given: Any) -> Any:
    text = str(given if given is not None else "")
    if not text.strip():
        if field.required:
            raise Wrong("is missing")
        return None
    if field.kind == "json":
        return _json(text)
    if field.kind == "choice" and io.input_model is not None:
        declared = io.input_model.fields[field.name][0]
        if text not in field.choices:
            raise Wrong(f"must be one of {', '.join(filter(None, field.choices))}")
        return _words(declared, shape_of(declared).info)[text]
    return text if field.kind in ("text", "password") else typed(field, text)


def _json(text: str) -> Any:
    """The JSON that a text is; text that does not begin as JSON does stands for itself."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as exc:
        if text.lstrip()[0] not in '[{"':
            return text
        raise Wrong(f"is not JSON: {exc.msg.lower()}, line {exc.lineno}, column {exc.colno}") from None


def input_form(io: Declared) -> list[dict[str, Any]]:
    """The fields as plain data."""
    found: list[dict[str, Any]] = msgspec.to_builtins(input_fields(io))
    return found
