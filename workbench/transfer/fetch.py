"""A file behind a REST connection to where files are kept; the source keeps it, since nobody may remove it there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from workbench.connections.files.errors import UnsafeName
from workbench.connections.files.names import name_of, problem_of
from workbench.connections.files.streams import Download
from workbench.connections.rest.file import fetched
from workbench.core.errors import ConnectionFailed, ServiceUsage, WorkbenchError
from workbench.transfer.copying import Copying, Moved, Original, Place, Progress


class Fetch(Copying):
    """One run: one GET, and others that go on where it was cut.

    Args:
        pattern, done: Of sources that keep files; not to be given.
        See `Copying` for the rest.
    """

    def __init__(
        self,
        source: Place,
        target: Place,
        *,
        pattern: str = "*",
        done: str | None = None,
        overwrite: bool = False,
        tell: Callable[[Progress], object],
    ) -> None:
        super().__init__(source, target, overwrite, tell)
        if pattern != "*" or done is not None:
            raise ServiceUsage(
                f"{source.conn.definition} is one address, which is read and keeps what it has. "
                f"Fix: leave pattern= and done= away."
            )
        path = source.path.partition("?")[0] or source.conn.definition.path
        self._name = name_of(path.rstrip("/"))
        if problem := problem_of(self._name):
            raise UnsafeName(source.conn.definition, self._name, f"{problem}, and a file is called by it")
        self._first: Download | None = None

    def run(self) -> list[Moved]:
        """Fetch the file.

        Raises:
            ConnectionFailed: It is not there, or may not be read.
        """
        self._first = first = fetched(self.source.conn.sender, self.source.path)
        with closing(first):
            original = Original(self._name, self.source.path, first.size, str(first.stamp or ""))
            try:
                done = self.copied(original)
            except WorkbenchError as exc:
                return [Moved(self._name, 0, "stayed", exc)]
        self.said(original, done)
        return [done]

    def stream(self, original: Original, offset: int = 0) -> Download:
        first, self._first = self._first, None
        if first is not None and not offset:
            return first
        stream = fetched(self.source.conn.sender, original.path, offset)
        # Without a version each try begins anew, and what it reads is of one answer.
        if original.version and (stream.size, str(stream.stamp or "")) != (original.size, original.version):
            stream.close()
            raise ConnectionFailed(f"{self.source} was changed while it was copied. Fix: transfer it again.")
        return stream
