"""What every backend does alike."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.core.ports import Store, Swap
from workbench.stores.values import NotACounter

BY_ANY_BYTES = [b"", b"\x00\xff", "zażółć".encode(), b"x" * 1_000_000]


@pytest.mark.parametrize("value", BY_ANY_BYTES, ids=["empty", "binary", "utf-8", "1 MB"])
def test_what_is_put_comes_back_byte_for_byte(store: Store, value: bytes) -> None:
    store.put("app/a b/job/ż*?[x]", value)
    assert store.get("app/a b/job/ż*?[x]") == value


def test_an_absent_key_has_no_value_and_deletes_as_not_there(store: Store) -> None:
    assert store.get("nope") is None
    assert store.delete("nope") is False


def test_put_replaces_and_delete_removes_once(store: Store) -> None:
    store.put("k", b"1")
    store.put("k", b"2")
    assert store.get("k") == b"2"
    assert [store.delete("k"), store.delete("k"), store.get("k")] == [True, False, None]
    assert list(store.scan("")) == []


def test_several_are_put_together_or_none_of_them(store: Store) -> None:
    store.put("b", b"old")
    store.put_all({"a": b"1", "b": b"2", "c": b""})
    assert list(store.scan("")) == [("a", b"1"), ("b", b"2"), ("c", b"")]
    with pytest.raises(ValueError, match="key"):
        store.put_all({"d": b"3", "": b"4"})
    assert store.get("d") is None
    store.put_all({})


def test_a_scan_begins_after_a_key(store: Store) -> None:
    for key in ("a/1", "b/1", "b/10", "b/2", "c/1"):
        store.put(key, b"")
    found = {after: [key for key, _ in store.scan("b/", after)] for after in ("", "a/1", "b/1", "b/15", "b/2", "c")}
    everything = ["b/1", "b/10", "b/2"]
    assert found == {"": everything, "a/1": everything, "b/1": ["b/10", "b/2"], "b/15": ["b/2"], "b/2": [], "c": []}


def test_add_sets_only_what_is_absent(store: Store) -> None:
    assert [store.add("k", b"first"), store.add("k", b"second")] == [True, False]
    assert store.get("k") == b"first"
    store.delete("k")
    assert store.add("k", b"third") is True


def test_incr_counts_from_zero_and_reads_what_put_wrote(store: Store) -> None:
    assert [store.incr("n"), store.incr("n", 5), store.incr("n", -10)] == [1, 6, -4]
    assert store.get("n") == b"-4"
    store.put("n", b"41")
    assert store.incr("n") == 42
    assert list(store.scan("n")) == [("n", b"42")]


@pytest.mark.parametrize("value", [b"", b"one", b"1.5", b"1 ", b"9223372036854775807"])
def test_incr_refuses_what_is_no_whole_number_of_64_bits_and_leaves_it(store: Store, value: bytes) -> None:
    store.put("n", value)
    with pytest.raises(NotACounter, match="Fix: count under a key of its own"):
        store.incr("n")
    assert store.get("n") == value


VALUES = [None, b"", b"old", b"\x00-=\xff", b"-", b"7"]


def test_swap_sets_only_what_is_as_expected(store: Store) -> None:
    store.put("beside", b"")
    for was, expected, value in product(VALUES, VALUES, [None, b"", b"new", b"-"]):
        store.delete("k")
        if was is not None:
            store.put("k", was)
        assert store.swap("k", expected, value) is (was == expected), (was, expected, value)
        now = value if was == expected else was
        assert store.get("k") == now, (was, expected, value)
        assert list(store.scan("")) == [("beside", b""), *([] if now is None else [("k", now)])]


def test_swaps_of_one_write_each_stand_for_themselves(store: Store) -> None:
    cases = [(was, expected, value) for was in VALUES for expected in VALUES for value in (None, b"", b"new", b"-")]
    store.put_all({f"k/{number:03d}": was for number, (was, _, _) in enumerate(cases) if was is not None})
    swaps = [Swap(f"k/{number:03d}", expected, value) for number, (_, expected, value) in enumerate(cases)]
    assert store.swap_all(swaps) == [was == expected for was, expected, _ in cases]
    now = {f"k/{number:03d}": value if was == expected else was for number, (was, expected, value) in enumerate(cases)}
    assert dict(store.scan("k/")) == {key: value for key, value in now.items() if value is not None}
    assert store.swap_all([]) == []


def test_a_swap_sees_those_before_it_in_the_same_write(store: Store) -> None:
    swaps = [Swap("k", None, b"1"), Swap("k", None, b"2"), Swap("k", b"1", b"3"), Swap("k", b"3", None)]
    assert store.swap_all(swaps) == [True, False, True, True]
    assert store.get("k") is None


def test_of_threads_that_add_the_same_keys_together_each_key_has_one_owner(store: Store) -> None:
    begin = threading.Barrier(4)

    def claim(number: int) -> int:
        begin.wait(30)
        keys = [f"k/{key:02d}" for key in range(50)]
        # From both ends, so that they meet in the middle.
        taken = [store.swap_all([Swap(key, None, b"%d" % number) for key in keys[::step]]) for step in (1, -1)]
        return sum(sum(each) for each in taken)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(claim, range(4))) == 50
    assert len(list(store.scan("k/"))) == 50


def test_many_values_are_read_together_by_those_keys_that_have_one(store: Store) -> None:
    store.put_all({f"k/{number}": b"%d" % number for number in range(1_201)})
    found = store.get_all([f"k/{number}" for number in range(0, 1_400, 2)])
    assert found == {f"k/{number}": b"%d" % number for number in range(0, 1_201, 2)}
    assert store.get_all([]) == {}


def test_swap_reads_what_incr_wrote(store: Store) -> None:
    store.incr("n", 41)
    assert [store.swap("n", b"41", b"42"), store.swap("n", b"41", b"43")] == [True, False]
    assert store.incr("n") == 43


def test_of_threads_that_swap_the_same_value_one_alone_wins(store: Store) -> None:
    begin = threading.Barrier(8)

    def hammer(_: int) -> int:
        begin.wait(30)
        wins = 0
        while (now := store.get("n")) != b"200":
            wins += store.swap("n", now, b"%d" % (int(now or b"0") + 1))
        return wins

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(hammer, range(8))) == 200


def test_the_clock_of_a_store_is_near_the_machines(store: Store) -> None:
    before = time.time()
    assert before - 1 < store.time() < time.time() + 1


def test_scan_gives_a_prefix_in_order_of_its_keys(store: Store) -> None:
    for key in ["run/b/2", "run/a/10", "run/a/09", "runs", "run", "run/", "run/é", "run/\U0001f600", "run/%"]:
        store.put(key, key.encode())
    expected = ["run/", "run/%", "run/a/09", "run/a/10", "run/b/2", "run/é", "run/\U0001f600"]
    assert [key for key, value in store.scan("run/") if value == key.encode()] == expected
    assert [key for key, _ in store.scan("run/a/")] == ["run/a/09", "run/a/10"]


def test_scan_goes_over_many_pages_and_bears_writes_meanwhile(store: Store) -> None:
    keys = [f"k/{number:05d}" for number in range(1_201)]
    for key in keys:
        store.add(key, b"")
    seen = []
    for key, _ in store.scan("k/"):
        seen.append(key)
        store.delete(key)
    assert seen == keys
    assert list(store.scan("")) == []


@pytest.mark.parametrize("key", ["", "k" * 4_001, "half \ud800"], ids=["empty", "too long", "half a surrogate pair"])
def test_every_writing_verb_refuses_a_key_that_some_backend_could_not_hold(store: Store, key: str) -> None:
    for write in (
        lambda: store.put(key, b""),
        lambda: store.add(key, b""),
        lambda: store.incr(key),
        lambda: store.swap(key, None, b""),
        lambda: store.swap_all([Swap("k", None, b""), Swap(key, None, b"")]),
    ):
        with pytest.raises(ValueError, match="store key|surrogates not allowed"):
            write()
    assert store.get("k") is None


def test_threads_count_exactly_and_one_of_them_adds(store: Store) -> None:
    begin = threading.Barrier(8)

    def hammer(number: int) -> int:
        begin.wait(30)
        wins = 0
        for turn in range(50):
            store.incr("n")
            wins += store.add(f"slot/{turn:02d}", b"%d" % number)
        return wins

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(hammer, range(8))) == 50
    assert store.get("n") == b"400"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_uses_the_store_without_hurting_its_parent(store: Store, url: str) -> None:
    store.put("k", b"parent")
    if (child := os.fork()) == 0:
        ok = store.get("k") == b"parent" and store.incr("n") == 1 and store.add("child", b"") is True
        os._exit(0 if ok else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.incr("n") == (1 if url == "memory://" else 2)
    assert store.add("child", b"") is (url == "memory://")


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["put", "add", "delete", "incr", "swap"]),
        st.sampled_from(["a", "a/", "a/b", "ab", "b/ż", "b/z"]),
        st.integers(-3, 3),
    ),
    max_size=30,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(operations=OPERATIONS)
def test_any_sequence_of_verbs_equals_a_dict(store: Store, operations: list[tuple[str, str, int]]) -> None:
    for key, _ in list(store.scan("")):
        store.delete(key)
    model: dict[str, bytes] = {}
    for verb, key, number in operations:
        value = b"%d" % number
        match verb:
            case "put":
                store.put(key, value)
                model[key] = value
            case "add":
                assert store.add(key, value) is (key not in model)
                model.setdefault(key, value)
            case "delete":
                assert store.delete(key) is (model.pop(key, None) is not None)
            case "swap":
                assert store.swap(key, b"0", value) is (model.get(key) == b"0")
                model.update({key: value} if model.get(key) == b"0" else {})
            case _:
                model[key] = b"%d" % (int(model.get(key, b"0")) + number)
                assert store.incr(key, number) == int(model[key])
    assert list(store.scan("")) == sorted(model.items())
    assert [key for key, _ in store.scan("a/")] == sorted(key for key in model if key.startswith("a/"))
