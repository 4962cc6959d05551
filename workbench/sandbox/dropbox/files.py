"""The `files/` part of Dropbox's API: what each route does with the tree."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, TypeVar

from workbench.sandbox.dropbox.tree import Blob, DropboxTree, Node, Refused, content_hash, tagged

MOST_REQUEST_BYTES = 150 << 20
Arg = dict[str, Any]
T = TypeVar("T")


class FileRoutes:
    """Routes by name, each a function of the argument, and for uploads of the body.

    Args:
        tree: What is kept.
        allocated: Gives the space there is in all [bytes].
    """

    def __init__(self, tree: DropboxTree, allocated: Callable[[], int]) -> None:
        self.tree, self._allocated = tree, allocated
        self.sessions: dict[str, Session] = {}
        self._numbers = itertools.count(1)
        self._searches: dict[str, tuple[Arg, int]] = {}
        self.rpc: dict[str, Callable[[Arg], Any]] = {
            "files/get_metadata": self.get_metadata,
            "files/delete_v2": self.delete,
            "files/move_v2": lambda arg: self.relocate(arg, keep=False),
            "files/copy_v2": lambda arg: self.relocate(arg, keep=True),
            "files/create_folder_v2": self.create_folder,
            "files/list_revisions": self.list_revisions,
            "files/restore": self.restore,
            "files/search_v2": self.search,
            "files/search/continue_v2": self.search_on,
            # What they were called before; the SDK still asks for them.
            "files/delete": lambda arg: self.delete(arg)["metadata"],
            "files/move": lambda arg: self.relocate(arg, keep=False)["metadata"],
            "files/copy": lambda arg: self.relocate(arg, keep=True)["metadata"],
            "files/create_folder": lambda arg: self.create_folder(arg)["metadata"],
            "files/upload_session/finish_batch": self.finish_batch,
            "files/upload_session/finish_batch_v2": self.finish_all,
        }
        self.uploads: dict[str, Callable[[Arg, bytes], Any]] = {
            "files/upload": self.upload,
            "files/upload_session/start": self.start,
            "files/upload_session/append_v2": self.append,
            "files/upload_session/finish": self.finish,
        }

    # Contents
    def upload(self, arg: Arg, body: bytes) -> Arg:
        """A file in one request."""
        _check_body(arg, body)
        try:
            return self._commit(arg, Blob.of(body)).as_json()
        except Refused as exc:
            raise Refused(tagged("path", reason=exc.error, upload_session_id="pid_upload_session:0")) from exc

    def _commit(self, arg: Arg, blob: Blob) -> Node:
        """Have a file appear at `arg["path"]` by its mode; raises a write error."""
        path, mode = arg["path"], _mode(arg)
        if path.startswith("id:"):
            path = self.tree.get(path).path
        self.tree.check_write(path)
        there = self.tree.find(path)
        if there is not None and there.blob is None and not arg.get("autorename"):
            raise Refused(tagged("conflict", tagged("folder")))
        if there is not None and there.blob is not None:
            same = there.blob.hash == blob.hash
            fits = mode == "overwrite" or mode == there.rev
            if same and (fits or not arg.get("strict_conflict")):
                return there
            if not fits and not arg.get("autorename"):
                raise Refused(tagged("conflict", tagged("file")))
        elif mode not in ("add", "overwrite") and not arg.get("autorename"):
            raise Refused(tagged("conflict", tagged("file")))
        if there is not None and not (there.blob is not None and mode in ("overwrite", there.rev)):
            path = self.tree.free_path(path)
        if self.tree.used + blob.size > self._allocated():
            raise Refused(tagged("insufficient_space"))
        return self.tree.put(path, blob, arg.get("client_modified") or "")

    def start(self, arg: Arg, body: bytes) -> Arg:
        """Begin a file of many requests."""
        _check_body(arg, body)
        if (arg.get("session_type") or {}).get(".tag") == "concurrent":
            raise Refused(tagged("concurrent_session_data_not_allowed" if body else "other"))
        id_ = f"pid_upload_session:{next(self._numbers):06d}"
        self.sessions[id_] = Session(body, bool(arg.get("close")))
        return {"session_id": id_}

    def append(self, arg: Arg, body: bytes) -> None:
        """Go on with one."""
        session = self._session(arg["cursor"])
        _check_body(arg, body)
        session.blob.add(body)
        session.is_closed = bool(arg.get("close"))

    def _session(self, cursor: Arg, *, finishing: bool = False) -> Session:
        session = self.sessions.get(cursor["session_id"])
        if session is None:
            raise Refused(tagged("not_found"))
        if cursor["offset"] != session.blob.size:
            raise Refused(tagged("incorrect_offset", correct_offset=session.blob.size))
        if session.is_closed and not finishing:
            raise Refused(tagged("closed"))
        return session

    def finish(self, arg: Arg, body: bytes) -> Arg:
        """The last piece, and where the file appears."""
        try:
            session = self._session(arg["cursor"], finishing=not body)
        except Refused as exc:
            raise Refused(tagged("lookup_failed", exc.error)) from exc
        _check_body(arg, body)
        session.blob.add(body)
        try:
            node = self._commit(arg["commit"], session.blob)
        except Refused as exc:
            raise Refused(tagged("path", exc.error)) from exc
        del self.sessions[arg["cursor"]["session_id"]]
        return node.as_json()

    def finish_all(self, arg: Arg) -> Arg:
        """Many files at once; each may fail alone."""
        entries = []
        for each in arg["entries"]:
            try:
                entries.append({**self.finish(each, b""), ".tag": "success"})
            except Refused as exc:
                entries.append(tagged("failure", exc.error))
        return {"entries": entries}

    def finish_batch(self, arg: Arg) -> Arg:
        """The same, as the older route answers."""
        return {".tag": "complete", **self.finish_all(arg)}

    def download(self, arg: Arg) -> Node:
        """The file whose contents are asked for."""
        path = f"rev:{arg['rev']}" if arg.get("rev") else arg["path"]
        return _at("path", self.tree.get, path, "file")

    # Names
    def get_metadata(self, arg: Arg) -> Arg:
        """One file or folder."""
        is_gone = self.tree.find(arg["path"]) is None and arg["path"].lower() in self.tree.journal
        if arg.get("include_deleted") and is_gone:
            return deleted(arg["path"])
        return _at("path", self.tree.get, arg["path"]).as_json()

    def delete(self, arg: Arg) -> Arg:
        """A file, or a folder with all in it."""
        node = _at("path_lookup", self.tree.get, arg["path"])
        if arg.get("parent_rev") and arg["parent_rev"] != node.rev:
            raise Refused(tagged("path_write", tagged("conflict", tagged("file"))))
        return {"metadata": self.tree.remove(node.path).as_json()}

    def relocate(self, arg: Arg, *, keep: bool) -> Arg:
        """Move or copy."""
        source = _at("from_lookup", self.tree.get, arg["from_path"])
        target = arg["to_path"]
        if f"{target.lower()}/".startswith(f"{source.path.lower()}/") and target.lower() != source.path.lower():
            raise Refused(tagged("duplicated_or_nested_paths"))
        _at("to", self.tree.check_write, target)
        is_respelt = not keep and target.lower() == source.path.lower() and target != source.path
        if (there := self.tree.find(target)) is not None and not is_respelt:
            if not arg.get("autorename"):
                kind = "folder" if there.blob is None else "file"
                raise Refused(tagged("to", tagged("conflict", tagged(kind))))
            target = self.tree.free_path(target)
        size = source.blob.size if source.blob is not None else 0
        if keep and self.tree.used + size > self._allocated():
            raise Refused(tagged("insufficient_quota"))
        return {"metadata": self.tree.transfer(source.path, target, keep=keep).as_json()}

    def create_folder(self, arg: Arg) -> Arg:
        """A folder, with those above it."""
        path = arg["path"]
        _at("path", self.tree.check_write, path)
        if (there := self.tree.find(path)) is not None:
            if not arg.get("autorename"):
                kind = "folder" if there.blob is None else "file"
                raise Refused(tagged("path", tagged("conflict", tagged(kind))))
            path = self.tree.free_path(path)
        told = self.tree.put(path, None).as_json()
        del told[".tag"]
        return {"metadata": told}

    def list_revisions(self, arg: Arg) -> Arg:
        """What a file was before, newest first."""
        path = arg["path"].lower()
        found = [node for node in self.tree.revisions.values() if node.path.lower() == path]
        if not found:
            raise Refused(tagged("path", tagged("not_found")))
        if (arg.get("mode") or {}).get(".tag") == "id":
            found = [node for node in found if node.id == found[-1].id]
        entries = [_without_tag(node.as_json()) for node in reversed(found)][: arg.get("limit") or 10]
        return {"is_deleted": self.tree.find(path) is None, "entries": entries, "has_more": len(found) > len(entries)}

    def restore(self, arg: Arg) -> Arg:
        """Have a file be what it was."""
        node = self.tree.revisions.get(arg["rev"])
        if node is None or node.path.lower() != arg["path"].lower():
            raise Refused(tagged("invalid_revision"))
        return _without_tag(self.tree.put(arg["path"], node.blob, node.client_modified).as_json())

    def search(self, arg: Arg, start: int = 0) -> Arg:
        """By words in the name; a cursor leads to what is left."""
        options = arg.get("options") or {}
        folder = options.get("path") or ""
        if folder:
            _at("path", self.tree.get, folder, "folder")
        words = arg["query"].lower().split()
        endings = [each.lower().lstrip(".") for each in options.get("file_extensions") or ()]
        found = [
            node
            for node in self.tree.below(folder, recursive=True)
            if all(word in node.name.lower() for word in words)
            and (not endings or node.name.lower().rpartition(".")[2] in endings)
        ]
        most = options.get("max_results") or 100
        page, has_more = found[start : start + most], len(found) > start + most
        matches = [{"metadata": tagged("metadata", node.as_json()), "match_type": tagged("filename")} for node in page]
        if not has_more:
            return {"matches": matches, "has_more": False}
        cursor = f"search:{next(self._numbers):08d}"
        self._searches[cursor] = (arg, start + most)
        return {"matches": matches, "has_more": True, "cursor": cursor}

    def search_on(self, arg: Arg) -> Arg:
        """The next page of a search."""
        if (found := self._searches.get(arg["cursor"])) is None:
            raise Refused(tagged("invalid_argument"))
        return self.search(*found)


class Session:
    """A file that is being uploaded."""

    __slots__ = ("blob", "is_closed")

    def __init__(self, body: bytes, is_closed: bool) -> None:
        self.blob, self.is_closed = Blob.of(body), is_closed


def deleted(path: str) -> Arg:
    """What is told of something that is not there any more."""
    return {".tag": "deleted", "name": path.rpartition("/")[2], "path_lower": path.lower(), "path_display": path}


def _mode(arg: Arg) -> str:
    """`add`, `overwrite`, or the revision to be updated."""
    mode = arg.get("mode") or "add"
    if isinstance(mode, str):
        return mode
    return str(mode["update"]) if mode[".tag"] == "update" else str(mode[".tag"])


def _check_body(arg: Arg, body: bytes) -> None:
    if len(body) > MOST_REQUEST_BYTES:
        raise Refused(tagged("payload_too_large"))
    told = arg.get("content_hash")
    if told and told != content_hash(len(body), lambda start, end: body[start:end]):
        raise Refused(tagged("content_hash_mismatch"))


def _without_tag(told: Arg) -> Arg:
    return {key: value for key, value in told.items() if key != ".tag"}


def _at(place: str, step: Callable[..., T], *args: Any) -> T:
    """Do a step whose errors stand under a tag of the route's own error."""
    try:
        return step(*args)
    except Refused as exc:
        raise Refused(tagged(place, exc.error)) from exc
