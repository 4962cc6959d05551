"""What a person types after `workbench quickstart`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from workbench.core.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.connections.sql.definition import SQLConnection

FORMS = "workbench quickstart DIR [sqlite | postgresql URL] [redis HOST PORT]"
DATABASE, PASSWORD = "Database", "DATABASE_PASSWORD"


class Asked(NamedTuple):
    """What is wanted.

    Attributes:
        folder: Where to.
        database: URL of the PostgreSQL database that services are to reach; '' for none.
        redis: URL of the Redis of `self.kvdb`; '' for one of the workbench's own.
    """

    folder: str
    database: str = ""
    redis: str = ""


def read(words: Sequence[str]) -> Asked:
    """Read `[create] DIR [sqlite | postgresql URL] [[redis] HOST PORT]`, which Zato's own form is, too.

    Raises:
        WorkbenchError: It is something else.
    """
    folder, *rest = words[1:] if words[0] == "create" and len(words) > 1 else words
    database = redis = ""
    if rest[:1] == ["sqlite"]:
        rest = rest[1:]
    elif rest[:1] == ["postgresql"]:
        if len(rest) < 2 or not rest[1].startswith(("postgresql://", "postgres://")):
            raise WorkbenchError("PostgreSQL has no URL. Fix: postgresql postgresql://user@host:5432/database")
        database, rest = rest[1], rest[2:]
    if rest[:1] == ["redis"]:
        rest = rest[1:]
        if len(rest) != 2:
            raise WorkbenchError("Redis has no host and port. Fix: redis localhost 6379")
    if len(rest) == 2 and rest[1].isdecimal() and 0 < int(rest[1]) < 65536:
        host = f"[{rest[0]}]" if ":" in rest[0] else rest[0]
        redis, rest = f"redis://{host}:{rest[1]}/0", []
    if rest:
        raise WorkbenchError(f"{' '.join(rest)!r} says nothing here. Fix: {FORMS}")
    return Asked(folder, database, redis)


def connection(url: str) -> tuple[SQLConnection, str]:
    """The definition of a PostgreSQL database by its URL, and its password, which the definition only names.

    Raises:
        WorkbenchError: The URL lacks something.
    """
    from workbench.connections.sql.definition import SQLConnection
    from workbench.core.masking import learn
    from workbench.core.secret import secret

    given = urlsplit(url)
    password = unquote(given.password or "")
    learn(password)
    try:
        port = given.port
    except ValueError:
        raise WorkbenchError("The URL of PostgreSQL has no good port. Fix: a number from 1 to 65535.") from None
    made = SQLConnection(
        DATABASE,
        engine="postgresql",
        host=given.hostname or "",
        port=port,
        database=unquote(given.path.strip("/")),
        username=unquote(given.username) if given.username else None,
        password=secret(PASSWORD) if password else None,
    )
    return made, password
