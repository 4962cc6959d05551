"""A kernel for tests is bounded in all that it is asked, and is gone once it does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.testing.folder import environment
from workbench.testing.kernel import Kernel, KernelTrouble

IMPORT = "from IPython.display import clear_output"
BUSY = "import asyncio, time; asyncio.get_running_loop().call_soon(time.sleep, 60);"


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    """A kernel that runs."""
    kernel = Kernel(tmp_path, tmp_path, environment(tmp_path, tmp_path / "some.ipynb", outside=False))
    try:
        kernel.start()
        yield kernel
    finally:
        kernel.close()


def test_a_kernel_that_is_busy_after_its_cell_is_killed_by_the_next_question(kernel: Kernel) -> None:
    assert kernel.ask("1 + 1") == 2
    assert kernel.run(BUSY, 30.0).error is None
    with pytest.raises(KernelTrouble, match=r"gave no answer within 0\.5 s, so it was killed"):
        kernel.ask("1 + 1", 0.5)
    assert not kernel.runs


def test_what_is_cleared_goes_at_once_or_when_something_takes_its_place(kernel: Kernel) -> None:
    shown = {
        clear: [
            "".join(each["text"] for each in kernel.run(f"{IMPORT}\nprint(1)\n{clear}\n{more}", 30.0).outputs)
            for more in ("", "print(2)")
        ]
        for clear in ("clear_output()", "clear_output(wait=True)")
    }
    assert shown == {"clear_output()": ["", "2\n"], "clear_output(wait=True)": ["1\n", "2\n"]}
