"""What can go wrong with a file, whatever keeps it; each is also the exception that Python raises for its own files.

ConnectionFailed
  Interrupted       it may work if it is tried again: the other side hung up, or is busy
    EndedEarly      a file ended before the size that is told
  FileRefused       the other side is well, and says no
    NoSuchFile      nothing is there                      (FileNotFoundError)
    FileThere       something is there already            (FileExistsError)
    IsAFolder       a folder where a file is expected     (IsADirectoryError)
    NotAFolder      a file where a folder is expected     (NotADirectoryError)
    AccessRefused   wrong password, or no permission      (PermissionError)
    StorageFull     no room for it                        (OSError)
UnsafeName          a name that may not be used           (ValueError)
"""

from __future__ import annotations

from workbench.core.errors import ConnectionFailed, WorkbenchError


class Interrupted(ConnectionFailed):
    """The other side hung up, or asks to wait; `after_seconds` is its own word for how long [s]."""

    def __init__(self, said: str, after_seconds: float | None = None) -> None:
        self.after_seconds = after_seconds
        super().__init__(said)


class EndedEarly(Interrupted):
    """A file ended before the size that is told: it was cut, or the size is wrong, which nobody can tell."""

    def __init__(self, owner: object, path: str, end: int, size: int) -> None:
        super().__init__(f"{owner} ended {path!r} after {end:,} of {size:,} bytes.")


class FileRefused(ConnectionFailed):
    """The other side is well and says no; trying again changes nothing."""

    mood = "attention"


class NoSuchFile(FileRefused, FileNotFoundError):
    """Nothing is at that path."""

    def __init__(self, owner: object, path: str, said: str = "") -> None:
        tail = f" It said: {said}" if said else ""
        super().__init__(f"{owner} has nothing at {path or '/'!r}.{tail}")


class FileThere(FileRefused, FileExistsError):
    """Something has that name already."""

    def __init__(self, owner: object, path: str) -> None:
        super().__init__(f"{owner} has a file {path!r} already. Fix: pass overwrite=True, or choose another name.")


class IsAFolder(FileRefused, IsADirectoryError):
    """A folder stands where a file is expected."""

    def __init__(self, owner: object, path: str) -> None:
        super().__init__(f"{owner}: {path or '/'!r} is a folder, not a file. Fix: name a file in it.")


class NotAFolder(FileRefused, NotADirectoryError):
    """A file stands where a folder is expected."""

    def __init__(self, owner: object, path: str) -> None:
        super().__init__(f"{owner}: {path!r} is a file, not a folder.")


class AccessRefused(FileRefused, PermissionError):
    """A wrong user name, password or key, or no permission."""


class StorageFull(FileRefused, OSError):
    """The other side has no room for the file."""


class UnsafeName(WorkbenchError, ValueError):
    """A file name that would lead out of its folder or break a command."""

    def __init__(self, owner: object, name: object, problem: str) -> None:
        self.name, self.problem = name, problem
        super().__init__(f"{owner} may not use the file name {name!r:.120}: it {problem}.")
