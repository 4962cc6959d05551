"""Bytes in a queue: whatever goes in comes out, in any pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.connections.common.waiting import Waiting


@given(st.lists(st.binary(max_size=20), max_size=8), st.lists(st.integers(0, 30), max_size=8))
def test_what_goes_in_comes_out_in_order(blocks: list[bytes], counts: list[int]) -> None:
    waiting, out = Waiting(), b""
    for block in blocks:
        waiting.add(memoryview(block))
    for count in counts:
        if count <= waiting.size:
            taken = waiting.take(count)
            assert len(taken) == count
            out += taken
    assert out + waiting.take(waiting.size) == b"".join(blocks)
    assert waiting.size == 0


def test_what_its_owner_changes_later_stays_as_it_was() -> None:
    waiting, buffer = Waiting(), bytearray(b"first")
    waiting.add(memoryview(buffer))
    buffer[:] = b"other"
    assert waiting.take(5) == b"first"
    waiting.add(memoryview(b"x"))
    waiting.clear()
    assert waiting.take(0) == b""
