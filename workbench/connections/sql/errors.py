"""What goes wrong with a database, in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.connections.common.errors import AccessRefused
from workbench.connections.sql.definition import SQLConnection
from workbench.core.errors import ConnectionFailed
from workbench.core.masking import mask

if TYPE_CHECKING:
    from sqlalchemy.exc import SQLAlchemyError

NOT_LET_IN = ("28000", "28P01")
"""Source: PostgreSQL's error codes, class 28, invalid authorization."""
NOT_LET_IN_WORDS = ("authentication failed", "Access denied for user")
"""What PostgreSQL and MySQL say of a refused login: libpq tells no code of it, and PyMySQL none of SQL's."""
MYSQL_OF_CLIENT = range(2000, 3000)
"""Source: MySQL's error reference, "Client Error Message Reference"; any other number is the server's word."""
SAID_AT_START = {
    "unsupported startup parameter": "leave it out of extra, or name it in ignore_startup_parameters of PgBouncer",
    "too many": "lower pool_size, or allow more connections at the server",
    "connection slots": "lower pool_size, or allow more connections at the server",
    "no more connections": "lower pool_size, or allow more connections at the server",
}
"""What a server that is up says when it lets nobody in, and what to do; the first that fits."""

READ_AS_TEXT = "Python has no such value. Fix: have it as text, by CAST(... AS text)"


def failure(definition: SQLConnection, exc: SQLAlchemyError) -> ConnectionFailed:
    """The error to raise in place of one of SQLAlchemy."""
    from sqlalchemy.exc import DataError, DBAPIError

    inner = exc.orig if isinstance(exc, DBAPIError) else exc
    said = mask(" ".join(str(inner).split()))[:300]
    where = "" if definition.engine.startswith("sqlite") else f" at {definition.host}"
    # Without a statement it was the connecting that failed, or the reading of a value.
    without = isinstance(exc, DBAPIError) and exc.statement is None
    is_unread = without and isinstance(exc, DataError)
    is_away = without and not is_unread
    kind: type[ConnectionFailed] = ConnectionFailed
    if getattr(inner, "sqlstate", None) in NOT_LET_IN or (is_away and any(each in said for each in NOT_LET_IN_WORDS)):
        kind, fix = AccessRefused, definition.credentials_fix
    elif is_away:
        fix = f"Fix: {_fix(inner, said)}"
    else:
        fix = READ_AS_TEXT if is_unread else ""
    stop = "" if not fix or said.endswith((".", "?", "!")) else "."
    return kind(f"{definition}{where} failed: {said}{stop} {fix}".rstrip())


def _fix(inner: object, said: str) -> str:
    """What helps where no connection was made: a server that said why is up."""
    number = next(iter(getattr(inner, "args", ())), None)
    if "FATAL" not in said and (not isinstance(number, int) or number in MYSQL_OF_CLIENT):
        return "check that it is up and reachable, or raise timeout_seconds"
    return next((fix for words, fix in SAID_AT_START.items() if words in said.lower()), "correct what it names")
