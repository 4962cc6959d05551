"""A temporary folder in place of one of this machine's."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

from workbench.core.errors import ConnectionFailed
from workbench.sandbox.faults import Faults
from workbench.sandbox.file_tree import FilePeer


class FolderFaults(Faults, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be wrong with a folder: it can be away."""

    over_network: ClassVar[bool] = False


class TemporaryFolder(FilePeer):
    """Stands for a LocalFolder, so that playing never touches the real one."""

    kind: ClassVar[str] = "folder"
    label: ClassVar[str] = "Temporary folder"
    fault_fields: ClassVar[type[Faults]] = FolderFaults

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self._away = self.root.with_name(f"{self.root.name}-away")

    def start(self) -> Self:
        return self

    def stop(self) -> None:
        self.heal()

    def ping(self) -> str:
        if not self.root.is_dir():
            raise ConnectionFailed(f"{self} is not there. Fix: .heal(), or wb.peers.remove({self.name!r})")
        return "ok"

    @property
    def kept_at(self) -> Path:
        return self._away if self._away.is_dir() else self.root

    def pointed(self, definition: Any) -> dict[str, Any]:
        return {"path": str(self.root)}

    def _obey(self) -> None:
        if self._trouble.faults.refuse and self.root.is_dir():
            self.root.rename(self._away)
            # Or the next use would make the folder anew.
            self.root.touch()
        elif not self._trouble.faults.refuse and self._away.is_dir():
            self.root.unlink()
            self._away.rename(self.root)
