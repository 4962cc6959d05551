"""Worker processes that end one after the other are started less and less often."""

from __future__ import annotations

from workbench.app.serving.crew.backing_off import LONGEST_SECONDS, WELL_SECONDS, BackingOff


def test_waits_double_up_to_their_longest_while_none_serves_for_long() -> None:
    backing_off = BackingOff()
    assert [backing_off.wait_seconds(0.5) for _ in range(8)] == [0, 1, 2, 4, 8, 16, 30, LONGEST_SECONDS]


def test_one_that_served_well_is_replaced_at_once() -> None:
    backing_off = BackingOff()
    for _ in range(5):
        backing_off.wait_seconds(0)
    assert backing_off.wait_seconds(WELL_SECONDS) == 0
    assert backing_off.wait_seconds(0) == 1
