"""The names that PyFilesystem and fsspec give to what `Files` does, so that code written for them keeps working."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from shutil import copyfileobj
from typing import IO, Any

from workbench.connections.files.errors import FileThere
from workbench.connections.files.protocol import Contents, FileInfo, Files, Names

BLOCK_BYTES = 1 << 20


class FileAliases(Files):
    """Every name over the ten of `Files`. As in those libraries, writing by these names replaces what is there."""

    # PyFilesystem, of the versions that say getbytes and those that say readbytes
    def listdir(
        self,
        path: str = "/",
        wildcard: str | None = None,
        full: bool = False,
        absolute: bool = False,
        dirs_only: bool = False,
        files_only: bool = False,
    ) -> Names:
        """The names in a folder; with the rest, which is of the version that says getcontents, some of them, or paths.

        Args:
            path: The folder.
            wildcard: Only names that fit, as `*.csv`.
            full: Paths from the connection's root in place of names.
            absolute: The same with a slash in front.
            dirs_only: No files.
            files_only: No folders.
        """
        infos = [
            info
            for info in self.list(path)
            if (wildcard is None or fnmatchcase(info.name, wildcard)) and not (files_only if info.is_dir else dirs_only)
        ]
        if absolute:
            return [f"/{info.path}" for info in infos]
        return [info.path if full else info.name for info in infos]

    def ilistdir(self, path: str = "/", wildcard: str | None = None) -> Iterator[str]:
        """The same, one by one."""
        yield from self.listdir(path, wildcard)

    def walkfiles(self, path: str = "/", wildcard: str | None = None) -> Iterator[str]:
        """The paths of the files in a folder and in those below it; `wildcard` is what their names have to fit.

        Links to folders are not followed where the other side tells of them, so that each file comes once.
        """
        for info in self.list(path):
            if info.is_dir:
                yield from () if info.is_link else self.walkfiles(info.path, wildcard)
            elif wildcard is None or fnmatchcase(info.name, wildcard):
                yield f"/{info.path}"

    def scandir(self, path: str = "/") -> Iterator[FileInfo]:
        """What is in a folder."""
        return iter(self.list(path))

    def readbytes(self, path: str) -> bytes:
        """The whole file."""
        return self.read(path)

    getbytes = readbytes

    def readtext(self, path: str, encoding: str = "utf-8") -> str:
        """The whole file as text."""
        return self.read(path).decode(encoding)

    gettext = readtext

    def writebytes(self, path: str, contents: Contents) -> None:
        """Write or replace a file."""
        self.write(path, contents, overwrite=True)

    setbytes = writebytes

    def writetext(self, path: str, contents: str, encoding: str = "utf-8") -> None:
        """Write or replace a file with text."""
        self.write(path, contents.encode(encoding), overwrite=True)

    settext = writetext

    def getcontents(self, path: str, mode: str = "rb", encoding: str = "utf-8") -> bytes | str:
        """The whole file; as text where the mode has no `b`."""
        return self.read(path) if "b" in mode else self.readtext(path, encoding)

    def setcontents(self, path: str, data: Contents = b"") -> None:
        """Write or replace a file."""
        self.write(path, data, overwrite=True)

    def create(self, path: str, wipe: bool = False) -> bool:
        """Make an empty file; one that is there is emptied with `wipe`, and otherwise left as it is, which is False."""
        if not wipe and self.exists(path):
            return False
        self.write(path, b"", overwrite=wipe)
        return True

    def touch(self, path: str) -> None:
        """Make an empty file; one that is there stays as it is."""
        self.create(path)

    def upload(self, path: str, file: Contents | Path) -> None:
        """Write or replace a file with what a stream, bytes, or a local file (a Path) holds."""
        if not isinstance(file, Path):
            self.write(path, file, overwrite=True)
            return
        with file.open("rb") as stream:
            self.write(path, stream, overwrite=True)

    setfile = setbinfile = upload

    def download(self, path: str, file: IO[bytes] | Path | str) -> None:
        """Copy a file into a stream, or into a local file, which appears whole or not at all."""
        if isinstance(file, Path | str):
            self._download_to(path, Path(file))
        else:
            with self.open(path) as stream:
                copyfileobj(stream, file, BLOCK_BYTES)

    getfile = download

    def _download_to(self, path: str, target: Path) -> None:
        part = target.with_name(f".{target.name[:200]}.part")
        try:
            with part.open("wb") as stream:
                self.download(path, stream)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def openbin(self, path: str, mode: str = "r") -> Any:
        """A stream of bytes; mode `w` replaces what is there."""
        return self.open(path, mode.rstrip("b") + "b", overwrite="x" not in mode)

    def remove(self, path: str) -> None:
        """Remove a file."""
        self.delete(path)

    def rename(self, source: str, target: str) -> None:
        """Give a file another name; nothing may have it yet."""
        self.move(source, target)

    def copy(self, source: str, target: str, overwrite: bool = False) -> None:
        """Copy a file within the connection."""
        with self.open(source) as stream:
            self.write(target, stream, overwrite=overwrite)

    def isfile(self, path: str) -> bool:
        """Whether a file is there."""
        return self.exists(path) and not self.stat(path).is_dir

    def isdir(self, path: str) -> bool:
        """Whether a folder is there."""
        return self.exists(path) and self.stat(path).is_dir

    def isempty(self, path: str) -> bool:
        """Whether nothing is in a folder."""
        return not self.list(path)

    isdirempty = isempty

    def getinfo(self, path: str) -> FileInfo:
        """What is there."""
        return self.stat(path)

    def getsize(self, path: str) -> int:
        """A file's size [bytes]."""
        return self.stat(path).size

    def makedir(self, path: str, recreate: bool = False) -> None:
        """Make a folder and those above it; it may not be there already unless `recreate`."""
        if not recreate and self.exists(path):
            raise FileThere(self, path)
        self.make_folder(path)

    def makedirs(self, path: str, recreate: bool = False) -> None:
        """The same."""
        self.makedir(path, recreate)

    def removedir(self, path: str) -> None:
        """Remove an empty folder."""
        self.remove_folder(path)

    def removetree(self, path: str) -> None:
        """Remove a folder and all that is in it; of a link, where the other side tells of it, only the link."""
        for info in self.list(path):
            if info.is_dir and not info.is_link:
                self.removetree(info.path)
            else:
                self.delete(info.path)
        self.remove_folder(path)

    # fsspec
    def ls(self, path: str = "", detail: bool = True) -> Sequence[Any]:
        """What is in a folder: a dictionary each, or with `detail=False` the paths."""
        return [_entry(info) if detail else info.path for info in self.list(path)]

    def info(self, path: str) -> dict[str, Any]:
        """What is there, as a dictionary."""
        return _entry(self.stat(path))

    def size(self, path: str) -> int:
        """A file's size [bytes]."""
        return self.getsize(path)

    def cat_file(self, path: str) -> bytes:
        """The whole file."""
        return self.read(path)

    cat = cat_file

    def pipe_file(self, path: str, value: Contents) -> None:
        """Write or replace a file."""
        self.write(path, value, overwrite=True)

    pipe = pipe_file

    def put_file(self, lpath: str, rpath: str) -> None:
        """Copy a local file to the other side."""
        self.upload(rpath, Path(lpath))

    put = put_file

    def get_file(self, rpath: str, lpath: str) -> None:
        """Copy a file of the other side here."""
        self.download(rpath, lpath)

    def rm(self, path: str) -> None:
        """Remove a file."""
        self.delete(path)

    rm_file = rm

    def mv(self, source: str, target: str) -> None:
        """Give a file another name or folder, replacing what has it."""
        self.move(source, target, overwrite=True)

    def mkdir(self, path: str) -> None:
        """Make a folder."""
        self.makedir(path)

    rmdir = removedir

    # Zato 4, and SFTP of Zato 3.2
    get_info = getinfo

    def is_file(self, path: str) -> bool:
        """Whether a file is there."""
        return self.isfile(path)

    def is_directory(self, path: str) -> bool:
        """Whether a folder is there."""
        return self.isdir(path)

    def download_file(self, remote_path: str, local_path: str) -> None:
        """Copy a file of the other side here."""
        self.download(remote_path, local_path)

    def delete_file(self, path: str) -> None:
        """Remove a file."""
        self.delete(path)

    def delete_directory(self, path: str) -> None:
        """Remove an empty folder."""
        self.remove_folder(path)

    def create_directory(self, path: str) -> None:
        """Make a folder; one that is there is left alone."""
        self.make_folder(path)


def _entry(info: FileInfo) -> dict[str, Any]:
    kind = "directory" if info.is_dir else "file"
    return {"name": info.path, "size": info.size, "type": kind, "mtime": info.modified}
