"""No files of the package import each other in a circle, not even for their types alone."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

CLOSING = (
    ("connections.imap.message", "connections.imap.live"),
    ("connections.rest.file", "connections.rest.live"),
    ("connections.rest.session", "connections.rest.live"),
)
"""Imports that close a circle, to be gone: who imports whom."""


def order_of(graph: grimp.ImportGraph, closing: tuple[tuple[str, str], ...] = ()) -> list[str]:
    """The package's files, each after those that it imports; raises CycleError, which names a circle.

    Args:
        closing: Imports that are left out.
    """
    left_out = {(f"workbench.{importer}", f"workbench.{imported}") for importer, imported in closing}
    before: dict[str, set[str]] = {each: set() for each in graph.modules}
    for importer in before:
        for imported in graph.find_modules_directly_imported_by(importer):
            if (importer, imported) not in left_out:
                before[importer].add(imported)
    return list(TopologicalSorter(before).static_order())


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("workbench", cache_dir=None)


def test_the_package_reads_from_its_first_file_to_its_last(graph: grimp.ImportGraph) -> None:
    order = order_of(graph, CLOSING)
    assert {*order} == graph.modules
    assert order.index("workbench.core.errors") < order.index("workbench.app.workbench")


def test_what_is_left_out_closes_a_circle_still(graph: grimp.ImportGraph) -> None:
    for importer, imported in CLOSING:
        names = {"importer": f"workbench.{importer}", "imported": f"workbench.{imported}"}
        assert graph.direct_import_exists(**names)
        assert graph.chain_exists(importer=names["imported"], imported=names["importer"])


@pytest.mark.parametrize("rooms", [("core", "core", "core"), ("app", "ui", "cli")])
def test_a_circle_is_found_and_named(rooms: tuple[str, ...]) -> None:
    graph = grimp.ImportGraph()
    names = [f"workbench.{room}.{file}" for room, file in zip(rooms, "abc", strict=True)]
    for importer, imported in zip(names, [*names[1:], names[0]], strict=True):
        graph.add_import(importer=importer, imported=imported, line_number=1, line_contents="")
    with pytest.raises(CycleError, match=rf"workbench\.{rooms[0]}\.a"):
        order_of(graph)
