"""The file of a cassette: readable, merge-friendly, whole or not there, and what is wrong with it is said."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.app.again import called, deployed
from tests.app.cassettes.conftest import Ran
from workbench import Workbench
from workbench.app.cassettes.cassette import FORMAT, Cassettes
from workbench.app.cassettes.errors import DamagedCassette, NewerCassette, NoCassette
from workbench.app.cassettes.making import MadeTest
from workbench.app.cassettes.values import BadValue, CannotWrite, Reading, Writing
from workbench.connections.files.protocol import FileInfo
from workbench.core.payload.asked import Answers
from workbench.core.payload.copying import Hidden, Long, Opaque

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | st.dates(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.just("~"), inner)
    ),
    max_leaves=20,
)
OTHERS = [
    *(datetime(2026, 1, 2, 3, tzinfo=UTC), date(2026, 1, 2), timedelta(1, 2, 3), Decimal("1.50"), UUID(int=7)),
    *(
        frozenset({1, 2}),
        {3},
        bytearray(b"ab"),
        float("inf"),
        3 + 4j,
        "\ud800",
        "x" * 9000,
        bytes(range(256)) * 40,
        ...,
    ),
    *(FileInfo("a", "in/a", 5, datetime(2026, 1, 2, tzinfo=UTC)), Long(9, "ab"), Opaque("BytesIO")),
    Hidden((("Bearer ", False), ("TOKEN", True)), False),
]


def again(value: Any) -> Any:
    """A value that was written and read."""
    writing = Writing()
    plain = json.loads(json.dumps(writing.write(value), sort_keys=True))
    return Reading(lambda name, size: writing.bodies[name], {}).read(plain)


@given(PLAIN)
def test_a_value_is_read_as_it_was_written(value: Any) -> None:
    assert again(value) == value


@pytest.mark.parametrize("value", OTHERS, ids=lambda value: type(value).__name__)
def test_values_of_other_types_keep_their_type(value: Any) -> None:
    assert again([value]) == [value]
    assert type(again(value)) is type(value)


def test_the_order_of_keys_and_the_end_of_items_are_kept() -> None:
    assert list(again({"b": 1, "a": 2})) == ["b", "a"]
    items = Answers([1, 2])
    items.is_whole = True
    assert (again(items), again(items).is_whole, again(Answers([1])).is_whole) == ([1, 2], True, False)
    with pytest.raises(CannotWrite, match="is a object, which has no form in a file"):
        Writing().write(object())


@pytest.mark.parametrize("name", ["subprocess:Popen", "os:system", "nowhere:Class", "builtins:eval", "pathlib:Path"])
def test_a_cassette_makes_nothing_of_a_class_that_is_no_data(name: str) -> None:
    for kind in ("fields", "made", "member"):
        with pytest.raises(BadValue):
            Reading(lambda *_: b"", {}).read({"~": kind, "class": name, "of": ["echo"]})


@pytest.fixture
def made(wb: Workbench) -> MadeTest:
    """A test with a long body."""
    wb.peers["FTP"].put("a.bin", bytes(range(256)) * 40)

    def work(self: Any) -> Any:
        return [len(self.out.ftp["FTP"].read("a.bin")), self.kvdb.conn.get("key")]

    deployed(wb, work)
    return called(wb).make_test("mine")  # type: ignore[no-any-return]


def test_the_same_call_recorded_anew_is_the_same_file(wb: Workbench, made: MadeTest, tmp_path: Path) -> None:
    contents = made.path.read_bytes()
    found = json.loads(contents)
    assert json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n" == contents.decode()
    assert found["format"] == FORMAT
    assert called(wb).make_test("mine").path.read_bytes() == contents
    assert [path.name for path in made.path.parent.iterdir() if path.name.startswith(".")] == []


def test_tests_of_two_branches_merge(made: MadeTest, wb: Workbench, tmp_path: Path) -> None:
    one = made.path.read_text()
    deployed(wb, lambda self: [len(self.out.ftp["FTP"].read("a.bin")), self.kvdb.conn.set("other", 1)])
    other = called(wb).make_test("mine").path.read_text()
    # Each thing in lines of its own: what is only in one of them is a block of lines.
    texts = {"base": one, "ours": one.replace('"service": "api.works"', '"service": "api.work"'), "theirs": other}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    merge = ["git", "merge-file", "-p", "ours", "base", "theirs"]
    merged = subprocess.run(merge, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert json.loads(merged) == json.loads(other) | {"service": "api.work"}


def test_a_body_that_no_cassette_needs_any_more_goes(wb: Workbench, made: MadeTest) -> None:
    bodies = made.path.parent / "bodies"
    assert len(list(bodies.iterdir())) == 1
    deployed(wb, lambda self: "nothing")
    called(wb).make_test("other")
    assert len(list(bodies.iterdir())) == 1
    called(wb).make_test("mine")
    assert not bodies.exists()
    Cassettes(made.path.parent.parent).remove("other")
    assert Cassettes(made.path.parent.parent).names == ["mine"]


def test_a_cassette_that_is_missing_newer_or_damaged_says_so(wb: Workbench, run: Ran, made: MadeTest) -> None:
    whole = made.path.read_text()
    damaged = {
        "it is no JSON": whole[: len(whole) // 2],
        "it is no JSON (": f"<<<<<<< ours\n{whole}=======\n{whole}>>>>>>> theirs\n",
        "it does not say its format": "[]",
        "has neither answer nor error": re.sub(
            r'"answer": 10240', '"anwser": 10240', whole.replace('"answer"', '"anwser"')
        ),
        "it does not say what 'FTP' is": whole.replace('"FTP": {', '"SFTP": {'),
        "'a:Nowhere', which is not loaded": whole.replace(
            '"answer": null', '"answer": {"~": "made", "class": "a:Nowhere", "of": 1}'
        ),
        "KeyError": whole.replace('"operation"', '"operatoin"'),
    }
    for why, text in damaged.items():
        made.path.write_text(text)
        with pytest.raises(DamagedCassette, match=re.escape(why)) as found:
            run(made.code)
        assert "Cassette 'mine' is damaged: " in str(found.value)
        assert "Fix: take the file from version control" in str(found.value)
    made.path.write_text(whole.replace(f'"format": {FORMAT}', '"format": 99'))
    with pytest.raises(
        NewerCassette, match=r"is of format 99, and this workbench reads formats up to 1\. Fix: pip install"
    ):
        run(made.code)
    made.path.unlink()
    with pytest.raises(NoCassette, match=r"There is no cassette 'mine' in cassettes/; there are: none\. Fix: "):
        run(made.code)


def test_a_body_that_is_missing_or_changed_says_so(run: Ran, made: MadeTest) -> None:
    (body,) = (made.path.parent / "bodies").iterdir()
    body.write_bytes(b"\0" * 10240)
    with pytest.raises(DamagedCassette, match=f"its body {body.name} is not what was written"):
        run(made.code)
    body.unlink()
    with pytest.raises(DamagedCassette, match=f"its body {body.name} cannot be read"):
        run(made.code)
