"""A kernel for tests is bounded in all that it is asked, and is gone once it does not answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.testing.folder import environment
from workbench.testing.kernel import Kernel, KernelTrouble

BUSY = "import asyncio, time; asyncio.get_running_loop().call_soon(time.sleep, 60);"


def test_a_kernel_that_is_busy_after_its_cell_is_killed_by_the_next_question(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, tmp_path, environment(tmp_path, tmp_path / "busy.ipynb", outside=False))
    try:
        kernel.start()
        assert kernel.ask("1 + 1") == 2
        assert kernel.run(BUSY, 30.0).error is None
        with pytest.raises(KernelTrouble, match=r"gave no answer within 0\.5 s, so it was killed"):
            kernel.ask("1 + 1", 0.5)
        assert not kernel.runs
    finally:
        kernel.close()
