"""Files of one room do not import each other in a circle, not even for their types alone."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

ROOMS = ("core", "stores", "durable", "runtime", "scheduler")
"""Rooms that have no circle any more."""


def order_of(graph: grimp.ImportGraph, room: str) -> list[str]:
    """The room's files, each after those that it imports; raises CycleError, which names a circle."""
    files = {each for each in graph.modules if f"{each}.".startswith(f"workbench.{room}.")}
    return list(
        TopologicalSorter(
            {each: graph.find_modules_directly_imported_by(each) & files for each in files}
        ).static_order()
    )


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("workbench", cache_dir=None)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_reads_from_its_first_file_to_its_last(graph: grimp.ImportGraph, room: str) -> None:
    order = order_of(graph, room)
    assert order.index(f"workbench.{room}") >= 0
    assert len(order) > 1


def test_a_circle_is_found_and_named() -> None:
    graph = grimp.ImportGraph()
    for importer, imported in (("a", "b"), ("b", "c"), ("c", "a")):
        names = f"workbench.core.{importer}", f"workbench.core.{imported}"
        graph.add_import(importer=names[0], imported=names[1], line_number=1, line_contents="")
    with pytest.raises(CycleError, match=r"workbench\.core\.a"):
        order_of(graph, "core")
