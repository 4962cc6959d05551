"""The files of a bucket behind the Files protocol."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from workbench.connections.common.trying import Due
from workbench.connections.files.errors import (
    FileThere,
    Interrupted,
    IsAFolder,
    NoSuchFile,
    NotAFolder,
    Refused,
)
from workbench.connections.files.names import joined, name_of, parent_of
from workbench.connections.files.protocol import FileInfo, Hasher, said_bytes
from workbench.connections.s3.account import S3Account
from workbench.connections.s3.proof import ETagHash, may_be_md5, tag_of
from workbench.connections.s3.transfer import S3Sink, S3Source
from workbench.core.errors import ConnectionFailed


class S3Backend:
    """The files of one bucket below its default directory; a folder is what its keys begin with, or an empty `in/`."""

    def __init__(self, account: S3Account) -> None:
        self.account, self.definition = account, account.definition

    def scan(self, path: str, due: Due) -> Iterable[FileInfo]:
        prefix = self.account.root + (f"{path}/" if path else "")
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
            raise self._no_folder(path, due)
        return found

    def _no_folder(self, path: str, due: Due) -> Refused:
        return NotAFolder(self.definition, path) if self.account.entry(path, due) else NoSuchFile(self.definition, path)

    def _pages(self, prefix: str, due: Due, **more: Any) -> Iterator[dict[str, Any]]:
        token: dict[str, str] = {}
        while True:
            with self.account.asking(prefix, due) as client:
                page = client.list_objects_v2(Bucket=self.definition.bucket, Prefix=prefix, **token, **more)
            yield page
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def info(self, path: str, due: Due) -> FileInfo | None:
        if not path:
            return FileInfo("", "", is_dir=True)
        if (entry := self.account.entry(path, due)) is not None:
            return FileInfo(name_of(path), path, entry["ContentLength"], entry["LastModified"])
        return FileInfo(name_of(path), path, is_dir=True) if self._has_below(path, due) else None

    def _has_below(self, path: str, due: Due, most: int = 1) -> int:
        """How many keys there are below a folder, its own included, counted up to `most`."""
        return len(next(self._pages(f"{self.account.root}{path}/", due, MaxKeys=most)).get("Contents", ()))

    def reader(self, path: str, offset: int, due: Due) -> S3Source:
        if not path:
            raise IsAFolder(self.definition, path)
        try:
            entry = self.account.entry(path, due) if offset else None
            if entry is not None and entry["ContentLength"] <= offset:
                return S3Source(self.account, path, due, entry, offset)
            span = {"Range": f"bytes={offset}-"} if offset else {}
            with self.account.asking(path, due) as client:
                return S3Source(self.account, path, due, client.get_object(**self.account.at(path), **span), offset)
        except NoSuchFile:
            if self._has_below(path, due):
                raise IsAFolder(self.definition, path) from None
            raise

    def sink(self, path: str, token: str, resume: bool, due: Due) -> S3Sink:
        return S3Sink(self.account, path, due)

    def give_up(self, path: str, token: str, due: Due) -> None:
        """Nothing: a sink that is given up takes its parts away itself."""

    def remove(self, path: str, due: Due) -> None:
        self._expect_file(path, due)
        with self.account.asking(path, due) as client:
            client.delete_object(**self.account.at(path))

    def _expect_file(self, path: str, due: Due) -> Any:
        entry = self.account.entry(path, due) if path else None
        if entry is None:
            if not path or self._has_below(path, due):
                raise IsAFolder(self.definition, path)
            raise NoSuchFile(self.definition, path)
        return entry

    def remove_folder(self, path: str, due: Due) -> None:
        count = self._has_below(path, due, 2)
        if not count:
            raise self._no_folder(path, due)
        marker = self.account.entry(f"{path}/", due)
        if count > 1 or marker is None:
            raise Refused(f"{self.definition}: the folder {path!r} is not empty. Fix: delete what is in it first.")
        with self.account.asking(path, due) as client:
            client.delete_object(**self.account.at(f"{path}/"))

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
            with self.account.asking(source, due) as client:
                client.copy_object(
                    **self.account.at(target), CopySource=self.account.at(source), CopySourceIfMatch=entry["ETag"]
                )
            self._expect_copy(entry, source, target, due)
            with self.account.asking(source, due) as client:
                client.delete_object(**self.account.at(source))
        except FileThere as exc:
            raise Interrupted(
                f"{self.definition}: {source!r} was changed while it was being moved. Fix: try again."
            ) from exc
        finally:
            with suppress(ConnectionFailed), self.account.asking(claim, due) as client:
                client.delete_object(**self.account.at(claim))

    def _expect_copy(self, entry: Any, source: str, target: str, due: Due) -> None:
        copy = self.account.entry(target, due)
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
            with self.account.asking(claim, due) as client:
                put = partial(client.put_object, **self.account.at(claim), Body=b"")
                self.account.habits.asked(put, checksum={}, condition={"IfNoneMatch": "*"})
        except FileThere as exc:
            raise NoSuchFile(self.definition, path, "somebody else is moving it") from exc
        return claim

    def make_folder(self, path: str, due: Due) -> None:
        if self.info(path, due) is not None:
            raise FileThere(self.definition, path)
        with self.account.asking(path, due) as client:
            client.put_object(**self.account.at(f"{path}/"), Body=b"")

    def ping(self, due: Due) -> str:
        with self.account.asking("", due) as client:
            client.head_bucket(Bucket=self.definition.bucket)
        return f"bucket {self.definition.bucket} answers"

    def hasher(self) -> Hasher | None:
        return ETagHash()

    def digest(self, path: str, due: Due) -> str | None:
        """The ETag, where it is the MD5 of contents that were written as this connection writes them."""
        entry = self._expect_file(path, due)
        tag = tag_of(entry)
        is_ours = ETagHash.parts(entry["ContentLength"]) == tag.partition("-")[2]
        return tag if is_ours and self.account.habits.etags_are_md5 and may_be_md5(entry) else None

    def close(self) -> None:
        """Nothing: the client belongs to the connection."""
