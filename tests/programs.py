"""Where the programs are that tests start."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.kernels import ROOT

UNPACKED = ROOT / ".cache/servers"
"""Where `.ci/run` unpacks vsftpd: Debian installs it or ProFTPD, not both."""
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", str(UNPACKED / "usr/sbin")])


def found(program: str, package: str) -> str:
    """Where a program is; skips the test, or fails it in CI, if it is nowhere."""
    at = shutil.which(program, path=PATH)
    if at is None:
        pytest.skip(f"{program} is not installed: apt install {package}")
    return at
