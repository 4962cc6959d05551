"""In CI a test that skips itself has failed; at a desk it says why."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernels import ROOT, kernel_env

SUITE = """
import pytest

def test_needs_a_server():
    pytest.skip("redis-server is not installed. Start: apt install redis-server")

@pytest.mark.xfail(reason="known", strict=True)
def test_known():
    assert False
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (tmp_path / "test_one.py").write_text(SUITE)
    (tmp_path / "test_two.py").write_text('import pytest\npytest.skip("no chromium", allow_module_level=True)\n')
    return tmp_path


def run(suite: Path, **env: str) -> subprocess.CompletedProcess[str]:
    options = ["-ra", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    command = [sys.executable, "-m", "pytest", *options, "."]
    clean = (
        {key: value for key, value in kernel_env().items() if key != "CI"}
        | env
        | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    )
    return subprocess.run(command, cwd=suite, env=clean, capture_output=True, text=True, timeout=60)


def test_in_ci_a_skip_fails_and_says_what_was_missing(suite: Path) -> None:
    done = run(suite, CI="true")
    assert done.returncode != 0
    assert "A test may not be skipped in CI. Skipped: redis-server is not installed." in done.stdout
    assert "A test may not be skipped in CI. Skipped: no chromium" in done.stdout
    assert "skipped" not in done.stdout.splitlines()[-1]


def test_at_a_desk_a_skip_says_why(suite: Path) -> None:
    done = run(suite)
    assert done.returncode == 0, done.stdout
    assert "redis-server is not installed. Start: apt install redis-server" in done.stdout
    assert "2 skipped, 1 xfailed" in done.stdout.splitlines()[-1]
