"""What a service may be given, as Hypothesis strategies: of what it declares, and of the constants in its code."""

from __future__ import annotations

import ast
import enum
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from importlib import import_module
from types import CellType, CodeType, FunctionType, NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin
from uuid import UUID

import msgspec

from workbench.core.errors import MissingDependency
from workbench.core.payload import elements
from workbench.core.payload.simpleio import Declared
from workbench.core.payload.typed import Model, is_model
from workbench.core.source import tree_of

DEEPEST = 3
LONGEST = 4
"""Of lists and objects that are made up, the deeper the fewer [entries]."""

LONGEST_TEXT = 100
"""Of constants that are tried [characters]."""

ABSENT: Any = object()
_READS = ("get", "require_any")


class Found(NamedTuple):
    """What stands in a source: the constants that it compares and uses, and the names of elements that it reads."""

    texts: list[str]
    numbers: list[int | float]
    names: list[str]


def library() -> Any:
    """Hypothesis; raises MissingDependency."""
    try:
        return import_module("hypothesis")
    except ImportError as exc:
        raise MissingDependency("wb.fuzz", "hypothesis", "fuzz") from exc


def found_in(cls: type[Any], source: str) -> Found:
    """What stands in the code of a service, and by which names its source reads its input."""
    constants = list(dict.fromkeys(each for code in _codes(vars(cls).values(), set()) for each in code.co_consts))
    texts = [each for each in constants if isinstance(each, str) and len(each) <= LONGEST_TEXT and "\n" not in each]
    numbers = [each for each in constants if isinstance(each, int | float) and not isinstance(each, bool)]
    near = {each + step for each in numbers for step in (-1, 0, 1) if isinstance(each, int)} | set(numbers)
    try:
        names = [name for node in ast.walk(tree_of(source)) for name in _names(node)]
    except SyntaxError:
        names = []
    return Found(texts, sorted(near), list(dict.fromkeys(names or texts)))


def _codes(values: Iterable[Any], seen: set[CodeType]) -> Iterator[CodeType]:
    """The code of functions, of functions within them, and of those that they close over, each once."""
    for value in values:
        if isinstance(value, FunctionType):
            cells = (cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell))
            yield from _codes([value.__code__, *cells], seen)
        elif isinstance(value, CodeType) and value not in seen:
            seen.add(value)
            yield value
            yield from _codes(value.co_consts, seen)


def _is_filled(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _names(node: ast.AST) -> Iterable[str]:
    """The elements of its input that a line of a service reads: `input.n`, `payload["n"]`, `payload.get("n")`."""
    match node:
        case ast.Attribute(value=ast.Attribute(attr="input" | "payload"), attr=name) if name not in _READS:
            yield name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            yield name
        case ast.Call(func=ast.Attribute(attr="get" | "require_any"), args=[ast.Constant(value=str(name)), *_]):
            yield name


class Inputs:
    """Makes the strategy of one service's payload; its values are what JSON can say."""

    def __init__(self, declared: Declared, cls: type[Any], source: str) -> None:
        self._st: Any = import_module("hypothesis.strategies") if library() else None
        self._found, self._declared = found_in(cls, source), declared

    def payload(self) -> Any:
        """The strategy."""
        if (model := self._declared.input_model) is not None:
            return self._of_type(model.kind, 0)
        if (names := self._declared.input_names) is not None:
            return self._of_elements(names.values())
        free = {name: self._maybe(self._json()) for name in self._found.names}
        known = self._objects(free)
        return self._st.one_of(known, self._text(), self._json()) if free else self._json()

    def _objects(self, fields: Mapping[str, Any]) -> Any:
        """Objects of these fields; one whose strategy gives ABSENT is left out."""
        made = self._st.fixed_dictionaries(dict(fields))
        return made.map(lambda each: {name: value for name, value in each.items() if value is not ABSENT})

    def _maybe(self, strategy: Any) -> Any:
        return self._st.one_of(strategy, self._st.just(ABSENT))

    def _text(self, least: int = 0, most: int | None = None) -> Any:
        fit = [each for each in self._found.texts if least <= len(each) <= (most or math.inf)]
        free = self._st.text(min_size=least, max_size=most)
        return self._st.one_of(self._st.sampled_from(fit), free) if fit else free

    def _number(self, least: float | None = None, most: float | None = None, whole: bool = True) -> Any:
        fit = [each for each in self._found.numbers if (not whole or isinstance(each, int))]
        fit = [each for each in fit if (least is None or each >= least) and (most is None or each <= most)]
        free = (
            self._st.integers(_up(least), _down(most))
            if whole
            else self._st.floats(least, most, allow_nan=False, allow_infinity=False)
        )
        return self._st.one_of(self._st.sampled_from(fit), free) if fit else free

    def _json(self) -> Any:
        leaves = self._st.one_of(
            self._number(), self._text(), self._st.none(), self._st.booleans(), self._number(whole=False)
        )
        named = [self._st.sampled_from(self._found.names)] if self._found.names else []
        keys = self._st.one_of(*named, self._text())
        return self._st.recursive(
            leaves,
            lambda inner: self._st.one_of(
                self._st.lists(inner, max_size=LONGEST),
                self._st.dictionaries(keys, inner, max_size=LONGEST),
            ),
            max_leaves=LONGEST,
        )

    # What SimpleIO declares.
    def _of_elements(self, elems: Iterable[elements.Elem]) -> Any:
        return self._objects({each.name: self._of_element(each) for each in elems})

    def _of_element(self, elem: elements.Elem) -> Any:
        strategy = self._value_of(elem)
        if elem.optional or elem.default is not elements.UNSET:
            return self._st.one_of(strategy, self._st.just(ABSENT), self._st.just(""))
        return strategy

    def _value_of(self, elem: elements.Elem) -> Any:
        st = self._st
        made = {
            elements.Bool: st.booleans,
            elements.Int: self._number,
            elements.Float: lambda: self._number(whole=False),
            elements.Decimal: lambda: self._of_type(Decimal, 0),
            elements.Date: lambda: self._of_type(date, 0),
            elements.DateTime: lambda: self._of_type(datetime, 0),
            elements.UTCDateTime: lambda: self._of_type(datetime, 0),
            elements.UUID: lambda: self._of_type(UUID, 0),
            elements.CSV: lambda: st.lists(self._text(), max_size=LONGEST).map(",".join),
            elements.List: lambda: st.lists(self._json(), max_size=LONGEST),
            elements.AsIs: self._json,
        }
        if isinstance(elem, elements.Dict):
            return self._of_elements(elem.keys) if elem.keys else st.dictionaries(self._text(), self._json())
        if isinstance(elem, elements.DictList):
            return st.lists(self._value_of(elem.each), max_size=LONGEST)
        return made.get(type(elem), self._text)()

    # What a model or an annotation declares.
    def _of_type(self, kind: Any, depth: int, bounds: msgspec.Meta | None = None) -> Any:
        st, origin, inner = self._st, get_origin(kind), get_args(kind)
        if origin is Annotated:
            told = next((each for each in inner[1:] if isinstance(each, msgspec.Meta)), None)
            return self._of_type(inner[0], depth, told)
        if origin in (Union, UnionType):
            return st.one_of([self._of_type(each, depth, bounds) for each in inner])
        if origin is Literal:
            return st.sampled_from(inner)
        if origin in (list, set, frozenset, tuple) or kind in (list, set, tuple):
            return self._of_many(origin or kind, inner, depth, bounds)
        if origin is dict or kind is dict:
            values = self._of_type(inner[1], depth) if inner else self._json()
            return st.dictionaries(self._text(), values, max_size=LONGEST)
        if is_model(kind):
            return self._of_model(kind, depth)
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return st.sampled_from([each.value for each in kind])
        return self._of_atom(kind, bounds)

    def _of_many(self, kind: Any, inner: tuple[Any, ...], depth: int, bounds: msgspec.Meta | None) -> Any:
        if kind is tuple and inner and inner[-1] is not Ellipsis:
            return self._st.tuples(*(self._of_type(each, depth) for each in inner)).map(list)
        each = self._of_type(inner[0], depth) if inner else self._json()
        least = (bounds and bounds.min_length) or 0
        most = 0 if depth >= DEEPEST else LONGEST - depth
        return self._st.lists(each, min_size=least, max_size=max(least, (bounds and bounds.max_length) or most))

    def _of_model(self, kind: Any, depth: int) -> Any:
        if depth > DEEPEST:
            return self._st.none()
        fields = {}
        for name, (each, required) in Model(kind).fields.items():
            strategy = self._st.deferred(lambda each=each: self._of_type(each, depth + 1))
            fields[name] = strategy if required else self._maybe(strategy)
        return self._objects(fields)

    def _of_atom(self, kind: Any, bounds: msgspec.Meta | None) -> Any:
        st = self._st
        if kind is str:
            if bounds is not None and bounds.pattern:
                return st.from_regex(bounds.pattern)
            return self._text((bounds and bounds.min_length) or 0, bounds.max_length if bounds else None)
        if kind in (int, float):
            return self._number(*_range(bounds, kind is int), whole=kind is int)
        made = {
            bool: st.booleans,
            NoneType: st.none,
            Decimal: lambda: st.integers().map(lambda each: str(Decimal(each).scaleb(-2))),
            date: lambda: st.dates().map(date.isoformat),
            datetime: lambda: st.datetimes(timezones=st.sampled_from([None, UTC])).map(datetime.isoformat),
            time: lambda: st.times().map(time.isoformat),
            timedelta: lambda: st.integers(0, 10**6).map(lambda each: f"PT{each}S"),
            UUID: lambda: st.uuids().map(str),
            bytes: lambda: st.just("aGVsbG8="),
        }
        return made.get(kind, self._json)()


def _range(bounds: msgspec.Meta | None, whole: bool) -> tuple[float | None, float | None]:
    if bounds is None:
        return None, None
    step = 1 if whole else 1e-6
    least = bounds.ge if bounds.ge is not None else None if bounds.gt is None else bounds.gt + step
    most = bounds.le if bounds.le is not None else None if bounds.lt is None else bounds.lt - step
    return least, most


def _up(value: float | None) -> int | None:
    return None if value is None else math.ceil(value)


def _down(value: float | None) -> int | None:
    return None if value is None else math.floor(value)
