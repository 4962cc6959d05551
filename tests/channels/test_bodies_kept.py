"""Big bodies leave no memory behind, good or bad: the whole trial under `make soak`, a small one always."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernels import ROOT
from tests.soak.bodies import WANTED_BYTES

MIB = 1024 * 1024
SOAK = bool(os.environ.get("WORKBENCH_SOAK"))


@pytest.mark.skipif(sys.platform != "linux", reason="Memory is read from /proc. Fix: run on Linux.")
@pytest.mark.timeout(900)
def test_big_bodies_leave_no_memory_behind(tmp_path: Path) -> None:
    bad, good, rounds = (150, 50, 10) if SOAK else (24, 8, 2)
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak.bodies", str(bad), str(good), str(rounds), str(8 * MIB)],
        cwd=ROOT,
        env=os.environ | {"JUPYTER_RUNTIME_DIR": str(tmp_path), "WORKBENCH_STORE": "memory://"},
        capture_output=True,
        timeout=850,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    kept = json.loads(done.stdout)
    assert len(kept) == rounds
    assert max(kept) <= WANTED_BYTES, [f"{each / MIB:.0f} MiB" for each in kept]
