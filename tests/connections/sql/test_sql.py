"""SQL connections, on the SQLite peer, on PostgreSQL, and on PostgreSQL behind PgBouncer."""

from __future__ import annotations

import asyncio
import tempfile
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.connections.suites.examples import EXAMPLES, played
from tests.postgresql_server import PASSWORD
from workbench.connections.definition import Opening
from workbench.connections.sql.definition import SQLConnection
from workbench.connections.sql.live import LiveSQL
from workbench.core.call import Call
from workbench.core.clock import SystemClock
from workbench.core.errors import ConnectionFailed, InvalidDefinition, MissingDependency, ServiceUsage
from workbench.sandbox.sql_database import SQLDatabase

OPENING = Opening(lambda secret, owner: PASSWORD, SystemClock())


@pytest.fixture(params=["sqlite", "postgres", "pgbouncer"])
def conn(request: pytest.FixtureRequest) -> Iterator[LiveSQL]:
    if request.param == "sqlite":
        with played(EXAMPLES["sql"]) as (live, _):
            yield live.item("sql", "My SQL").conn
        return
    definition: SQLConnection = request.getfixturevalue(request.param)
    live = definition.open(OPENING)
    yield live
    live.execute("DROP SCHEMA public CASCADE")
    live.execute("CREATE SCHEMA public")
    live.close()


class Base(DeclarativeBase):
    pass


class Rate(Base):
    __tablename__ = "rates"
    currency: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[float]


def test_a_session_takes_plain_text(conn: LiveSQL) -> None:
    with closing(conn.session()) as session:
        session.execute("CREATE TABLE plain (id INTEGER, name TEXT)")
        session.execute("INSERT INTO plain VALUES (:id, :name)", [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}])
        assert session.execute(text("SELECT count(*) FROM plain")).scalar_one() == 2
        (row,) = session.execute("SELECT id, name FROM plain WHERE id = :id", {"id": 2}).fetchall()
        assert (row.id, row[1], row._mapping["name"]) == (2, "b", "b")
        assert session.scalar("SELECT max(id) FROM plain") == 2
        assert session.scalars("SELECT name FROM plain ORDER BY id").all() == ["a", "b"]
        with pytest.raises(DBAPIError):
            session.execute("SELEKT 1")
        session.rollback()


def test_sessions_with_the_orm(conn: LiveSQL) -> None:
    Base.metadata.create_all(conn.engine)
    with conn.session() as session:
        session.add_all([Rate(currency="EUR", value=1.08), Rate(currency="PLN", value=0.25)])
        session.commit()
    with closing(conn.session()) as session:
        assert [each.currency for each in session.query(Rate).order_by(Rate.value)] == ["PLN", "EUR"]
        session.add(Rate(currency="EUR", value=2))
        with pytest.raises(IntegrityError):
            session.commit()


def test_single_statements_give_their_rows(conn: LiveSQL) -> None:
    assert conn.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL)") == []
    conn.execute(
        "INSERT INTO t VALUES (:id, :name)", [{"id": 1, "name": "'); DROP TABLE t; --"}, {"id": 2, "name": "żółw"}]
    )
    rows = conn.execute("SELECT * FROM t ORDER BY id")
    assert rows == [{"id": 1, "name": "'); DROP TABLE t; --"}, {"id": 2, "name": "żółw"}]
    assert conn.execute("SELECT name FROM t WHERE id = :id", {"id": 2}) == [{"name": "żółw"}]
    with pytest.raises(ConnectionFailed, match=r"SQL 'My SQL'.* failed: .*(nope|syntax)"):
        conn.execute("SELECT * FROM nope")
    with pytest.raises(ConnectionFailed):
        conn.execute("INSERT INTO t VALUES (1, 'again')")


def test_a_transaction_that_fails_leaves_nothing(conn: LiveSQL) -> None:
    conn.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")

    class Mistake(Exception):
        pass

    def half() -> None:
        with conn.session() as session:
            session.execute(text("INSERT INTO t VALUES (1)"))
            raise Mistake

    with pytest.raises(Mistake):
        half()
    assert conn.execute("SELECT count(*) AS n FROM t") == [{"n": 0}]


def test_each_statement_is_one_step_without_its_values(conn: LiveSQL, call: Call) -> None:
    conn.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
    conn.execute("INSERT INTO t VALUES (:id)", {"id": 123456})
    conn.execute("SELECT id FROM t WHERE\n    id = :id", {"id": 123456})
    with pytest.raises(ConnectionFailed):
        conn.execute("SELECT nothing FROM t")
    said = [step.describe() for step in call.step.steps]
    assert [each.rpartition(" ")[2] for each in said[:3]] == ["ok", "row", "ok"]
    assert said[1].startswith("SQL My SQL INSERT INTO t VALUES (")
    assert said[3].startswith("SQL My SQL SELECT nothing FROM t failed: ")
    assert "123456" not in repr(said)
    assert {step.kind for step in call.step.steps} == {"sql"}


def test_many_threads_share_a_pool(conn: LiveSQL) -> None:
    conn.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")

    def insert(number: int) -> None:
        conn.execute("INSERT INTO t VALUES (:id)", {"id": number})

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(insert, range(60)))
    assert conn.execute("SELECT count(*) AS n FROM t") == [{"n": 60}]


def test_ping_and_zatos_names(conn: LiveSQL) -> None:
    name = conn.engine.dialect.name
    assert conn.ping() == conn.pool.ping() == f"{name} answers"
    assert conn.pool.engine is conn.engine


def test_async_services_await_single_statements(conn: LiveSQL, call: Call) -> None:
    call.on_loop = True

    async def handle() -> list[dict[str, object]]:
        with pytest.raises(ServiceUsage, match=r"Fix: await conn.aio.execute"):
            conn.execute("SELECT 1")
        return await conn.aio.execute("SELECT 1 AS one")

    assert asyncio.run(handle()) == [{"one": 1}]


def test_a_temporary_database_is_one_for_all_threads_and_gone_when_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    live = SQLConnection("t").open(OPENING)
    live.execute("CREATE TABLE t (id INTEGER)")
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(live.execute, "SELECT * FROM t").result() == []
    assert list(tmp_path.iterdir())
    live.close()
    assert not list(tmp_path.iterdir())
    with pytest.raises(ConnectionFailed):
        live.execute("SELECT * FROM t")
    live.close()


def test_the_peer_stands_in_for_any_engine_and_shows_its_tables() -> None:
    with played(EXAMPLES["sql"]) as (live, sandbox):
        peer = sandbox["My SQL"]
        assert isinstance(peer, SQLDatabase)
        assert repr(peer) == "SQLite database 'My SQL': no tables"
        peer.execute("CREATE TABLE rates (currency TEXT, value REAL); INSERT INTO rates VALUES ('EUR', 1.08)")
        conn = live.item("sql", "My SQL").conn
        conn.execute("INSERT INTO rates VALUES ('PLN', 0.25)")
        assert peer.query("SELECT * FROM rates WHERE currency = ?", "PLN") == [{"currency": "PLN", "value": 0.25}]
        assert repr(peer) == "SQLite database 'My SQL': 1 table.\nrates: 2 rows"
        assert peer.rows() == [{"table": "rates", "rows": 2}]
        assert peer.ping() == "ok"


def test_the_peers_troubles_are_sqlites_own() -> None:
    with played(EXAMPLES["sql"].replace(timeout_seconds=0.3)) as (live, sandbox), ThreadPoolExecutor(1) as threads:
        peer = sandbox["My SQL"]
        peer.execute("CREATE TABLE t (id INTEGER)")
        conn = live.item("sql", "My SQL").conn
        with closing(sandbox.stand_in(EXAMPLES["sql"]).replace(timeout_seconds=600).open(OPENING)) as patient:
            with peer.fail(locked=True):
                waiting = threads.submit(patient.execute, "INSERT INTO t VALUES (0)")
                with pytest.raises(ConnectionFailed, match="database is locked"):
                    conn.execute("INSERT INTO t VALUES (1)")
                assert not waiting.done(), "who allows more time still waits"
            waiting.result(50)
        assert peer.rows() == [{"table": "t", "rows": 1}]
        conn.close()
        with peer.fail(refuse=True), pytest.raises(ConnectionFailed, match="unable to open database file"):
            conn.ping()
        conn.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(InvalidDefinition, match="is a fault of a network"):
            peer.fail(delay_seconds=1)


def test_a_server_that_is_not_there_is_said() -> None:
    nowhere = SQLConnection("s", engine="postgresql", host="127.0.0.1", port=9, database="d", username="u")
    with pytest.raises(ConnectionFailed, match=r"SQL 's' at 127.0.0.1 failed: .*refused.*[.?] Fix: check"):
        nowhere.open(OPENING).ping()


def test_a_wrong_password_is_said_and_not_told(postgres: SQLConnection) -> None:
    live = postgres.open(Opening(lambda secret, owner: "wrong-0815-secret", SystemClock()))
    with pytest.raises(
        ConnectionFailed, match=r"SQL 'My SQL' at /.* failed: .*password authentication failed"
    ) as failed:
        live.ping()
    assert "Fix: set PG_PASSWORD to the right value of user 'tester'" in str(failed.value)
    said = "".join(traceback.format_exception(failed.value))
    assert "0815" not in said
    assert "4711" not in said


def test_a_statement_that_takes_too_long_is_ended(postgres: SQLConnection) -> None:
    with closing(postgres.replace(timeout_seconds=0.5).open(OPENING)) as live:
        assert live.execute("SHOW statement_timeout") == [{"statement_timeout": "500ms"}]
        with pytest.raises(ConnectionFailed, match="statement timeout"):
            live.execute("SELECT pg_sleep(3600)")


def test_a_missing_driver_is_named() -> None:
    other = SQLConnection("s", engine="mysql", host="h", database="d")
    with pytest.raises(MissingDependency, match="SQL engine 'mysql' needs the package 'pymysql'"):
        other.open(OPENING).ping()


def test_a_definition_lists_all_that_is_wrong_with_it() -> None:
    with pytest.raises(InvalidDefinition) as refused:
        SQLConnection("s", engine="Postgres!", pool_size=0)
    assert set(refused.value.problems) == {"engine", "pool_size"}
    with pytest.raises(InvalidDefinition) as refused:
        SQLConnection("s", engine="postgresql")
    assert set(refused.value.problems) == {"database", "host"}
    with pytest.raises(InvalidDefinition, match="means nothing to SQLite"):
        SQLConnection("s", host="localhost")
