"""What every peer that keeps files has: a folder of its own, a way to put files in, and a journal of what was asked."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

from workbench.connections.files.names import PART, path_of
from workbench.connections.files.protocol import said_bytes
from workbench.sandbox.faults import Faults, Trouble
from workbench.sandbox.journal import Journal
from workbench.sandbox.peer import Peer

SHOWN = 20


class Asked(NamedTuple):
    """One thing that a client did with a file."""

    verb: str
    path: str
    size: int | None = None
    outcome: str = ""

    def __repr__(self) -> str:
        said = "" if self.size is None else f" {said_bytes(self.size)}"
        return f"{self.verb} {self.path or '/'}{said}{self.outcome and ' ' + self.outcome}"


class Tree(Mapping[str, bytes]):
    """The files below a folder by path, as `in/a.txt`, read when they are looked at; unfinished uploads left out."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __getitem__(self, path: str) -> bytes:
        # Whatever a client has named it: what is listed can be read, and nothing beside the folder.
        try:
            at = self.root.joinpath(path.lstrip("/"))
            if at.resolve().is_relative_to(self.root):
                return at.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError):
            pass
        raise KeyError(path)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(path for path in self._paths() if not PART.fullmatch(path.rpartition("/")[2])))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def unfinished(self) -> list[str]:
        """Uploads that have not become files (yet)."""
        return sorted(path for path in self._paths() if PART.fullmatch(path.rpartition("/")[2]))

    def size(self, path: str) -> int:
        """A file's size [bytes]."""
        return self.root.joinpath(path).stat().st_size

    def _paths(self) -> list[str]:
        paths = (Path(folder) / name for folder, _, names in os.walk(self.root) for name in names)
        # A link may lead nowhere.
        return [path.relative_to(self.root).as_posix() for path in paths if path.is_file()]

    def __repr__(self) -> str:
        return "\n".join(f"{path} ({said_bytes(self.size(path))})" for path in self) or "No files."


class Keeper(Protocol):
    """What the conversations of a peer that keeps files behind a login need of it."""

    name: str
    users: dict[str, str] | None
    logins: int
    root: Path
    asked: Journal[Asked]

    @property
    def faults(self) -> Faults:
        """The faults in force."""
        ...

    @property
    def trouble(self) -> Trouble:
        """The faults in force, with their count."""
        ...

    def grow(self, at: Path, count: int) -> None:
        """Have so many plus signs appended to a file [bytes]."""
        ...


class FilePeer(Peer):
    """A peer whose files lie in a temporary folder, removed with the process; they stay when the peer is stopped."""

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.asked: Journal[Asked] = Journal("request")
        self.root = Path(tempfile.mkdtemp(prefix="workbench-peer-")).resolve()
        atexit.register(shutil.rmtree, self.root, ignore_errors=True)
        self.files = Tree(self.root)

    def put(self, path: str, contents: bytes | str) -> Self:
        """Have a file arrive, folders and all; one of that name is replaced at once."""
        name = path_of(path, self)
        target = self.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name[:60]}.00000000.part")
        part.write_bytes(contents.encode() if isinstance(contents, str) else contents)
        part.replace(target)
        return self

    def _fill_from(self, other: Self) -> None:
        shutil.copytree(other.kept_at, self.root, symlinks=True, dirs_exist_ok=True)

    @property
    def kept_at(self) -> Path:
        """Where its files are now."""
        return self.root

    def grow(self, at: Path, count: int) -> None:
        """Have so many plus signs appended to a file, as by a writer who is not done; noted as `grow` [bytes]."""
        try:
            # Never made anew, and whole beside what another thread appends.
            file = os.open(at, os.O_WRONLY | os.O_APPEND)
        except FileNotFoundError:
            return
        with os.fdopen(file, "ab") as stream:
            stream.write(b"+" * count)
        self.asked.add(Asked("grow", at.relative_to(self.root).as_posix(), count), 100)

    def make_folder(self, path: str) -> Self:
        """Have a folder there."""
        (self.root / path_of(path, self)).mkdir(parents=True, exist_ok=True)
        return self

    def clear(self) -> None:
        """Throw every file away."""
        for each in self.root.iterdir():
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each, ignore_errors=True)
            else:
                each.unlink(missing_ok=True)

    def rows(self) -> list[dict[str, Any]]:
        return [{"file": path, "bytes": self.files.size(path)} for path in self.files]

    def summary(self) -> str:
        paths = [*self.files]
        lines = [f"{path} ({said_bytes(self.files.size(path))})" for path in paths[:SHOWN]]
        more = [f"and {len(paths) - SHOWN} more"] if len(paths) > SHOWN else []
        count = f"{len(paths) or 'no'} file{'' if len(paths) == 1 else 's'}"
        return "\n".join([f"{self}: {count}{'.' if paths else ''}", *lines, *more])
