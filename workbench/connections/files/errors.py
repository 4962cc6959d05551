"""What can go wrong with a file, whatever keeps it; each is also the exception that Python raises for its own files.

ConnectionFailed
  Interrupted       it may work if it is tried again: the other side hung up, or is busy
    EndedEarly      a file ended before the size that is told
  Refused           the other side is well, and says no
    NoSuchFile      nothing is there                      (FileNotFoundError)
    FileThere       something is there already            (FileExistsError)
    IsAFolder       a folder where a file is expected     (IsADirectoryError)
    NotAFolder      a file where a folder is expected     (NotADirectoryError)
    AccessRefused   wrong password, or no permission      (PermissionError)
    StorageFull     no room for it                        (OSError)
UnsafeName          a name that may not be used           (ValueError)
"""

from __future__ import annotations

from workbench.connections.common.errors import AccessRefused as AccessRefused
from workbench.connections.common.errors import Interrupted as Interrupted
from workbench.connections.common.errors import Refused as Refused
from workbench.core.errors import WorkbenchError


class EndedEarly(Interrupted):
    """A file ended before the size that is told: it was cut, or the size is wrong, which nobody can tell."""

    def __init__(self, owner: object, path: str, end: int, size: int) -> None:
        super().__init__(f"{owner} ended {path!r} after {end:,} of {size:,} bytes.")


class NoSuchFile(Refused, FileNotFoundError):
    """Nothing is at that path."""

    def __init__(self, owner: object, path: str, said: str = "") -> None:
        tail = f" It said: {said}" if said else ""
        super().__init__(f"{owner} has nothing at {path or '/'!r}.{tail}")


class FileThere(Refused, FileExistsError):
    """Something has that name already."""

    def __init__(self, owner: object, path: str) -> None:
        super().__init__(f"{owner} has a file {path!r} already. Fix: pass overwrite=True, or choose another name.")


class IsAFolder(Refused, IsADirectoryError):
    """A folder stands where a file is expected."""

    def __init__(self, owner: object, path: str) -> None:
        super().__init__(f"{owner}: {path or '/'!r} is a folder, not a file. Fix: name a file in it.")


class NotAFolder(Refused, NotADirectoryError):
    """A file stands where a folder is expected."""

    def __init__(self, owner: object, path: str) -> None:
        super().__init__(f"{owner}: {path!r} is a file, not a folder.")


class StorageFull(Refused, OSError):
    """The other side has no room for the file."""


class UnsafeName(WorkbenchError, ValueError):
    """A file name that would lead out of its folder or break a command."""

    def __init__(self, owner: object, name: object, problem: str) -> None:
        self.name, self.problem = name, problem
        super().__init__(f"{owner} may not use the file name {name!r:.120}: it {problem}.")
