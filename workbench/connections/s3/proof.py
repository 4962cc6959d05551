"""What proves that S3 keeps what was sent to it, and what a store was found not to know."""

from __future__ import annotations

import base64
import hashlib
import logging
import zlib
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

log = logging.getLogger("workbench.connections")

PART_BYTES = 8 << 20
# Whoever answers so has looked at the contents, and has kept none of them.
BAD_DIGEST = ("BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch")
# Answers with 400 that have a reason of their own.
OWN_REASON = (
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
    "RequestTimeout",
    "EntityTooLarge",
    "EntityTooSmall",
    "InvalidPart",
    "InvalidPartOrder",
)
LACKS = {
    "checksums": "refuses checksum headers; uploads carry Content-MD5 instead",
    "conditions": "refuses If-None-Match; of two who write one new name at the same moment, the later one wins",
    "proofs": "tells neither a checksum nor an MD5; that it keeps what was sent is compared by size alone",
}
Fields = Mapping[str, Any]


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


class Sent:
    """What was sent of one file, in the hashes that a store may tell back: ETag, CRC-32, CRC-32 of the parts' own.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
    """

    def __init__(self) -> None:
        self.size = 0
        self._tag = ETagHash()
        self._crc = 0
        self._crcs: list[bytes] = []

    def update(self, block: memoryview) -> None:
        """Take more bytes of the file."""
        self._tag.update(block)
        self._crc = zlib.crc32(block, self._crc)
        self.size += len(block)

    def end_part(self, part: bytes) -> None:
        """Remember where a part ended."""
        self._crcs.append(zlib.crc32(part).to_bytes(4, "big"))

    @property
    def tag(self) -> str:
        """The ETag where it is an MD5, in lower case and without its quotes."""
        return self._tag.hexdigest()

    @property
    def crc(self) -> str:
        """The CRC-32 of the whole, as S3 writes it."""
        return _said(self._crc.to_bytes(4, "big"))

    def is_what(self, told: Fields) -> bool | None:
        """Whether the file that an answer tells of is this one; None if the answer proves neither.

        An ETag that is equal proves it, whatever it may stand for. One that differs proves nothing: it may be another
        hash, of encrypted contents, or of other parts. A checksum of the whole that differs disproves it.
        """
        if tag_of(told) == self.tag:
            return True
        crc, _, parts = str(told.get("ChecksumCRC32", "")).partition("-")
        if crc == self.crc or (self._crcs and crc == _said(zlib.crc32(b"".join(self._crcs)).to_bytes(4, "big"))):
            return True
        is_of_whole = not parts and (told.get("ChecksumType") == "FULL_OBJECT" or not self._crcs)
        return False if crc and is_of_whole else None


def tag_of(told: Fields) -> str:
    """The ETag that an answer tells, in lower case and without its quotes."""
    return str(told.get("ETag", "")).strip('"').lower()


def may_be_md5(told: Fields) -> bool:
    """Whether the ETag of an answer may be an MD5, or of several parts the MD5 of theirs."""
    tag, _, parts = tag_of(told).partition("-")
    is_encrypted = str(told.get("ServerSideEncryption", "")).startswith("aws:kms") or "SSECustomerAlgorithm" in told
    is_hash = len(tag) == 32 and not set(tag) - set("0123456789abcdef") and (not parts or parts.isdecimal())
    return is_hash and not is_encrypted


def crc_of(contents: bytes) -> str:
    """The CRC-32 of some bytes, as S3 writes it."""
    return _said(zlib.crc32(contents).to_bytes(4, "big"))


def md5_of(contents: bytes) -> str:
    """The MD5 of some bytes, as Content-MD5 has it."""
    return _said(hashlib.md5(contents, usedforsecurity=False).digest())


def _said(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


class Habits:
    """What the store of one connection was found not to know; the log says each once."""

    def __init__(self, owner: object) -> None:
        self._owner, self._lock = owner, Lock()
        self._lacks: set[str] = set()
        self.etags_are_md5 = True

    def lacks(self, what: str) -> bool:
        """Whether it was found not to know one of `LACKS`."""
        return what in self._lacks

    def learn(self, what: str) -> None:
        """Remember that it does not know one of `LACKS`."""
        with self._lock:
            is_new = what not in self._lacks
            self._lacks.add(what)
        if is_new:
            log.warning("%s %s", self._owner, LACKS[what])

    def asked(
        self,
        ask: Callable[..., Any],
        *,
        checksum: Fields,
        instead: Fields | None = None,
        condition: Fields | None = None,
    ) -> Any:
        """Do one request with all that may come along; without what the store turns out to refuse.

        Args:
            ask: A method of boto3's client, its other arguments bound.
            checksum: Arguments of a store that knows checksums.
            instead: Those of one that does not.
            condition: Arguments of a store that knows conditional writes.
        """
        from botocore.exceptions import ClientError

        condition = condition or {}

        def told(without: set[str]) -> Any:
            digest = (instead or {}) if "checksums" in without else checksum
            return ask(**digest, **({} if "conditions" in without else condition))

        known = set(self._lacks)
        try:
            return told(known)
        except ClientError as exc:
            for fewer in _fewer(exc, bool(checksum), bool(condition)):
                if fewer <= known:
                    continue
                try:
                    answer = told(known | fewer)
                except ClientError as again:
                    if not _may_be_for_a_header(again):
                        raise
                    continue
                for what in fewer:
                    self.learn(what)
                return answer
            raise


def _fewer(exc: Any, checksum: bool, condition: bool) -> list[set[str]]:
    """What to leave out of a request that was refused, one set after the other."""
    if not _may_be_for_a_header(exc):
        return []
    # A condition guards somebody's file: given up only where it is said to be unknown, not where a reason is unclear.
    condition = condition and _status(exc) == 501
    ways = [{"checksums"}, {"conditions"}, {"checksums", "conditions"}]
    offered = {name for name, has in (("checksums", checksum), ("conditions", condition)) if has}
    return [way for way in ways if way <= offered]


def _may_be_for_a_header(exc: Any) -> bool:
    """Whether a request may have been refused for a header that the store does not know."""
    code = exc.response.get("Error", {}).get("Code", "")
    return _status(exc) == 501 or (_status(exc) == 400 and code not in (*BAD_DIGEST, *OWN_REASON))


def _status(exc: Any) -> int:
    return int(exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
