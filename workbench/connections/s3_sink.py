"""A file on its way to S3: in one request if it is small, in parts if it is not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from workbench.connections.file_errors import Interrupted
from workbench.connections.trying import Due, surely
from workbench.connections.waiting import Waiting
from workbench.core.errors import ConnectionFailed

if TYPE_CHECKING:
    from workbench.connections.s3_files import S3Backend

PART_BYTES = 8 << 20
# S3 takes this many parts of one file; the later ones must be larger for a file to have room.
MOST_PARTS = 10_000


class ETagHash:
    """The ETag that S3 gives to a file written by `S3Sink`: MD5, or of several parts the MD5 of theirs."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._part, self._in_part = hashlib.md5(usedforsecurity=False), 0

    def update(self, block: Any, /) -> None:
        """Take more bytes."""
        view = memoryview(block).cast("B")
        while len(view):
            if self._in_part == PART_BYTES:
                self._parts.append(self._part.digest())
                self._part, self._in_part = hashlib.md5(usedforsecurity=False), 0
            piece = view[: PART_BYTES - self._in_part]
            self._part.update(piece)
            self._in_part += len(piece)
            view = view[len(piece) :]

    def hexdigest(self) -> str:
        """The ETag without its quotes."""
        if not self._parts:
            return self._part.hexdigest()
        parts = [*self._parts, self._part.digest()]
        return f"{hashlib.md5(b''.join(parts), usedforsecurity=False).hexdigest()}-{len(parts)}"

    @staticmethod
    def parts(size: int) -> str:
        """What stands after the dash in the ETag of a file of this size [bytes]; '' for one written at once."""
        return str(-(-size // PART_BYTES)) if size > PART_BYTES else ""


class S3Sink:
    """A file being uploaded; unseen until `commit`."""

    def __init__(self, backend: S3Backend, path: str, due: Due) -> None:
        self._backend, self._path, self._due = backend, path, due
        self._waiting = Waiting()
        self._hash = ETagHash()
        self._upload: dict[str, Any] = {}
        self._parts: list[dict[str, Any]] = []
        self._sent = 0

    @property
    def offset(self) -> int:
        return self._sent + self._waiting.size

    def write(self, block: memoryview) -> None:
        self._hash.update(block)
        self._waiting.add(block)
        while self._waiting.size > PART_BYTES:
            self._send(self._waiting.take(PART_BYTES))

    def _send(self, part: bytes) -> None:
        if len(self._parts) == MOST_PARTS:
            raise ConnectionFailed(f"{self._backend.definition} takes files up to {MOST_PARTS * PART_BYTES:,} bytes.")
        if not self._upload:
            with self._backend.asking(self._path, self._due) as client:
                started = client.create_multipart_upload(**self._backend.at(self._path), **self._kind())
            self._upload = {**self._backend.at(self._path), "UploadId": started["UploadId"]}
        number = len(self._parts) + 1
        told = self._surely(lambda client, _: client.upload_part(**self._upload, PartNumber=number, Body=part))
        self._parts.append({"PartNumber": number, "ETag": told["ETag"]})
        self._sent += len(part)

    def _surely(self, ask: Callable[[Any, int], Any]) -> Any:
        """Do one request, again if it is interrupted; more is lost if the whole file must be sent again."""
        definition = self._backend.definition

        def once(due: Due, attempt: int) -> Any:
            with self._backend.asking(self._path, due) as client:
                return ask(client, attempt)

        return surely(definition, once, self._due, definition.retries)

    def _kind(self) -> dict[str, str]:
        definition = self._backend.definition
        storage = {"StorageClass": definition.storage_class} if definition.storage_class else {}
        return {"ContentType": definition.content_type, **storage}

    def commit(self, overwrite: bool) -> None:
        if self._upload:
            self._send(self._waiting.take(self._waiting.size))
        told = self._finished({} if overwrite else {"IfNoneMatch": "*"})
        tag = str(told.get("ETag", "")).strip('"')
        if tag and not told.get("SSEKMSKeyId") and tag != self._hash.hexdigest():
            self._backend.remove(self._path, self._due)
            raise Interrupted(f"{self._backend.definition} keeps something else at {self._path!r} than was sent.")

    def _finished(self, only_new: dict[str, str]) -> Any:
        """Have the file appear; gives what S3 tells of it."""
        at, last = self._backend.at(self._path), self._waiting.take(self._waiting.size)

        def ask(client: Any, attempt: int) -> Any:
            try:
                if not self._upload:
                    return client.put_object(**at, Body=last, **self._kind(), **only_new)
                parts = {"Parts": self._parts}
                return client.complete_multipart_upload(**self._upload, MultipartUpload=parts, **only_new)
            except client.exceptions.ClientError:
                # An earlier try may have done it without living to hear so.
                if attempt > 1 and (there := self._there(client)) is not None:
                    return there
                raise

        told = self._surely(ask)
        self._upload = {}
        return told

    def _there(self, client: Any) -> Any:
        """What is told of the file if it is there as it was sent; None otherwise."""
        with suppress(client.exceptions.ClientError):
            there = client.head_object(**self._backend.at(self._path))
            if str(there["ETag"]).strip('"') == self._hash.hexdigest():
                return there
        return None

    def abort(self, keep: bool = False) -> None:
        self._waiting.clear()
        upload, self._upload = self._upload, {}
        if upload:
            with suppress(ConnectionFailed), self._backend.asking(self._path, self._due) as client:
                client.abort_multipart_upload(**upload)
