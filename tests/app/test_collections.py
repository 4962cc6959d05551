"""A collection is one row: its definitions are put into force, shown, changed and taken back like any other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

import pytest
from msgspec import Meta

from workbench import LocalFolder, RESTChannel, Service, Workbench
from workbench.app.collections import Collection
from workbench.core.collection import CollectionRow, Each, Effect
from workbench.core.definition import Definition, Reference
from workbench.core.errors import DanglingReference, ServiceUsage, StillUsed, UnknownName
from workbench.core.origin import NOTEBOOK
from workbench.runtime.registry import Source
from workbench.ui.courier import Courier
from workbench.ui.desk import Desk, names_in
from workbench.ui.forms.reading import Read
from workbench.ui.verbs import VERBS


class Shelf(Definition, frozen=True, kw_only=True):
    """A made-up kind of definition, of a room that the workbench does not know."""

    kind: ClassVar[str] = "Shelf"
    collection: ClassVar[str] = "shelves"

    size: Annotated[int, Meta(ge=1)] = 1
    folder: str = ""
    beside: str = ""

    def references(self) -> Iterator[Reference]:
        if self.folder:
            yield Reference("connections", self.folder, "folder")
        if self.beside:
            yield Reference("shelves", self.beside, "beside")


class Item:
    """What a person finds under the name: more than the definition."""

    def __init__(self, definition: Shelf) -> None:
        self.definition = definition

    def __repr__(self) -> str:
        return f"{self.definition.size} wide"


class Room:
    """Keeps the shelves that are in force."""

    def __init__(self) -> None:
        self.live: dict[str, Shelf] = {}

    def row(self) -> CollectionRow:
        """The one row."""
        return CollectionRow(
            "shelves",
            "shelf",
            Effect(self.put, lambda each: self.live.pop(each.name, None)),
            items=lambda: {name: Item(each) for name, each in self.live.items()},
            definition_of=lambda item: item.definition,
        )

    def put(self, shelf: Shelf) -> None:
        if shelf.size > 100:
            raise ServiceUsage("too wide")
        self.live[shelf.name] = shelf


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def wb(room: Room) -> Iterator[Any]:
    with Workbench(port=0) as wb:
        wb.add_collection(room.row())
        yield wb


def test_one_is_defined_changed_and_the_same_again(wb: Any, room: Room) -> None:
    words = [
        wb.define(shelf).outcomes[0][1]
        for shelf in (Shelf("a"), Shelf("a", size=2), Shelf("a", size=2), Shelf("b", beside="a"))
    ]
    assert words == ["defined", "changed", "unchanged", "defined"]
    assert room.live == {"a": Shelf("a", size=2), "b": Shelf("b", beside="a")}


def test_it_has_an_attribute_a_table_and_a_count(wb: Any) -> None:
    wb.define(Shelf("a", size=3), Shelf("bb"))
    shelves: Collection[Item] = wb.shelves
    assert [*shelves] == ["a", "bb"]
    assert shelves["a"].definition == Shelf("a", size=3)
    assert repr(shelves) == "a   3 wide\nbb  1 wide"
    assert "2 shelfs" in repr(wb)
    assert "shelves" in dir(wb)
    with pytest.raises(UnknownName, match="No shelf is named 'c'; there are: a, bb"):
        shelves["c"]


def test_one_is_removed_unless_another_names_it(wb: Any, room: Room) -> None:
    wb.define(Shelf("a"), Shelf("b", beside="a"))
    with pytest.raises(StillUsed, match="Shelf 'a' is still used by Shelf 'b'"):
        wb.shelves.remove("a")
    wb.shelves.remove("b")
    wb.shelves.remove("a")
    assert room.live == {}
    assert repr(wb.shelves) == "No shelf yet."


def test_a_name_that_is_not_there_is_refused(wb: Any, room: Room) -> None:
    with pytest.raises(DanglingReference, match="Shelf 'x' names the shelf 'aa', which does not exist; there are: a"):
        wb.define(Shelf("a"), Shelf("x", beside="aa"))
    with pytest.raises(DanglingReference, match="Shelf 'x' names the connection 'Kept', which does not exist"):
        wb.define(Shelf("x", folder="Kept"))
    assert room.live == {}
    wb.define(Shelf("x", folder="Kept"), LocalFolder("Kept", path="/x"))
    with pytest.raises(StillUsed, match="still used by Shelf 'x'"):
        wb.connections.remove("Kept")


def test_all_or_none_and_what_was_comes_back(wb: Any, room: Room) -> None:
    wb.define(Shelf("a"))
    with pytest.raises(ServiceUsage, match="too wide"):
        wb.define(Shelf("a", size=2), Shelf("b"), Shelf("c", size=101))
    assert room.live == {"a": Shelf("a")}
    draft = wb.drafting.open(Source(NOTEBOOK, ""), lambda cls: True)
    wb.define(Shelf("a", size=2), Shelf("b"))
    wb.drafting.abort(draft)
    assert room.live == {"a": Shelf("a")}


def test_one_that_waits_takes_effect_with_its_cell(wb: Any, room: Room) -> None:
    class Kept(Service):
        name = "api.kept"

        def handle(self) -> int:
            return 1

    wb.add_collection(room.row()._replace(waits=True))

    class Served(Shelf, frozen=True, kw_only=True):
        def references(self) -> Iterator[Reference]:
            yield Reference("services", "api.kept", "beside")

    with wb.drafting.scope(Source(NOTEBOOK, ""), lambda cls: cls is Kept) as draft:
        draft.classes.append(Kept)
        assert wb.define(Served("a")).of("waiting") == [Served("a")]
        assert room.live == {}
    assert room.live == {"a": Served("a")}


def test_a_form_saves_it_and_takes_it_back(wb: Any, room: Room) -> None:
    desk = Desk(wb, Courier(), VERBS)
    try:
        assert names_in(wb)["shelves"] == []
        problems = desk.put(Read(Shelf("a", beside="b", folder="Kept"), {}), "")["problems"]
        assert problems == {
            "beside": "'b' does not exist; there are: none yet",
            "folder": "'Kept' does not exist; there are: none yet",
        }
        wb.define(Shelf("a"))
        said = desk.put(Read(Shelf("a", size=7), {}), "")
        assert (said["problems"], said["collection"]) == ({}, "shelves")
        assert desk.undo(said["undo"]) == "Shelf 'a' is as it was before."
        assert room.live == {"a": Shelf("a")}
        assert names_in(wb)["shelves"] == ["a"]
    finally:
        desk.close()


def test_a_definition_of_no_collection_is_named(wb: Any) -> None:
    class Nowhere(Definition, frozen=True):
        kind: ClassVar[str] = "Nowhere"

    said = "Nowhere 'x' is of the collection '', which is none of caches, channels, connect"
    with pytest.raises(ServiceUsage, match=said):
        wb.define(Nowhere("x"))


def test_users_are_the_security_definitions(wb: Any) -> None:
    assert wb.users is wb.security
    with pytest.raises(UnknownName, match="No user is named 'me'; there are: none"):
        wb.users["me"]
    with pytest.raises(DanglingReference) as refused:
        wb.define(RESTChannel("x", service="api.none", security="me"))
    assert refused.value.field == "service"


@pytest.mark.parametrize("look", [list, dict, lambda each: list(each.values()), lambda each: list(each.items())])
def test_a_look_at_a_whole_collection_makes_each_thing_once(look: Any) -> None:
    made: list[int] = []
    source = {str(number): number for number in range(200)}

    def make(number: int) -> int:
        made.append(number)
        return number

    collection = Collection("thing", lambda: Each(source, make), lambda name: None)
    assert len(look(collection)) == 200
    assert made == ([] if look is list else [*range(200)])


@pytest.mark.parametrize("name", [("channel", "x"), 3, None, b"x", "x"])
def test_a_key_of_any_kind_that_names_nothing_is_an_unknown_name(name: Any) -> None:
    with Workbench(port=0) as wb:
        for collection in (wb.services, wb.channels, wb.connections, wb.users, wb.limits, wb.jobs):
            with pytest.raises(UnknownName, match="there are: none"):
                collection[name]
