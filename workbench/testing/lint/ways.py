"""What a function of a service does with connections and other services, in the order of its text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from workbench.connections.catalog import GROUPS

IN_BACKGROUND = ("invoke_async", "patterns.fanout.invoke", "patterns.parallel.invoke")
INVOKES = ("invoke", "invoke.aio", *IN_BACKGROUND)
_WAYS = (*GROUPS, "outgoing")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Use(NamedTuple):
    """One call: what it is told to do, who is told (`self.out.ftp['My FTP']`, or `self`), and whether it is awaited."""

    verb: str
    owner: str
    call: ast.Call
    is_connection: bool
    is_awaited: bool

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands."""
        return self.call.end_lineno or 0, self.call.end_col_offset or 0


def uses(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[Use]:
    """Calls of connections and services in a function; functions within it are read by themselves."""
    nodes = list(own_nodes(function))
    held: dict[str, str] = {}
    for name, value in _assigned(nodes):
        if owner := _owner(value, held):
            held[name] = owner
    awaited = {id(each.value) for each in nodes if isinstance(each, ast.Await)}
    found = [use for each in nodes if isinstance(each, ast.Call) and (use := _use(each, held, id(each) in awaited))]
    return sorted(found, key=lambda use: use.place)


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a function, without those of functions within it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, _FUNCTIONS):
            yield child
            yield from own_nodes(child)


def _assigned(nodes: list[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    for node in nodes:
        if isinstance(node, ast.Assign):
            yield from ((each.id, node.value) for each in node.targets if isinstance(each, ast.Name))
        elif isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
            yield node.optional_vars.id, node.context_expr


def _use(call: ast.Call, held: dict[str, str], is_awaited: bool) -> Use | None:
    if not isinstance(call.func, ast.Attribute):
        return None
    whole = ast.unparse(call.func)
    if whole.startswith("self.") and (verb := whole.removeprefix("self.")) in INVOKES:
        return Use(verb, "self", call, False, is_awaited)
    owner = _owner(call.func.value, held)
    # `.get("name")` of a way gives the connection, and asks nobody.
    if not owner or _is_way(call.func.value):
        return None
    return Use(call.func.attr, owner.removesuffix(".aio"), call, True, is_awaited or owner.endswith(".aio"))


def _owner(node: ast.expr, held: dict[str, str]) -> str:
    """The connection that an expression holds, as `self.out.ftp['x']`; '' if it is none."""
    while True:
        if isinstance(node, ast.Name):
            return held.get(node.id, "")
        if isinstance(node, ast.Subscript) and _is_way(node.value):
            return ast.unparse(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            if _is_way(node.func.value) and node.args:
                return f"{ast.unparse(node.func.value)}[{ast.unparse(node.args[0])}]"
            return ""
        if not isinstance(node, ast.Attribute):
            return ""
        if node.attr == "aio":
            return f"{inner}.aio" if (inner := _owner(node.value, held)) else ""
        if ast.unparse(node) == "self.kvdb":
            return "self.kvdb"
        node = node.value


def _is_way(node: ast.expr) -> bool:
    """Whether it is a way out that connections are looked up in, as `self.out.ftp`."""
    names = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
    # What follows a name in brackets is of the connection.
    parts = names.split(".") if names.replace(".", "_").isidentifier() else []
    return parts == ["self", "rest"] or (len(parts) >= 3 and parts[0] == "self" and parts[1] in _WAYS)
