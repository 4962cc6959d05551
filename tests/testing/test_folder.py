"""A test run's folder has what lies beside the notebook, and no more of it is written to than copies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workbench.testing import folder
from workbench.testing.folder import own_folder


def test_files_are_copied_and_folders_and_large_files_linked(tmp_path: Path) -> None:
    home, project = tmp_path / "home", tmp_path / "project"
    (project / "books" / "data").mkdir(parents=True)
    home.mkdir()
    (project / "above.csv").write_text("above")
    (project / "books" / "beside.csv").write_text("beside")
    with (project / "books" / "large.bin").open("wb") as file:
        file.truncate(folder.LARGEST_COPY_BYTES + 1)
    at = own_folder(home, project / "books" / "nb.ipynb", project)
    assert {each.name: each.is_symlink() for each in at.iterdir()} == {
        "beside.csv": False,
        "data": True,
        "large.bin": True,
    }
    assert (at / ".." / "above.csv").read_text() == "above"


@pytest.mark.skipif(os.name != "posix", reason="pipes and modes of POSIX")
def test_what_cannot_be_read_keeps_no_notebook_from_its_tests(tmp_path: Path) -> None:
    home, project = tmp_path / "home", tmp_path / "project"
    project.mkdir()
    home.mkdir()
    (project / "nobodys.csv").write_text("x")
    (project / "nobodys.csv").chmod(0)
    (project / "gone.csv").symlink_to(project / "nowhere.csv")
    (project / "memory").symlink_to("/proc/self/mem")  # Linux opens it, and reads nothing of it
    os.mkfifo(project / "pipe")
    at = own_folder(home, project / "nb.ipynb", project)
    assert {each.name for each in at.iterdir()} == {"nobodys.csv", "gone.csv", "memory", "pipe"}
    assert all((at / name).is_symlink() for name in ("gone.csv", "memory", "pipe"))
