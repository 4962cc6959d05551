"""What is said of a SQL database."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from workbench.connections.common.fields import Password
from workbench.connections.common.trying import Deadline
from workbench.connections.definition import ConnectionDefinition, Timeout

POSTGRESQL = ("postgresql", "postgresql+psycopg")
"""The engines that psycopg speaks for."""


class SQLConnection(ConnectionDefinition, tag="sql", frozen=True, kw_only=True):
    """A SQL database."""

    kind: ClassVar[str] = "SQL"
    attributes: ClassVar[dict[str, str]] = {"out.sql": "conn"}
    opener: ClassVar[str] = "workbench.connections.sql.live:LiveSQL"

    engine: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9_]+(\+[a-z0-9_]+)?$",
            description="sqlite, postgresql, mysql, oracle, mssql, or with a driver, as postgresql+pg8000.",
        ),
    ] = "sqlite"
    database: Annotated[
        str, Meta(description="Name of the database; of SQLite its file, empty for a temporary one.")
    ] = ""
    host: Annotated[str, Meta(max_length=255, description="Host name, address, or folder of the socket.")] = ""
    port: Annotated[
        Annotated[int, Meta(ge=1, le=65535)] | None, Meta(description="TCP port; the engine's own if left out.")
    ] = None
    username: Annotated[str | None, Meta(description="User name.")] = None
    password: Password = None
    pool_size: Annotated[int, Meta(ge=1, le=200, description="Most connections kept open.")] = 5
    timeout_seconds: Timeout = 10.0
    deadline_seconds: Deadline = 60.0
    extra: Annotated[
        dict[str, str], Meta(description="What the driver is told besides, as sslmode=require, prepare_threshold=none.")
    ] = msgspec.field(default_factory=dict)

    def problems(self) -> dict[str, str]:
        if self.engine.startswith("sqlite"):
            given = [field for field in ("host", "port", "username", "password") if getattr(self, field)]
            return dict.fromkeys(given, "means nothing to SQLite, which is a file: database='path'")
        problems = {} if self.database else {"database": "is missing"}
        threshold = self.extra.get("prepare_threshold", "")
        if self.engine in POSTGRESQL and threshold not in ("", "none") and not threshold.isdecimal():
            problems["extra"] = "has a prepare_threshold that is neither a number nor 'none'"
        return problems if self.host else problems | {"host": "is missing"}

    @property
    def called(self) -> str:
        # A driver may be told another host than the field.
        return self.extra.get("hostaddr") or self.extra.get("host") or self.host
