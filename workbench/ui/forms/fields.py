"""The fields of a form, read from a definition's class, and values of the right type, read from what a person typed."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any, Literal, NamedTuple, cast, get_args, get_origin

from msgspec import NODEFAULT, Struct, inspect, structs

from workbench.core.definition import Definition, field_types
from workbench.core.secret import Secret
from workbench.core.source import literal

Kind = Literal[
    "text", "long text", "integer", "number", "flag", "choice", "secret", "names", "pairs", "json", "password"
]
MAIN_FIELDS = 6
"""Fields that a form shows at once, name included; authors write the more important ones first."""

LONG_TEXT = 2_000
SECRET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SECRET_CODE = re.compile(r"""secret\(\s*(["'])(?P<name>[^"']+)\1\s*(?:,\s*prefix=(["'])(?P<prefix>[^"']*)\3\s*)?\)""")
_HELP = {"name": "What it is called, here and in code."}
_CAPITALS = {each.capitalize(): each for each in ("API", "CA", "CSV", "SID", "TLS", "URL", "WSDL")}
_UNITS = {"_seconds": " [s]", "_bytes": " [bytes]"}


class Field(Struct, frozen=True, kw_only=True):
    """One field of a form: what it is called, what it takes, what it says."""

    name: str
    label: str
    kind: Kind
    required: bool
    default: Any = None
    description: str = ""
    choices: tuple[str, ...] = ()
    least: float | None = None
    above: float | None = None
    most: float | None = None
    longest: int | None = None
    shortest: int | None = None
    pattern: str | None = None
    optional: bool = False
    is_list: bool = False
    refers: str = ""
    more: bool = False


class Wrong(ValueError):
    """A text that cannot be the value of its field; says what would be."""


class _Shape(NamedTuple):
    kind: Kind
    info: Any
    description: str
    optional: bool
    is_union: bool = False


@cache
def fields_of(cls: type[Definition]) -> tuple[Field, ...]:
    """The fields of a definition's class, in its order, the required ones before the rest."""
    types, refers = field_types(cls), _references(cls)
    infos = {each.name: each for each in structs.fields(cls)}
    fields = [field_of(infos[name], types[name], refers.get(name, "")) for name in cls.__struct_fields__]
    fields.sort(key=lambda field: not field.required)
    return tuple(
        structs.replace(field, more=place >= MAIN_FIELDS, description=field.description or _HELP.get(field.name, ""))
        for place, field in enumerate(fields)
    )


def field_of(info: structs.FieldInfo, kind: Any, refers: str = "") -> Field:
    """The form's field for one field of a Struct.

    Args:
        info: What msgspec knows of it.
        kind: Its annotation.
        refers: The collection whose names it takes; '' for none.
    """
    shape = shape_of(kind)
    least, above, most = (getattr(shape.info, bound, None) for bound in ("ge", "gt", "le"))
    return Field(
        name=info.name,
        label=label_of(info.name),
        kind=shape.kind,
        required=info.required,
        default=_shown_default(info),
        description=shape.description,
        # Nothing is chosen at first where a field may be left empty: a browser would show the first word, and send it.
        choices=(*(("",) if shape.kind == "choice" and shape.optional else ()), *map(str, words_in(kind))),
        least=least,
        above=above,
        most=most,
        longest=getattr(shape.info, "max_length", None) if shape.kind in ("text", "long text") else None,
        shortest=getattr(shape.info, "min_length", None) if shape.kind in ("text", "long text") else None,
        pattern=getattr(shape.info, "pattern", None),
        optional=shape.optional,
        is_list=isinstance(shape.info, inspect.ListType),
        refers=refers,
    )


def label_of(name: str) -> str:
    """`timeout_seconds` as `Timeout [s]`."""
    unit = next((unit for tail, unit in _UNITS.items() if name.endswith(tail)), "")
    stem = next((name.removesuffix(tail) for tail in _UNITS if name.endswith(tail)), name)
    words = stem.strip("_").split("_")
    said = [words[0].capitalize(), *words[1:]]
    return " ".join(_CAPITALS.get(word.capitalize(), word) for word in said) + unit


def _shown_default(info: structs.FieldInfo) -> Any:
    default = info.default
    if default is NODEFAULT:
        return None if info.default_factory is NODEFAULT else plain_value(cast(Any, info.default_factory)())
    return plain_value(default)


def plain_value(value: Any) -> Any:
    """A value as a form holds it: of a secret the name, of several a list; among pairs, a secret as its code."""
    if isinstance(value, Secret):
        return value.name
    if isinstance(value, dict):
        return {key: literal(each) if isinstance(each, Secret) else each for key, each in value.items()}
    return list(value) if isinstance(value, tuple) else value


def shape_of(kind: Any) -> _Shape:
    """What a field takes, from its annotation."""
    members, descriptions = _members(inspect.type_info(kind))
    optional = any(isinstance(each, inspect.NoneType) for each in members)
    members = [each for each in members if not isinstance(each, inspect.NoneType)]
    description = next(filter(None, descriptions), "")
    named = next((each for each in members if isinstance(each, inspect.StructType) and each.cls is Secret), None)
    if named is not None:
        return _Shape("secret", named, description, optional)
    for each in members:
        if isinstance(each, inspect.VarTupleType | inspect.ListType):
            return _Shape("names", each, description, optional)
    return _Shape(_kind(members[0]), members[0], description, optional, len(members) > 1)


def _members(info: Any) -> tuple[list[Any], list[str]]:
    if isinstance(info, inspect.Metadata):
        members, descriptions = _members(info.type)
        return members, [str((info.extra_json_schema or {}).get("description", "")), *descriptions]
    if isinstance(info, inspect.UnionType):
        found = [_members(each) for each in info.types]
        return [one for members, _ in found for one in members], [one for _, said in found for one in said]
    return [info], []


def _kind(info: Any) -> Kind:
    match info:
        case inspect.LiteralType():
            return "choice"
        case inspect.BoolType():
            return "flag"
        case inspect.IntType():
            return "integer"
        case inspect.FloatType():
            return "number"
        case inspect.DictType():
            return "pairs"
        case inspect.AnyType():
            return "long text"
        case inspect.StrType(max_length=longest) if longest is not None and longest > LONG_TEXT:
            return "long text"
    return "text"


def words_in(kind: Any) -> tuple[Any, ...]:
    """The values a Literal allows, in the order they were written."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    return next(filter(None, map(words_in, get_args(kind))), ())


def bare(cls: type[Definition], values: dict[str, Any]) -> Any:
    """An instance that nothing has checked, to ask what its class says between fields."""
    types = field_types(cls)
    missing = {info.name: next(iter(words_in(types[info.name])), "") for info in structs.fields(cls) if info.required}
    return _unchecked(cls)(**missing | values)


@cache
def _unchecked(cls: type[Definition]) -> Any:
    made: Any = type(cls)
    return made(f"Unchecked{cls.__name__}", (cls,), {"__post_init__": lambda self: None}, frozen=True)


def _references(cls: type[Definition]) -> dict[str, str]:
    """The collection whose names each text field takes; the name itself may follow from other fields."""
    texts = {name: "x" for name, kind in field_types(cls).items() if name != "name" and shape_of(kind).kind == "text"}
    return {each.field: each.collection for each in bare(cls, texts).references() if each.field in texts}


def typed(field: Field, given: Any) -> Any:
    """The value of what was typed; None where the field is left to its default.

    Raises:
        Wrong: It cannot be one; the text says what can.
    """
    if _is_blank(given) and (field.optional or given not in field.choices):
        if field.required:
            raise Wrong("is missing")
        return None
    return _READERS[field.kind](field, given)


def _is_blank(given: Any) -> bool:
    return given is None or (not given.strip() if isinstance(given, str) else given in ([], (), {}))


def _text(field: Field, given: Any) -> str:
    text = str(given) if field.kind == "long text" else str(given).strip()
    if field.longest is not None and len(text) > field.longest:
        raise Wrong(f"has {len(text):,} characters; at most {field.longest:,} fit")
    if field.shortest is not None and len(text) < field.shortest:
        raise Wrong(f"needs at least {field.shortest} characters")
    if field.pattern is not None and re.search(field.pattern, text) is None:
        raise Wrong(f"does not fit. {field.description}" if field.description else f"must match {field.pattern}")
    return text


def _integer(field: Field, given: Any) -> int:
    if isinstance(given, bool) or not re.fullmatch(r"[+-]?\d{1,18}", str(given).strip()):
        raise Wrong(f"must be a whole number, not {str(given).strip()!r}")
    return int(_bounded(field, int(str(given))))


def _number(field: Field, given: Any) -> float:
    try:
        number = float(str(given).strip())
    except ValueError:
        number = math.nan
    if isinstance(given, bool) or not math.isfinite(number):
        raise Wrong(f"must be a number, not {str(given).strip()!r}")
    return _bounded(field, number)


def _bounded(field: Field, number: float) -> float:
    if field.least is not None and number < field.least:
        raise Wrong(f"must be {field.least:g} or more")
    if field.above is not None and number <= field.above:
        raise Wrong(f"must be more than {field.above:g}")
    if field.most is not None and number > field.most:
        raise Wrong(f"must be {field.most:,.10g} or less")
    return number


def _flag(field: Field, given: Any) -> bool:
    if isinstance(given, bool):
        return given
    word = str(given).strip().lower()
    if word not in ("true", "false"):
        raise Wrong("must be yes or no")
    return word == "true"


def _choice(field: Field, given: Any) -> str:
    if given not in field.choices:
        raise Wrong(f"must be one of {', '.join(filter(None, field.choices))}")
    return str(given)


def _secret(field: Field, given: Any) -> Secret:
    # Never repeated: a person may have typed the secret itself.
    if not SECRET_NAME.fullmatch(str(given).strip()):
        raise Wrong("takes the name of a secret, as MY_PASSWORD (letters, digits, _), never the secret itself")
    return Secret(str(given).strip())


def _names(field: Field, given: Any) -> list[str] | tuple[str, ...]:
    words = given if isinstance(given, list | tuple) else re.split(r"[,\s]+", str(given))
    kept = [word for word in map(str, words) if word]
    return kept if field.is_list else tuple(kept)


def _pairs(field: Field, given: Any) -> dict[str, str | Secret]:
    if isinstance(given, dict):
        return {str(key): _secret_or_text(str(value)) for key, value in given.items()}
    rows = [row.partition(":") for row in str(given).splitlines() if row.strip()]
    if bad := [number for number, (key, colon, _) in enumerate(rows, 1) if not colon or not key.strip()]:
        raise Wrong(f"line {bad[0]} must be `Name: value`")
    return {key.strip(): _secret_or_text(value.strip()) for key, _, value in rows}


def _secret_or_text(text: str) -> str | Secret:
    """The secret that a person named as in a cell, `secret("NAME")`; any other text as it is."""
    found = SECRET_CODE.fullmatch(text)
    return Secret(found["name"], found["prefix"] or "") if found else text


_READERS: dict[str, Any] = {
    "text": _text,
    "long text": _text,
    "integer": _integer,
    "number": _number,
    "flag": _flag,
    "choice": _choice,
    "secret": _secret,
    "names": _names,
    "pairs": _pairs,
}
