"""What a service's class uses of the code around it: what its methods look up late, and what it was made of."""

from __future__ import annotations

import ast
import dis
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeGuard, get_args

from workbench.core.source import tree_of

_OWN_OF_A_CLASS = frozenset(("__dict__", "__weakref__", "__firstlineno__", "__static_attributes__"))
_LOOKS_UP = frozenset(("LOAD_GLOBAL", "LOAD_NAME"))

Code = FunctionType | type | ModuleType


def is_code(value: Any) -> TypeGuard[Code]:
    """Whether a value does something, and is no data: a function, a class or a module."""
    return isinstance(value, Code)


def functions_of(cls: type) -> Iterator[FunctionType]:
    """Functions that a class itself holds: methods, static and class methods, properties."""
    for each in vars(cls).values():
        function = each.__func__ if isinstance(each, staticmethod | classmethod) else getattr(each, "fget", each)
        if isinstance(function, FunctionType):
            yield unwrapped(function)


def unwrapped(function: FunctionType) -> FunctionType:
    """The function of Python that a decorator has wrapped; the wrapper itself where that is none, as of `open`."""
    inner = inspect.unwrap(function)
    return inner if isinstance(inner, FunctionType) else function


def globals_of(cls: type) -> dict[str, Any]:
    """The namespace that the functions of a class look names up in."""
    return next((function.__globals__ for function in functions_of(cls)), {})


def is_same(now: Any, was: Any) -> bool:
    """Whether two functions or classes do the same, as when a cell was run again unchanged."""
    if now is was:
        return True
    if isinstance(now, FunctionType) and isinstance(was, FunctionType):
        return (now.__code__, now.__defaults__, now.__kwdefaults__) == (
            was.__code__,
            was.__defaults__,
            was.__kwdefaults__,
        )
    if not isinstance(now, type) or not isinstance(was, type) or len(now.__bases__) != len(was.__bases__):
        return False
    if not all(map(is_same, now.__bases__, was.__bases__)):
        return False
    ours, theirs = ({key: each for key, each in vars(cls).items() if key not in _OWN_OF_A_CLASS} for cls in (now, was))
    return ours.keys() == theirs.keys() and all(
        is_same(ours[key], theirs[key]) or ours[key] == theirs[key] for key in ours
    )


def helpers_of(cls: type) -> dict[str, Code]:
    """Functions, classes and modules that its methods, and the helpers of its module, look up at each call."""
    namespace, found = globals_of(cls), dict[str, Code]()
    todo = [function for each in cls.__mro__ if each.__module__ == cls.__module__ for function in functions_of(each)]
    while todo:
        for name in _looked_up(todo.pop().__code__):
            value = namespace.get(name)
            if name not in found and is_code(value):
                found[name] = value
                todo += _functions_behind(value, namespace)
    return found


def _functions_behind(value: Code, namespace: Mapping[str, Any]) -> list[FunctionType]:
    functions: Iterable[FunctionType] = functions_of(value) if isinstance(value, type) else ()
    if isinstance(value, FunctionType):
        functions = [unwrapped(value)]
    return [each for each in functions if each.__globals__ is namespace]


def _looked_up(code: CodeType) -> Iterator[str]:
    """Global names a function looks up, those of its inner functions and comprehensions included."""
    for step in dis.get_instructions(code):
        if step.opname in _LOOKS_UP:
            yield str(step.argval)
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _looked_up(each)


def parts_of(cls: type, source: str) -> dict[str, Code]:
    """Functions and classes of its module that a class was made of once: bases, models, decorators, and theirs."""
    namespace, found = globals_of(cls), dict[str, Code]()
    todo: list[Any] = [*cls.__mro__[1:], *(namespace.get(name) for name in _names_of_making(source))]
    while todo:
        each = todo.pop()
        if not isinstance(each, FunctionType | type) or each.__module__ != cls.__module__ or each is cls:
            continue
        name = str(each.__name__)
        is_bound = namespace.get(name) is each
        if is_bound and name not in found:
            found[name] = each
            todo += _inside(each, namespace) if isinstance(each, type) else []
    return found


def _inside(cls: type, namespace: Mapping[str, Any]) -> list[Any]:
    """The bases of a class, and the types that its annotations speak of."""
    found: list[Any] = list(cls.__mro__[1:])
    todo = list(inspect.get_annotations(cls).values())
    while todo:
        each = todo.pop()
        if isinstance(each, str):
            found += [namespace.get(name) for name in re.findall(r"\w+", each)]
        found.append(each)
        todo += get_args(each)
    return found


def _names_of_making(source: str) -> Iterator[str]:
    """Names that a class's text looks up when the class is made: all but those in the bodies of its functions."""
    try:
        todo: list[ast.AST] = [tree_of(textwrap.dedent(source))]
    except SyntaxError:
        return
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name):
            yield node.id
        parts = ast.iter_child_nodes(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            body = node.body if isinstance(node.body, list) else [node.body]
            parts = (each for each in parts if each not in body)
        todo += parts
