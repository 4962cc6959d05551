"""Files on their way from and to Dropbox: sent in one request if small, by an upload session if not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from workbench.connections.common.trying import Due, surely
from workbench.connections.common.waiting import Waiting
from workbench.connections.dropbox.account import DropboxAccount
from workbench.connections.dropbox.errors import NotAsSent, WrongOffset
from workbench.connections.dropbox.hash import ContentHash
from workbench.connections.files.errors import FileThere, Interrupted
from workbench.core.errors import ConnectionFailed

# Pieces of a session are multiples of 4 MiB; what fits into one piece needs no session.
PIECE_BYTES = 8 << 20
T = TypeVar("T")


class DropboxSource:
    """A file being downloaded from some offset on."""

    def __init__(self, account: DropboxAccount, path: str, due: Due, entry: Any, response: Any, offset: int) -> None:
        self._account, self._path, self._due, self._entry, self._response = account, path, due, entry, response
        self._hash = ContentHash() if offset == 0 else None
        self._offset = offset

    @property
    def size(self) -> int | None:
        return int(self._entry.size)

    @property
    def stamp(self) -> object:
        return self._entry.rev

    def readinto(self, buffer: memoryview) -> int:
        import urllib3

        if self._response is None:
            return 0
        try:
            block = self._response.raw.read(len(buffer))
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            raise Interrupted(
                f"{self._account.definition} hung up after {self._offset:,} of {self._entry.size:,} bytes of "
                f"{self._path!r}."
            ) from exc
        buffer[: len(block)] = block
        self._offset += len(block)
        if self._hash is not None:
            self._hash.update(block)
        if not block:
            self._confirm()
        return len(block)

    def _confirm(self) -> None:
        hash_, told = self._hash, self._entry.content_hash
        if hash_ is not None and told and self._offset >= self._entry.size and hash_.hexdigest() != told:
            raise ConnectionFailed(
                f"{self._account.definition}: what arrived of {self._path!r} is not what Dropbox keeps, as its content "
                f"hash shows. Fix: read it again"
            )

    def close(self) -> None:
        if self._response is not None:
            self._response.close()


class DropboxSink:
    """A file being uploaded; unseen until `commit`. Every request is tried again from here, where its piece is kept.

    Args:
        account: Who asks.
        path: Where the file will be.
        due: Bounds the whole of it.
        progress: Told how much has arrived so far [bytes].
        rev: The revision to be replaced; any other one is a conflict.
    """

    def __init__(
        self,
        account: DropboxAccount,
        path: str,
        due: Due,
        progress: Callable[[int], object] | None = None,
        rev: str | None = None,
    ) -> None:
        self._account, self._path, self._due, self._progress, self._rev = account, path, due, progress, rev
        self._waiting = Waiting()
        self._hash = ContentHash()
        self._session = ""
        self._sent = 0

    @property
    def offset(self) -> int:
        return self._sent + self._waiting.size

    def write(self, block: memoryview) -> None:
        self._hash.update(block)
        for piece in self._waiting.pieces(block, PIECE_BYTES):
            self._surely(lambda attempt, piece=piece: self._append(piece))  # type: ignore[misc]
            self._arrived(len(piece))

    def _arrived(self, count: int) -> None:
        self._sent += count
        if self._progress is not None:
            self._progress(self._sent)

    def _append(self, piece: bytes) -> None:
        from dropbox.files import UploadSessionCursor

        # Told to it, the SDK need not count it again.
        hash_ = self._hash.of_piece(self._sent, self._sent + len(piece))
        try:
            with self._account.asking(self._path, self._due, self.offset) as client:
                if not self._session:
                    self._session = client.files_upload_session_start(piece, content_hash=hash_).session_id
                else:
                    cursor = UploadSessionCursor(self._session, self._sent)
                    client.files_upload_session_append_v2(piece, cursor, content_hash=hash_)
        except WrongOffset as exc:
            # It stands behind this piece if an answer was lost.
            if exc.at != self._sent + len(piece):
                raise self._lost() from exc

    def _lost(self) -> ConnectionFailed:
        return ConnectionFailed(
            f"{self._account.definition} has lost the upload of {self._path!r} after {self._sent:,} bytes. "
            f"Fix: upload it again"
        )

    def commit(self, overwrite: bool) -> None:
        last = self._waiting.take(self._waiting.size)
        kept = self._surely(lambda attempt: self._finish(last, overwrite, attempt))
        if kept.content_hash and kept.content_hash != self._hash.hexdigest():
            self._take_back(kept.rev)
            raise NotAsSent(self._account.definition, self._path, self._sent + len(last))
        self._arrived(len(last))

    def _take_back(self, rev: str) -> None:
        """Have again what was there before a revision of ours; a file that was not there goes.

        Nothing is done to what somebody else has written meanwhile.
        """
        from dropbox.files import ListRevisionsMode

        at = self._account.at(self._path)
        with self._account.asking(self._path, self._due) as client:
            # By its id, since a file that was deleted once, and had this name, is not to come back.
            revisions = client.files_list_revisions(at, mode=ListRevisionsMode.id, limit=2).entries
            if [each.rev for each in revisions[:1]] != [rev]:
                return
            if len(revisions) > 1:
                client.files_restore(at, revisions[1].rev)
            else:
                client.files_delete_v2(at, parent_rev=rev)

    def _finish(self, last: bytes, overwrite: bool, attempt: int) -> Any:
        """Have the file appear; gives what the SDK tells of it."""
        try:
            with self._account.asking(self._path, self._due, self._sent + len(last)) as client:
                return self._committed(client, last, overwrite)
        except (FileThere, WrongOffset) as exc:
            # An earlier try may have done it without living to hear so.
            kept = self._account.entry(self._path, self._due) if attempt > 1 else None
            if getattr(kept, "content_hash", None) == self._hash.hexdigest():
                return kept
            if isinstance(exc, WrongOffset):
                raise self._lost() from exc
            raise

    def _committed(self, client: Any, last: bytes, overwrite: bool) -> Any:
        from dropbox.files import CommitInfo, UploadSessionCursor, WriteMode

        mode = WriteMode.update(self._rev) if self._rev else WriteMode.overwrite if overwrite else WriteMode.add
        at, strict = self._account.at(self._path), not overwrite
        hash_ = self._hash.of_piece(self._sent)
        if not self._session:
            return client.files_upload(last, at, mode=mode, strict_conflict=strict, mute=True, content_hash=hash_)
        commit = CommitInfo(at, mode=mode, strict_conflict=strict, mute=True)
        cursor = UploadSessionCursor(self._session, self._sent)
        return client.files_upload_session_finish(last, cursor, commit, content_hash=hash_)

    def _surely(self, work: Callable[[int], T]) -> T:
        """Do one request, again if it is interrupted; more is lost if the whole file must be sent again."""
        definition = self._account.definition
        return surely(definition, lambda due, attempt: work(attempt), self._due, definition.max_retries_on_error)

    def abort(self, keep: bool = False) -> None:
        """Nothing is seen of an upload session that nobody finishes."""
        self._waiting.clear()
