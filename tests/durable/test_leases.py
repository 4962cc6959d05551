"""One owner at a time, and a late one is told so; over every store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.durable.conftest import later
from workbench.core.clock import VirtualClock
from workbench.core.ports import Store
from workbench.durable.leases import Lease, LeaseLost, Leases, NotALease
from workbench.stores import open_store

SOAK = bool(os.environ.get("WORKBENCH_SOAK"))


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def leases(store: Store, clock: VirtualClock) -> Leases:
    return Leases(store, clock)


def claimed(leases: Leases, owner: str, seconds: float = 10) -> Lease:
    lease = leases.claim("work", owner, seconds)
    assert lease is not None
    return lease


def test_nobody_else_may_claim_until_the_lease_lapses_and_each_owner_gets_the_next_number(
    leases: Leases, clock: VirtualClock
) -> None:
    first = claimed(leases, "a")
    clock.advance(9.9)
    assert leases.claim("work", "b", 10) is None
    assert leases.claim("work", "a", 10) is None  # not even by another thread of the same owner
    assert leases.holder("work") == first
    clock.advance(0.1)
    assert leases.holder("work") is None
    assert [first.number, claimed(leases, "b").number] == [1, 2]
    assert leases.claim("other work", "a", 10) is not None


def test_a_renewed_lease_lasts_from_then_on(leases: Leases, clock: VirtualClock) -> None:
    lease = claimed(leases, "a")
    clock.advance(9)
    renewed = leases.renew(lease, 10)
    assert (renewed.number, renewed.until) == (lease.number, clock.time() + 10)
    clock.advance(9)
    assert leases.claim("work", "b", 10) is None


def test_a_lapsed_lease_may_be_renewed_until_somebody_claims_it(leases: Leases, clock: VirtualClock) -> None:
    lease = claimed(leases, "a")
    clock.advance(60)
    assert leases.renew(lease, 10).number == 1
    clock.advance(60)
    claimed(leases, "b")
    with pytest.raises(LeaseLost, match="'work' of a had number 1 and is number 2 now, of b"):
        leases.renew(lease, 10)


def test_a_late_writer_is_refused_and_what_its_successor_wrote_stays(leases: Leases, clock: VirtualClock) -> None:
    late = leases.write(claimed(leases, "a"), b"half done")
    clock.advance(10)
    successor = claimed(leases, "b")
    assert successor.value == b"half done"
    leases.write(successor, b"done")
    for write in (lambda: leases.write(late, b"late"), lambda: leases.renew(late, 9), lambda: leases.release(late)):
        with pytest.raises(LeaseLost):
            write()
    assert leases.holder("work") == Lease("work", "b", 2, successor.until, b"done")


def test_the_same_owner_is_late_too_once_it_has_claimed_anew(leases: Leases, clock: VirtualClock) -> None:
    late = claimed(leases, "a")
    clock.advance(10)
    claimed(leases, "a")
    with pytest.raises(LeaseLost, match="had number 1 and is number 2 now, of a"):
        leases.write(late, b"late")


def test_a_released_lease_is_free_at_once_and_its_number_goes_on(leases: Leases) -> None:
    lease = leases.write(claimed(leases, "a"), b"kept")
    leases.release(lease)
    assert leases.holder("work") is None
    with pytest.raises(LeaseLost, match="of nobody"):
        leases.release(lease)
    successor = claimed(leases, "b")
    assert (successor.number, successor.value) == (2, b"kept")


def test_a_lease_is_forgotten_only_when_nobody_holds_it(leases: Leases, clock: VirtualClock, store: Store) -> None:
    lease = claimed(leases, "a")
    assert leases.forget("work") is False
    clock.advance(10)
    assert leases.forget("work") is True
    assert leases.forget("never was") is True
    assert list(store.scan("")) == []
    with pytest.raises(LeaseLost, match="was removed"):
        leases.renew(lease, 10)


@pytest.mark.parametrize("value", [b"", b"{}", b"\xff", b'{"name":"work"}'])
def test_a_value_of_something_else_is_refused_and_left_alone(leases: Leases, store: Store, value: bytes) -> None:
    store.put("lease/work", value)
    with pytest.raises(NotALease, match="'lease/work' is no lease. Fix: keep leases under a prefix of their own"):
        leases.claim("work", "a", 10)
    assert store.get("lease/work") == value


def test_of_threads_that_claim_at_once_one_wins(leases: Leases, store: Store) -> None:
    begin = threading.Barrier(8)

    def claim(number: int) -> int:
        begin.wait(30)
        return sum(leases.claim(f"work/{turn}", f"thread-{number}", 60) is not None for turn in range(25))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(8))) == 25


def test_threads_that_write_under_one_lease_lose_no_write(leases: Leases) -> None:
    lease = claimed(leases, "a", 60)
    with ThreadPoolExecutor(4) as pool:
        written = list(pool.map(lambda number: leases.write(lease, b"%d" % number).value, range(40)))
    assert written == [b"%d" % number for number in range(40)]
    assert claimed_value(leases) in written


def claimed_value(leases: Leases) -> bytes:
    lease = leases.holder("work")
    assert lease is not None
    return lease.value


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "renew", "write", "release", "wait"]), st.sampled_from("ab"), st.integers(1, 4)
    ),
    max_size=25,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS)
def test_any_sequence_of_steps_equals_a_model(store: Store, steps: list[tuple[str, str, int]]) -> None:
    store.delete("lease/work")
    clock = VirtualClock()
    leases, mine = Leases(store, clock), dict[str, Lease]()
    owner, number, until, value = "", 0, 0.0, b""
    for verb, who, much in steps:
        is_theirs = who in mine and (owner, number) == (who, mine[who].number)
        if verb == "wait":
            clock.advance(much)
        elif verb == "claim":
            lease = leases.claim("work", who, much)
            assert (lease is not None) is (clock.time() >= until)
            if lease is not None:
                owner, number, until = who, number + 1, clock.time() + much
                mine[who] = lease
                assert lease == Lease("work", owner, number, until, value)
        elif not is_theirs:
            if who in mine:
                with pytest.raises(LeaseLost):
                    leases.write(mine[who], b"late")
        elif verb == "renew":
            until = leases.renew(mine[who], much).until
            assert until == clock.time() + much
        elif verb == "write":
            value = leases.write(mine[who], b"%d" % much).value
        else:
            leases.release(mine[who])
            owner, until = "", 0.0
        holder = leases.holder("work")
        assert (holder is not None) is (clock.time() < until)
        assert holder is None or (holder.owner, holder.number, holder.value) == (owner, number, value)


# Other processes: they claim by the store's own clock, which is the machine's or the server's.


def child(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


CONTEND = """
import sys
from workbench.durable.leases import Leases
from workbench.stores import open_store
store = open_store(sys.argv[1])
leases = Leases(store, store)
print("ready", flush=True)
sys.stdin.readline()
print(sum(leases.claim(f"work/{turn}", sys.argv[2], 60) is not None for turn in range(40)), flush=True)
"""

HOLD = """
import sys
from workbench.durable.leases import LeaseLost, Leases
from workbench.stores import open_store
store = open_store(sys.argv[1])
leases = Leases(store, store)
lease = leases.claim("work", "child", 60)
print(lease.number, flush=True)
sys.stdin.readline()
try:
    leases.write(lease, b"late")
    print("written")
except LeaseLost as exc:
    print(exc)
"""


def test_of_processes_that_claim_at_once_one_wins(shared_url: str) -> None:
    # Each process on Redis costs a second of a core, for its client's import alone.
    names = ("a", "b", "c") if SOAK or shared_url.startswith("sqlite") else ("a", "b")
    processes = [child(CONTEND, shared_url, name) for name in names]
    assert [line_of(process) for process in processes] == ["ready"] * len(names)
    for process in processes:
        tell(process)
    assert sum(int(process.communicate(timeout=30)[0]) for process in processes) == 40


def test_the_lease_of_a_process_killed_by_kill_9_lapses_and_another_gets_the_next_number(shared_url: str) -> None:
    store = open_store(shared_url)
    with child(HOLD, shared_url) as process:
        assert line_of(process) == "1"
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert Leases(store, store).claim("work", "b", 10) is None
    lease = Leases(store, later()).claim("work", "b", 10)
    assert lease is not None
    assert lease.number == 2
    store.close()


def test_a_process_that_slept_through_its_lease_is_refused_when_it_writes(shared_url: str) -> None:
    store = open_store(shared_url)
    leases = Leases(store, later())
    with child(HOLD, shared_url) as process:
        assert line_of(process) == "1"
        successor = leases.claim("work", "b", 60)
        assert successor is not None
        leases.write(successor, b"done")
        tell(process)
        assert line_of(process).startswith("The lease 'work' of child had number 1 and is number 2 now, of b")
        process.wait(30)
    assert claimed_value(leases) == b"done"
    store.close()
