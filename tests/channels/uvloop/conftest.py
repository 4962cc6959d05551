"""A workbench whose server runs on uvloop, without TLS and with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tls import pair
from workbench.app.workbench import Workbench


@pytest.fixture(params=["http", "https"])
def wb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Workbench]:
    """A workbench on a free port."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("WORKBENCH_LOOP", "uvloop")
    certificate = pair(tmp_path) if request.param == "https" else None
    with Workbench(port=0, folder=tmp_path, certificate=certificate) as made:
        assert type(made._parts.loop.loop).__module__ == "uvloop"
        yield made
