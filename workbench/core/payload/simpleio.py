"""What a service takes and gives: declared by SimpleIO, by names on the class, by a model, or by annotation."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterable
from copy import copy
from typing import Any, get_type_hints

from workbench.core.errors import BadRequest, DeployRefused, InvalidInput, nearest
from workbench.core.payload import typed
from workbench.core.payload.elements import UNSET, Elem, Secret, as_elem, problems_in, taken
from workbench.core.payload.rules import RULES, Rules

READ = (
    *("input", "output", "input_required", "input_optional", "output_required", "output_optional"),
    *("default_value", "default_input_value", "default_output_value", "response_elem", "output_repeated"),
    *("skip_empty_keys", "force_empty_keys"),
)
"""What is read of a `class SimpleIO`."""
KINDS = ("_required", "_optional", "")
NOT_SIMPLE_IO = frozenset(("io", "sio", "simpleio", "simple_io", "input_output", "inputoutput"))


class MissingParameter(BadRequest, AttributeError):
    """400: a service read a parameter that the caller did not send."""


class Input(dict[str, Any]):
    """Input with dotted access; a missing element is the caller's error and says which there are."""

    _secret_names: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        shown = (f"{name!r}: {'...' if name in self._secret_names else repr(value)}" for name, value in self.items())
        return f"{{{', '.join(shown)}}}"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            there = ", ".join(sorted(self)) or "none"
            raise MissingParameter(f"Invalid input: {name!r} is missing; given: {there}") from None

    def require_any(self, *names: str) -> Any:
        """The first of these elements that is not empty; raises ValueError if none is."""
        for name in names:
            if value := self.get(name):
                return value
        raise ValueError(f"None of {', '.join(names)} was given")

    def deepcopy(self) -> Input:
        """A copy that shares nothing with this one."""
        from copy import deepcopy

        return Input(deepcopy(dict(self)))


class Rows(list[Any]):
    """Input that came as a list; a service that asks it for an element wanted one object, and the caller is told."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise MissingParameter(f"Invalid input: a list was given, where one object with {name!r} is wanted")


class Output:
    """`self.response.payload` of a service that declares output names.

    Set elements by attribute or key; `payload[:] = rows` or `payload.append(row)` makes it a list.
    """

    __slots__ = ("_names", "_rows", "_values")

    def __init__(self, names: dict[str, Elem]) -> None:
        object.__setattr__(self, "_names", names)
        object.__setattr__(self, "_values", {})
        object.__setattr__(self, "_rows", None)

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(
                f"output element {name!r} is not set; set: {', '.join(self._values) or 'none'}"
            ) from None

    def __setitem__(self, name: str | slice, value: Any) -> None:
        if isinstance(name, slice):
            rows = [] if self._rows is None else self._rows
            rows[name] = [row_of(self._names, each) for each in value]
            object.__setattr__(self, "_rows", rows)
        elif name not in self._names:
            raise AttributeError(f"output element {name!r} is not declared; declared: {', '.join(self._names)}")
        else:
            self._values[name] = value

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def append(self, row: Any) -> None:
        """Add one row."""
        self[len(self._rows or ()) :] = [row]

    def value(self) -> Any:
        """What was set: a dict, or a list of them."""
        return self._rows if self._rows is not None else row_of(self._names, self._values)

    @property
    def is_unset(self) -> bool:
        """Whether nothing was set."""
        return self._rows is None and not self._values


def row_of(names: dict[str, Elem], given: Any) -> dict[str, Any]:
    """One output row: declared names only, each converted; a missing required one is the service's error."""
    row, missing = {}, []
    for name, elem in names.items():
        value = given.get(name, UNSET) if isinstance(given, dict) else getattr(given, name, UNSET)
        if elem.skips_empty and value in ("", None):
            continue
        if value is not UNSET:
            try:
                row[name] = elem.written(value)
            except (ValueError, TypeError, OverflowError) as exc:
                said = "; ".join(f"{path!r} {problem}" for path, problem in problems_in(name, elem, exc))
                fix = "answer with values of the declared types, or declare others"
                raise ValueError(f"The output is not as declared: {said}. Fix: {fix}") from exc
        elif elem.default is not UNSET:
            row[name] = elem.stand_in
        elif elem.forces_empty:
            row[name] = None
        elif not elem.optional:
            missing.append(name)
    if missing:
        fix = f"set it, or declare it optional: '-{missing[0]}'"
        raise ValueError(f"The output misses {', '.join(missing)}. Fix: {fix}")
    return row


def _taken(names: dict[str, Elem], given: Any, params: dict[str, Any], at: str = "") -> tuple[Input, list[str]]:
    """One object's elements over all else that came, and a line for each that is missing or wrong."""
    if not isinstance(given, dict):
        return Input(), [f"{at!r} must be an object"]
    all_given = {**given, **params}
    found, problems = taken(names.values(), all_given)
    row = Input({**all_given, **found})
    if secret_names := frozenset(name for name, elem in names.items() if isinstance(elem, Secret)):
        row._secret_names = secret_names
    return row, [f"{f'{at}.{path}' if at else path!r} {said}" for path, said in problems]


class Declared:
    """The input and output of one service, ready to read and write."""

    __slots__ = (
        "argument",
        "input_model",
        "input_names",
        "is_repeated",
        "output_model",
        "output_names",
        "response_elem",
        "service",
    )

    def __init__(self, service: str) -> None:
        self.service = service
        self.input_names: dict[str, Elem] | None = None
        self.output_names: dict[str, Elem] | None = None
        self.input_model: typed.Model | None = None
        self.output_model: typed.Model | None = None
        self.argument: str | None = None
        self.response_elem: str | None = None
        self.is_repeated = False

    @property
    def has_input(self) -> bool:
        """Whether any input is declared."""
        return self.input_names is not None or self.input_model is not None

    @property
    def must_answer(self) -> bool:
        """Whether an output element is declared that every answer has to set."""
        return any(not each.optional and each.default is UNSET for each in (self.output_names or {}).values())

    def read(self, payload: Any, params: dict[str, Any], is_text: bool = False) -> Any:
        """The input, from the parsed payload and the channel's parameters, which win.

        `is_text` says that everything in the payload is text, as in a form and in XML.

        Raises:
            InvalidInput: Names every element that is missing or wrong.
        """
        if self.input_model is not None:
            return self.input_model.read(payload, params, self.service, is_text)
        names = self.input_names
        if names is None:
            empty = payload is None or (isinstance(payload, str | bytes | bytearray) and not payload)
            if empty or isinstance(payload, dict):
                return Input({**(payload or {}), **params})
            return Rows(payload) if isinstance(payload, list) else payload
        if isinstance(payload, list):
            read = [_taken(names, row, params, f"[{i}]") for i, row in enumerate(payload)]
        else:
            read = [_taken(names, payload if isinstance(payload, dict) else {}, params)]
        if problems := [line for _, lines in read for line in lines]:
            raise InvalidInput(self.service, problems)
        return Rows(row for row, _ in read) if isinstance(payload, list) else read[0][0]

    def write(self, payload: Any) -> Any:
        """What the service gave, as declared: names filtered, models made plain."""
        if isinstance(payload, Output):
            payload = [] if self.is_repeated and payload.is_unset else payload.value()
        elif self.output_names is not None and isinstance(payload, dict):
            payload = row_of(self.output_names, payload)
        elif self.output_names is not None and isinstance(payload, list):
            payload = [row_of(self.output_names, each) for each in payload]
        if self.is_repeated and isinstance(payload, dict):
            payload = [payload]
        return payload if self.response_elem is None else {self.response_elem: payload}


def declared_by(cls: type[Any], name: str, rules: Rules = RULES) -> Declared:
    """Read a service class's declaration; `rules` say which types plain names suggest.

    Raises:
        DeployRefused: The declaration contradicts itself.
    """
    io = Declared(name)
    sio = getattr(cls, "SimpleIO", None)
    source: Any = sio if sio is not None else cls
    for side in ("input", "output"):
        default = getattr(sio, f"default_{side}_value", getattr(sio, "default_value", UNSET))
        required, optional, together = (getattr(source, f"{side}{each}", ()) or () for each in KINDS)
        if together and (required or optional):
            raise DeployRefused(f"Service {name!r} declares {side} and {side}_required/{side}_optional. Fix: keep one.")
        if typed.is_model(together):
            setattr(io, f"{side}_model", typed.Model(together))
        elif required or optional or together:
            first, then, rest = (
                [as_elem(each, rules) for each in _several(some)] for some in (required, optional, together)
            )
            setattr(io, f"{side}_names", _elements(first, then, rest, default))
    io.is_repeated = bool(getattr(source, "output_repeated", False))
    if sio is not None:
        io.response_elem = getattr(sio, "response_elem", None)
        _read_empty(sio, io.output_names or {})
    _say_what_is_not_read(cls, name)
    _read_annotations(cls, io)
    return io


def _read_empty(sio: Any, names: dict[str, Elem]) -> None:
    """What a `class SimpleIO` says of empty output: which elements are left out, and which are there all the same."""
    skipped, forced = (getattr(sio, each, ()) or () for each in ("skip_empty_keys", "force_empty_keys"))
    for name in names:
        names[name] = elem = copy(names[name])  # since services share what they declare
        elem.forces_empty = forced is True or name in _several(forced)
        elem.skips_empty = not elem.forces_empty and (skipped is True or name in _several(skipped))


def _say_what_is_not_read(cls: type[Any], name: str) -> None:
    """Log each declaration that nothing reads, as the author learns of it in no other way."""
    log = logging.getLogger(f"workbench.service.{name}")
    for word, fix in getattr(cls, "_not_read", {}).items():
        if word in vars(cls):
            log.warning("%s of %s is not read. Fix: %s", word, cls.__name__, fix)
    for word, value in vars(cls).items():
        if isinstance(value, type) and word.lower() in NOT_SIMPLE_IO and word != "SimpleIO":
            log.warning("class %s in %s is not read. Fix: call it SimpleIO", word, cls.__name__)
    for word in vars(getattr(cls, "SimpleIO", object)):
        if not word.startswith("_") and word not in READ:
            from workbench.core.payload.differences import LACKING  # here, since it costs the start some 3 ms

            if (row := LACKING.get(f"SimpleIO.{word}")) is not None:
                log.warning("SimpleIO.%s of %s is not read: %s. Fix: %s", word, cls.__name__, row.differs, row.instead)
                continue
            fix = f"Fix: {close}" if (close := nearest(word, READ)) else f"What is: {', '.join(READ)}"
            log.warning("SimpleIO.%s of %s is not read. %s", word, cls.__name__, fix)


def _elements(required: list[Elem], optional: list[Elem], together: list[Elem], default: Any) -> dict[str, Elem]:
    """The elements by name; one that is both required and optional is required.

    `default` stands in for an optional one that has no default of its own.
    """
    wanted = {elem.name: elem for elem in required}
    for elem in map(copy, optional):
        elem.optional = True
        wanted.setdefault(elem.name, elem)
    for elem in map(copy, together):
        wanted.setdefault(elem.name, elem)
    for name, elem in wanted.items():
        if elem.optional and elem.default is UNSET and default is not UNSET:
            wanted[name] = elem = copy(elem)
            elem.default = default
    return wanted


def _several(declared: Any) -> Iterable[str | Elem]:
    return (declared,) if isinstance(declared, str | Elem) else declared


def _read_annotations(cls: type[Any], io: Declared) -> None:
    """`def handle(self, order: Order) -> Reply` declares both sides."""
    handle = inspect.unwrap(cls.handle)
    # The first is the service, whatever it is called; what has a default, or takes what is left, need not be given.
    arguments = list(inspect.signature(handle).parameters.values())[1:]
    needed = [each for each in arguments if must_be_given(each)]
    arguments = [each for each in arguments if each in needed or each.annotation is not each.empty]
    if not arguments and handle.__annotations__.get("return") is None:
        return
    try:
        hints = get_type_hints(handle)
    except NameError as exc:
        if not arguments:  # a return annotation alone binds nothing
            return
        raise DeployRefused(
            f"Service {io.service!r}: the annotation of handle names {exc.name!r}, unknown here. "
            f"Fix: import or define {exc.name} above the class."
        ) from exc
    modelled = [each for each in arguments if typed.is_model(hints.get(each.name))]
    first = next(iter([*needed, *modelled]), None)
    if first is not None:
        model = hints.get(first.name)
        if not typed.is_model(model) or len({each.name for each in (*needed, *modelled)}) > 1:
            raise DeployRefused(
                f"Service {io.service!r}: handle takes (self) or (self, one argument annotated with a dataclass, "
                f"msgspec.Struct, TypedDict or pydantic model), not {inspect.signature(handle)}. "
                f"Fix: annotate it so, or read self.request.payload."
            )
        io.argument, io.input_model = first.name, typed.Model(model)
    if typed.is_model(reply := hints.get("return")):
        io.output_model = typed.Model(reply)


def must_be_given(parameter: inspect.Parameter) -> bool:
    """Whether a call without it fails."""
    return parameter.default is parameter.empty and parameter.kind not in (
        parameter.VAR_POSITIONAL,
        parameter.VAR_KEYWORD,
    )
