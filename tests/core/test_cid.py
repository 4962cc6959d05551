"""Correlation ids never repeat, not even in a forked child."""

from __future__ import annotations

import os
import re
import threading

import pytest

from workbench.core.cid import new_cid


def test_a_cid_is_24_hex_digits() -> None:
    assert re.fullmatch("[0-9a-f]{24}", new_cid())


def test_cids_of_many_threads_are_all_different() -> None:
    found: list[list[str]] = [[] for _ in range(4)]

    def make(mine: list[str]) -> None:
        mine += [new_cid() for _ in range(20_000)]

    threads = [threading.Thread(target=make, args=(mine,)) for mine in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    cids = [cid for mine in found for cid in mine]
    assert len(set(cids)) == len(cids) == 80_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="This system cannot fork.")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_makes_other_cids() -> None:
    before = new_cid()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, "".join(new_cid() for _ in range(100)).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    theirs = {text[i : i + 24] for i in range(0, len(text), 24)}
    ours = {before, *(new_cid() for _ in range(100))}
    assert len(theirs) == 100
    assert not theirs & ours
    assert not {cid[:16] for cid in theirs} & {cid[:16] for cid in ours}
