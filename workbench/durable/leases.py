"""A claim that ends by itself: one owner at a time, for a bounded time, with a number that fences off a late one.

Built on the store's compare-and-set alone. A lease is one value in the store, and what its owner writes lies in that
same value, so a late write is refused by the very step that would have made it. Systems outside the store can refuse
one too: give them the lease's number, and have them remember the highest that they have seen.
Source: fencing tokens as in M. Kleppmann, "How to do distributed locking", 2016.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from workbench.core.errors import WorkbenchError
from workbench.core.ports import Store


class Timed(Protocol):
    """What says the time: a clock, or a store that several machines share."""

    def time(self) -> float:
        """Seconds since the epoch, UTC [s]."""
        ...


class Lease(Struct, frozen=True):
    """The right to do something, until `until` [s since the epoch, UTC] and for as long as nobody else claims it.

    `number` is 1 for the first owner of a name and grows by one with each claim. `value` is what an owner wrote last,
    this one or one before it.
    """

    name: str
    owner: str
    number: int
    until: float
    value: bytes = b""


class LeaseLost(WorkbenchError):
    """A lease lapsed, and somebody else claimed it or removed it."""

    def __init__(self, lease: Lease, now: Lease | None) -> None:
        self.lease = lease
        came = "was removed" if now is None else f"is number {now.number} now, of {now.owner or 'nobody'}"
        super().__init__(
            f"The lease {lease.name!r} of {lease.owner} had number {lease.number} and {came}, so nothing was written. "
            f"Fix: claim it again, and renew it before its time is over."
        )


class NotALease(WorkbenchError, ValueError):
    """A key that should hold a lease holds something else."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The value at {key!r} is no lease. Fix: keep leases under a prefix of their own.")


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Lease).decode


class Leases:
    """Leases by name, all below one prefix of a store; safe for threads, processes and machines.

    Args:
        store: Where they are kept.
        clock: Judges when a lease has lapsed; one clock for all who claim: the machine's, or the store itself if it is
            shared between machines.
        prefix: First part of their keys.
    """

    def __init__(self, store: Store, clock: Timed, prefix: str = "lease") -> None:
        self._store, self._clock, self._prefix = store, clock, prefix

    def claim(self, name: str, owner: str, seconds: float) -> Lease | None:
        """Become the owner for `seconds` [s]; None while another is, or the same one by an earlier claim.

        Raises:
            StoreUnavailable: The store gave no answer. The claim may have been made; then it lapses.
        """
        while True:
            raw, now = self._read(name)
            if now is not None and self._is_held(now):
                return None
            number, value = (now.number + 1, now.value) if now is not None else (1, b"")
            lease = Lease(name, owner, number, self._clock.time() + seconds, value)
            if self._store.swap(self._key(name), raw, _encode(lease)):
                return lease

    def renew(self, lease: Lease, seconds: float) -> Lease:
        """The same lease with `seconds` [s] from now; a lapsed one too, if nobody has claimed it meanwhile.

        Raises:
            LeaseLost: Somebody has.
        """
        return self._change(lease, lambda now: replace(now, until=self._clock.time() + seconds))

    def write(self, lease: Lease, value: bytes) -> Lease:
        """Keep a value with the lease, for this owner and those after it.

        Raises:
            LeaseLost: The lease is another's; nothing is written.
        """
        return self._change(lease, lambda now: replace(now, value=value))

    def release(self, lease: Lease) -> None:
        """Let another claim it at once; the number and the value stay.

        Raises:
            LeaseLost: The lease is another's already.
        """
        self._change(lease, lambda now: replace(now, owner="", until=0.0))

    def holder(self, name: str) -> Lease | None:
        """The lease that holds now; None if it has lapsed, was released, or never was."""
        _, now = self._read(name)
        return now if now is not None and self._is_held(now) else None

    def forget(self, name: str) -> bool:
        """Remove a lease unless it holds now, with number and value; whether it is gone.

        Only for a name that is never used again: its next lease would begin at number 1.
        """
        while True:
            raw, now = self._read(name)
            if now is not None and self._is_held(now):
                return False
            if self._store.swap(self._key(name), raw, None):
                return True

    def _change(self, lease: Lease, changed: Callable[[Lease], Lease]) -> Lease:
        while True:
            raw, now = self._read(lease.name)
            if now is None or (now.number, now.owner) != (lease.number, lease.owner):
                raise LeaseLost(lease, now)
            after = changed(now)
            if self._store.swap(self._key(lease.name), raw, _encode(after)):
                return after

    def _is_held(self, lease: Lease) -> bool:
        return self._clock.time() < lease.until

    def _read(self, name: str) -> tuple[bytes | None, Lease | None]:
        raw = self._store.get(self._key(name))
        try:
            return raw, None if raw is None else _decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise NotALease(self._key(name)) from exc

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}"
