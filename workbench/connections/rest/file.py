"""A file behind a REST connection, read as a stream that goes on after an interruption.

Source: RFC 9110 (ranges, If-Range), 9530 (Content-Digest, Repr-Digest), 3230 (Digest), 1864 (Content-MD5).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from workbench.connections.common.errors import AccessRefused, Interrupted, Refused, root_of, unreachable
from workbench.connections.common.http import Most, bounded, may_pass, retry_after
from workbench.connections.common.trying import Due, late
from workbench.connections.files.errors import NoSuchFile
from workbench.connections.files.names import path_of
from workbench.connections.files.protocol import said_bytes
from workbench.connections.files.streams import Download
from workbench.core.current import CURRENT
from workbench.core.errors import ConnectionFailed

if TYPE_CHECKING:
    from requests import Response as RequestsResponse

    from workbench.connections.rest.sender import Sender

BLOCK_BYTES = 1 << 18
"""What must arrive within the connection's `deadline_seconds`."""
TAG = re.compile(r'"[^"]*"')
PART = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
HASHES = {"md5": "md5", "sha": "sha1", "sha-256": "sha256", "sha-512": "sha512"}


def fetched(sender: Sender, path: str = "", offset: int = 0, params: Mapping[str, Any] | None = None) -> Download:
    """A stream of what is behind a path, from an offset [bytes] on; see `LiveREST.open`."""
    definition, call = sender.definition, CURRENT.get()
    if path:
        name, _, own = path.partition("?")
        at = f"/{quote(path_of(name, definition))}"
        query = "&".join(part for part in (own, urlencode(params or {}, doseq=True)) if part)
    else:
        at, query = sender.path_of(dict(params or {}))
        path = at
    headers = {} if call is None else {"X-Zato-CID": call.cid}
    fetching = Fetching(sender, sender.url_of(at, query), path or "/", headers)
    stream = Download(definition, path or "/", fetching.begin, Due(), retries=definition.retries, offset=offset)
    stream.begin()
    if stream.stamp is None:
        # Nobody could tell whether what comes after a cut is of the same file.
        stream.retries = 0
    return stream


class Fetching:
    """One file that is being fetched: what all requests for it share.

    Args:
        url: Its whole address.
        path: What it is called in errors.
    """

    def __init__(self, sender: Sender, url: str, path: str, headers: Mapping[str, str]) -> None:
        self.sender, self.url, self.path = sender, url, path
        # Coded, it would have another length, and no part of it could be asked for.
        self._headers = {**headers, "Accept-Encoding": "identity"}
        self._validator = ""
        self._checks: dict[str, tuple[Any, bytes]] | None = None
        self._due: Due | None = None

    def begin(self, offset: int) -> RESTSource:
        """Ask for it from an offset [bytes] on.

        Raises:
            Interrupted: It may work if it is tried again.
            DeadlineExceeded: No answer came within the connection's deadline, tries before this one included.
        """
        self._due = due = self._due or Due(self.sender.definition.deadline_seconds)
        if due.over:
            raise late(self.sender.definition, due)
        headers = dict(self._headers)
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if self._validator:
                headers["If-Range"] = self._validator
        response = self._asked(headers, due)
        try:
            return self._source(response, offset)
        except BaseException:
            response.close()
            raise

    def _asked(self, headers: dict[str, str], due: Due) -> RequestsResponse:
        import requests

        sender = self.sender
        try:
            request = sender.prepared("GET", self.url, None, headers)
            most = Most(sender.owner, sender.definition.max_answer_bytes)
            with bounded(due, sender.definition.timeout_seconds, most) as timeout:
                return sender.session.send(request, timeout=timeout, stream=True)
        except requests.RequestException as exc:
            if may_pass(exc):
                where, seconds = sender.definition.host, sender.definition.timeout_seconds
                raise unreachable(sender.owner, where, seconds, exc) from root_of(exc)
            raise sender.failure(exc, 1) from root_of(exc)
        except ValueError as exc:  # of an address that an answer redirects to
            raise sender.failure(exc, 1) from None

    def _source(self, response: RequestsResponse, offset: int) -> RESTSource:
        self._expect_good(response, offset)
        said, skip = response.headers, 0
        coded = said.get("Content-Encoding", "identity").lower() != "identity"
        size = None if coded or not said.get("Content-Length", "").isdecimal() else int(said["Content-Length"])
        if response.status_code == 206:
            match = PART.fullmatch(said.get("Content-Range", ""))
            if match is None or int(match[1]) != offset:
                raise ConnectionFailed(f"{self} was asked for what begins at {offset}, and gave something else.")
            size = None if match[2] == "*" else int(match[2])
        elif response.status_code == 416:
            size = offset
        else:
            skip = offset
        if not coded:
            tag = said.get("ETag", "")
            validator = tag if TAG.fullmatch(tag) else said.get("Last-Modified", "")
            # What comes after If-Range is what it was asked for, whether it says so or not.
            self._validator = validator or (self._validator if response.status_code != 200 else "")
        if self._checks is None:
            whole = offset == 0 and response.status_code == 200 and not coded
            self._checks = _checks_of(said) if whole else {}
        is_framed = "Content-Length" in said or said.get("Transfer-Encoding", "").lower() == "chunked"
        if not (is_framed or coded or self._checks):
            raise ConnectionFailed(
                f"{self} tells neither a length nor a hash, so that a file that was cut would pass for whole. "
                f"Fix: read it by conn.get(...), if that may be."
            )
        self._due = None
        return RESTSource(self, response, size, None if coded else self._validator or None, skip)

    def _expect_good(self, response: RequestsResponse, offset: int) -> None:
        status, definition = response.status_code, self.sender.definition
        if status == 200 or (offset and (status == 206 or (status == 416 and _is_end(response, offset)))):
            return
        if status in (404, 410):
            raise NoSuchFile(definition, self.path, f"{status} {response.reason}")
        said = f"{self} answered {status} {response.reason}."
        if status in (401, 403):
            raise AccessRefused(f"{said} {definition.credentials_fix}.")
        if status == 429 or status in (502, 503, 504):
            wait, due = retry_after(response), self._due
            if due is not None and due.over_in(wait):
                raise ConnectionFailed(f"{said} It asks to wait {wait:g} s, which is over deadline_seconds.")
            raise Interrupted(said, wait or None)
        raise Refused(said)

    def passed(self, block: bytes) -> None:
        """Note what has been read, in order."""
        self._due = None
        for hasher, _ in (self._checks or {}).values():
            hasher.update(block)

    def confirm(self) -> None:
        """Compare what was read with the hashes that the other side told, at the end."""
        for name, (hasher, told) in (self._checks or {}).items():
            if hasher.digest() != told:
                raise ConnectionFailed(
                    f"{self}: what arrived is not what it says in {name}. Fix: read it again; if it stays so, the "
                    f"server is wrong."
                )

    def __str__(self) -> str:
        return f"{self.sender.definition} at {self.path}"


class RESTSource:
    """A file being read from some offset on; `skip` bytes come first that nobody wants."""

    def __init__(
        self, fetching: Fetching, response: RequestsResponse, size: int | None, stamp: str | None, skip: int
    ) -> None:
        self._fetching, self._response, self._skip = fetching, response, skip
        self.size, self.stamp = size, stamp

    def readinto(self, buffer: memoryview) -> int:
        while self._skip:
            self._skip -= len(self._some(min(self._skip, BLOCK_BYTES)) or self._ended_early())
        block = self._some(min(len(buffer), BLOCK_BYTES))
        buffer[: len(block)] = block
        if block:
            self._fetching.passed(block)
        else:
            self._fetching.confirm()
        return len(block)

    def _some(self, count: int) -> bytes:
        import urllib3

        if self._response.status_code == 416:
            return b""
        definition = self._fetching.sender.definition
        try:
            with bounded(Due(definition.deadline_seconds), definition.timeout_seconds):
                block: bytes = self._response.raw.read(count, decode_content=True)
                return block
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            late_or_gone = "was silent" if isinstance(root_of(exc), TimeoutError) else "hung up"
            raise Interrupted(f"{self._fetching} {late_or_gone} in the middle of the file.") from exc

    def _ended_early(self) -> bytes:
        raise Interrupted(f"{self._fetching} ended {said_bytes(self._skip)} before where it was to go on.")

    def close(self) -> None:
        with suppress(OSError):
            self._response.close()


def _is_end(response: RequestsResponse, offset: int) -> bool:
    return response.headers.get("Content-Range", "") == f"bytes */{offset}"


def _checks_of(said: Mapping[str, str]) -> dict[str, tuple[Any, bytes]]:
    """A hasher and what it has to give, for each header that tells a hash of the whole file."""
    told = []
    if "Content-MD5" in said:
        told.append(("Content-MD5", "md5", said["Content-MD5"]))
    for header in ("Repr-Digest", "Content-Digest", "Digest"):
        for each in said.get(header, "").split(","):
            name, _, value = each.strip().partition("=")
            told.append((header, name.lower(), value.strip(":")))
    checks = {}
    for header, name, value in told:
        with suppress(ValueError):
            if name in HASHES:
                checks[f"{header} ({name})"] = (hashlib.new(HASHES[name]), base64.b64decode(value, validate=True))
    return checks
