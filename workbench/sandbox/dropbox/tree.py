"""What a Dropbox keeps: files and folders whose names differ by more than case, their revisions, and every change."""

from __future__ import annotations

import atexit
import hashlib
import re
import secrets
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Any

from workbench.connections.files.protocol import said_bytes

IN_MEMORY_BYTES = 1 << 18
BLOCK_BYTES = 1 << 18
HASHED_BYTES = 4 << 20
LONGEST_NAME = 255
MOST_REVISIONS = 2_000
DISALLOWED = frozenset((".dropbox", ".dropbox.attr", ".dropbox.cache", "desktop.ini", "thumbs.db", ".ds_store"))
CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class Refused(Exception):
    """What the API answers with 409: a tree of tags, as `{".tag": "path", "path": {".tag": "not_found"}}`."""

    def __init__(self, error: dict[str, Any]) -> None:
        self.error = error
        super().__init__(summary_of(error))


def tagged(tag: str, inner: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """One choice of a union, with what is inside it."""
    return {".tag": tag, **({tag: inner} if inner is not None else {}), **fields}


def summary_of(error: Mapping[str, Any]) -> str:
    """The tags in a row, as `path/not_found/..`."""
    tag = error.get(".tag", "")
    inner = error.get(tag) or error.get("reason")
    return f"{tag}/{summary_of(inner)}" if isinstance(inner, Mapping) else f"{tag}/.."


def content_hash(size: int, read: Callable[[int, int], bytes]) -> str:
    """SHA-256 over the SHA-256 of every 4 MiB of what `read(start, end)` gives.

    In lines of the peer's own: with those of the connection it would take for right whatever they get wrong.

    Source: https://www.dropbox.com/developers/reference/content-hash
    """
    starts = range(0, size, HASHED_BYTES)
    digests = [hashlib.sha256(read(start, start + HASHED_BYTES)).digest() for start in starts]
    return hashlib.sha256(b"".join(digests)).hexdigest()


class Blob:
    """Contents that do not change once they are whole; large ones lie on the disk while anybody holds them."""

    def __init__(self) -> None:
        self._memory = bytearray()
        self._path: Path | None = None
        self._hash: tuple[int, str] = (-1, "")
        self.size = 0

    @classmethod
    def of(cls, contents: bytes) -> Blob:
        """These bytes."""
        blob = cls()
        blob.add(contents)
        return blob

    def add(self, contents: bytes) -> None:
        """Take more, while it is being uploaded."""
        if self._path is None and self.size + len(contents) > IN_MEMORY_BYTES:
            self._path = _folder() / secrets.token_hex(8)
            self._path.write_bytes(self._memory)
            self._memory = bytearray()
            weakref.finalize(self, self._path.unlink, missing_ok=True)
        if self._path is None:
            self._memory += contents
        else:
            with self._path.open("ab") as stream:
                stream.write(contents)
        self.size += len(contents)

    def read(self, start: int = 0, end: int | None = None) -> bytes:
        """The bytes from `start` to before `end`."""
        end = self.size if end is None else min(end, self.size)
        if self._path is None:
            return bytes(self._memory[start:end])
        with self._path.open("rb") as stream:
            stream.seek(start)
            return stream.read(max(end - start, 0))

    def blocks(self, start: int, end: int) -> Iterator[bytes]:
        """The same, piece by piece."""
        for begin in range(start, end, BLOCK_BYTES):
            yield self.read(begin, min(begin + BLOCK_BYTES, end))

    @property
    def hash(self) -> str:
        """As `content_hash`, of all there is so far."""
        if self._hash[0] != self.size:
            self._hash = self.size, content_hash(self.size, self.read)
        return self._hash[1]


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="workbench-dropbox-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Node:
    """A file (with contents), a folder, or one that was deleted."""

    __slots__ = ("blob", "client_modified", "id", "is_deleted", "path", "rev", "server_modified")

    def __init__(self, path: str, id_: str, blob: Blob | None, rev: str, at: str, client_at: str = "") -> None:
        self.path, self.id, self.blob, self.rev = path, id_, blob, rev
        self.server_modified, self.client_modified = at, client_at or at
        self.is_deleted = False

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def as_json(self) -> dict[str, Any]:
        """As the API tells it."""
        told: dict[str, Any] = {"name": self.name, "path_lower": self.path.lower(), "path_display": self.path}
        if self.is_deleted:
            return {".tag": "deleted", **told}
        if self.blob is None:
            return {".tag": "folder", "id": self.id, **told}
        return {
            ".tag": "file",
            "id": self.id,
            **told,
            "client_modified": self.client_modified,
            "server_modified": self.server_modified,
            "rev": self.rev,
            "size": self.blob.size,
            "is_downloadable": True,
            "content_hash": self.blob.hash,
        }


class DropboxTree:
    """The nodes by path in lower case, and the space they take (`used` [bytes]).

    `changed` is told after every change. Hold `lock` while looking at more than one node.
    """

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self.nodes: dict[str, Node] = {}
        self.revisions: dict[str, Node] = {}
        self.journal: list[str] = []
        self.lock = RLock()
        self.used = 0
        self._changed, self._number = changed, 0

    def find(self, path: str) -> Node | None:
        """By path, `id:...` or `rev:...`; None if it is not there."""
        if path.startswith("rev:"):
            return self.revisions.get(path[4:])
        if path.startswith("id:"):
            id_, _, rest = path.partition("/")
            found = next((node for node in self.nodes.values() if node.id == id_), None)
            return self.find(f"{found.path}/{rest}") if found is not None and rest else found
        return self.nodes.get(path.lower())

    def get(self, path: str, kind: str = "") -> Node:
        """The same; raises a lookup error (`not_found`, `not_file`, `not_folder`, `malformed_path`)."""
        if not path.startswith(("rev:", "id:")) and problem(path):
            raise Refused(tagged("malformed_path"))
        node = self.find(path)
        if node is None:
            raise Refused(tagged("not_found"))
        if kind and (kind == "file") != (node.blob is not None):
            raise Refused(tagged(f"not_{kind}"))
        return node

    def below(self, path: str, recursive: bool = False) -> list[Node]:
        """What is in a folder, by name."""
        start = f"{path.lower()}/"
        return [
            node
            for lower, node in sorted(self.nodes.items())
            if lower.startswith(start) and (recursive or "/" not in lower[len(start) :])
        ]

    def check_write(self, path: str) -> None:
        """Raise a write error if nothing may ever be at that path."""
        if wrong := problem(path):
            raise Refused(tagged(wrong))
        parts = path.lower().split("/")
        for count in range(2, len(parts)):
            above = self.nodes.get("/".join(parts[:count]))
            if above is not None and above.blob is not None:
                raise Refused(tagged("conflict", tagged("file_ancestor")))

    def put(self, path: str, blob: Blob | None, client_at: str = "") -> Node:
        """Have a file or folder there, with the folders above it; what was a file there becomes a revision."""
        with self.lock:
            for above in _above(path):
                if above.lower() not in self.nodes:
                    self._set(above, None)
            node = self._set(self._as_shown(path), blob, client_at)
        self._changed()
        return node

    def _as_shown(self, path: str) -> str:
        """The path with its folders spelt as they already are."""
        folder, _, name = path.rpartition("/")
        above = self.nodes.get(folder.lower())
        return f"{above.path}/{name}" if above is not None else path

    def _set(self, path: str, blob: Blob | None, client_at: str = "") -> Node:
        self._number += 1
        old = self.nodes.get(path.lower())
        id_ = old.id if old is not None and blob is not None else f"id:{self._number:022d}"
        node = Node(path, id_, blob, f"{self._number:016x}", _now(), client_at)
        self._enter(node)
        return node

    def _enter(self, node: Node) -> None:
        self._leave(node.path.lower())
        self.nodes[node.path.lower()] = node
        self.used += node.blob.size if node.blob is not None else 0
        if node.blob is not None:
            self.revisions[node.rev] = node
            while len(self.revisions) > MOST_REVISIONS:
                del self.revisions[next(iter(self.revisions))]
        self.journal.append(node.path.lower())

    def _leave(self, path: str) -> None:
        node = self.nodes.pop(path, None)
        if node is not None and node.blob is not None:
            self.used -= node.blob.size

    def remove(self, path: str) -> Node:
        """Delete a file, or a folder with all that is in it."""
        with self.lock:
            node = self.nodes[path.lower()]
            for each in [*self.below(path, recursive=True), node]:
                self._leave(each.path.lower())
                self.journal.append(each.path.lower())
        self._changed()
        return node

    def transfer(self, source: str, target: str, *, keep: bool) -> Node:
        """Copy (`keep`) or move a file or folder."""
        with self.lock:
            nodes = [self.nodes[source.lower()], *self.below(source, recursive=True)]
            moved = [(node, f"{target}{node.path[len(source) :]}") for node in nodes]
            if not keep:
                self.remove(source)
            for node, path in moved:
                there = self.put(path, node.blob, node.client_modified)
                if not keep:
                    there.id = node.id
            return self.nodes[target.lower()]

    def take(self, other: DropboxTree) -> None:
        """Have what another tree has, under the same ids and revisions; contents are shared, as they never change."""
        with other.lock:
            copied = {id(node): copy(node) for node in [*other.nodes.values(), *other.revisions.values()]}
            self.nodes = {path: copied[id(node)] for path, node in other.nodes.items()}
            self.revisions = {rev: copied[id(node)] for rev, node in other.revisions.items()}
            self.journal, self.used, self._number = list(other.journal), other.used, other._number

    def free_path(self, path: str) -> str:
        """The path itself, or with the first number that nobody has: `a (1).txt`."""
        folder, _, name = path.rpartition("/")
        stem, dot, suffix = name.rpartition(".") if "." in name[1:] else (name, "", "")
        number = 0
        while path.lower() in self.nodes:
            number += 1
            path = f"{folder}/{stem} ({number}){dot}{suffix}"
        return path

    def clear(self) -> None:
        """Throw everything away, revisions and cursors too."""
        with self.lock:
            self.nodes.clear()
            self.revisions.clear()
            self.journal.clear()
            self.used = 0


class FilesView(Mapping[str, bytes]):
    """The files by path, as `in/a.txt`, read when they are looked at."""

    def __init__(self, tree: DropboxTree) -> None:
        self._tree = tree

    def __getitem__(self, path: str) -> bytes:
        node = self._tree.nodes.get(f"/{path.strip('/')}".lower())
        if node is None or node.blob is None:
            raise KeyError(path)
        return node.blob.read()

    def __iter__(self) -> Iterator[str]:
        with self._tree.lock:
            found = [node.path.removeprefix("/") for node in self._tree.nodes.values() if node.blob is not None]
        return iter(sorted(found))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def size(self, path: str) -> int:
        """A file's size [bytes]."""
        node = self._tree.nodes[f"/{path}".lower()]
        return node.blob.size if node.blob is not None else 0

    def __repr__(self) -> str:
        return "\n".join(f"{path} ({said_bytes(self.size(path))})" for path in self) or "No files."


def problem(path: str) -> str:
    """Why nothing can be at a path: `malformed_path` or `disallowed_name`; '' if something can."""
    names = path.split("/")[1:]
    if not path.startswith("/") or any(_is_malformed(name) for name in names):
        return "malformed_path"
    return "disallowed_name" if any(name.lower() in DISALLOWED for name in names) else ""


def _is_malformed(name: str) -> bool:
    return (
        name in ("", ".", "..")
        or len(name) > LONGEST_NAME
        or "\\" in name
        or CONTROL.search(name) is not None
        or name != name.strip(" ")
    )


def _above(path: str) -> Iterator[str]:
    parts = path.split("/")
    yield from ("/".join(parts[:count]) for count in range(2, len(parts)))


def _now() -> str:
    # The API's instants have whole seconds.
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
