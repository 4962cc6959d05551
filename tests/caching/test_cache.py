"""What a cache keeps, for how long, and what it refuses."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.redis_server import RedisServer
from tests.redis_server import redis_program as redis_program
from tests.redis_server import redis_server as redis_server
from workbench import Cache, Service, Workbench
from workbench.caching.cached import Cached
from workbench.caching.errors import CacheRefused, UnknownKey
from workbench.caching.live import LiveCache
from workbench.caching.stored import StoredCache
from workbench.caching.table import Table
from workbench.caching.tables import open_table
from workbench.core.clock import SystemClock, VirtualClock
from workbench.core.errors import InvalidDefinition, MissingSecret, ServiceUsage, StoreUnavailable, UnknownName
from workbench.core.ports import Clock
from workbench.core.secret import secret

SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
OPERATIONS = 1_000_000 if SOAK else 12_000


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


class Made:
    """Makes caches of one kind; `cost` is how much longer each use of them takes."""

    def __init__(self, url: str, cost: int) -> None:
        self.url, self.cost = url, cost
        self.opened: list[Cached] = []

    def __call__(self, clock: Clock, **fields: Any) -> Cached:
        definition = Cache("mine", store=self.url, **fields)
        opened = StoredCache(definition, clock, open_table) if self.url else LiveCache(definition, clock)
        self.opened.append(opened)
        return opened


def in_process(clock: VirtualClock, **fields: Any) -> LiveCache:
    return LiveCache(Cache("mine", **fields), clock)


COSTS = {"memory": 1, "sqlite": 10, "redis": 60}


def kind_of(request: pytest.FixtureRequest, tmp_path: Path) -> Made:
    url = f"sqlite:///{tmp_path}/caches/kept.db" if request.param == "sqlite" else ""
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        server.client.flushall()
        url = server.url
    return Made(url, COSTS[request.param])


@pytest.fixture(params=COSTS)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    """Every kind of cache."""
    yield (made := kind_of(request, tmp_path))
    for each in made.opened:
        each.close()


@pytest.fixture(params=["sqlite", "redis"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    """Caches in a store."""
    yield (made := kind_of(request, tmp_path))
    for each in made.opened:
        each.close()


def test_the_least_recently_used_entry_goes_first(made: Made, clock: VirtualClock) -> None:
    cache = made(clock, max_size=3)
    for key in ("a", "b", "c"):
        cache.set(key, key.upper())
    cache.get("a")
    cache.set("d", "D")
    assert cache.keys() == ["d", "a", "c"]
    assert (cache.evicted, len(cache)) == (1, 3)


def test_what_has_expired_gives_the_default_and_can_be_set_anew(made: Made, clock: VirtualClock) -> None:
    cache = made(clock, extend_expiry_on_get=False)
    cache.set("a", 1, expiry=10)
    clock.advance(9.9)
    assert cache.get("a") == 1
    clock.advance(0.1)
    assert (cache.get("a"), cache.get("a", "none"), "a" in cache, cache.keys()) == (None, "none", False, [])
    assert cache.set("a", 2) is None
    clock.advance(1e9)
    assert cache["a"] == 2


@pytest.mark.parametrize("extends", [True, False])
def test_a_read_begins_the_time_of_an_entry_anew_if_the_cache_says_so(
    made: Made, clock: VirtualClock, extends: bool
) -> None:
    cache = made(clock, extend_expiry_on_get=extends)
    cache.set("a", 1, expiry=10)
    clock.advance(6)
    cache.get("a")
    clock.advance(6)
    assert cache.get("a") == (1 if extends else None)


@pytest.mark.parametrize("extends", [True, False])
def test_a_set_begins_the_time_of_an_entry_anew_if_the_cache_says_so(
    made: Made, clock: VirtualClock, extends: bool
) -> None:
    cache = made(clock, extend_expiry_on_set=extends)
    cache.set("a", 1, expiry=10)
    clock.advance(6)
    assert cache.set("a", 2) == 1
    clock.advance(6)
    assert cache.get("a") == (2 if extends else None)


def test_an_expiry_can_be_given_later_and_taken_away(made: Made, clock: VirtualClock) -> None:
    cache = made(clock)
    cache.set("a", 1, expiry=10)
    assert cache.expire("a", 0)
    cache.set("b", 1)
    assert cache.expire("b", 5)
    assert not cache.expire("c", 5)
    cache.set("d", 1, expiry=10)
    cache.set("d", 1, expiry=0)
    clock.advance(11)
    assert sorted(cache.keys()) == ["a", "d"]


def test_a_clock_set_back_keeps_nothing_longer(made: Made, clock: VirtualClock) -> None:
    cache = made(clock)
    cache.set("a", 1, expiry=60)
    clock.move_to(clock.now().replace(year=2020))
    clock.advance(61)
    assert cache.get("a") is None


def test_what_is_live_stays_where_what_has_expired_can_go(made: Made, clock: VirtualClock) -> None:
    cache = made(clock, max_size=100)
    cache.set("live", 1)
    for number in range(99):
        cache.set(number, 1, expiry=1)
    clock.advance(10)
    for number in range(1000, 1099):
        cache.set(number, 1)
    assert cache.get("live") == 1
    assert cache.evicted == 0


def test_details_tell_all_that_is_known_of_an_entry(made: Made, clock: VirtualClock) -> None:
    cache = made(clock)
    began = clock.time()
    cache.set("a", 1, expiry=100)
    clock.advance(1)
    cache.get("a")
    clock.advance(1)
    cache.set("b", 2)
    was = cache.set("a", 3, details=True)
    assert (was.value, was.position) == (1, 1)
    clock.advance(1)
    entry = cache.get("a", details=True)
    assert (entry.key, entry.value, entry.hits, entry.position, entry.hash) == ("a", 3, 2, 0, hash("a"))
    assert [entry.created, entry.prev_read, entry.prev_write, entry.last_write, entry.last_read] == pytest.approx(
        [began, began + 1, began, began + 2, began + 3]
    )
    assert (entry.expiry, entry.expires_at) == pytest.approx((100, began + 103))
    assert [each.key for each in cache.entries()] == ["a", "b"]
    assert cache.get("b", details=True).expires_at == 0.0


def test_a_key_that_is_not_there_is_told_by_its_cache(made: Made, clock: VirtualClock) -> None:
    cache = made(clock)
    for ask in (lambda: cache["a"], lambda: cache.delete("a"), lambda: cache.__delitem__("a")):
        with pytest.raises(UnknownKey, match=r"^'a' is not in cache 'mine'. Fix: .get\('a', default\)"):
            ask()
    assert cache.delete("a", raise_key_error=False) is None
    cache["a"] = 1
    assert cache.delete("a") == 1


@pytest.mark.parametrize("key", [None, 1.5, True, ("a",)])
def test_other_types_of_keys_are_refused(made: Made, clock: VirtualClock, key: Any) -> None:
    cache = made(clock)
    with pytest.raises(CacheRefused, match="Fix: text, bytes or a whole number"):
        cache.set(key, 1)
    assert len(cache) == 0


@pytest.mark.parametrize("value", ["x" * 11, b"x" * 11, {"a": "12345"}, list(range(6))])
def test_a_value_that_is_too_large_is_refused_and_the_one_before_stays(
    made: Made, clock: VirtualClock, value: Any
) -> None:
    cache = made(clock, max_item_size=10)
    cache.set("a", "x" * 10)
    with pytest.raises(CacheRefused, match=r"its value has 1\d, and at most 10 are taken. Fix: a smaller value"):
        cache.set("a", value)
    assert cache["a"] == "x" * 10


def test_what_json_cannot_write_is_kept_whatever_its_size(clock: VirtualClock) -> None:
    cache = in_process(clock, max_item_size=1)
    cache.set("lock", lock := threading.Lock())
    assert cache["lock"] is lock


@pytest.mark.parametrize("expiry", [-1, float("nan"), float("inf"), "60"])
def test_an_expiry_that_is_no_time_is_refused(made: Made, clock: VirtualClock, expiry: Any) -> None:
    cache = made(clock)
    for act in (cache.set, lambda key, _, expiry: cache.expire(key, expiry)):
        with pytest.raises(CacheRefused, match=r"Fix: 0 \(never\) or more"):
            act("a", 1, expiry=expiry)


def test_many_entries_are_asked_for_by_what_their_keys_look_like(made: Made, clock: VirtualClock) -> None:
    cache = made(clock)
    for key in ("user.1", "user.2", "order.1", b"user.3", 7):
        cache.set(key, str(key))
    assert list(cache.get_by_prefix("user.")) == ["user.2", "user.1"]
    assert list(cache.get_by_prefix("user.", limit=1)) == ["user.1"], "the most recently used: it was read last"
    assert set(cache.get_by_suffix(".1")) == {"user.1", "order.1"}
    assert set(cache.get_by_regex(r"(user|order)\.1$")) == {"user.1", "order.1"}
    assert set(cache.get_contains("er.")) == {"user.1", "user.2", "order.1"}
    assert set(cache.get_not_contains("user")) == {"order.1"}
    assert set(cache.get_contains_all(["us", "2"])) == {"user.2"}
    assert set(cache.get_contains_any(["2", "order"])) == {"user.2", "order.1"}
    assert set(cache.get_contains_any("order")) == {"order.1"}, "one text is one text, not its letters"
    assert cache.set_by_prefix("user.", "new", return_found=True) == {"user.1": "user.1", "user.2": "user.2"}
    assert set(cache.expire_by_suffix(".1", 5)) == {"user.1", "order.1"}
    clock.advance(6)
    assert cache.delete_by_prefix("user.", return_found=True) == {"user.2": "new"}
    assert cache.delete_contains("nothing") is None
    assert set(cache) == {b"user.3", 7}


def test_a_cache_with_nothing_in_it_is_a_cache(made: Made, clock: VirtualClock) -> None:
    cache = made(clock)
    assert bool(cache)
    cache.set("a", 1)
    cache.get("a"), cache.get("b")
    assert repr(cache) == "cache 'mine': 1 of at most 10,000 entries, 50% of 2 reads found something"
    cache.clear()
    assert cache.items() == []


class Model:
    """The same in the plainest way: a list of rows that is searched from end to end."""

    def __init__(self, definition: Cache) -> None:
        self.definition, self.rows, self.now = definition, OrderedDict[str, list[Any]](), 0.0

    def _there(self, key: str) -> list[Any] | None:
        row = self.rows.get(key)
        return row if row is not None and (not row[1] or row[2] > self.now) else None

    def get(self, key: str) -> Any:
        row = self._there(key)
        if row is None:
            self.rows.pop(key, None)
            return None
        if self.definition.extend_expiry_on_get:
            row[2] = self.now + row[1]
        self.rows.move_to_end(key)
        return row[0]

    def set(self, key: str, value: int, expiry: float | None) -> None:
        row = self._there(key) or [value, 0.0, 0.0]
        row[0] = value
        if expiry is not None:
            row[1:] = [expiry, self.now + expiry]
        elif self.definition.extend_expiry_on_set:
            row[2] = self.now + row[1]
        self.rows[key] = row
        self.rows.move_to_end(key)

    def keys(self) -> list[str]:
        return [key for key in reversed(self.rows) if self._there(key) is not None]


@pytest.mark.parametrize(("on_get", "on_set"), [(True, True), (False, False)])
def test_random_lives_of_a_cache_agree_with_a_model(
    made: Made, clock: VirtualClock, on_get: bool, on_set: bool
) -> None:
    """Larger than what is ever live, so that no entry goes for want of room: times alone decide."""
    rng = random.Random(7)
    cache = made(clock, max_size=64, extend_expiry_on_get=on_get, extend_expiry_on_set=on_set)
    model = Model(cache.definition)
    for number in range(OPERATIONS // 2 // made.cost):
        key = f"k{rng.randrange(60)}"
        match rng.randrange(6):
            case 0 | 1:
                assert cache.get(key) == model.get(key)
            case 2 | 3:
                expiry = rng.choice([None, 0, 1, 2, 5])
                cache.set(key, number, expiry)
                model.set(key, number, expiry)
            case 4:
                there = model._there(key)
                model.rows.pop(key, None)
                assert cache.delete(key, raise_key_error=False) == (there[0] if there else None)
            case 5:
                clock.advance(step := rng.choice([0, 0.5, 1.0]))
                model.now += step
        if number % 50 == 0:
            assert cache.keys() == model.keys()


@pytest.mark.parametrize("size", [1, 7, 50])
def test_random_lives_never_break_the_bound_nor_the_order_of_use(made: Made, clock: VirtualClock, size: int) -> None:
    rng = random.Random(size)
    cache, used = made(clock, max_size=size), OrderedDict[int, None]()
    for number in range(OPERATIONS // 6 // made.cost):
        key = rng.randrange(3 * size)
        if rng.random() < 0.5:
            assert (cache.get(key) is not None) == (key in used)
        else:
            cache.set(key, number)
            used[key] = None
        if key in used:
            used.move_to_end(key)
        if len(used) > size:
            used.popitem(last=False)
        if number % 50 == 0:
            assert len(cache) <= size
            assert cache.keys() == list(reversed(used))


def test_many_threads_at_once_break_no_bound_and_lose_no_count(made: Made) -> None:
    cache, each = made(VirtualClock(), max_size=100), 3000 // made.cost
    errors: list[BaseException] = []

    def work(seed: int) -> None:
        rng = random.Random(seed)
        try:
            for _ in range(each):
                key = f"k{rng.randrange(300)}"
                cache.get(key)
                cache.set(key, seed, expiry=rng.choice([None, 0, 5]))
                if rng.random() < 0.05:
                    cache.delete_by_suffix("7")
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert len(cache) <= 100
    assert cache.hits + cache.misses == 4 * each


class Halt:
    """Halts the thread named `holds` until it may go on."""

    def __init__(self) -> None:
        self.is_there, self.goes_on = threading.Event(), threading.Event()

    def __call__(self) -> None:
        if threading.current_thread().name == "holds":
            self.is_there.set()
            self.goes_on.wait(30)


class Halting(VirtualClock):
    """Halts whoever looks at it."""

    def __init__(self, halt: Halt) -> None:
        super().__init__()
        self.halt = halt

    def monotonic(self) -> float:
        self.halt()
        return super().monotonic()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_uses_a_cache_that_another_thread_is_amid_using(made: Made) -> None:
    halt = Halt()

    def opening(definition: Cache) -> Table:
        halt()
        return open_table(definition)

    cache = made(Halting(halt))
    if isinstance(cache, StoredCache):
        cache = StoredCache(cache.definition, cache._clock, opening)
    holds = threading.Thread(target=cache.set, args=("a", 1), name="holds")
    holds.start()
    assert halt.is_there.wait(30)
    if (pid := os.fork()) == 0:
        status = 1
        try:
            signal.alarm(30)
            cache.set("b", 2)
            status = 0 if cache.get("b") == 2 else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    halt.goes_on.set()
    holds.join(30)
    assert cache.items() == ([("a", 1), ("b", 2)] if made.url else [("a", 1)])
    cache.close()


def test_a_copy_goes_on_by_its_own_clock() -> None:
    home, trip = VirtualClock(), VirtualClock()
    home.advance(1000)
    cache, copy = in_process(home), in_process(trip)
    cache.set("a", 1, expiry=60)
    cache.set("b", 2)
    cache.get("a")
    home.advance(20)
    copy.take(cache)
    assert copy.items() == cache.items() == [("a", 1), ("b", 2)]
    trip.advance(39)
    assert copy.keys() == ["a", "b"]
    trip.advance(1)
    assert copy.keys() == ["b"]
    assert cache.keys() == ["a", "b"], "what happens to the copy happens to it alone"
    assert copy.get("b", details=True).last_read > 0 == cache.entries()[1].last_read


def test_what_is_in_a_store_outlives_its_process_and_is_shared(kept: Made, clock: VirtualClock) -> None:
    one, other = kept(clock, max_size=3), kept(clock, max_size=3)
    one.set("a", {"list": [1, 2.5, None, True], "text": "ü", "bytes": b"\xff"}, expiry=60)
    one.set(7, "seven"), one.set(b"\x00", "bytes")
    assert other.get("a") == {"list": [1, 2.5, None, True], "text": "ü", "bytes": b"\xff"}
    other.set("b", 1)
    assert one.keys() == other.keys() == ["b", "a", b"\x00"], "the one that nobody has used for longest is gone"
    one.close(), other.close()
    assert kept(clock, max_size=3).items() == one.items()
    clock.advance(60)
    assert kept(clock, max_size=3).keys() == ["b", b"\x00"]


def test_an_entry_that_has_expired_makes_room_once(kept: Made, clock: VirtualClock) -> None:
    large, small = kept(clock, max_size=3), kept(clock, max_size=2)
    large.set("a", 1, expiry=1), large.set("b", 2), large.set("c", 3)
    clock.advance(2)
    small.set("a", 4)
    assert small.keys() == ["a", "c"]


def test_other_bounds_hold_for_what_is_in_a_store(kept: Made, clock: VirtualClock) -> None:
    cache = kept(clock, max_size=5)
    for key in range(5):
        cache.set(key, key)
    cache.redefine(cache.definition.replace(max_size=3))
    assert (cache.keys(), len(cache), cache.evicted) == ([4, 3, 2], 3, 2)
    cache.redefine(cache.definition.replace(max_size=2))
    cache.set(5, 5)
    assert cache.keys() == [5, 4]


def test_two_caches_in_one_store_are_two(kept: Made, clock: VirtualClock) -> None:
    mine, others = kept(clock), StoredCache(Cache("other", store=kept.url), clock, open_table)
    mine.set("a", 1)
    others.set("a", 2)
    others.clear()
    assert (mine.items(), others.items()) == ([("a", 1)], [])
    others.close()


def test_processes_that_write_at_once_never_break_the_bound(kept: Made) -> None:
    """Each cache has a connection of its own, as those of several processes have."""
    caches = [kept(SystemClock(), max_size=5) for _ in range(3)]
    counts, errors = list[int](), list[BaseException]()

    def work(cache: Cached, seed: int) -> None:
        rng = random.Random(seed)
        try:
            for _ in range(1200 // kept.cost):
                cache.set(f"k{rng.randrange(20)}", seed, expiry=rng.choice([None, 0, 5]))
                cache.get(f"k{rng.randrange(20)}")
                counts.append(len(cache))
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=work, args=(cache, seed)) for seed, cache in enumerate(caches)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert errors == []
    assert max(counts) <= 5
    assert caches[0].keys() == caches[1].keys() == caches[2].keys()


def test_caches_that_make_one_file_at_once_all_have_it(tmp_path: Path) -> None:
    """As the processes of `serve --workers` do at their first call; each has a connection of its own."""
    for number in range(10):
        begin = threading.Barrier(4)
        definition = Cache("mine", store=f"sqlite:///{tmp_path}/{number}.db")

        def fill(key: int, definition: Cache = definition, begin: threading.Barrier = begin) -> None:
            cache = StoredCache(definition, SystemClock(), open_table)
            begin.wait(30)
            cache.set(key, key)
            cache.close()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(fill, range(4)))
        cache = StoredCache(definition, SystemClock(), open_table)
        assert sorted(cache.keys()) == [0, 1, 2, 3]
        cache.close()


@pytest.mark.parametrize("value", [("a",), {"a": ("b",)}, {1, 2}, object(), 1 << 70, float])
def test_what_a_store_would_give_back_as_another_value_is_refused(kept: Made, clock: VirtualClock, value: Any) -> None:
    cache = kept(clock)
    cache.set("a", 1)
    with pytest.raises(CacheRefused, match=r"'mine' did not keep 'a': its store takes text.* Fix: make it one of"):
        cache.set("a", value)
    assert cache.items() == [("a", 1)]


def test_a_store_that_gives_no_answer_is_told_by_its_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no database, and no folder")
    for url in (f"sqlite:///{tmp_path}/file", f"sqlite:///{tmp_path}/file/below.db", "redis://127.0.0.1:1/0"):
        cache = StoredCache(Cache("mine", store=url), SystemClock(), open_table)
        for ask in (lambda cache=cache: cache.get("a"), lambda cache=cache: cache.set("a", 1)):
            with pytest.raises(StoreUnavailable, match=r"^Cache 'mine' has no answer from .*Fix: "):
                ask()
        assert (cache.hits, cache.misses) == (0, 0)


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"store": "redis://:hunter2@localhost:6379/0"}, "store", "holds a password; leave it out, and say password="),
        ({"store": "memory://"}, "store", "There is no cache URL of kind 'memory'. Fix: write sqlite:///"),
        ({"store": "caches.db"}, "store", "There is no cache URL without '://'"),
        ({"store": "sqlite:///a.db", "password": secret("P")}, "password", "is of no use to a file"),
        ({"password": secret("P")}, "password", "is of no use without a store in Redis"),
    ],
)
def test_a_store_that_cannot_be_is_told(fields: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(InvalidDefinition) as told:
        Cache("mine", **fields)
    assert said in told.value.problems[field]
    assert "hunter2" not in str(told.value)


class Keeper(Service):
    """Uses its caches as Zato's services do."""

    name = "cache.keep"

    def handle(self) -> Any:
        word, value = self.request.payload
        mine = self.cache.get_cache("builtin", "my.cache")
        assert self.cache.get_builtin_cache("my.cache") is self.cache["my.cache"] is mine
        mine.set(word, value)
        self.cache.default.set("last", word)
        return [mine.get(word), self.cache.default.get("last")]


@pytest.fixture
def wb() -> Iterator[Workbench]:
    with Workbench() as made:
        made.define(Cache("my.cache", max_size=2))
        made.deploy(Keeper)
        yield made


def test_a_service_keeps_values_from_call_to_call(wb: Workbench) -> None:
    assert wb.invoke("cache.keep", ["a", 1]) == [1, "a"]
    assert wb.invoke("cache.keep", ["b", 2]) == [2, "b"]
    assert wb.caches["my.cache"].items() == [("b", 2), ("a", 1)]
    assert wb.caches["default"]["last"] == "b"


def test_a_cache_that_is_defined_anew_keeps_what_fits(wb: Workbench) -> None:
    wb.invoke("cache.keep", ["a", 1]), wb.invoke("cache.keep", ["b", 2])
    wb.define(Cache("my.cache", max_size=1))
    assert wb.caches["my.cache"].items() == [("b", 2)]


def test_what_is_not_defined_as_a_whole_changes_no_cache(wb: Workbench) -> None:
    wb.invoke("cache.keep", ["a", 1]), wb.invoke("cache.keep", ["b", 2])
    with pytest.raises(InvalidDefinition):
        wb.define(Cache("my.cache", max_item_size=1), Cache("third", is_default=True), Cache("fourth", is_default=True))
    assert list(wb.caches) == ["default", "my.cache"]
    assert wb.caches["my.cache"].definition == Cache("my.cache", max_size=2)
    assert wb.caches["my.cache"].items() == [("b", 2), ("a", 1)]


def test_a_cache_moves_into_a_store_and_out_of_it(tmp_path: Path) -> None:
    in_file = Cache("my.cache", store=f"sqlite:///{tmp_path}/kept.db")
    with Workbench() as wb:
        wb.deploy(Keeper)
        wb.define(in_file)
        assert wb.invoke("cache.keep", ["a", 1]) == [1, "a"]
        wb.define(Cache("my.cache"))
        assert wb.caches["my.cache"].items() == []
        # What happens on a trip happens there alone.
        wb.define(in_file)
        with wb.clock.travel(days=1):
            pass
        assert wb.caches["my.cache"].items() == [("a", 1)]
    with Workbench() as wb:
        wb.deploy(Keeper)
        wb.define(in_file)
        assert wb.caches["my.cache"].items() == [("a", 1)]
        assert wb.invoke("zato.cache.builtin.get", {"name": "my.cache"})["store"] == in_file.store


def test_a_store_that_gives_no_answer_is_in_the_way_of_no_definition_and_of_no_way_back() -> None:
    away = Cache("away", store="redis://127.0.0.1:1/0")
    with Workbench() as wb:
        wb.define(Cache("my.cache", max_size=5), away)
        wb.define(away.replace(max_size=3))
        with pytest.raises(InvalidDefinition):
            wb.define(
                Cache("my.cache"),
                away.replace(max_size=4),
                Cache("one", is_default=True),
                Cache("two", is_default=True),
            )
        assert [wb.caches[name].definition.max_size for name in ("my.cache", "away")] == [5, 3]
        with pytest.raises(StoreUnavailable, match="Cache 'away' has no answer"):
            wb.caches["away"].set("a", 1)


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "unix:///nowhere/redis.sock"])
def test_a_sandbox_has_a_cache_of_its_own_in_place_of_a_server(url: str) -> None:
    with Workbench() as wb:
        wb.deploy(Keeper)
        wb.define(Cache("my.cache", store=url, password=secret("NOWHERE_SET")))
        with pytest.raises(MissingSecret, match="NOWHERE_SET"):
            wb.invoke("cache.keep", ["a", 1])
        wb.sandbox()
        assert wb.invoke("cache.keep", ["a", 1]) == [1, "a"]
        assert wb.caches["my.cache"].items() == [("a", 1)]
        wb.sandbox(False)
        with pytest.raises(MissingSecret):
            wb.invoke("cache.keep", ["a", 1])


def test_another_cache_can_be_the_default(wb: Workbench) -> None:
    wb.define(Cache("fast", is_default=True))
    wb.invoke("cache.keep", ["a", 1])
    assert wb.caches["fast"]["last"] == "a"
    with pytest.raises(InvalidDefinition, match="is_default is what cache 'fast' is already. Fix: define that one"):
        wb.define(Cache("faster", is_default=True))


def test_the_default_cache_keeps_what_is_in_it_when_it_is_defined_and_when_no_more(wb: Workbench) -> None:
    wb.invoke("cache.keep", ["a", 1])
    held = wb.caches["default"]
    wb.define(Cache("default", max_size=3))
    assert wb.caches["default"] is held
    assert wb.invoke("cache.keep", ["b", 2]) == [2, "b"]
    wb.caches.remove("default")
    assert held.definition == Cache("default")
    assert held.items() == [("last", "b")], "nothing older comes back"
    assert list(wb.caches) == ["default", "my.cache"]


def test_a_failing_cell_leaves_the_default_cache_as_it_was(wb: Workbench) -> None:
    wb.invoke("cache.keep", ["a", 1])
    with pytest.raises(InvalidDefinition):
        wb.define(Cache("default", max_size=3, is_default=True), Cache("other", is_default=True))
    assert wb.caches["default"].definition == Cache("default")
    assert wb.caches["default"].items() == [("last", "a")]


def test_a_cache_that_is_not_there_is_told(wb: Workbench) -> None:
    caches = wb._parts.around.caches
    with pytest.raises(UnknownName, match=r"No cache is named 'my.cash'; .*Did you mean 'my.cache'\?.*Fix: wb.define"):
        caches.get_cache("builtin", "my.cash")
    with pytest.raises(ServiceUsage, match="no caches of kind 'memcached'. Fix:"):
        caches.get_cache("memcached", "my.cache")


def test_what_is_there_without_a_definition_cannot_be_removed(wb: Workbench) -> None:
    wb.caches.remove("my.cache")
    assert list(wb.caches) == ["default"]
    with pytest.raises(ServiceUsage, match=r"'default' is not defined by itself.*Fix: wb.caches\['default'\].clear"):
        wb.caches.remove("default")


class Limited(Service):
    """Brings its limit."""

    name = "limited"
    limit = "5/m"


def test_a_limit_in_short_cannot_be_removed_by_itself(wb: Workbench) -> None:
    wb.deploy(Limited)
    with pytest.raises(ServiceUsage, match="Limit 'service limited' is not defined by itself.*Fix: take limit= off"):
        wb.limits.remove("service limited")
    assert "service limited" in wb.limits
