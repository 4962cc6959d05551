"""Transfers under random faults and kills lose, cut and double nothing; `make soak` makes it 1,000 runs."""

from __future__ import annotations

import os

import pytest

from tests.bench.files import moved
from tests.soak.transfers import WRONG_SIZES, soak

IS_LONG = bool(os.environ.get("WORKBENCH_SOAK"))
RUNS = 1_000 if IS_LONG else 8
LYING_RUNS, LYING = (250, ["ftp", "sftp"]) if IS_LONG else (3, ["sftp"])
# How, from and to what, and the most that the process grows [MiB]. What goes to Dropbox waits until there are 8 of it.
WAYS = [("transfer", "ftp", "sftp", 32), ("service", "rest", "dropbox", 48)]
ALL_WAYS = [
    *WAYS,
    ("transfer", "ftp", "dropbox", 48),
    ("service", "ftp", "dropbox", 48),
    ("transfer", "rest", "dropbox", 48),
]


@pytest.mark.timeout(1_800 if IS_LONG else 180)
def test_no_file_is_lost_truncated_or_doubled_whatever_breaks() -> None:
    found = soak(RUNS, seed=20_261_123)
    assert (found.lost, found.truncated, found.duplicated, found.left, found.parts) == ([], [], [], [], [])
    assert found.runs == RUNS
    assert found.kills > RUNS / 10


@pytest.mark.timeout(1_800 if IS_LONG else 180)
@pytest.mark.parametrize("source", LYING)
def test_no_file_is_lost_truncated_or_doubled_whatever_sizes_are_told(source: str) -> None:
    found = soak(LYING_RUNS, 20_261_128, source, WRONG_SIZES)
    assert (found.lost, found.truncated, found.duplicated, found.left) == ([], [], [], [])
    assert found.runs == LYING_RUNS


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("how", "first", "second", "most_mib"), ALL_WAYS if IS_LONG else WAYS)
def test_a_big_file_does_not_pass_through_memory_as_a_whole(how: str, first: str, second: str, most_mib: float) -> None:
    growth_mib, _ = moved(how, first, second, 64 << 20)
    assert growth_mib <= most_mib
