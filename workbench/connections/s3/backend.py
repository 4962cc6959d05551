"""The files of a bucket behind the Files protocol."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from workbench.connections.common.http import bounded
from workbench.connections.common.trying import Due
from workbench.connections.files.errors import (
    AccessRefused,
    FileRefused,
    FileThere,
    Interrupted,
    IsAFolder,
    NoSuchFile,
    NotAFolder,
    StorageFull,
)
from workbench.connections.files.names import joined, name_of, parent_of, path_of
from workbench.connections.files.protocol import FileInfo, Hasher, said_bytes
from workbench.connections.rest.session import unreachable
from workbench.connections.s3.proof import BAD_DIGEST, ETagHash, Habits, may_be_md5, tag_of
from workbench.connections.s3.transfer import S3Sink
from workbench.core.errors import ConnectionFailed
from workbench.core.masking import mask

if TYPE_CHECKING:
    from workbench.connections.s3.live import S3Connection

ABSENT = ("NoSuchKey", "404", "NoSuchUpload")
REFUSED = (
    "AccessDenied",
    "403",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
    "AllAccessDisabled",
    "AccountProblem",
)
BUSY = ("SlowDown", "InternalError", "RequestTimeout", "ServiceUnavailable", "Throttling", "OperationAborted")
FULL = ("QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "507", "EntityTooLarge")
SAID = 300
TAKEN = ("PreconditionFailed", "412", "ConditionalRequestConflict")


class S3Backend:
    """The files of one bucket below its default directory; a folder is what its keys begin with, or an empty `in/`."""

    def __init__(self, definition: S3Connection, client: Callable[[], Any]) -> None:
        self.definition, self._client = definition, client
        folder = path_of(definition.default_directory, definition)
        self._root = f"{folder}/" if folder else ""
        self.habits = Habits(definition)

    def at(self, path: str) -> dict[str, Any]:
        """Bucket and key, as every call wants them."""
        return {"Bucket": self.definition.bucket, "Key": self._root + path}

    @contextmanager
    def asking(self, path: str, due: Due) -> Iterator[Any]:
        """The client, its errors turned into those of files."""
        client = self._client()
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            with bounded(due.at or float("inf"), self.definition.timeout_seconds):
                yield client
        except ClientError as exc:
            raise self._of_answer(exc, path) from exc
        except BotoCoreError as exc:
            raise self._of_trouble(exc) from exc

    def _of_answer(self, exc: Any, path: str) -> ConnectionFailed:
        owner, error = self.definition, exc.response.get("Error", {})
        code = str(error.get("Code", ""))
        status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in ABSENT:
            return NoSuchFile(owner, path)
        if code == "NoSuchBucket":
            return ConnectionFailed(f"{owner} has no bucket {owner.bucket!r}. Fix: make it, or correct bucket=")
        if code in REFUSED:
            return AccessRefused(f"{owner} refused access: {code}. {owner.credentials_fix}, access_key or the policy")
        if code == "400":
            # The answer to a HEAD has no words.
            return AccessRefused(
                f"{owner} refused {path or '/'!r} without a reason (400), as it does for an expired token or another "
                f"region. Fix: check access_key, secret_key and region"
            )
        if code in TAKEN:
            return FileThere(owner, path)
        if code in FULL:
            return StorageFull(f"{owner} has no room for {path!r}: {code}.")
        said = mask(" ".join(str(error.get("Message", "")).split()))[:SAID]
        said = f"{code}: {said}" if said else code
        if code in BAD_DIGEST:
            return Interrupted(f"{owner} received something else for {path!r} than was sent, and refused it: {said}.")
        # 501 is no trouble that passes: the store does not know what it was asked for.
        if code in BUSY or (status >= 500 and status != 501) or status == 429:
            return Interrupted(f"{owner} asks to try again: {code or status}.", _retry_after(exc))
        return ConnectionFailed(f"{owner} answered {status} to the call for {path or '/'!r}: {said}.")

    def _of_trouble(self, exc: Exception) -> ConnectionFailed:
        from botocore import exceptions

        owner = self.definition
        if isinstance(exc, exceptions.SSLError):
            return ConnectionFailed(
                f"{owner} showed a certificate that cannot be trusted. Fix: ca_file= for a private authority"
            )
        if isinstance(exc, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
            return AccessRefused(f"{owner} has no credentials. Fix: access_key= and secret_key=secret('...')")
        if isinstance(exc, exceptions.HTTPClientError | exceptions.ConnectionError):
            return unreachable(owner, owner.host, owner.timeout_seconds, exc)
        return ConnectionFailed(f"{owner} failed: {exc}")

    def scan(self, path: str, due: Due) -> Iterable[FileInfo]:
        prefix = self._root + (f"{path}/" if path else "")
        found: list[FileInfo] = []
        is_there = not path
        for page in self._pages(prefix, due, Delimiter="/"):
            for each in page.get("CommonPrefixes", ()):
                name = each["Prefix"][len(prefix) :].rstrip("/")
                found.append(FileInfo(name, joined(path, name), is_dir=True))
            for each in page.get("Contents", ()):
                is_there = True
                if name := each["Key"][len(prefix) :]:
                    found.append(FileInfo(name, joined(path, name), each["Size"], each["LastModified"]))
        if not found and not is_there:
            raise NotAFolder(self.definition, path) if self.entry(path, due) else NoSuchFile(self.definition, path)
        return found

    def _pages(self, prefix: str, due: Due, **more: Any) -> Iterator[dict[str, Any]]:
        token: dict[str, str] = {}
        while True:
            with self.asking(prefix, due) as client:
                page = client.list_objects_v2(Bucket=self.definition.bucket, Prefix=prefix, **token, **more)
            yield page
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def info(self, path: str, due: Due) -> FileInfo | None:
        if not path:
            return FileInfo("", "", is_dir=True)
        if (entry := self.entry(path, due)) is not None:
            return FileInfo(name_of(path), path, entry["ContentLength"], entry["LastModified"])
        return FileInfo(name_of(path), path, is_dir=True) if self._has_below(path, due) else None

    def entry(self, path: str, due: Due) -> Any:
        """What is told of a file; None if there is none."""
        try:
            with self.asking(path, due) as client:
                return client.head_object(**self.at(path))
        except NoSuchFile:
            return None

    def _has_below(self, path: str, due: Due, most: int = 1) -> int:
        """How many keys there are below a folder, its own included, counted up to `most`."""
        return len(next(self._pages(f"{self._root}{path}/", due, MaxKeys=most)).get("Contents", ()))

    def reader(self, path: str, offset: int, due: Due) -> S3Source:
        if not path:
            raise IsAFolder(self.definition, path)
        try:
            entry = self.entry(path, due) if offset else None
            if entry is not None and entry["ContentLength"] <= offset:
                return S3Source(self, path, due, entry, offset)
            span = {"Range": f"bytes={offset}-"} if offset else {}
            with self.asking(path, due) as client:
                return S3Source(self, path, due, client.get_object(**self.at(path), **span), offset)
        except NoSuchFile:
            if self._has_below(path, due):
                raise IsAFolder(self.definition, path) from None
            raise

    def sink(self, path: str, token: str, resume: bool, due: Due) -> S3Sink:
        return S3Sink(self, path, due)

    def give_up(self, path: str, token: str, due: Due) -> None:
        """Nothing: a sink that is given up takes its parts away itself."""

    def remove(self, path: str, due: Due) -> None:
        self._expect_file(path, due)
        with self.asking(path, due) as client:
            client.delete_object(**self.at(path))

    def _expect_file(self, path: str, due: Due) -> Any:
        entry = self.entry(path, due) if path else None
        if entry is None:
            if not path or self._has_below(path, due):
                raise IsAFolder(self.definition, path)
            raise NoSuchFile(self.definition, path)
        return entry

    def remove_folder(self, path: str, due: Due) -> None:
        count = self._has_below(path, due, 2)
        if not count:
            raise NotAFolder(self.definition, path) if self.entry(path, due) else NoSuchFile(self.definition, path)
        marker = self.entry(f"{path}/", due)
        if count > 1 or marker is None:
            raise FileRefused(f"{self.definition}: the folder {path!r} is not empty.")
        with self.asking(path, due) as client:
            client.delete_object(**self.at(f"{path}/"))

    def rename(self, source: str, target: str, overwrite: bool, due: Due) -> None:
        """Copy, look, then delete: S3 knows no move.

        Of several who try, the one who makes the claim is the one who may. The source is deleted only when the target
        is there with all of its bytes.
        """
        entry = self._expect_file(source, due)
        there = self.info(target, due)
        if there is not None and (there.is_dir or not overwrite):
            raise (
                IsAFolder(self.definition, target) if there.is_dir and overwrite else FileThere(self.definition, target)
            )
        if source == target:
            return
        claim = self._claimed(source, entry["ETag"], due)
        try:
            with self.asking(source, due) as client:
                client.copy_object(**self.at(target), CopySource=self.at(source), CopySourceIfMatch=entry["ETag"])
            self._expect_copy(entry, source, target, due)
            with self.asking(source, due) as client:
                client.delete_object(**self.at(source))
        except FileThere as exc:
            raise Interrupted(f"{self.definition}: {source!r} was changed while it was being moved.") from exc
        finally:
            with suppress(ConnectionFailed), self.asking(claim, due) as client:
                client.delete_object(**self.at(claim))

    def _expect_copy(self, entry: Any, source: str, target: str, due: Due) -> None:
        copy = self.entry(target, due)
        size, kept = entry["ContentLength"], 0 if copy is None else copy["ContentLength"]
        if copy is None or kept != size:
            raise ConnectionFailed(
                f"{self.definition} kept {said_bytes(kept)} at {target!r} of the {said_bytes(size)} of {source!r}, "
                f"which stays where it is. Fix: move it again with overwrite=True"
            )

    def _claimed(self, path: str, etag: str, due: Due) -> str:
        """Make an object that only one can make; its name, which listings leave out."""
        mark = hashlib.sha256(etag.encode()).hexdigest()[:8]
        claim = joined(parent_of(path), f".{name_of(path)[:200]}.{mark}.part")
        try:
            with self.asking(claim, due) as client:
                put = partial(client.put_object, **self.at(claim), Body=b"")
                self.habits.asked(put, checksum={}, condition={"IfNoneMatch": "*"})
        except FileThere as exc:
            raise NoSuchFile(self.definition, path, "somebody else is moving it") from exc
        return claim

    def make_folder(self, path: str, due: Due) -> None:
        if self.info(path, due) is not None:
            raise FileThere(self.definition, path)
        with self.asking(path, due) as client:
            client.put_object(**self.at(f"{path}/"), Body=b"")

    def ping(self, due: Due) -> str:
        with self.asking("", due) as client:
            client.head_bucket(Bucket=self.definition.bucket)
        return f"bucket {self.definition.bucket} answers"

    def hasher(self) -> Hasher | None:
        return ETagHash()

    def digest(self, path: str, due: Due) -> str | None:
        """The ETag, where it is the MD5 of contents that were written as this connection writes them."""
        entry = self._expect_file(path, due)
        tag = tag_of(entry)
        is_ours = ETagHash.parts(entry["ContentLength"]) == tag.partition("-")[2]
        return tag if is_ours and self.habits.etags_are_md5 and may_be_md5(entry) else None

    def close(self) -> None:
        """Nothing: the client belongs to the connection."""


class S3Source:
    """A file being downloaded from some offset on."""

    def __init__(self, backend: S3Backend, path: str, due: Due, entry: Any, offset: int) -> None:
        self._backend, self._path, self._due, self._entry = backend, path, due, entry
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
        with self._backend.asking(self._path, self._due):
            block: bytes = self._body.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        if self._body is not None:
            self._body.close()


def _retry_after(exc: Any) -> float | None:
    said = exc.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", "")
    return float(said) if said.isdecimal() else None
