"""PostgreSQL by psycopg, also behind a pooler that gives each transaction another server, as PgBouncer does.

Such a pooler takes no settings at the start, and what is prepared or set in one transaction is not there in the next.
Source: pgbouncer.org/features.html, "SQL feature map for pooling modes".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

REFUSED = "unsupported startup parameter"
POOLED = "workbench: behind a pooler"
"""Whether a connection is, in SQLAlchemy's `info`."""
WHO, BOUND = "SELECT pg_backend_pid()", "SET LOCAL statement_timeout = "
OWN = (WHO, BOUND)
"""Statements of nobody's service, which no trace shows."""


def connect_args(timeout_seconds: float, extra: dict[str, str]) -> dict[str, Any]:
    """What psycopg is told: the longest statement, and how long to wait for a connection.

    Args:
        timeout_seconds: Longest wait for one answer [s].
        extra: What the definition says besides.
    """
    told: dict[str, Any] = {"options": f"-c statement_timeout={int(timeout_seconds * 1000)}", **extra}
    if "prepare_threshold" in told:
        said = told["prepare_threshold"]
        told["prepare_threshold"] = int(said) if said.isdecimal() else None
    # libpq counts in whole seconds, and takes less than 2 for 2.
    return {"connect_timeout": max(2, int(timeout_seconds)), **told}


def connected(connect: Callable[..., Any], extra: dict[str, str]) -> Any:
    """A new connection of psycopg, without settings if a pooler refuses them.

    Args:
        connect: Connects, with these options instead of its own.
        extra: What the definition says besides.
    """
    import psycopg

    try:
        return connect()
    except psycopg.OperationalError as exc:
        if REFUSED not in str(exc) or "options" in extra:
            raise
        return connect(options="")


def begun(conn: Any, timeout_seconds: float) -> None:
    """At the beginning of a transaction of SQLAlchemy: behind a pooler, prepare nothing and bound each statement [s].

    The first one on a connection asks which process answers: behind a pooler another than was said at the start.
    """
    if POOLED not in conn.info:
        driver = conn.connection.driver_connection
        conn.info[POOLED] = conn.exec_driver_sql(WHO).scalar_one() != driver.info.backend_pid
        if conn.info[POOLED]:
            driver.prepare_threshold = None
    if conn.info[POOLED]:
        conn.exec_driver_sql(f"{BOUND}{int(timeout_seconds * 1000)}")
