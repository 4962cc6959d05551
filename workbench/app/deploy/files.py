"""`wb.load` and `wb.export`: services and definitions of files, and definitions as one."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.app.deploy.applying import Applying
from workbench.app.deploy.draft import Deployed
from workbench.app.deploy.drafting import Drafting
from workbench.app.parts import Parts

NOTEBOOK = ".ipynb"

if TYPE_CHECKING:
    from workbench.app.deploy.folders.following import Following
    from workbench.app.deploy.folders.imported import Imported


class Files:
    """The part of a `Workbench` that reads and writes files."""

    _own: Parts
    app: str
    folder: Path
    drafting: Drafting

    def load(self, path: str | Path, *, replace: bool = False, follow: bool = True) -> Deployed | Imported:
        """Load services and definitions of a file: a module (`.py`) or a notebook (`.ipynb`), whose `wb` this is.

        A file of definitions (`.yaml`) is one that `workbench export` writes, or Zato's enmasse; what it says is put
        into force, all or none.

        Of a folder, each module and file of definitions in it is loaded, at any depth; what fails stays alone, and the
        outcome says what is live, what is not and why, what is missing, and what differs from Zato. Modules of the
        folder find each other from then on, as Zato's do. A save of one of its files has that go live again, with the
        modules that import it, and takes out of force what it has no longer; of a file that fails the former version
        stays. The log says so. A module or file of definitions that is loaded alone is followed, too, that file by
        itself; a notebook is not, whose cells would all run again.

        Args:
            path: The file or folder.
            replace: Whether what another file has defined may be replaced.
            follow: Whether a save goes live by itself, until the workbench is closed.

        Raises:
            DeployRefused: There is no such file, its kind is not known, or it does not run; nothing of it went live.
            WrongManifest: All that is wrong in a file of definitions; nothing of it is in force.
        """
        if Path(path).is_dir():
            return self.load_folder(path, replace=replace, follow=follow)
        if follow and Path(path).suffix != NOTEBOOK:
            return self.following.load_one(Path(path), replace=replace)
        from workbench.app.deploy.folders.one_file import load_one

        return load_one(self, self._own, Path(path), replace=replace)

    def load_folder(
        self, path: str | Path, *, shown: str = "", replace: bool = False, follow: bool = False
    ) -> Imported:
        """Load all of a folder, as `load` does.

        Args:
            path: The folder.
            shown: What the outcome calls it; its path if unset.
            replace: Whether what another file has defined may be replaced.
            follow: Whether a save of its files goes live by itself.

        Raises:
            DeployRefused: There is no such folder, or nothing in it to read, or too much.
        """
        from workbench.app.deploy.folders.importing import load_folder

        shown = shown or str(path)
        if follow:
            return self.following.load(Path(path), shown, replace=replace)
        return load_folder(self, self._own, Path(path), shown, replace=replace)

    @cached_property
    def following(self) -> Following:
        """The folders and files that were loaded and go live when they are saved; `.stop("services")` ends that."""
        from workbench.app.deploy.folders.following import Following

        return Following(self, self._own)

    def define_written(self, text: str) -> None:
        """Put definitions of a `%%enmasse` cell into force: YAML or JSON, as a file of them or Zato's enmasse has them.

        Raises:
            WrongManifest: All that is wrong in it; nothing of it is in force.
        """
        # Of the cell the first line is the magic.
        Applying(self._own, self.drafting).of_cell(f"\n{text}", "this cell", self.folder)

    def export(self) -> str:
        """Every definition in force as the text of a file: `Path("definitions.yaml").write_text(wb.export())`."""
        return Applying(self._own, self.drafting).export(f"Definitions of {self.app}").text
