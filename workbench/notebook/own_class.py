"""Lets a class of a cell mean itself: `super(H, self)` and `H.RATE` in a method of H go on when its cell ran again."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from workbench.core.service import Service

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class OwnClass(ast.NodeTransformer):
    """Writes a class's own name in its methods as `__class__`, which Python binds to that very class.

    In a service's methods every use of the name; in those of other classes, mixins and bases of services to come, the
    first argument of `super`, where any other class would be an error. A class is left as it is where it is decorated,
    since a decorator may put another in its place, and where the cell binds its name to anything else.

    Args:
        namespace: What the notebook has bound so far.
    """

    def __init__(self, namespace: Callable[[], Mapping[str, Any]]) -> None:
        self._namespace = namespace

    def visit(self, node: ast.AST) -> ast.AST:
        """Change the classes of one cell."""
        services: set[str] = set()
        for cls in _classes(node):
            if self._is_service(cls, services):
                services.add(cls.name)
            if not cls.decorator_list and not cls.name.startswith("__") and not _is_bound_otherwise(node, cls.name):
                name = _Everywhere(cls.name) if cls.name in services else _InSuper(cls.name)
                for function in _methods(cls):
                    name.rewrite(function)
        return node

    def _is_service(self, cls: ast.ClassDef, services: set[str]) -> bool:
        names = [base.id for base in cls.bases if isinstance(base, ast.Name)]
        names += [base.attr for base in cls.bases if isinstance(base, ast.Attribute)]
        known = (self._namespace().get(name) for name in names)
        return bool({"Service", *services} & {*names}) or any(
            isinstance(each, type) and issubclass(each, Service) for each in known
        )


class _Everywhere(ast.NodeTransformer):
    def __init__(self, name: str) -> None:
        self._name = name

    def rewrite(self, function: _Function) -> None:
        """Change the body: defaults, decorators and annotations are looked up while the class is made."""
        if isinstance(function, ast.Lambda):
            function.body = self.visit(function.body)
        else:
            function.body = [self.visit(each) for each in function.body]

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Leave inner classes, whose `__class__` is another."""
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Write the name as `__class__`."""
        own = node.id == self._name and isinstance(node.ctx, ast.Load)
        return ast.copy_location(ast.Name("__class__", ast.Load()), node) if own else node


class _InSuper(_Everywhere):
    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Leave names elsewhere."""
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Change `super(H, self)`."""
        match node:
            case ast.Call(func=ast.Name(id="super"), args=[ast.Name() as first, *_]) if first.id == self._name:
                node.args[0] = ast.copy_location(ast.Name("__class__", ast.Load()), first)
        return self.generic_visit(node)


def _classes(node: ast.AST) -> Iterator[ast.ClassDef]:
    """Classes of the cell itself: in its loops and branches too, not in functions or classes."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.ClassDef):
            yield each
        elif not isinstance(each, _Function):
            yield from _classes(each)


def _methods(node: ast.AST) -> Iterator[_Function]:
    for each in ast.iter_child_nodes(node):
        if isinstance(each, _Function):
            yield each
        elif not isinstance(each, ast.ClassDef):
            yield from _methods(each)


def _is_bound_otherwise(cell: ast.AST, name: str) -> bool:
    """Whether anything but a class of the cell itself has this name anywhere in the cell."""
    ours = set(_classes(cell))
    return any(name in _bound(each) for each in ast.walk(cell) if each not in ours)


def _bound(node: ast.AST) -> tuple[str | None, ...]:
    """The names that a node binds or declares."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
            return (name,)
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return (name,)
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return tuple(names)
        case ast.alias(name=full, asname=short):
            return (short or full.partition(".")[0],)
        case ast.ExceptHandler(name=caught):
            return (caught,)
        case ast.MatchAs(name=name) | ast.MatchStar(name=name):
            return (name,)
        case ast.MatchMapping(rest=name):
            return (name,)
    return ()
