"""Transfers under random faults and kills lose, cut and double nothing; `make soak` makes it 1,000 runs."""

from __future__ import annotations

import os

import pytest

from tests.bench.files import transferred
from tests.soak.transfers import soak

RUNS = 1_000 if os.environ.get("WORKBENCH_SOAK") else 40


@pytest.mark.timeout(1_800 if RUNS > 40 else 180)
def test_no_file_is_lost_truncated_or_doubled_whatever_breaks() -> None:
    found = soak(RUNS, seed=20_261_123)
    assert (found.lost, found.truncated, found.duplicated, found.left) == ([], [], [], [])
    assert found.runs == RUNS
    assert found.kills > RUNS / 10


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", ["ftp", "sftp"])
def test_a_big_file_does_not_pass_through_memory_as_a_whole(kind: str) -> None:
    growth_mib, _ = transferred(kind, 64 << 20)
    assert growth_mib <= 32
