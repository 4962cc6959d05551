"""Every kind of connection, one row each; a kind is imported when it is first used.

Another distribution adds kinds by the entry point group `workbench.connections`, each naming a ConnectionDefinition.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import NamedTuple, cast

from workbench.connections.definition import ConnectionDefinition
from workbench.core.errors import UnknownName


class Row(NamedTuple):
    """Where a kind lives: its short word, its label, its module and class, and the attributes of a service."""

    kind: str
    label: str
    module: str
    cls: str
    attributes: tuple[str, ...]


ROWS = (
    Row("rest", "REST", "workbench.connections.rest", "RESTConnection", ("out.rest", "out.plain_http", "rest")),
    Row("smtp", "SMTP", "workbench.connections.smtp", "SMTPConnection", ("email.smtp",)),
)


@cache
def rows() -> dict[str, Row]:
    """The catalog by kind, other distributions' kinds included."""
    found = {row.kind: row for row in ROWS}
    for entry in entry_points(group="workbench.connections"):
        cls = entry.load()
        found[entry.name] = Row(entry.name, cls.kind, cls.__module__, cls.__name__, tuple(cls.attributes))
    return found


@cache
def kinds_by_attribute() -> dict[str, str]:
    """The kind behind each dotted attribute of a service."""
    return {attribute: row.kind for row in rows().values() for attribute in row.attributes}


def definition_class(kind: str) -> type[ConnectionDefinition]:
    """The definition's class of one kind; raises UnknownName."""
    row = rows().get(kind)
    if row is None:
        raise UnknownName("kind of connection", kind, rows())
    return cast(type[ConnectionDefinition], getattr(import_module(row.module), row.cls))
