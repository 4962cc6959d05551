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


def test_a_folder_has_changed_with_any_file_that_is_read_of_it(tmp_path: Path) -> None:
    (folder := tmp_path / "shop").mkdir()
    (folder / "deep").mkdir()
    (folder / "a.py").write_text("first")
    watched = Watched(folder)
    for name in ("deep/b.py", "a.py", "enmasse.yaml"):
        (folder / name).write_text("second, and longer")
        assert [watched.look() for _ in range(3)] == ["", "changed", ""]
    (folder / "serve.log").write_text("noise")
    assert [watched.look() for _ in range(2)] == ["", ""]
    (folder / "deep" / "b.py").unlink()
    assert [watched.look() for _ in range(3)] == ["", "changed", ""]
    for name in ("a.py", "enmasse.yaml"):
        (folder / name).unlink()
    assert [watched.look() for _ in range(2)] == ["gone", ""]
