"""A SQLite database in place of one elsewhere: real SQL, in SQLite's dialect."""

from __future__ import annotations

import atexit
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from msgspec import Meta

from workbench.core.errors import ConnectionFailed
from workbench.sandbox.faults import Faults
from workbench.sandbox.peer import Peer


class SQLFaults(Faults, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be wrong with a database that is a file."""

    over_network: ClassVar[bool] = False

    locked: Annotated[bool, Meta(description="Be written to by somebody else who does not end.")] = False


class SQLDatabase(Peer):
    """Stands for a SQL connection of any engine; its tables are empty until somebody makes them."""

    kind: ClassVar[str] = "sql"
    label: ClassVar[str] = "SQLite database"
    fault_fields: ClassVar[type[Faults]] = SQLFaults

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self._folder = Path(tempfile.mkdtemp(prefix="workbench-sql-"))
        atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
        self._away = self._folder.with_name(f"{self._folder.name}-away")
        self._lock: sqlite3.Connection | None = None

    @property
    def path(self) -> Path:
        """The database's file."""
        return self._folder / "peer.db"

    def start(self) -> Self:
        return self

    def stop(self) -> None:
        self.heal()

    def ping(self) -> str:
        try:
            self.query("SELECT 1")
        except sqlite3.Error as exc:
            raise ConnectionFailed(f"{self} does not answer: {exc}. Fix: .heal()") from exc
        return "ok"

    def pointed(self, definition: Any) -> dict[str, Any]:
        told = {"engine": "sqlite", "database": str(self.path), "extra": {}}
        return told | {"host": "", "port": None, "username": None}

    def stand_in(self, definition: Any) -> Any:
        return definition.replace(password=None, **self.pointed(definition))

    def _fill_from(self, other: Self) -> None:
        if other._folder.is_dir() and other.path.exists():
            with other._looked_into() as source, closing(sqlite3.connect(self.path)) as target:
                source.backup(target)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=5.0)) as connection, connection:
            connection.row_factory = sqlite3.Row
            yield connection

    def execute(self, script: str) -> Self:
        """Prepare it: several statements, as `CREATE TABLE ...; INSERT ...`."""
        with self._opened() as connection:
            connection.executescript(script)
        return self

    def query(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """The rows of one statement."""
        with self._opened() as connection:
            return [dict(row) for row in connection.execute(statement, values)]

    @property
    def tables(self) -> dict[str, int]:
        """How many rows each table has."""
        if not self.path.exists():
            return {}
        with self._looked_into() as connection:
            found = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1"
            )
            quoted = {name: name.replace('"', '""') for (name,) in found}
            counted = {name: connection.execute(f'SELECT count(*) FROM "{safe}"') for name, safe in quoted.items()}
            return {name: count for name, each in counted.items() for (count,) in each}

    @contextmanager
    def _looked_into(self) -> Iterator[sqlite3.Connection]:
        """A connection that only looks: while the database is locked, the one that locks it."""
        if (lock := self._lock) is not None:
            yield lock
        else:
            with self._opened() as connection:
                yield connection

    def rows(self) -> list[dict[str, Any]]:
        return [{"table": name, "rows": count} for name, count in self.tables.items()]

    def summary(self) -> str:
        tables = self.tables
        lines = [f"{name}: {count:,} row{'' if count == 1 else 's'}" for name, count in tables.items()]
        count_ = f"{len(tables) or 'no'} table{'' if len(tables) == 1 else 's'}"
        return "\n".join([f"{self}: {count_}{'.' if tables else ''}", *lines])

    def _obey(self) -> None:
        faults = self._trouble.faults
        if faults.refuse and self._folder.exists():
            self._folder.rename(self._away)
        elif not faults.refuse and self._away.exists():
            self._away.rename(self._folder)
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()
        if getattr(faults, "locked", False):
            self._lock = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            self._lock.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._lock.execute("BEGIN EXCLUSIVE")
