"""In what stores that speak like S3 differ from it: their ETags, and the headers that they know."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from dataclasses import replace
from typing import Literal, NamedTuple

from workbench.sandbox.http.wire import Headers, HTTPAnswer, Request

ETags = Literal["md5", "upper", "opaque", "sha256", "kms"]
Known = Literal["known", "ignored", "refused"]
CHECKSUMS = ("x-amz-checksum-", "x-amz-sdk-checksum-", "x-amz-trailer")
CRC = "x-amz-checksum-crc32"
TAG = re.compile(rb"(?<=<ETag>)(?:&quot;|&#34;|\")?([0-9a-fA-F-]+)(?:&quot;|&#34;|\")?(?=</ETag>)")
KMS = [("x-amz-server-side-encryption", "aws:kms"), ("x-amz-server-side-encryption-aws-kms-key-id", "a-key")]


class Habits(NamedTuple):
    """What one store does with ETags, checksum headers and If-None-Match."""

    etags: ETags = "md5"
    checksums: Known = "known"
    conditions: Known = "known"

    def refuses(self, request: Request) -> bool:
        """Whether a write is refused for a header that it has."""
        return request.method in ("PUT", "POST") and bool(self._unknown(request, "refused"))

    def heard(self, request: Request) -> Request:
        """The request without what this store passes over; ETags that it asks for are as they are kept."""
        unknown = {*self._unknown(request, "ignored"), *self._unknown(request, "refused")}
        fields = [(name, value) for name, value in request.headers.fields if name.lower() not in unknown]
        fields = [(name, self._kept(value) if name.lower().endswith("if-match") else value) for name, value in fields]
        return replace(request, headers=Headers(fields))

    def told(self, answer: HTTPAnswer, request: Request) -> HTTPAnswer:
        """The answer with the ETags of this store, and only with checksums that it knows."""
        hides = CHECKSUMS if self.checksums != "known" else ("no header",)
        answer.headers = [(name, value) for name, value in answer.headers if not name.lower().startswith(hides)]
        if self.etags == "md5" or "partNumber" in request.params:
            return answer
        is_xml = any(name.lower() == "content-type" and "xml" in value for name, value in answer.headers)
        answer.headers = [
            (name, f'"{self._ours(value)}"' if name.lower() == "etag" else value) for name, value in answer.headers
        ]
        if is_xml:
            answer.body = TAG.sub(lambda found: f"&quot;{self._ours(found[1].decode())}&quot;".encode(), answer.body)
        if self.etags == "kms" and answer.status < 300:
            answer.headers += KMS
        return answer

    def _unknown(self, request: Request, how: Known) -> list[str]:
        names = [name.lower() for name, _ in request.headers.fields]
        checksums = [name for name in names if self.checksums == how and name.startswith(CHECKSUMS)]
        return checksums + [name for name in names if self.conditions == how and name == "if-none-match"]

    def _ours(self, tag: str) -> str:
        """An MD5 as an ETag of this store; one that can be led back, so that it may be asked for."""
        tag, dash, parts = tag.strip('"').partition("-")
        if self.etags == "upper":
            tag = tag.upper()
        elif self.etags == "sha256":
            tag += hashlib.sha256(tag.encode()).hexdigest()[:32]
        else:
            # Backwards it looks like an MD5 and is none.
            tag = tag[::-1]
        return f"{tag}{dash}{parts}"

    def _kept(self, tag: str) -> str:
        tag, dash, parts = tag.strip('"').partition("-")
        tag = tag[::-1] if self.etags in ("opaque", "kms") else tag.lower()[:32]
        return f'"{tag}{dash}{parts}"'


def is_upload(request: Request, unchecked: bool) -> bool:
    """Whether a request brings what can be spoilt: a file, or, of one in parts, the checksum of the whole."""
    if request.method == "PUT":
        is_part = "partNumber" in request.params
        return bool(request.body) and not request.query.startswith("versioning") and (unchecked or not is_part)
    return request.method == "POST" and "uploadId" in request.params and not unchecked and CRC in request.headers


def takes_file(request: Request) -> bool:
    """Whether a file appears by a request."""
    params = request.params
    return "uploadId" in params if request.method == "POST" else request.method == "PUT" and "partNumber" not in params


def spoilt(request: Request) -> Request:
    """The request with another first byte, as long as before."""
    return replace(request, body=bytes([request.body[0] ^ 1]) + request.body[1:])


def fits(request: Request) -> bool:
    """Whether a file is what the checksums say that came with it.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
    """
    headers, body = request.headers, request.body
    if request.method != "PUT" or "aws-chunked" in headers.get("content-encoding", ""):
        return True
    sha256 = headers.get("x-amz-content-sha256", "")
    found = {
        CRC: base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode(),
        "content-md5": base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode(),
        "x-amz-content-sha256": hashlib.sha256(body).hexdigest() if len(sha256) == 64 else sha256,
    }
    return all(headers.get(name, value) == value for name, value in found.items())


def as_arrived(request: Request) -> Request:
    """The request with the checksum of what it brings, as a store tells it that counts for itself."""
    if request.method != "PUT":
        return request
    crc = base64.b64encode(zlib.crc32(request.body).to_bytes(4, "big")).decode()
    fields = [(name, crc if name.lower() == CRC else value) for name, value in request.headers.fields]
    return replace(request, headers=Headers(fields))
