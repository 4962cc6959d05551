"""No files of the package import each other in a circle, not even for their types alone."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest


def order_of(graph: grimp.ImportGraph) -> list[str]:
    """The package's files, each after those that it imports; raises CycleError, which names a circle."""
    before = {each: graph.find_modules_directly_imported_by(each) for each in graph.modules}
    return list(TopologicalSorter(before).static_order())


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("workbench", cache_dir=None)


def test_the_package_reads_from_its_first_file_to_its_last(graph: grimp.ImportGraph) -> None:
    order = order_of(graph)
    assert {*order} == graph.modules
    assert order.index("workbench.core.errors") < order.index("workbench.app.workbench")


@pytest.mark.parametrize("rooms", [("core", "core", "core"), ("app", "ui", "cli")])
def test_a_circle_is_found_and_named(rooms: tuple[str, ...]) -> None:
    graph = grimp.ImportGraph()
    names = [f"workbench.{room}.{file}" for room, file in zip(rooms, "abc", strict=True)]
    for importer, imported in zip(names, [*names[1:], names[0]], strict=True):
        graph.add_import(importer=importer, imported=imported, line_number=1, line_contents="")
    with pytest.raises(CycleError, match=rf"workbench\.{rooms[0]}\.a"):
        order_of(graph)
