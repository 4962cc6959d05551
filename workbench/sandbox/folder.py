"""A temporary folder in place of one of this machine's."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from workbench.core.errors import ConnectionFailed
from workbench.sandbox.file_tree import FilePeer


class TemporaryFolder(FilePeer):
    """Stands for a LocalFolder, so that playing never touches the real one."""

    kind: ClassVar[str] = "folder"
    label: ClassVar[str] = "Temporary folder"

    def start(self) -> Self:
        return self

    def stop(self) -> None:
        pass

    def ping(self) -> str:
        if not self.root.is_dir():
            raise ConnectionFailed(f"{self} was removed from the disk. Mend: wb.peers.remove({self.name!r})")
        return "ok"

    def pointed(self, definition: Any) -> dict[str, Any]:
        return {"path": str(self.root)}
