"""Transfers between servers of other makes, cut and killed at random: nothing is lost, cut short or doubled."""

from __future__ import annotations

import os

import pytest

from tests.soak.real import BRIEFLY_CUT, CUT, soak

RUNS, TROUBLE = (1_000, CUT) if os.environ.get("WORKBENCH_SOAK") else (30, BRIEFLY_CUT)


@pytest.mark.timeout(3_600 if RUNS > 30 else 180)
def test_no_file_is_lost_truncated_or_doubled_between_real_servers() -> None:
    found, cuts = soak(RUNS, 20_261_129, TROUBLE)
    assert (found.lost, found.truncated, found.duplicated, found.left, found.parts) == ([], [], [], [], [])
    assert found.runs == RUNS
    assert (found.kills > RUNS / 10, cuts > RUNS / 10) == (True, True)
