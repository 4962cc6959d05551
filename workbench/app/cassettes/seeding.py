"""Gives a peer what its other side had when a call was recorded, as far as the call's record tells.

What the call itself had put there is left out: it puts it there again. Whether a peer then answers as the other side
did is not believed but tried, when a test is made; where it does not, the record answers.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any
from urllib.parse import unquote, urlsplit

from workbench.app.cassettes.moving import TRANSFER
from workbench.connections.files.protocol import FileInfo
from workbench.connections.rest.answer import Response
from workbench.connections.soap.errors import SOAPFault
from workbench.core.masking import MARK
from workbench.core.payload.asked import Told
from workbench.core.payload.copying import Hidden, Made, fresh

log = logging.getLogger("workbench.cassettes")

LARGEST_FILLER_BYTES = 16 << 20
"""Of a file whose contents nobody read, only the size is known; so much of it is made up [bytes]."""

READS = frozenset(("read", "readbytes", "getbytes", "readtext", "gettext", "cat", "cat_file"))
WRITES = frozenset(
    ("write", "writebytes", "setbytes", "writetext", "settext", "upload", "setfile", "setbinfile", "pipe", "touch")
)
MOVES = frozenset(("move", "rename", "mv", "copy", "cp"))
FOLDERS = frozenset(("make_folder", "makedir", "makedirs", "mkdir"))
REMOVES = frozenset(("delete", "remove", "rm", "rm_file"))


def seed(peer: Any, name: str, asked: Sequence[Told]) -> None:
    """Give the peer of a connection what that had; one of a kind that nothing can be given to stays as it is.

    So does one that cannot be given it: its answers are tried, whatever it has.
    """
    try:
        _seed(peer, name, asked)
    except Exception:
        log.debug("the peer of %s could not be given all that a record tells", name, exc_info=True)


def _seed(peer: Any, name: str, asked: Sequence[Told]) -> None:
    if peer.kind == "soap":
        _seed_operations(peer, asked)
    elif peer.kind == "zmq":
        _seed_answers(peer, asked)
    elif hasattr(peer, "reply"):
        _seed_replies(peer, asked)
    elif hasattr(peer, "arrive") and hasattr(peer, "make_folder"):
        _seed_mails(peer, asked)
    elif hasattr(peer, "files"):
        _seed_files(peer, name, asked)


class _Files:
    """What the record tells of files that were there before the call: contents, or the size alone."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.made: set[str] = set()
        self.contents: dict[str, bytes] = {}
        self.infos: dict[str, FileInfo] = {}
        self.folders: set[str] = set()

    def take(self, told: Told) -> None:
        """Learn from one thing that was asked."""
        args, named = told.arguments if isinstance(told.arguments, tuple) else ((), {})
        if told.operation == TRANSFER:
            return self._moved(told, args, named)
        path = str(args[0] if args else named.get("path", "")).strip("/")
        if told.operation in WRITES:
            self._make(path)
        elif told.operation in MOVES and told.error is None:
            self._there(path)
            self._make(str(args[1] if len(args) > 1 else named.get("target", "")).strip("/"))
        elif told.operation in FOLDERS:
            self.made.add(path)
        elif told.operation in REMOVES and told.error is None:
            self._there(path)
        elif told.operation in READS and told.error is None and not told.why and path not in self.made:
            answer = fresh(told.answer, None)
            self.contents[path] = answer.encode() if isinstance(answer, str) else bytes(answer)
        elif told.operation == "exists" and told.answer is True:
            self._there(path)
        for info in _infos(told.answer):
            self._seen(info)

    def _moved(self, told: Told, args: Sequence[Any], named: Mapping[str, Any]) -> None:
        """A transfer: the source had files of these names and sizes, the target a folder."""
        at, _, folder = (str(each).strip("/") for each in args)
        if told.connection != self.name:
            self.folders.add(folder)
            return
        self.folders |= {str(named["done"]).strip("/")} if named.get("done") else set()
        for path, size in _moved_files(told, at):
            self._seen(FileInfo(path.rpartition("/")[2], path, size))

    def _make(self, path: str) -> None:
        """The call puts a file there, in a folder that must be there."""
        self.made.add(path)
        if (parent := path.rpartition("/")[0]) not in self.made:
            self.folders.add(parent)

    def paths(self) -> list[str]:
        """Of the files; what was only said to be there may be a folder of others."""
        found = {*self.contents, *self.infos}
        folders = {"", *self.folders}
        for path in found | self.folders:
            while path := path.rpartition("/")[0]:
                folders.add(path)
        return sorted(found - folders)

    def _there(self, path: str) -> None:
        if path not in self.made:
            self.contents.setdefault(path, b"")

    def _seen(self, info: FileInfo) -> None:
        path = info.path.strip("/")
        if path not in self.made:
            self.folders.add(path) if info.is_dir else self.infos.setdefault(path, info)


def _moved_files(told: Told, at: str) -> list[tuple[str, int]]:
    """The files of a transfer by path and size; its source may be a single file."""
    files = [(str(file[0]), int(file[1])) for file in fresh(told.answer.record, None)[2]] if told.answer else []
    is_one = len(files) == 1 and at.rpartition("/")[2] == files[0][0]
    return [(at if is_one else f"{at}/{name}".strip("/"), size) for name, size in files]


def _infos(answer: Any) -> Iterator[FileInfo]:
    if isinstance(answer, FileInfo):
        yield answer
    elif isinstance(answer, list):
        yield from (each for each in answer if isinstance(each, FileInfo))


def _seed_files(peer: Any, name: str, asked: Sequence[Told]) -> None:
    files = _Files(name)
    for told in asked:
        files.take(told)
    for path in sorted(each for each in files.folders if each):
        peer.make_folder(path)
    for path in files.paths():
        info = files.infos.get(path)
        size = min(info.size, LARGEST_FILLER_BYTES) if info is not None else 0
        peer.put(path, files.contents.get(path) or b"+" * size)
        if info is not None and info.modified is not None and hasattr(peer, "root"):
            os.utime(peer.root / path, times=(info.modified.timestamp(),) * 2)


def _seed_replies(peer: Any, asked: Sequence[Told]) -> None:
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for told in asked:
        if told.operation == TRANSFER:
            for path, size in _moved_files(told, str(told.arguments[0][0])):
                peer.reply(f"/{path.lstrip('/')}", data=b"+" * min(size, LARGEST_FILLER_BYTES))
        if not isinstance(told.answer, Made) or told.answer.cls is not Response:
            continue
        _, status, headers, content, _, _, url = told.answer.record
        args, _ = told.arguments
        method = str(args[0]) if told.operation == "call" and args else told.operation.upper()
        method = {"SEND": "POST", "PING": "GET"}.get(method, method)
        place = _place(str(url))
        body = content.revealed() if isinstance(content, Hidden) else content
        kept = {name: fresh(value, None) for name, value in headers.items()}
        reply = {"data": body or b"", "status": status, "headers": kept}
        peer.reply(place, method=method, times=1, **reply)
        last[place, method] = reply
    # In another order, or more often, each place answers as it did at last.
    for (place, method), reply in last.items():
        peer.reply(place, method=method, **reply)


def _seed_operations(peer: Any, asked: Sequence[Told]) -> None:
    """What each operation took and gave, in order; in another order, or more often, it gives what it gave at last."""
    last: dict[str, dict[str, Any]] = {}
    for told in asked:
        is_fault = told.error is not None and issubclass(told.error[0], SOAPFault)
        if told.operation != "call" or told.why or (told.error is not None and not is_fault):
            continue
        (operation, *args), named = told.arguments
        # What is given by place alone has any name.
        takes = {**{f"argument{number}": each for number, each in enumerate(args, 1)}, **named}
        facts = fresh(told.error[2], None) if told.error is not None else {}
        said = {"fault": facts["text"], "code": facts["code"]} if facts else {"value": fresh(told.answer, None)}
        peer.reply(operation, takes=takes, times=1, **said)
        last[operation] = {"takes": takes, **said}
    for operation, reply in last.items():
        peer.reply(operation, **reply)


def _seed_answers(peer: Any, asked: Sequence[Told]) -> None:
    """What was answered to each message, in order."""
    for told in asked:
        answer = fresh(told.answer, None) if told.operation == "send" and not told.why else None
        parts = answer if isinstance(answer, list) else [answer]
        if all(isinstance(each, bytes) for each in parts):
            peer.reply(*parts, times=1)


def _place(url: str) -> str:
    parts = urlsplit(url)
    path = unquote(parts.path) or "/"
    # A query with a secret in it is not known; then any will do.
    return f"{path}?{parts.query}" if parts.query and MARK not in parts.query else path


def _seed_mails(peer: Any, asked: Sequence[Told]) -> None:
    """Mails with the UIDs that they had."""
    for each in sorted(_mails(asked).items(), key=lambda item: (item[0][0], int(item[0][1]))):
        (folder, uid), (flags, contents) = each
        box = peer.make_folder(folder or "INBOX")
        box.uidnext = int(uid)
        peer.put(contents, folder or "INBOX", tuple(flags))


def _mails(asked: Sequence[Told]) -> Mapping[tuple[str, str], tuple[Sequence[str], bytes]]:
    found: dict[tuple[str, str], tuple[Sequence[str], bytes]] = {}
    items = chain.from_iterable(each.answer for each in asked if isinstance(each.answer, list))
    for item in items:
        for made in item if isinstance(item, tuple) and not hasattr(item, "_make") else ():
            match made:
                case Made(record=(str() as folder, str() as uid, flags, contents)) if uid.isdigit():
                    body: Any = contents.revealed() if isinstance(contents, Hidden) else contents
                    found.setdefault((folder, uid), (flags, body))
    return found


def seed_redis(client: Any, asked: Iterable[Told]) -> None:
    """Give Redis the keys that the call found before it wrote to them itself."""
    touched: set[Any] = set()
    for told in asked:
        args, _ = told.arguments if isinstance(told.arguments, tuple) else ((), {})
        if not args or not isinstance(key := args[0], str) or key in touched:
            continue
        touched.add(key)
        if (put := _REDIS.get(told.operation)) is not None and told.answer not in (None, [], {}, set()):
            put(client, key, args, fresh(told.answer, None))


_REDIS: dict[str, Callable[[Any, str, Sequence[Any], Any], Any]] = {
    "get": lambda client, key, args, answer: client.set(key, answer),
    "incr": lambda client, key, args, answer: client.set(key, answer - (args[1] if len(args) > 1 else 1)),
    "incrby": lambda client, key, args, answer: client.set(key, answer - args[1]),
    "decr": lambda client, key, args, answer: client.set(key, answer + (args[1] if len(args) > 1 else 1)),
    "hgetall": lambda client, key, args, answer: client.hset(key, mapping=answer),
    "hget": lambda client, key, args, answer: client.hset(key, args[1], answer),
    "lrange": lambda client, key, args, answer: client.rpush(key, *answer),
    "smembers": lambda client, key, args, answer: client.sadd(key, *answer),
}
"""How Redis is given what a command has answered."""
