"""Files on their way from and to S3: sent in one request if small, in parts if not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from workbench.connections.common.trying import Due, surely
from workbench.connections.common.waiting import Waiting
from workbench.connections.files.errors import FileThere, Interrupted, NoSuchFile
from workbench.connections.s3.account import S3Account
from workbench.connections.s3.proof import (
    BAD_DIGEST,
    PART_BYTES,
    ETagHash,
    Fields,
    Sent,
    crc_of,
    may_be_md5,
    md5_of,
    tag_of,
)
from workbench.core.errors import ConnectionFailed

# S3 takes this many parts of one file; the later ones must be larger for a file to have room.
MOST_PARTS = 10_000
READ_BYTES = 1 << 20


class S3Source:
    """A file being downloaded from some offset on."""

    def __init__(self, account: S3Account, path: str, due: Due, entry: Any, offset: int) -> None:
        self._account, self._path, self._due, self._entry = account, path, due, entry
        self._body = entry.get("Body")
        self._size = entry["ContentLength"] + (offset if self._body is not None else 0)

    @property
    def size(self) -> int | None:
        return int(self._size)

    @property
    def stamp(self) -> object:
        return self._entry["ETag"]

    def readinto(self, buffer: memoryview) -> int:
        if self._body is None:
            return 0
        with self._account.asking(self._path, self._due):
            block: bytes = self._body.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        if self._body is not None:
            self._body.close()


class S3Sink:
    """A file being uploaded; unseen until `commit`.

    S3 replaces a file at once and keeps nothing of the old one, unless the bucket has versions. So the new one is
    checked before: a CRC-32 goes along with every body, or a Content-MD5 where the store does not know checksums, and
    the store refuses a body that does not fit while the old file stays. To upload under another name, look, and copy
    would also save the old file from a store that keeps what it should refuse; it costs two more requests a file, and
    a copy ends at 5 GB.

    What was kept is confirmed afterwards all the same, by the ETag or a checksum that is told, else by the size.
    Nothing at the path is ever deleted for want of a confirmation: it may well be right, and what it replaced is gone.
    Only a version of our own that was disproved is taken back, which has the one before it return.
    """

    def __init__(self, account: S3Account, path: str, due: Due) -> None:
        self._account, self._path, self._due = account, path, due
        self._habits = account.habits
        self._waiting = Waiting()
        self._hash = Sent()
        self._upload: dict[str, Any] = {}
        self._parts: list[dict[str, Any]] = []
        self._has_checksums = self._is_of_whole = False
        self._sent = 0

    @property
    def offset(self) -> int:
        return self._sent + self._waiting.size

    def write(self, block: memoryview) -> None:
        self._hash.update(block)
        for part in self._waiting.pieces(block, PART_BYTES):
            self._send(part)

    def _send(self, part: bytes) -> None:
        if len(self._parts) == MOST_PARTS:
            raise ConnectionFailed(
                f"{self._account.definition} takes files up to {MOST_PARTS * PART_BYTES:,} bytes. Fix: split it."
            )
        if not self._upload:
            self._begin()
        number = len(self._parts) + 1
        crc = {"ChecksumCRC32": crc_of(part)} if self._has_checksums else {"ContentMD5": md5_of(part)}

        def ask(client: Any, _: int) -> Any:
            upload = partial(client.upload_part, **self._upload, PartNumber=number, Body=part)
            return self._habits.asked(upload, checksum=crc, instead={"ContentMD5": md5_of(part)})

        told = self._surely(ask)
        kept = {name: told[name] for name in ("ETag", "ChecksumCRC32") if name in told}
        self._parts.append({"PartNumber": number, **kept})
        self._hash.end_part(part)
        self._sent += len(part)

    def _begin(self) -> None:
        at = self._account.at(self._path)
        of_whole = {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}
        with self._account.asking(self._path, self._due) as client:
            start = partial(client.create_multipart_upload, **at, **self._kind())
            started = self._habits.asked(start, checksum=of_whole)
        self._upload = {**at, "UploadId": started["UploadId"]}
        self._has_checksums = started.get("ChecksumAlgorithm") == "CRC32"
        # An older store knows only the checksum of the parts' own, and would compare ours with that.
        self._is_of_whole = self._has_checksums and started.get("ChecksumType") == "FULL_OBJECT"

    def _surely(self, ask: Callable[[Any, int], Any]) -> Any:
        """Do one request, again if it is interrupted; more is lost if the whole file must be sent again."""
        definition = self._account.definition

        def once(due: Due, attempt: int) -> Any:
            with self._account.asking(self._path, due) as client:
                return ask(client, attempt)

        return surely(definition, once, self._due, definition.retries)

    def _kind(self) -> dict[str, str]:
        definition = self._account.definition
        storage = {"StorageClass": definition.storage_class} if definition.storage_class else {}
        return {"ContentType": definition.content_type, **storage}

    def commit(self, overwrite: bool) -> None:
        owner = self._account.definition
        if self._upload:
            self._send(self._waiting.take(self._waiting.size))
        # AWS knows If-None-Match; what only speaks like it may pass over it in silence.
        if not overwrite and owner.address and self._looked_at({}) is not None:
            raise FileThere(owner, self._path)
        told = self._finished({} if overwrite else {"IfNoneMatch": "*"})
        if told is None:
            raise Interrupted(
                f"{owner} received something else for {self._path!r} than was sent, and refused it; "
                f"nothing was replaced."
            )
        self._confirm(told, overwrite)

    def _finished(self, only_new: dict[str, str]) -> Any:
        """Have the file appear; gives what S3 tells of it, None if it refuses the contents as damaged."""
        at, last = self._account.at(self._path), self._waiting.take(self._waiting.size)
        self._sent += len(last)

        def ask(client: Any, attempt: int) -> Any:
            try:
                if not self._upload:
                    return self._put(client, last, only_new)
                finish = partial(client.complete_multipart_upload, **self._upload)
                whole = {"ChecksumCRC32": self._hash.crc, "ChecksumType": "FULL_OBJECT"} if self._is_of_whole else {}
                finish = partial(finish, MultipartUpload={"Parts": self._parts})
                return self._habits.asked(finish, checksum=whole, condition=only_new)
            except client.exceptions.ClientError as exc:
                if exc.response["Error"]["Code"] in BAD_DIGEST:
                    return None
                # An earlier try may have done it without living to hear so.
                if attempt > 1 and (there := self._there(client, at)) is not None:
                    return there
                raise

        told = self._surely(ask)
        if told is not None:
            self._upload = {}
        return told

    def _put(self, client: Any, contents: bytes, only_new: dict[str, str]) -> Any:
        put = partial(client.put_object, **self._account.at(self._path), **self._kind(), Body=contents)
        crc = {"ChecksumAlgorithm": "CRC32", "ChecksumCRC32": self._hash.crc}
        return self._habits.asked(put, checksum=crc, instead={"ContentMD5": md5_of(contents)}, condition=only_new)

    def _looked_at(self, version: Fields) -> Any:
        """What is told of the file that is there; None if none is."""
        at = {**self._account.at(self._path), **version}
        try:
            return self._surely(lambda client, _: self._head(client, at))
        except NoSuchFile:
            return None

    def _head(self, client: Any, at: Fields) -> Any:
        return self._habits.asked(partial(client.head_object, **at), checksum={"ChecksumMode": "ENABLED"})

    def _there(self, client: Any, at: Fields) -> Any:
        """What is told of the file if it is there as it was sent, by reading it if need be; None otherwise."""
        with suppress(client.exceptions.ClientError):
            there = self._head(client, at)
            if there["ContentLength"] != self._hash.size:
                return None
            is_ours = self._hash.is_what(there)
            if is_ours is None:
                read = ETagHash()
                for block in client.get_object(**at)["Body"].iter_chunks(READ_BYTES):
                    read.update(block)
                is_ours = read.hexdigest() == self._hash.tag
            return {**there, "ETag": self._hash.tag} if is_ours else None
        return None

    def _confirm(self, told: Fields, overwrite: bool) -> None:
        """See that what is kept is what was sent.

        Raises:
            Interrupted: It is not; another try may replace it.
            ConnectionFailed: It is not, and another try would find the name taken.
        """
        is_ours, size = self._hash.is_what(told), self._hash.size
        if is_ours is None:
            there = self._looked_at(_version(told))
            if there is None:
                # S3 has said yes, and shows at once what it took: somebody has already fetched and removed it.
                return
            is_ours, size = self._hash.is_what(there), there["ContentLength"]
        if is_ours is None and size == self._hash.size:
            self._habits.learn("proofs")
        elif not is_ours:
            raise self._disproved(told, overwrite)
        if may_be_md5(told) and tag_of(told) != self._hash.tag:
            self._habits.etags_are_md5 = False

    def _disproved(self, told: Fields, overwrite: bool) -> ConnectionFailed:
        """The error of a file that is not what was sent; a version of our own is taken back."""
        owner, is_back = self._account.definition, False
        said = f"{owner} keeps something else at {self._path!r} than was sent"
        if version := _version(told):
            with suppress(ConnectionFailed), self._account.asking(self._path, self._due) as client:
                client.delete_object(**self._account.at(self._path), **version)
                is_back = True
        if is_back:
            return Interrupted(f"{said}; that version was taken back.")
        said = f"{said}; it was left there. Fix: write it again with overwrite=True, and have the storage checked"
        return Interrupted(said) if overwrite else ConnectionFailed(said)

    def abort(self, keep: bool = False) -> None:
        self._waiting.clear()
        upload, self._upload = self._upload, {}
        if upload:
            with suppress(ConnectionFailed), self._account.asking(self._path, self._due) as client:
                client.abort_multipart_upload(**upload)


def _version(told: Fields) -> dict[str, str]:
    """The version of a file that an answer tells of; none where a bucket has no versions, or has them no longer."""
    version = told.get("VersionId")
    return {} if version in (None, "null") else {"VersionId": str(version)}
