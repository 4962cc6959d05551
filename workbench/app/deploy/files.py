"""`wb.load` and `wb.export`: services and definitions of files, and definitions as one."""

from __future__ import annotations

from pathlib import Path

from workbench.app.deploy import loading
from workbench.app.deploy.applying import FILES, Applying
from workbench.app.deploy.draft import Deployed
from workbench.app.deploy.drafting import Drafting
from workbench.app.parts import Parts


class Files:
    """The part of a `Workbench` that reads and writes files."""

    _own: Parts
    app: str
    drafting: Drafting

    def load(self, path: str | Path, *, replace: bool = False) -> Deployed:
        """Load services and definitions of a file: a module (`.py`) or a notebook (`.ipynb`), whose `wb` this is.

        A file of definitions (`.yaml`) is one that `workbench export` writes; what it says is put into force, all or
        none.

        Args:
            path: The file.
            replace: Whether what another file has defined may be replaced.

        Raises:
            DeployRefused: There is no such file, its kind is not known, or it does not run; nothing of it went live.
            WrongManifest: All that is wrong in a file of definitions; nothing of it is in force.
        """
        if Path(path).suffix in FILES:
            return Applying(self._own, self.drafting).load(Path(path), replace=replace)
        return loading.load(self, Path(path), replace=replace)

    def export(self) -> str:
        """Every definition in force as the text of a file: `Path("definitions.yaml").write_text(wb.export())`."""
        return Applying(self._own, self.drafting).export(f"Definitions of {self.app}").text
