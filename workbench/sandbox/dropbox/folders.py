"""Listing folders as Dropbox does: pages by cursor, changes since, and waiting for them."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from typing import Any, NamedTuple

from workbench.sandbox.dropbox.files import Arg, deleted
from workbench.sandbox.dropbox.tree import DropboxTree, Refused, tagged

PAGE = 500


class Cursor(NamedTuple):
    """Where a listing is: in which folder, at which change, and the last name it told."""

    path: str
    recursive: bool
    include_deleted: bool
    limit: int
    at: int
    after: str | None
    epoch: int

    def text(self) -> str:
        """As the client keeps it."""
        return base64.urlsafe_b64encode(json.dumps(self).encode()).decode()


class FolderRoutes:
    """The listing routes."""

    def __init__(self, tree: DropboxTree) -> None:
        self.tree = tree
        self._epoch = 0
        self._waiting: set[asyncio.Event] = set()
        self.rpc = {
            "files/list_folder": self.list,
            "files/list_folder/continue": self.go_on,
            "files/list_folder/get_latest_cursor": self.latest,
        }

    def list(self, arg: Arg) -> Arg:
        """The first page."""
        return self._page(self._cursor(arg, after=""))

    def latest(self, arg: Arg) -> Arg:
        """A cursor for changes from now on."""
        return {"cursor": self._cursor(arg, after=None).text()}

    def _cursor(self, arg: Arg, after: str | None) -> Cursor:
        path = arg["path"]
        if path:
            try:
                path = self.tree.get(path, "folder").path
            except Refused as exc:
                raise Refused(tagged("path", exc.error)) from exc
        return Cursor(
            path.lower(),
            bool(arg.get("recursive")),
            bool(arg.get("include_deleted")),
            arg.get("limit") or PAGE,
            len(self.tree.journal),
            after,
            self._epoch,
        )

    def go_on(self, arg: Arg) -> Arg:
        """The next page, or what has changed since the last one."""
        cursor = self._read(arg["cursor"])
        return self._page(cursor) if cursor.after is not None else self._changes(cursor)

    def _read(self, text: str) -> Cursor:
        try:
            cursor = Cursor(*json.loads(base64.urlsafe_b64decode(text)))
        except (ValueError, TypeError, binascii.Error) as exc:
            raise BadCursor from exc
        if cursor.epoch != self._epoch or cursor.at > len(self.tree.journal):
            raise Refused(tagged("reset"))
        return cursor

    def _page(self, cursor: Cursor) -> Arg:
        with self.tree.lock:
            there = self.tree.below(cursor.path, cursor.recursive)
        left = [node for node in there if node.path.lower() > (cursor.after or "")]
        page, more = left[: cursor.limit], len(left) > cursor.limit
        after = page[-1].path.lower() if more else None
        entries = [node.as_json() for node in page]
        return {"entries": entries, "cursor": cursor._replace(after=after).text(), "has_more": more}

    def _changes(self, cursor: Cursor) -> Arg:
        with self.tree.lock:
            end = min(cursor.at + cursor.limit, len(self.tree.journal))
            # Of several changes of one path only the last is told, in its place.
            paths = [*dict.fromkeys(reversed(self.tree.journal[cursor.at : end]))][::-1]
            entries = [self._now(path) for path in paths if self._concerns(cursor, path)]
            more = end < len(self.tree.journal)
        return {"entries": entries, "cursor": cursor._replace(at=end).text(), "has_more": more}

    def _now(self, path: str) -> Arg:
        node = self.tree.nodes.get(path)
        return node.as_json() if node is not None else deleted(path)

    @staticmethod
    def _concerns(cursor: Cursor, path: str) -> bool:
        start = f"{cursor.path}/"
        return path.startswith(start) and (cursor.recursive or "/" not in path[len(start) :])

    async def longpoll(self, arg: Arg) -> Arg:
        """Wait for a change; at most `timeout` [s]."""
        cursor = self._read(arg["cursor"])
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            async with asyncio.timeout(arg.get("timeout") or 30):
                while not self._changes(cursor)["entries"]:
                    event.clear()
                    await event.wait()
        except TimeoutError:
            return {"changes": False}
        finally:
            self._waiting.discard(event)
        return {"changes": True}

    def wake(self) -> None:
        """Have those who wait look again; on the peers' loop."""
        for event in self._waiting:
            event.set()

    @property
    def is_awaited(self) -> bool:
        """Whether anybody waits for a change."""
        return bool(self._waiting)

    def forget(self) -> None:
        """Make every cursor answer `reset` from now on."""
        self._epoch += 1


class BadCursor(Exception):
    """What was sent as a cursor is none."""


def as_rows(tree: DropboxTree) -> list[dict[str, Any]]:
    """Every file with its size, as a table."""
    with tree.lock:
        files = [node for node in tree.nodes.values() if node.blob is not None]
    return [
        {"file": node.path.removeprefix("/"), "bytes": node.blob.size}
        for node in sorted(files, key=lambda node: node.path)
        if node.blob is not None
    ]


def strange(name: str) -> Arg:
    """A folder of this name, whatever it is."""
    return {".tag": "folder", "name": name, "id": "id:0", "path_lower": f"/{name}".lower(), "path_display": f"/{name}"}
