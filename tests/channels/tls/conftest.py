"""A workbench whose server speaks TLS, in the place of the plain one of other folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.channels.websocket.conftest import Bench
from tests.tls import Pair, pair
from workbench.app.workbench import Workbench


@pytest.fixture
def files(tmp_path: Path) -> Pair:
    """A certificate and its key."""
    return pair(tmp_path)


@pytest.fixture
def wb(tmp_path: Path, files: Pair, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    """A workbench on a free port, by TLS."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    with Workbench(port=0, folder=tmp_path, certificate=files) as made:
        yield made


@pytest.fixture
def bench(tmp_path: Path, files: Pair, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """The same with a WebSocket channel."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    made = Bench(tmp_path, monkeypatch, files)
    with made.wb:
        yield made
