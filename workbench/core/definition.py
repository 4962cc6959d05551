"""A definition: a frozen, typed, serialisable value that says what a thing is.

It is never open and never holds a secret. Forms, tables, code and the command line read its fields from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, ClassVar, Literal, NamedTuple, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Meta, Struct, StructMeta, structs

from workbench.core.errors import InvalidDefinition, nearest, short
from workbench.core.ports import Showable
from workbench.core.secret import Secret, keep_given
from workbench.core.source import call


class Reference(NamedTuple):
    """One definition's mention of another object, by name."""

    collection: str
    name: str
    field: str


class DefinitionType(StructMeta):
    """Checks keywords before the constructor does, so that one error lists every bad field."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        known = cls.__struct_fields__
        given = dict(zip(known[:1], args[:1], strict=False)) | kwargs
        said: Mapping[str, str] = getattr(cls, "no_fields", {})
        problems = {key: said.get(key) or _unknown_field(key, known) for key in kwargs if key not in known}
        if len(args) > 1:
            problems["arguments"] = f"take one name without a keyword, not {len(args)} values"
        problems |= {key: "is missing" for key in required_fields(cls) if key not in given}
        if problems:
            fields = field_types(cls)
            for key in given.keys() & fields.keys():
                if problem := _value_problem(given[key], fields[key]):
                    problems[key] = problem
            raise InvalidDefinition(cls.__name__, given.get("name", "?"), problems)
        return super().__call__(*args, **kwargs)


def _unknown_field(key: str, known: tuple[str, ...]) -> str:
    close = nearest(key, known)
    return f"is not a field; did you mean {close!r}?" if close else f"is not a field; the fields are {', '.join(known)}"


@cache
def field_types(cls: type[Struct]) -> dict[str, Any]:
    """The annotated type of each field, bounds and description included."""
    hints = get_type_hints(cls, include_extras=True)
    return {field: hints[field] for field in cls.__struct_fields__}


@cache
def _fields(cls: Any) -> tuple[structs.FieldInfo, ...]:
    """What msgspec says of each field; asking costs a millisecond, since it compiles the annotations anew."""
    return structs.fields(cls)


def holds_secret(kind: Any) -> bool:
    """Whether a field is a secret; one that is a mapping of many looks after its own."""
    return kind is Secret or (get_origin(kind) is not dict and any(holds_secret(each) for each in get_args(kind)))


def _half_of_a_pair(value: Any) -> str:
    """What is wrong with text that no file and no wire can carry, since UTF-8 has no bytes for it."""
    if not isinstance(value, str):
        return ""
    try:
        value.encode()
    except UnicodeEncodeError as exc:
        return f"holds half of a surrogate pair as its character {exc.start + 1}, which UTF-8 cannot write"
    return ""


@cache
def _secrets(cls: Any) -> frozenset[str]:
    """The fields that may hold a secret."""
    return frozenset(field for field, kind in field_types(cls).items() if holds_secret(kind))


def _value_problem(value: Any, kind: Any) -> str:
    if (half := _half_of_a_pair(value)) and not holds_secret(kind):
        return half
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as exc:
        if isinstance(value, str) and holds_secret(kind):
            return ""
        if words := _words(kind):
            return f"must be one of {', '.join(map(repr, words))}, not {short(value)}"
        if holds_secret(kind):
            return f"must be secret('NAME') or text, not {type(value).__name__}"
        said = f"{str(exc)[:1].lower()}{str(exc)[1:]}".replace(" - at `$`", "")
        described = description_of(kind)
        # A person reads no pattern; its author's words say what it means.
        return f"must be: {described}" if "matching regex" in said and described else said
    return ""


def description_of(kind: Any) -> str:
    """What a field is, in its author's words, which tell more than a pattern; without a full stop."""
    inner = get_args(kind)
    said = next((each.description for each in inner if isinstance(each, Meta) and each.description), None)
    return said.removesuffix(".") if said else next(filter(None, map(description_of, inner)), "")


def required_fields(cls: Any) -> list[str]:
    """The fields that have no default."""
    return [field.name for field in _fields(cls) if field.required]


def _words(kind: Any) -> tuple[Any, ...]:
    """The values that a Literal allows; none for any other type."""
    return get_args(kind) if get_origin(kind) is Literal else next(filter(None, map(_words, get_args(kind))), ())


class Definition(Struct, Showable, metaclass=DefinitionType, frozen=True):
    """What every definition has: a name, a kind in words, and the collection it lives in."""

    kind: ClassVar[str] = ""
    collection: ClassVar[str] = ""
    no_fields: ClassVar[Mapping[str, str]] = {}
    """What to say of keywords that people write and that are no fields, where the nearest field is something else."""

    name: str

    def __post_init__(self) -> None:
        problems: dict[str, str] = {}
        if not isinstance(self.name, str) or not self.name.strip() or len(self.name) > 200:
            problems["name"] = "must be text of 1 to 200 characters"
        elif not self.name.isprintable():
            problems["name"] = "must hold no line break and nothing else that does not show"
        secrets = _secrets(type(self))
        for field, kind in field_types(type(self)).items():
            value = getattr(self, field)
            if value == "" and field in secrets:
                problems[field] = "must not be empty"
            elif isinstance(value, str) and field in secrets:
                structs.force_setattr(self, field, keep_given(f"{self.kind} {self.name!r} {field}", value))
            elif problem := _value_problem(value, kind):
                problems[field] = problem
            elif isinstance(value, list | dict | set):
                structs.force_setattr(self, field, msgspec.convert(value, kind))
        problems = problems or self.problems()
        if problems:
            raise InvalidDefinition(type(self).__name__, self.name, problems)

    @property
    def full_name(self) -> str:
        """The name that no other of its collection has; a kind that is named by more than a name says so."""
        return self.name

    def problems(self) -> dict[str, str]:
        """What is wrong between fields that are each valid alone, by field."""
        return {}

    def references(self) -> Iterator[Reference]:
        """The objects this definition names, which must exist before it can apply."""
        return iter(())

    def changed(self) -> dict[str, Any]:
        """The fields that differ from their defaults, the name left out."""
        return {
            field.name: getattr(self, field.name)
            for field in _fields(type(self))
            if field.name != "name" and getattr(self, field.name) != _default(field)
        }

    def to_code(self) -> str:
        """The call that makes this definition again, as a person writes it; only what differs from the defaults."""
        return call(type(self).__name__, self.name, self.changed())

    def replace(self, **changes: Any) -> Any:
        """A copy with some fields changed, checked again."""
        return type(self)(**({field: getattr(self, field) for field in self.__struct_fields__} | changes))

    def __reduce__(self) -> Any:
        # As it was made, by keywords: msgspec would give the constructor all fields by position.
        return _made, (type(self), {field: getattr(self, field) for field in self.__struct_fields__})

    def __repr__(self) -> str:
        return call(type(self).__name__, self.name, self.changed(), one_line=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


def _made(cls: type[Definition], fields: dict[str, Any]) -> Definition:
    return cls(**fields)


def _default(field: structs.FieldInfo) -> Any:
    return (
        field.default
        if field.default is not NODEFAULT
        else (cast(Any, field.default_factory)() if field.default_factory is not NODEFAULT else NODEFAULT)
    )
