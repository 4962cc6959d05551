"""Reads from a notebook's text what goes where: ways in, services, connections. Nothing of it runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

from workbench.app.deploy.mentions import mentions
from workbench.connections import catalog
from workbench.core.errors import WorkbenchError
from workbench.core.service import hyphenated
from workbench.sandbox.catalog import rows as peers
from workbench.testing.lint.notebook import CodeCell, Made, Notebook, dotted
from workbench.testing.lint.ways import uses
from workbench.testing.lint.wiring import CHANNELS, JOBS

_NOT_LIVE = frozenset(("test", "setup", "raises-exception"))


class WayIn(NamedTuple):
    """A channel or job: which of the two, how it is reached or when it runs, its name, and the service behind it."""

    what: str
    how: str
    name: str
    service: str


class WayOut(NamedTuple):
    """A connection: the label of its kind, its name, the address that it has, and whether a peer can play it."""

    kind: str
    name: str
    where: str
    has_peer: bool


class Box(NamedTuple):
    """A service: its name, what its docstring says first, the connections that it names, the services that it calls."""

    name: str
    says: str
    uses: tuple[str, ...]
    calls: tuple[str, ...]


class Flow(NamedTuple):
    """What goes where in a notebook; `secrets` are the names that it wants values for."""

    services: dict[str, Box]
    ways_in: list[WayIn]
    ways_out: dict[str, WayOut]
    secrets: list[str]

    def into(self, service: str) -> list[WayIn]:
        """The ways into a service."""
        return [each for each in self.ways_in if each.service == service]


def flow(notebook: Notebook) -> Flow:
    """What goes where, as far as names are written out; what is computed shows when it runs."""
    cells = [each for each in notebook.cells if not each.tags & _NOT_LIVE and not each.text.startswith("# %%test")]
    services: dict[str, Box] = {}
    for cell in cells:
        services |= {box.name: box for node in cell.tree.body if (box := _service(node, notebook)) is not None}
    made = [each for each in notebook.made if any(each.cell is cell for cell in cells)]
    ways_in = {(each.what, each.name): each for one in made if one.cls in (*CHANNELS, *JOBS) for each in _ways_in(one)}
    ways_out = {each.name: each for one in made if (each := _way_out(one, notebook)) is not None}
    for box in services.values():
        if "Redis" in box.uses:
            ways_out.setdefault("Redis", WayOut("Key/value", "Redis", "", True))
    return Flow(services, list(ways_in.values()), ways_out, sorted(_secrets(notebook)))


def _service(node: ast.stmt, notebook: Notebook) -> Box | None:
    if not isinstance(node, ast.ClassDef) or not any(
        isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.name == "handle" for each in node.body
    ):
        return None
    named = [
        each.value.value
        for each in node.body
        if isinstance(each, ast.Assign)
        and [dotted(target) for target in each.targets] == ["name"]
        and isinstance(each.value, ast.Constant)
    ]
    name = str(named[-1]) if named else hyphenated(node.name)
    text = ast.unparse(node)
    out = [each.name for each in mentions(text, notebook.kinds_by_attribute)]
    out += ["Redis"] if "self.kvdb" in text else []
    says = (ast.get_docstring(node) or "").partition("\n")[0]
    return Box(name, says, tuple(dict.fromkeys(out)), tuple(dict.fromkeys(_called(node))))


def _called(service: ast.ClassDef) -> Iterator[str]:
    """The services that a service calls by name."""
    for node in ast.walk(service):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for use in uses(node):
                first = use.call.args[0] if use.call.args and use.owner == "self" else None
                if use.verb.startswith("invoke") and isinstance(first, ast.Constant):
                    yield str(first.value)


def _ways_in(made: Made) -> Iterator[WayIn]:
    """A channel or job, once for each service behind it."""
    try:
        definition: Any = getattr(import_module("workbench"), made.cls)(made.name or "?", **_fields(made))
    except (WorkbenchError, TypeError, ValueError):
        # What is wrong with it, or computed, its cell will say.
        yield WayIn("job" if made.cls in JOBS else "channel", made.cls, made.name or "?", "")
        return
    if made.cls in JOBS:
        yield WayIn("job", definition.describe(), definition.name, definition.service)
        return
    verbs = " ".join(definition.methods) if made.cls == "RESTChannel" else definition.kind
    how = f"{verbs} {definition.address}".strip()
    for service in definition.leads_to or (definition.name,):
        yield WayIn("channel", how, definition.name, service)


def _fields(made: Made) -> dict[str, Any]:
    """Its arguments that are written out; ValueError for what cannot be left out and is computed."""
    found = {}
    for each in made.call.keywords:
        if each.arg is None:
            raise ValueError("fields come from elsewhere")
        try:
            found[each.arg] = ast.literal_eval(each.value)
        except ValueError:
            if each.arg in ("service", "services", "path"):
                raise
    return found


def _way_out(made: Made, notebook: Notebook) -> WayOut | None:
    kind = notebook.kinds.get(made.cls)
    if kind is None or made.name is None:
        return None
    row = catalog.rows().get(kind)
    where = [
        str(each.value.value)
        for each in made.call.keywords
        if each.arg in ("host", "url", "bucket", "folder", "database") and isinstance(each.value, ast.Constant)
    ]
    has_peer = kind in peers() or _names_a_peer(made.cls, notebook.cells)
    return WayOut(row.label if row is not None else made.cls, made.name, where[0] if where else "", has_peer)


def _names_a_peer(cls: str, cells: list[CodeCell]) -> bool:
    """Whether a class of a cell says which peer plays it."""
    classes = (each for cell in cells for each in ast.walk(cell.tree) if isinstance(each, ast.ClassDef))
    return any(
        isinstance(line, ast.Assign)
        and dotted(line.targets[0]) == "peer"
        and isinstance(line.value, ast.Constant)
        and line.value.value in peers()
        for each in classes
        if each.name == cls
        for line in each.body
    )


def _secrets(notebook: Notebook) -> set[str]:
    """The names of secrets that cells name."""
    return {
        str(node.args[0].value)
        for cell in notebook.cells
        for node in ast.walk(cell.tree)
        if isinstance(node, ast.Call)
        and notebook.called(node).rpartition(".")[2] == "secret"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
