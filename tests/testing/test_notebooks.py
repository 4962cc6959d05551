"""The notebooks of this project are green as `workbench test` runs them, in any order, whatever runs beside them."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.testing.notebooks import workbench_test

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ROUNDS = int(os.environ.get("WORKBENCH_SOAK") or 0)
SAMPLE = sorted(NOTEBOOKS.glob("*.ipynb")) if ROUNDS else [NOTEBOOKS / "00-hello.ipynb"]

pytestmark = pytest.mark.timeout(120 * max(1, ROUNDS))


@pytest.mark.parametrize("round_", range(ROUNDS or 1))
def test_every_cell_of_the_notebooks_passes(round_: int, tmp_path: Path) -> None:
    order = random.Random(round_).sample(SAMPLE, len(SAMPLE))
    done = workbench_test(tmp_path, *map(str, order), "--parallel=2")
    assert done.status == 0, done.said
    assert len(done.cells) >= 10 * len(SAMPLE)
