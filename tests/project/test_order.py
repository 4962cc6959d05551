"""Side by side, files that take long start first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import LONG_FILES
from tests.kernels import ROOT, kernel_env


def test_every_file_that_is_said_to_take_long_is_there() -> None:
    assert [each for each in LONG_FILES if each.startswith("tests/") and not (ROOT / each).is_file()] == []


def test_a_long_file_of_one_test_starts_before_files_of_many(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    many = "import pytest\n@pytest.mark.parametrize('number', range(5))\ndef test_it(number): pass\n"
    for name in ("test_a", "test_b", "test_c"):
        (tmp_path / f"{name}.py").write_text(many)
    (tmp_path / "test_z_in_lab.py").write_text("def test_it(): pass\n")
    command = [sys.executable, "-m", "pytest", "-v", "-p", "xdist", "-p", "no:cacheprovider"]
    command += ["--numprocesses=1", "--dist=loadfile"]
    env = kernel_env() | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    ran = [line for line in done.stdout.splitlines() if "PASSED" in line]
    assert len(ran) == 16, done.stdout
    assert "test_z_in_lab.py" in ran[0]
