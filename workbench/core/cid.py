"""Correlation ids: one per call from outside, carried by everything that call causes."""

from __future__ import annotations

import itertools
import os
import secrets

_prefix = secrets.token_hex(8)
_counter = itertools.count(secrets.randbelow(1 << 24))


def new_cid() -> str:
    """24 hex digits: 64 random bits of this process, then a 32-bit counter.

    Random per call would cost 4 times as much; a counter alone would collide between processes.
    """
    return f"{_prefix}{next(_counter) & 0xFFFFFFFF:08x}"


def repeat(prefix: str) -> None:
    """Begin with CIDs that are the same in each run: 16 hex digits, then a counter from 1; for tests alone."""
    global _prefix, _counter
    _prefix, _counter = prefix, itertools.count(1)


def _renew() -> None:
    global _prefix
    _prefix = secrets.token_hex(8)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
