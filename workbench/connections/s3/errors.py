"""What the refusals of S3 mean, as the errors of files."""

from __future__ import annotations

from typing import Any

from workbench.connections.common.errors import unreachable, untrusted
from workbench.connections.files.errors import AccessRefused, FileThere, Interrupted, NoSuchFile, StorageFull
from workbench.connections.s3.definition import S3Connection
from workbench.connections.s3.proof import BAD_DIGEST
from workbench.core.errors import ConnectionFailed
from workbench.core.masking import mask

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


def of_answer(owner: S3Connection, exc: Any, path: str) -> ConnectionFailed:
    """The error of an answer that says no."""
    error = exc.response.get("Error", {})
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


def of_trouble(owner: S3Connection, exc: Exception) -> ConnectionFailed:
    """The error of a call that boto3 got no answer to."""
    from botocore import exceptions

    if isinstance(exc, exceptions.SSLError):
        return untrusted(owner, exc, host="")
    if isinstance(exc, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return AccessRefused(f"{owner} has no credentials. Fix: access_key= and secret_key=secret('...')")
    if isinstance(exc, exceptions.HTTPClientError | exceptions.ConnectionError):
        return unreachable(owner, owner.host, owner.timeout_seconds, exc)
    return ConnectionFailed(f"{owner} failed: {exc}")


def _retry_after(exc: Any) -> float | None:
    said = exc.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", "")
    return float(said) if said.isdecimal() else None
