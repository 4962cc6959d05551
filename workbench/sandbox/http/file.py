"""Contents that an HTTP server gives whole or in part: ranges, and the validators they depend on (RFC 9110, 13-14)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from workbench.sandbox.http.wire import HTTPAnswer, Request

BLOCK_BYTES = 1 << 18
RANGE = re.compile(r"\s*bytes\s*=\s*(\d*)-(\d*)\s*")


class Contents:
    """Bytes, or a file of this machine, which may be of any size and is read when it is asked for."""

    def __init__(self, given: bytes | Path) -> None:
        self._given = given
        if isinstance(given, bytes):
            self._tag = hashlib.sha256(given).hexdigest()[:16]

    @property
    def size(self) -> int:
        """How much there is now [bytes]."""
        return len(self._given) if isinstance(self._given, bytes) else self._given.stat().st_size

    @property
    def etag(self) -> str:
        """What differs when the contents do."""
        if isinstance(self._given, bytes):
            return f'"{self._tag}"'
        stat = self._given.stat()
        return f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'

    def answer(self, request: Request, told: HTTPAnswer, *, ranges: bool = True, validators: bool = True) -> HTTPAnswer:
        """What `told` says with these contents, or with the part of them that is asked for.

        Args:
            ranges: Whether a part may be asked for.
            validators: Whether an ETag goes with it, if `told` has none.
        """
        named = {name.lower(): value for name, value in told.headers}
        etag, size = named.get("etag", self.etag if validators else ""), self.size
        headers = list(told.headers)
        if etag and "etag" not in named:
            headers.append(("ETag", etag))
        if told.status != 200 or not ranges:
            return self._part(told.status, headers, 0, size)
        headers.append(("Accept-Ranges", "bytes"))
        wanted = request.headers.get("If-Range")
        if wanted is not None and wanted not in (etag, named.get("last-modified")):
            return self._part(200, headers, 0, size)
        match = RANGE.fullmatch(request.headers.get("Range", ""))
        if match is None or not any(match.groups()) or request.method != "GET":
            return self._part(200, headers, 0, size)
        start, end = _bounds(match[1], match[2], size)
        if start >= end:
            return HTTPAnswer(416, b"", [("Content-Range", f"bytes */{size}")])
        return self._part(206, [*headers, ("Content-Range", f"bytes {start}-{end - 1}/{size}")], start, end)

    def _part(self, status: int, headers: list[tuple[str, str]], start: int, end: int) -> HTTPAnswer:
        if isinstance(self._given, bytes):
            return HTTPAnswer(status, self._given[start:end], headers)
        return HTTPAnswer(status, b"", headers, blocks=_blocks(self._given, start, end), length=end - start)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size


def _blocks(path: Path, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while start < end and (block := file.read(min(BLOCK_BYTES, end - start))):
            start += len(block)
            yield block
