"""Whether a request to S3 was signed with the right secret key: AWS Signature Version 4, the server's side.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from urllib.parse import quote

from workbench.sandbox.http.wire import Request

SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/(?P<scope>[^,\s]+),\s*"
    r"SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)


def key_of(request: Request) -> str | None:
    """The access key that a request names; None if it names none."""
    found = re.search(r"Credential=([^/,\s]+)/", request.headers.get("Authorization", ""))
    return found[1] if found is not None else None


def is_signed_with(request: Request, secret_key: str) -> bool:
    """Whether the signature is the one that this secret key makes."""
    found = SIGNED.fullmatch(request.headers.get("Authorization", ""))
    if found is None:
        return False
    scope = found["scope"]
    told = "\n".join(
        ("AWS4-HMAC-SHA256", request.headers.get("x-amz-date", ""), scope, _digest(request, found["headers"]))
    )
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return hmac.compare_digest(_hmac(key, told).hex(), found["signature"])


def _digest(request: Request, signed: str) -> str:
    """The hash of what was signed of a request, in its one canonical form."""
    fields = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signed.split(";"))
    query = "&".join(sorted(each if "=" in each else f"{each}=" for each in request.query.split("&") if each))
    body_hash = request.headers.get("x-amz-content-sha256", "")
    lines = (request.method, quote(request.path, safe="/~"), query, fields, signed, body_hash)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
