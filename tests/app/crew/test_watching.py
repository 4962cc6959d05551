"""A served file is served anew once it has been written, and not while it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.app.serving.crew.watching import Watched


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "services.py"
    made.write_text("first")
    return made


def test_a_file_that_stays_as_it_is_has_not_changed(path: Path) -> None:
    watched = Watched(path)
    assert [watched.look() for _ in range(3)] == ["", "", ""]


def test_a_save_is_told_once_it_is_over(path: Path) -> None:
    watched = Watched(path)
    for text in ("half", "half and more", "half and all of it"):
        path.write_text(text)
        assert watched.look() == ""
    assert [watched.look() for _ in range(3)] == ["changed", "", ""]


def test_a_file_that_goes_is_told_once_and_again_when_it_is_back_otherwise(path: Path) -> None:
    watched = Watched(path)
    path.unlink()
    assert [watched.look() for _ in range(2)] == ["gone", ""]
    path.write_text("second, and longer")
    assert [watched.look() for _ in range(3)] == ["", "changed", ""]
