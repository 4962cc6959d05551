"""SQL databases by SQLAlchemy: sessions from a pool, each statement a step in the trace."""

from __future__ import annotations

import os
import re
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.connections.common.colours import expect_no_loop
from workbench.connections.common.trying import Due, late
from workbench.connections.definition import Live, Opening
from workbench.connections.sql import postgresql
from workbench.connections.sql.definition import POSTGRESQL, SQLConnection
from workbench.connections.sql.errors import failure
from workbench.core.current import CURRENT, begin
from workbench.core.errors import MissingDependency, ServiceUsage

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine
    from sqlalchemy.orm import Session

DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "oracle": "oracle+oracledb"}
PACKAGES = {"psycopg": "psycopg[binary]", "pymysql": "pymysql", "oracledb": "oracledb", "pyodbc": "pyodbc"}
PINGS = {"oracle": "SELECT 1 FROM dual"}
SHOWN = 60
STEPS = ("do_ping", "do_execute", "do_executemany", "do_execute_no_params", "do_commit", "do_rollback")
"""What SQLAlchemy's dialects do with a connection, each a round trip or more."""
T = TypeVar("T")


class OfThread(threading.local):
    """The call that this thread makes."""

    due: Due | None = None


class LiveSQL(Live):
    """`self.out.sql["name"]`: sessions, or single statements; safe to use from many threads at once."""

    def __init__(self, definition: SQLConnection, opening: Opening) -> None:
        self.definition: SQLConnection = definition
        self._password = opening.reveal(definition.password, definition)
        self._engine: Engine | None = None
        self._folder: Path | None = None
        self._lock = RLock()
        self._of_thread = OfThread()

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, made at first use.

        Raises:
            MissingDependency: SQLAlchemy, or the driver of this engine, is not installed.
        """
        with self._lock:
            if self._engine is None:
                self._engine = self._new()
            return self._engine

    @property
    def pool(self) -> LiveSQL:
        """Where Zato has `engine` and `ping`: here."""
        return self

    def _new(self) -> Engine:
        try:
            import sqlalchemy
            from sqlalchemy import event
        except ImportError as exc:
            raise MissingDependency("SQL", "sqlalchemy", extra="sql") from exc
        definition = self.definition
        try:
            engine = sqlalchemy.create_engine(
                self._url(),
                pool_size=definition.pool_size,
                max_overflow=0,
                pool_timeout=definition.timeout_seconds,
                pool_pre_ping=True,
                connect_args=self._connect_args(),
            )
        except ImportError as exc:
            package = PACKAGES.get(exc.name or "", exc.name or "a driver")
            extra = "sql" if package.startswith("psycopg") else None
            raise MissingDependency(f"SQL engine {definition.engine!r}", package, extra=extra) from exc
        except sqlalchemy.exc.ArgumentError as exc:
            raise ServiceUsage(f"{definition} cannot be opened: {exc}. Fix: correct its fields.") from exc
        for step in STEPS:
            setattr(engine.dialect, step, self._cut_in_time(getattr(engine.dialect, step)))
        event.listen(engine, "do_connect", self._connected)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
        if definition.engine in POSTGRESQL:
            event.listen(engine, "begin", self._begun)
        event.listen(engine, "before_cursor_execute", self._before)
        event.listen(engine, "after_cursor_execute", _after)
        event.listen(engine, "handle_error", _failed)
        return engine

    def _url(self) -> URL:
        from sqlalchemy import URL

        definition = self.definition
        if definition.engine.startswith("sqlite"):
            return URL.create(definition.engine, database=definition.database or str(self._temporary()))
        return URL.create(
            DRIVERS.get(definition.engine, definition.engine),
            definition.username,
            self._password,
            definition.host,
            definition.port,
            definition.database,
        )

    def _temporary(self) -> Path:
        # SQLite's own :memory: is another database for each thread.
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="workbench-sql-"))
        return self._folder / "temporary.db"

    def _connect_args(self) -> dict[str, Any]:
        definition = self.definition
        seconds = definition.timeout_seconds
        engine = definition.engine
        if engine.startswith("sqlite"):
            return {"timeout": seconds, **definition.extra}
        if engine in POSTGRESQL:
            return postgresql.connect_args(seconds, definition.extra)
        if engine in ("mysql", "mysql+pymysql"):
            return {"connect_timeout": seconds, "read_timeout": seconds, "write_timeout": seconds, **definition.extra}
        return dict(definition.extra)

    def session(self, **more: Any) -> Session:
        """SQLAlchemy's session; close it: `with conn.session() as session: ... session.commit()`.

        Its statements may be plain text: `session.execute("SELECT ... WHERE id = :id", {"id": 1})`.
        """
        engine = self.engine
        from workbench.connections.sql.session import PlainSession

        return PlainSession(engine, **more)

    def execute(
        self, statement: str, params: Mapping[str, Any] | list[Mapping[str, Any]] | None = None
    ) -> list[dict[str, Any]]:
        """One statement in a transaction of its own; its rows, if it gives any.

        Args:
            statement: SQL whose values are named, as `:id`; never build them into the text.
            params: The values by name; a list of them executes it for each.

        Raises:
            ConnectionFailed: The database refused it, or cannot be reached.
        """
        return self._told(lambda: self._executed(statement, params))

    def _executed(
        self, statement: str, params: Mapping[str, Any] | list[Mapping[str, Any]] | None
    ) -> list[dict[str, Any]]:
        from sqlalchemy import text

        with self.engine.begin() as connection:
            result = connection.execute(text(statement), params)
            rows = [dict(row) for row in result.mappings()] if result.returns_rows else []
            if rows and (step := getattr(result.context, "workbench_step", None)) is not None:
                step.answered(rows)
            return rows

    def _told(self, work: Callable[[], T]) -> T:
        # First, since its own errors say what is missing.
        self.engine  # noqa: B018
        from sqlalchemy.exc import SQLAlchemyError

        self._of_thread.due = due = Due(self.definition.deadline_seconds)
        try:
            return work()
        except SQLAlchemyError as exc:
            if due.over:
                raise late(self.definition, due) from exc
            raise failure(self.definition, exc) from exc
        finally:
            self._of_thread.due = None

    def _cut_in_time(self, step: Callable[..., T]) -> Callable[..., T]:
        """A step of the dialect that is cut when its call's time is over, or its own, in a session of a service."""

        def bounded(target: Any, *args: Any, **kwargs: Any) -> T:
            due = self._of_thread.due or Due(self.definition.deadline_seconds)
            with due.cutting(partial(_cut, _driver_of(target))):
                return step(target, *args, **kwargs)

        return bounded

    def _connected(self, dialect: Any, record: Any, args: Any, options: dict[str, Any]) -> Any:
        self._expect_no_loop()
        due = self._of_thread.due or Due(self.definition.deadline_seconds)
        if dialect.name == "sqlite":
            return dialect.connect(*args, **options)
        if dialect.driver == "pymysql":
            connection = dialect.connect(*args, **options, defer_connect=True)
            with due.cutting(partial(_cut, connection)):
                connection.connect()
            return connection
        connect = partial(dialect.connect, *args, **options)
        if self.definition.engine not in POSTGRESQL:
            return self._waited_for(connect, due)
        return self._waited_for(partial(postgresql.connected, connect, self.definition.extra), due)

    def _waited_for(self, connect: Callable[[], Any], due: Due) -> Any:
        """What another thread connects: most drivers show no socket before they are connected."""
        made: Future[Any] = Future()

        def connecting() -> None:
            try:
                connection = connect()
            except BaseException as exc:
                if made.set_running_or_notify_cancel():
                    made.set_exception(exc)
                return
            if made.set_running_or_notify_cancel():
                made.set_result(connection)
            else:
                connection.close()

        threading.Thread(target=connecting, name="workbench-sql-connecting", daemon=True).start()
        try:
            return made.result(due.left(self.definition.deadline_seconds))
        except TimeoutError:
            if made.cancel():
                raise late(self.definition, due) from None
            return made.result()

    def _begun(self, conn: Any) -> None:
        postgresql.begun(conn, self.definition.timeout_seconds)

    def _expect_no_loop(self) -> None:
        expect_no_loop(self.definition, "await conn.aio.execute(...), or await asyncio.to_thread(...)")

    def ping(self, cid: str = "") -> str:
        """Ask the database for nothing but an answer."""
        statement = PINGS.get(self.engine.dialect.name, "SELECT 1")
        self._told(lambda: self._executed(statement, None))
        return f"{self.engine.dialect.name} answers"

    def _before(self, conn: Any, cursor: Any, statement: str, params: Any, context: Any, executemany: bool) -> None:
        if CURRENT.get() is None or statement.startswith(postgresql.OWN):
            return
        self._expect_no_loop()
        said = re.sub(r"\s+", " ", statement).strip()
        shown = f"{said[:SHOWN]}{'...' if said[SHOWN:] else ''}"
        name, asked = self.definition.name, {"statement": statement, **({"params": params} if params else {})}
        operation = said.partition(" ")[0].upper()
        context.workbench_step = begin("sql", f"SQL {name} {shown}", asked, connection=name, operation=operation)

    def close(self) -> None:
        """Close pooled connections; a temporary database is gone."""
        with self._lock:
            engine, self._engine = self._engine, None
            folder, self._folder = self._folder, None
        if engine is not None:
            engine.dispose()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _driver_of(target: Any) -> Any:
    """The driver's connection behind what a step of a dialect is asked of: a cursor, or a connection of the pool."""
    if (connection := getattr(target, "driver_connection", None)) is not None:
        return connection
    return getattr(target, "connection", target)


def _cut(connection: Any) -> None:
    """End what a connection of a driver waits for, from any thread."""
    if (interrupt := getattr(connection, "interrupt", None)) is not None:
        # SQLite's, which waits for no socket.
        interrupt()
        return
    raw = getattr(connection, "_sock", None) or getattr(connection, "_usock", None)
    if raw is not None:
        socket.socket.shutdown(raw, socket.SHUT_RDWR)
    elif (fileno := getattr(connection, "fileno", None)) is not None:
        with socket.socket(fileno=os.dup(fileno())) as again:
            again.shutdown(socket.SHUT_RDWR)


def _prepare_sqlite(connection: Any, record: Any) -> None:
    # Readers and a writer do not wait for each other, and foreign keys mean something.
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _after(conn: Any, cursor: Any, statement: str, params: Any, context: Any, executemany: bool) -> None:
    if (step := getattr(context, "workbench_step", None)) is not None:
        count = -1 if cursor.description else cursor.rowcount
        step.end("ok" if count < 0 else f"{count:,} row{'' if count == 1 else 's'}")


def _failed(failure: Any) -> None:
    step = getattr(failure.execution_context, "workbench_step", None)
    if step is not None:
        step.fail(failure.original_exception)
