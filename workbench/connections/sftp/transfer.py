"""Files on their way from and to an SFTP server: many blocks under way at once, over a session of their own."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from functools import partial
from stat import S_ISDIR

from workbench.connections.common.trying import Due
from workbench.connections.files.errors import Interrupted, IsAFolder, Refused
from workbench.connections.files.sessions import is_in_place, unheard
from workbench.connections.files.streams import confirm, kept_of
from workbench.connections.sftp.account import SFTPAccount
from workbench.connections.sftp.errors import full, is_a_no, troubles, who
from workbench.connections.sftp.session import BLOCK_BYTES, UNDER_WAY, Replies


class SFTPSource:
    """A file being read; blocks are asked for ahead of being wanted."""

    def __init__(self, account: SFTPAccount, path: str, offset: int, due: Due) -> None:
        self._account, self._path, self._due = account, path, due
        self._next, self._rest = offset, memoryview(b"")
        self._asked: deque[tuple[int, int, int]] = deque()
        self._is_over, self._fresh = False, 0
        self._taken = account.pool.take(due)
        session = self._taken.session
        try:
            with due.cutting(session.cut), troubles(account.definition):
                try:
                    self._handle = session.open_file(account.at(path), "read", due)
                    attributes = session.attributes(self._handle, due)
                    is_folder = S_ISDIR(attributes.st_mode or 0)
                    if is_folder:
                        session.close_file(self._handle, due)
                except OSError as exc:
                    raise account.refused(session, exc, path, due) from exc
                if is_folder:
                    raise IsAFolder(account.definition, path)
        except BaseException as exc:
            self._taken.end(keep=isinstance(exc, Refused))
            raise
        self.size: int | None = attributes.st_size
        self.stamp: object = attributes.st_mtime
        # The end is known only by its answer: one block is asked for beyond the size that is told, and twice as many
        # each time that something is there.
        self._ahead, self._most = 1, max(offset, self.size or 0) + BLOCK_BYTES
        self._replies = Replies(session, self._handle)

    def readinto(self, buffer: memoryview) -> int:
        session, filled = self._taken.session, 0
        with self._due.cutting(session.cut), troubles(self._account.definition):
            while filled < len(buffer) and (self._rest or self._receive()):
                count = min(len(self._rest), len(buffer) - filled)
                buffer[filled : filled + count] = self._rest[:count]
                self._rest = self._rest[count:]
                filled += count
            if not filled:
                with suppress(OSError):
                    session.close_file(self._handle, self._due)
        if not filled:
            self._taken.end(keep=True)
        return filled

    def _receive(self) -> bool:
        """Have the next block; False at the end, which the server says."""
        if self._is_over:
            return False
        told = self.size or 0
        while len(self._asked) < UNDER_WAY and self._next < self._most:
            self._ask(self._next, min(BLOCK_BYTES, told - self._next if self._next < told else BLOCK_BYTES))
        number, offset, count = self._asked.popleft()
        block = self._answer(number, offset)
        if not block and number < self._fresh:
            # Said before the rest of a block in front of it was there, as of a file that grows.
            self._ask(offset, count, is_next=True)
            return True
        if not block:
            self._is_over = True
            return False
        if offset >= told:
            self._ahead = min(2 * self._ahead, UNDER_WAY)
            self._most = offset + count + self._ahead * BLOCK_BYTES
        if len(block) < count:
            # A server may answer with less than was asked for.
            self._fresh = self._ask(offset + len(block), count - len(block), is_next=True)
        self._rest = memoryview(block)
        return True

    def _ask(self, offset: int, count: int, is_next: bool = False) -> int:
        from paramiko.sftp import CMD_READ, int64

        number = self._replies.ask(self._due, CMD_READ, int64(offset), count)
        if is_next:
            self._asked.appendleft((number, offset, count))
        else:
            self._asked.append((number, offset, count))
            self._next += count
        return number

    def _answer(self, number: int, offset: int) -> bytes:
        """A block, empty at the end of the file."""
        try:
            block: bytes = self._replies.answer(number, self._due)[1].get_binary()
        except EOFError:
            return b""
        except OSError as exc:
            # The word of few servers for the end, where it is the end by their other word too.
            if offset and offset == self.size and is_a_no(exc):
                return b""
            raise
        if not block:
            raise Interrupted(f"{self._account.definition} answered with no bytes, and not that the file ends there.")
        return block

    def close(self) -> None:
        # What is under way would have to be awaited first.
        self._taken.end(keep=False)


class SFTPSink:
    """A file being written under a name of its own and then renamed; of direct uploads under its final name."""

    def __init__(self, account: SFTPAccount, path: str, part: str, resume: bool, due: Due) -> None:
        self._account, self._path, self._due = account, path, due
        self._is_direct, self._is_over = account.definition.direct_uploads, False
        self._part, resume = (path, False) if self._is_direct else (part, resume)
        self.offset = kept_of(account.info(part, due), partial(SFTPSource, account), part, due) if resume else 0
        self._is_closing = False
        self._asked: deque[int] = deque()
        self._taken = account.pool.take(due)
        session = self._taken.session
        try:
            with due.cutting(session.cut), troubles(account.definition):
                try:
                    self._handle = session.open_file(account.at(self._part), "go on" if self.offset else "write", due)
                except OSError as exc:
                    raise account.not_made(session, exc, path, due) from exc
        except BaseException as exc:
            self._taken.end(keep=isinstance(exc, Refused))
            raise
        self._replies = Replies(session, self._handle)

    def write(self, block: memoryview) -> None:
        from paramiko.sftp import CMD_WRITE, int64

        with self._due.cutting(self._taken.session.cut), troubles(self._account.definition):
            for start in range(0, len(block), BLOCK_BYTES):
                piece = bytes(block[start : start + BLOCK_BYTES])
                self._hear(UNDER_WAY)
                self._asked.append(self._replies.ask(self._due, CMD_WRITE, int64(self.offset), piece))
                self.offset += len(piece)

    def _hear(self, most: int) -> None:
        """Wait until fewer than `most` blocks are unanswered."""
        try:
            while len(self._asked) >= most:
                self._replies.answer(self._asked.popleft(), self._due)
        except OSError as exc:
            if not is_a_no(exc):
                raise
            raise full(self._account.definition, self._path, exc) from exc

    def commit(self, overwrite: bool) -> None:
        account, session = self._account, self._taken.session
        due = self._due if self._due.at is not None else Due(account.definition.deadline_seconds)
        if self._is_direct:
            self._end_direct(due)
            return
        with due.cutting(session.cut), troubles(account.definition):
            self._hear(1)
            with suppress(OSError):  # what was kept is asked for next
                session.close_file(self._handle, due)
            there = account.seen_in(session, self._part, due)
        if there is None or there.size != self.offset:
            self._taken.end(keep=True)
            confirm(account.definition, partial(SFTPSource, account), self._part, self._path, self.offset, due)
            self._taken = account.pool.take(due)
            session = self._taken.session
        try:
            with due.cutting(session.cut), troubles(account.definition):
                account.rename_in(session, self._part, self._path, overwrite, due)
        except Interrupted:
            if not self._is_in_place():
                raise
        self._taken.end(keep=True)

    def _end_direct(self, due: Due) -> None:
        definition, session = self._account.definition, self._taken.session
        try:
            with due.cutting(session.cut), troubles(definition):
                self._hear(1)
                self._is_closing = True
                session.close_file(self._handle, due)
        except Interrupted as exc:
            if not self._is_closing:
                raise
            self._is_over = True
            raise unheard(who(definition), self._path) from exc
        self._taken.end(keep=True)

    def _is_in_place(self) -> bool:
        self._taken.end(keep=False)
        read = partial(SFTPSource, self._account)
        return is_in_place(self._account, read, self._part, self._path, self.offset, self._due)

    def abort(self, keep: bool = False) -> None:
        self._taken.end(keep=False)
        if not self._is_over and (self._is_direct or not keep):
            self._account.discard(self._part, self._due)
