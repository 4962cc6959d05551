"""What a module asks for, read from its text without running it: imports, names on `self`, and what is not here."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from typing import NamedTuple, TypeGuard

from workbench.app.deploy.folders.imported import Lack
from workbench.core.errors import nearest
from workbench.core.payload.differences import DIFFERENCES, LACKING, Difference
from workbench.core.service import Service

OF_PYTHON_2: Mapping[str, str] = {
    **{"ConfigParser": "configparser", "HTMLParser": "html.parser", "Queue": "queue", "StringIO": "io"},
    **{"cPickle": "pickle", "cStringIO": "io", "commands": "subprocess", "httplib": "http.client"},
    **{"urllib2": "urllib.request", "urlparse": "urllib.parse", "xmlrpclib": "xmlrpc.client"},
}
"""Modules of Python 2 and what they are in Python 3. Source: "What's New In Python 3.0", library changes."""
OF_ZATO = ("zato", "bunch")
"""Packages that are here under Zato's names."""
_PRINTS_OR_SO = (
    r"^\s*print\s+[^\s(=]|^\s*print\s*>>|^\s*exec\s+[^\s(=]|\bexcept\s+[\w.()]+\s*,\s*\w+\s*:|\braise\s+[\w.]+\s*,|<>"
    r"|\b[uU][rR]['\"]|`\w+`|\b0[0-7]+\b(?!\.)|\b\d+[lL]\b"
)
_OURS = ("zato", "workbench")
_PYTHON_2 = re.compile(_PRINTS_OR_SO)
_RESERVED = re.compile(r"\b(async|await)\s*[=,)]|\.(async|await)\b")


class Import(NamedTuple):
    """One import: its line, the module, the names that are taken from it, and whether it may fail."""

    line: int
    module: str
    names: tuple[str, ...]
    may_fail: bool
    level: int = 0


def is_python_2(line: str) -> bool:
    """Whether a line that Python 3 does not parse is one of Python 2."""
    return _PYTHON_2.search(line) is not None


def has_reserved_name(line: str) -> bool:
    """Whether a line has a name that became a keyword in Python 3.7: `async=False`."""
    return _RESERVED.search(line) is not None


def imports_in(tree: ast.AST, *, may_fail: bool = False) -> Iterator[Import]:
    """Every import, also those within functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, each.name, (), may_fail) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(each.name for each in node.names)
            yield Import(node.lineno, node.module or "", names, may_fail, node.level)
        else:
            # A `try` knows what to do without it, and what is there for types alone is not imported.
            guarded = isinstance(node, ast.Try) or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
            yield from imports_in(node, may_fail=may_fail or guarded)


class Asked:
    """What a module asks for.

    Args:
        tree: The module.
    """

    def __init__(self, tree: ast.Module) -> None:
        nodes = list(ast.walk(tree))
        self.imports = list(imports_in(tree))
        self._classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
        self.services = list(self._looks_like_services())
        self.reads = [(cls, known, list(_on_self(cls))) for cls, known in self.services]
        self.simple_io = list(self._simple_io())
        self.set_names = frozenset(self._set_names(nodes))

    @property
    def has_classes(self) -> bool:
        """Whether a class of it may be a service: one with a base."""
        return any(each.bases for each in self._classes)

    def _looks_like_services(self) -> Iterator[tuple[ast.ClassDef, bool]]:
        """Classes that look like services, and whether what they inherit is known."""
        classes = {each.name: each for each in self._classes}
        taken = {name for one in self.imports if one.module.startswith(_OURS) for name in one.names}
        for node in self._classes:
            bases, seen = list(node.bases), set[str]()
            is_service = is_known = bool(bases)
            while bases:
                name = ast.unparse(bases.pop()).rpartition(".")[2]
                if name in classes and name not in seen:
                    seen.add(name)
                    bases += classes[name].bases
                elif name != "Service":
                    is_known, is_service = False, is_service and (name in taken or not hasattr(builtins, name))
            if is_service and any(map(_is_method, node.body)) and "Model" not in map(ast.unparse, node.bases):
                yield node, is_known

    def _simple_io(self) -> Iterator[tuple[int, str]]:
        """What classes SimpleIO declare, as the rows of differences name it."""
        for node in self._classes:
            for each in ast.walk(node) if node.name == "SimpleIO" else ():
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                    yield each.lineno, f"SimpleIO.{each.id}"
                elif isinstance(each, ast.ClassDef) and each is not node:
                    yield each.lineno, f"SimpleIO.{each.name}"

    def _set_names(self, nodes: Sequence[ast.AST]) -> Iterator[str]:
        """Names that its classes have, or set on themselves."""
        for node in nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name):
                yield node.attr
        for cls in self._classes:
            for each in cls.body:
                if _is_method(each) or isinstance(each, ast.ClassDef):
                    yield each.name
                else:
                    yield from (one.id for one in ast.walk(each) if isinstance(one, ast.Name))


def _is_method(node: ast.AST) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


class Around(NamedTuple):
    """What there is around the modules of a folder.

    Args:
        has_module: Whether a name is that of a module or package of the folder.
        set_names: Names that classes of the folder have, or set on themselves.
        expect_way: Raises AttributeError for a way out that is none, as `out.zmq`.
    """

    has_module: Callable[[str], bool]
    set_names: frozenset[str]
    expect_way: Callable[[str], None]


def lacks(asked: Asked, around: Around, live: Mapping[str, type]) -> list[Lack]:
    """What a module asks for and is not here, in the order of its lines; each once.

    Args:
        asked: What the module asks for.
        around: What else there is.
        live: Its services that are live, by the names of their classes: what these inherit is known.
    """
    found: dict[str, Lack] = {}
    of_imports = (each for one in asked.imports for each in _lacks_of_import(one, around.has_module))
    of_simple_io = (Lack(line, LACKING[name].sentence) for line, name in asked.simple_io if name in LACKING)
    for each in (*of_imports, *_lacks_on_self(asked, around, live), *of_simple_io):
        if each.sentence not in found or each.line < found[each.sentence].line:
            found[each.sentence] = each
    return sorted(found.values())


def _lacks_of_import(one: Import, own_modules: Callable[[str], bool]) -> Iterator[Lack]:
    top = one.module.partition(".")[0]
    if one.may_fail or one.level or not top:
        return
    if top in OF_ZATO:
        yield from (Lack(one.line, each) for each in _of_zato(one))
    elif top in OF_PYTHON_2 and not own_modules(top):
        yield Lack(one.line, f"The module {top} is one of Python 2. Fix: import {OF_PYTHON_2[top]}")
    elif not own_modules(one.module) and not own_modules(top) and not _is_installed(top):
        yield Lack(one.line, f"The package {top!r} is not installed here. Fix: pip install what brings {top!r}")


def _is_installed(name: str) -> bool:
    try:
        return name in sys.modules or find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _of_zato(one: Import) -> Iterator[str]:
    """What the import itself will say. Only modules of ours are imported, so nothing of the folder runs."""
    wanted = [f"from {one.module} import {name}" for name in one.names if name != "*"] or [f"import {one.module}"]
    for statement in wanted:
        try:
            exec(statement, {})
        except ImportError as exc:
            yield str(exc)


def _lacks_on_self(asked: Asked, around: Around, live: Mapping[str, type]) -> Iterator[Lack]:
    for node, is_known, reads in asked.reads:
        cls = live.get(node.name, Service)
        for line, names in reads:
            first = names[0]
            if first in asked.set_names or first.startswith("__"):
                continue
            if (row := _lacking(names, 1 if not _has(cls, first) else 2)) is not None:
                yield Lack(line, row.sentence)
            elif first in ("out", "outgoing", "email", "cloud"):
                if said := _no_way(names, around.expect_way):
                    yield Lack(line, said)
            elif not _has(cls, first) and (is_known or node.name in live) and first not in around.set_names:
                yield Lack(line, _unknown(first))


def _lacking(names: Sequence[str], fewest: int) -> Difference | None:
    """The row of the first of `self.a`, `self.a.b`, ... that is not here, from so many names on."""
    whole = ["out" if names[0] == "outgoing" else names[0], *names[1:]]
    dotted = (".".join(("self", *whole[:end])) for end in range(fewest, len(whole) + 1))
    return next((LACKING[each] for each in dotted if each in LACKING), None)


def _unknown(name: str) -> str:
    known = {*dir(Service), *(each for cls in Service.__mro__ for each in vars(cls).get("__annotations__", {}))}
    close = nearest(name, (each for each in known if not each.startswith("_")))
    fix = f"write self.{close}" if close else f"set self.{name} first"
    return f"self.{name} is no name of Service, and nothing in the folder sets it. Fix: {fix}."


def _has(cls: type, name: str) -> bool:
    return hasattr(cls, name) or any(name in vars(each).get("__annotations__", {}) for each in cls.__mro__)


def _no_way(names: Sequence[str], expect_way: Callable[[str], None]) -> str:
    if len(names) < 2:
        return ""
    try:
        expect_way(f"{'out' if names[0] == 'outgoing' else names[0]}.{names[1]}")
    except AttributeError as exc:
        return str(exc) if "Fix:" in str(exc) else f"{exc} Fix: write one of them."
    return ""


def _on_self(cls: ast.ClassDef) -> Iterator[tuple[int, list[str]]]:
    """What methods read of their first argument, as the line and the dotted names after it; the longest alone."""
    for method in cls.body:
        if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) or not method.args.args:
            continue
        if any(ast.unparse(each) in ("staticmethod", "classmethod") for each in method.decorator_list):
            continue
        me, inner = method.args.args[0].arg, set[int]()
        for node in ast.walk(method):  # from the outside in
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and id(node) not in inner:
                names, value = [node.attr], node.value
                while isinstance(value, ast.Attribute):
                    inner.add(id(value))
                    names.insert(0, value.attr)
                    value = value.value
                if isinstance(value, ast.Name) and value.id == me:
                    yield node.lineno, names


def differing(asked: Asked) -> set[str]:
    """Names of the rows of differences that are about what a module does, beside what is not here at all."""
    used = {name for _, name in asked.simple_io}
    for cls, _, reads in asked.reads:
        used |= {each.name for each in cls.body if _is_method(each)}
        used |= {".".join(("self", *names[: end + 1])) for _, names in reads for end in range(len(names))}
        for node in ast.walk(cls):
            if isinstance(node, ast.Call) and node.keywords and isinstance(node.func, ast.Attribute):
                used |= {f"{ast.unparse(node.func)}({each.arg}=)" for each in node.keywords}
    return {row.name for row in DIFFERENCES if not row.lacks and not used.isdisjoint(_shown_by(row.name))}


@cache
def _shown_by(name: str) -> frozenset[str]:
    """The uses by which a file shows that a row is about it: `self.invoke(timeout=)`, `self.request.input`."""
    uses = set[str]()
    for each in re.split(r", (?![^(]*\))", name):
        if (found := re.match(r"(self(?:\.\w+)+)(.*)", each)) is None:
            uses.add(each)
        elif keywords := re.findall(r"(\w+)=", found[2]):
            uses |= {f"{found[1]}({keyword}=)" for keyword in keywords}
        else:
            uses.add(found[1])
    return frozenset(uses)
