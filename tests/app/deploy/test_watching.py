"""A served file is served anew once it has been written, and not while it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.app.deploy.folders.finding import MOST_FILES
from workbench.app.deploy.folders.watching import Watched


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
    assert [watched.look() for _ in range(2)] == ["lost", ""]
    assert watched.lost == "services.py is gone; what is served stays as it was. Fix: put it back."
    path.write_text("second, and longer")
    assert [watched.look() for _ in range(3)] == ["", "changed", ""]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a module."""
    made = tmp_path / "shop"
    (made / "deep").mkdir(parents=True)
    (made / "a.py").write_text("first")
    return made


def looks(watched: Watched) -> list[str]:
    """What three looks say."""
    return [watched.look() for _ in range(3)]


def test_a_folder_has_changed_with_any_file_that_is_read_of_it(folder: Path) -> None:
    watched = Watched(folder)
    for name in ("deep/b.py", "a.py", "enmasse.yaml"):
        (folder / name).write_text("RESTChannel: second, and longer")
        assert looks(watched) == ["", "changed", ""]
        assert watched.changed == {folder / name}
    (folder / "serve.log").write_text("noise")
    assert [watched.look() for _ in range(2)] == ["", ""]
    (folder / "deep" / "b.py").unlink()
    (folder / "a.py").write_text("third, and longer than that")
    assert looks(watched) == ["", "changed", ""]
    assert watched.changed == {folder / "deep" / "b.py", folder / "a.py"}


@pytest.mark.parametrize("name", ["prices.json", "prices.yaml", "deep/stock.yml"])
def test_a_folder_has_not_changed_with_the_data_that_its_services_write(folder: Path, name: str) -> None:
    watched = Watched(folder)
    for number in range(3):
        (folder / name).write_text(f'{{"price": {10**number}}}')
        assert looks(watched) == ["", "", ""]
    (folder / name).write_text('{"RESTChannel": [{"name": "api.x"}]}')
    assert looks(watched) == ["", "changed", ""]
    (folder / name).write_text("{}")
    assert looks(watched) == ["", "changed", ""]
    assert watched.changed == {folder / name}


def test_of_a_folder_of_which_nothing_is_read_it_is_told_why(folder: Path) -> None:
    watched = Watched(folder)
    (folder / "a.py").rename(folder / "a.txt")
    assert [watched.look() for _ in range(2)] == ["lost", ""]
    assert watched.lost == "shop has no file to read any more; what is served stays as it was. Fix: put one back."
    (folder / "a.txt").rename(folder / "a.py")
    assert looks(watched) == ["", "", ""]  # it is as it was
    for number in range(MOST_FILES + 1):
        (folder / "deep" / f"m{number}.py").touch()
    assert [watched.look() for _ in range(2)] == ["lost", ""]
    assert watched.lost.startswith("What is served stays as it was, since 'shop' has more than 2,000 modules")
    folder.rename(folder.with_name("elsewhere"))
    assert watched.look() == ""  # nothing is read of it, as before
    assert watched.lost == "shop is gone; what is served stays as it was. Fix: put it back."
