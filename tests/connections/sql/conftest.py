"""Databases: the peer's, PostgreSQL, and PostgreSQL behind PgBouncer."""

from __future__ import annotations

from tests.postgresql_server import lenient_pgbouncer as lenient_pgbouncer
from tests.postgresql_server import pgbouncer as pgbouncer
from tests.postgresql_server import postgres as postgres
