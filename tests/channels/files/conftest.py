"""A workbench whose clock stands still, and a folder that it watches."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench import FileChannel, Service, Workbench
from workbench.channels.files.live import LiveFileChannel, PickedUp
from workbench.core.clock import VirtualClock

LONG_AGO = 1_700_000_000
SETTLE_SECONDS = 2.0


class Bench:
    """A channel `in`, what its service was given, and a clock that is moved by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder / "in", VirtualClock()
        self.got: list[dict[str, Any]] = []
        self.does: Callable[[Any], Any] = lambda service: None
        bench = self

        class Takes(Service):
            name = "in"

            def handle(self) -> None:
                bench.got.append(dict(self.request.payload))
                bench.does(self)

        self.wb = Workbench(port=0, folder=folder, clock=self.clock)
        self.wb.deploy(Takes)

    def define(self, **fields: Any) -> LiveFileChannel:
        self.wb.define(FileChannel("in", pickup_from=str(self.folder), settle_seconds=SETTLE_SECONDS, **fields))
        return self.live

    @property
    def live(self) -> LiveFileChannel:
        live = self.wb.channels["in"]
        assert isinstance(live, LiveFileChannel)
        return live

    def put(self, name: str, contents: str | bytes = "{}", *, age: int = 0) -> Path:
        """A file that was written long ago, and moved in; one of a higher age is older [s]."""
        path = self.folder / name
        path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
        os.utime(path, (LONG_AGO - age, LONG_AGO - age))
        return path

    def outcomes(self) -> list[tuple[str, str]]:
        """What became of the files that one look found."""
        return said(self.live.look())

    @property
    def names(self) -> list[str]:
        """The names of the files that the service was given, in order."""
        return [each["file_name"] for each in self.got]

    def files(self, folder: str = "") -> list[str]:
        """The names of what is in the folder, or in one of it, what begins with a dot left out."""
        there = self.folder / folder
        return sorted(each.name for each in there.iterdir() if each.is_file()) if there.is_dir() else []

    def reason(self, name: str) -> str:
        """What stands beside a file that was set aside."""
        return (self.folder / "failed" / f"{name}.reason.txt").read_text()

    def claimed(self) -> list[str]:
        """What is claimed by anybody."""
        return [str(each) for each in (self.folder / ".claimed").rglob("*") if each.is_file()]


def said(picked_up: list[PickedUp]) -> list[tuple[str, str]]:
    return [(each.name, each.outcome) for each in picked_up]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    made = Bench(tmp_path)
    with made.wb:
        yield made
