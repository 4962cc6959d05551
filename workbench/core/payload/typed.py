"""Typed input and output: dataclasses, msgspec Structs, TypedDicts, and by duck-typing the user's pydantic models."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NotRequired, Required, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct, structs

from workbench.core.errors import InvalidInput
from workbench.core.payload.elements import UNSET
from workbench.core.payload.plain import plain
from workbench.core.payload.words import converted, loosened


def is_model(kind: Any) -> bool:
    """Whether a declaration is a model, or a list of one."""
    if get_origin(kind) is list:
        return bool(get_args(kind)) and is_model(get_args(kind)[0])
    return isinstance(kind, type) and (
        dataclasses.is_dataclass(kind)
        or issubclass(kind, Struct)
        or hasattr(kind, "model_validate")
        or is_typed_dict(kind)
    )


def is_typed_dict(kind: Any) -> bool:
    """Whether a type is a TypedDict, of `typing` or of `typing_extensions`, which is another one before Python 3.13."""
    return isinstance(kind, type) and issubclass(kind, dict) and hasattr(kind, "__required_keys__")


class Model:
    """A typed input or output of a service."""

    __slots__ = ("_decoder", "_fields", "_has_defaults", "kind")

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self._fields = _fields(kind)
        self._decoder = None if _is_pydantic(kind) else msgspec.json.Decoder(kind)
        self._has_defaults = _holds_defaults(kind, set())

    @property
    def fields(self) -> dict[str, tuple[Any, bool]]:
        """Type and whether it is required of each field, once, by the name that JSON uses; none of a list."""
        if not _is_pydantic(self.kind) or not hasattr(self.kind, "model_fields"):
            return self._fields
        known = {name: each and (each.validation_alias or each.alias) for name, each in self.kind.model_fields.items()}
        return {key: self._fields[key] for key in (a if isinstance(a, str) else name for name, a in known.items())}

    def decode(self, raw: bytes) -> Any:
        """Straight from JSON; raises msgspec's errors, which `read` then explains."""
        return None if self._decoder is None else self._whole(self._decoder.decode(raw))

    def read(self, payload: Any, params: dict[str, Any], service: str, is_text: bool = False) -> Any:
        """An instance, from a parsed payload and parameters, which win.

        Text in `params`, and in a payload that `is_text` throughout, is read in its field's type; JSON is taken at its
        word, whatever comes beside it.
        """
        if isinstance(self.kind, type) and not is_typed_dict(self.kind) and isinstance(payload, cast(Any, self.kind)):
            return payload
        text = {key: params[key] for key in params.keys() & self._fields.keys()}
        if is_text and isinstance(payload, dict):
            payload, text = "", {**payload, **text}
        given = payload
        if payload is None or isinstance(payload, dict) or (isinstance(payload, str | bytes) and not payload):
            given = {**(payload or {}), **text}
        else:
            text = {}
        if _is_pydantic(self.kind):
            return self._read_by_pydantic(given, text, service)
        if text:
            read = converted(text, self._fields)
            given = {**{key: value for key, value in given.items() if key not in text}, **read}
        try:
            return self._whole(msgspec.convert(given, self.kind))
        except msgspec.ValidationError:
            given = with_whole_numbers(given)
        try:
            return self._whole(msgspec.convert(given, self.kind))
        except msgspec.ValidationError as exc:
            problems = problems_of(given, self.kind) or [_explained("", exc)]
            raise InvalidInput(service, problems) from None

    def _read_by_pydantic(self, given: Any, text: dict[str, Any], service: str) -> Any:
        """It reads most text itself, and may have validators that want it as it came; the rest is read for it."""
        made, problems = _validated(self.kind, given)
        if problems and text:
            given = dict(given)
            for name, value in text.items():
                kind, required = self._fields.get(name, (None, True))
                if kind is None or not any(each.startswith((f"'{name}'", f"'{name}.")) for each in problems):
                    continue
                given[name] = loosened(value, kind, required)
                if given[name] is UNSET:
                    del given[name]
            made, problems = _validated(self.kind, given)
        if problems:
            raise InvalidInput(service, problems)
        return made

    def check(self, value: Any) -> None:
        """Raise ValueError, which names every wrong element, for an output that is not as declared.

        An instance is taken as it is. Anything else must have its shape: a dict, or an instance of a class that was
        of this name before its cell ran again.
        """
        if type(value) is self.kind:
            return
        given = msgspec.to_builtins(value, enc_hook=plain)
        problems = _validated(self.kind, given)[1] if _is_pydantic(self.kind) else problems_of(given, self.kind)
        if problems:
            said = "; ".join(problems).replace("The body: ", f"a {type(value).__name__} is returned: ")
            name = getattr(self.kind, "__name__", str(self.kind))
            raise ValueError(f"The output is not the declared {name}: {said}. Fix: return one, or declare another.")

    def _whole(self, made: Any) -> Any:
        if self._has_defaults:
            _fill(made)
        return made


def _validated(kind: Any, given: Any, path: str = "") -> tuple[Any, list[str]]:
    """An instance of a pydantic model, or a list of them, and every element that is missing or wrong."""
    if get_origin(kind) is list:
        if not isinstance(given, list):
            return None, [f"The body: expected a list, got {type(given).__name__}"]
        rows = [_validated(get_args(kind)[0], each, f"{path}[{i}]") for i, each in enumerate(given)]
        return [made for made, _ in rows], [problem for _, problems in rows for problem in problems]
    try:
        return kind.model_validate(given), []
    except Exception as exc:
        errors = getattr(exc, "errors", None)
        if errors is None:
            raise
        found = [(".".join(filter(None, (path, *map(str, each["loc"])))), each["msg"]) for each in errors()]
        return None, [f"{where!r}: {said}" if where else f"The body: {said}" for where, said in found]


def _holds_defaults(kind: Any, seen: set[Any]) -> bool:
    """Whether dataclasses whose fields have defaults are anywhere in a type."""
    if isinstance(kind, type) and kind not in seen:
        seen.add(kind)
        fields = _fields(kind)
        if dataclasses.is_dataclass(kind) and not all(required for _, required in fields.values()):
            return True
        return any(_holds_defaults(each, seen) for each, _ in fields.values())
    return any(_holds_defaults(each, seen) for each in get_args(kind))


def _fill(made: Any) -> None:
    """Give instances the defaults that msgspec leaves to their class, where neither JSON nor `vars` would see them."""
    if isinstance(made, list | tuple):
        for each in made:
            _fill(each)
    elif isinstance(made, dict):
        _fill(list(made.values()))
    elif isinstance(made, Struct):
        _fill([getattr(made, name) for name in made.__struct_fields__])
    elif dataclasses.is_dataclass(made) and hasattr(made, "__dict__"):
        kept = vars(made)
        for field in dataclasses.fields(made):
            if field.init and field.name not in kept:
                kept[field.name] = field.default
        _fill(list(kept.values()))


def _is_pydantic(kind: Any) -> bool:
    return _is_pydantic(get_args(kind)[0]) if get_origin(kind) is list else hasattr(kind, "model_validate")


def _fields(kind: Any) -> dict[str, tuple[Any, bool]]:
    """Type and whether it is required, by the name that JSON uses."""
    if not isinstance(kind, type):
        return {}
    if _is_pydantic(kind):
        return dict(_of_pydantic(kind))
    if issubclass(kind, Struct):
        return {field.encode_name: (field.type, field.required) for field in structs.fields(kind)}
    if is_typed_dict(kind):
        return dict(_of_typed_dict(kind))
    if not dataclasses.is_dataclass(kind):
        return {}
    hints = get_type_hints(kind, include_extras=True)
    unset = dataclasses.MISSING
    return {
        field.name: (hints[field.name], field.default is unset and field.default_factory is unset)
        for field in dataclasses.fields(kind)
        if field.init
    }


def _of_typed_dict(kind: Any) -> Iterator[tuple[str, tuple[Any, bool]]]:
    """Type, bounds included, and whether it is required, of each key.

    Where annotations are text, `__required_keys__` knows nothing of Required and NotRequired: "typing", TypedDict, in
    the documentation of Python.
    """
    for name, hint in get_type_hints(kind, include_extras=True).items():
        mark = get_origin(hint)
        is_marked = mark in (Required, NotRequired)
        required = mark is Required if is_marked else name in kind.__required_keys__
        yield name, (get_args(hint)[0] if is_marked else hint, required)


def _of_pydantic(kind: Any) -> Iterator[tuple[str, tuple[Any, bool]]]:
    """Type and whether it is required, by each name that a pydantic model may read a field by."""
    for name, field in kind.model_fields.items():
        if field is None:
            yield name, (None, False)
            continue
        told = (field.annotation, field.is_required())
        for each in {name, field.alias, field.validation_alias}:
            if isinstance(each, str):
                yield each, told


def with_whole_numbers(given: Any) -> Any:
    """Plain data in which 1.0 is 1, as it is to JSON Schema and to the library where it decodes JSON itself."""
    if isinstance(given, float) and given.is_integer():
        return int(given)
    if isinstance(given, dict):
        return {key: with_whole_numbers(each) for key, each in given.items()}
    return [with_whole_numbers(each) for each in given] if isinstance(given, list) else given


def problems_of(given: Any, kind: Any, path: str = "") -> list[str]:
    """Every missing or wrong element, where the library stops at the first."""
    if get_origin(kind) is list and isinstance(given, list):
        each = get_args(kind)[0]
        return [line for i, one in enumerate(given) for line in problems_of(one, each, path=f"{path}[{i}]")]
    fields = _fields(kind)
    if fields and isinstance(given, dict):
        found = []
        for name, (field, required) in fields.items():
            where = f"{path}.{name}" if path else name
            if name in given:
                found += problems_of(given[name], field, path=where)
            elif required:
                found.append(f"{where!r} is missing")
        return found
    try:
        msgspec.convert(given, kind)
    except msgspec.ValidationError as exc:
        return [_explained(path, exc)]
    return []


def _explained(path: str, error: msgspec.ValidationError) -> str:
    """The library's sentence, with the whole path to the element in front."""
    said, _, below = str(error).partition(" - at `$")
    where = f"{path}{below.removesuffix('`')}".removeprefix(".")
    return f"{where!r}: {said[:1].lower()}{said[1:]}" if where else f"The body: {said[:1].lower()}{said[1:]}"
