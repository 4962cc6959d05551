"""Zato's `zato.common.exception`: errors that a caller is told, under Zato's names."""

from __future__ import annotations

from workbench.core.errors import (
    BadRequest,
    CallerError,
    Conflict,
    Forbidden,
    MethodNotAllowed,
    NotFound,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
)


class ZatoException(Exception):
    """Any error of a service; callers learn nothing of it."""

    def __init__(self, cid: str = "", msg: str = "") -> None:
        self.cid, self.msg = cid, msg
        super().__init__(msg)


class InternalServerError(CallerError):
    """500 with words for the caller, which any other error has not."""

    status, phrase = 500, "Internal Server Error"


HTTPException = ClientHTTPError = CallerError

__all__ = [
    "BadRequest",
    "ClientHTTPError",
    "Conflict",
    "Forbidden",
    "HTTPException",
    "InternalServerError",
    "MethodNotAllowed",
    "NotFound",
    "ServiceUnavailable",
    "TooManyRequests",
    "Unauthorized",
    "ZatoException",
]
