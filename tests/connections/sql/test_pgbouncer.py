"""PostgreSQL behind PgBouncer in transaction mode, as it is installed and as it is often set up."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tests.postgresql_server import PASSWORD
from workbench.connections.common.errors import AccessRefused
from workbench.connections.definition import Opening
from workbench.connections.sql.definition import SQLConnection
from workbench.connections.sql.live import LiveSQL
from workbench.core.clock import SystemClock
from workbench.core.errors import ConnectionFailed, InvalidDefinition

OPENING = Opening(lambda secret, owner: PASSWORD, SystemClock())


@pytest.fixture(params=["pgbouncer", "lenient_pgbouncer"])
def definition(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.fixture
def conn(definition: SQLConnection) -> Iterator[LiveSQL]:
    with closing(definition.open(OPENING)) as live:
        yield live


def test_statements_that_come_again_on_any_server_are_not_prepared(conn: LiveSQL) -> None:
    def added(number: int) -> bool:
        return bool(conn.execute("SELECT CAST(:n AS integer) + 1 AS x", {"n": number}) == [{"x": number + 1}])

    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(added, range(120)))


@pytest.mark.parametrize("threshold", ["0", "1", "none", ""])
def test_whatever_is_said_of_preparing_nothing_is_prepared(definition: SQLConnection, threshold: str) -> None:
    with closing(definition.replace(extra={"prepare_threshold": threshold}).open(OPENING)) as conn:
        assert [conn.execute("SELECT 1 AS x") for _ in range(20)] == [[{"x": 1}]] * 20


def test_statements_end_in_time_and_nobody_else_is_bounded(definition: SQLConnection) -> None:
    with closing(definition.replace(timeout_seconds=0.5).open(OPENING)) as conn:
        assert conn.execute("SHOW statement_timeout") == [{"statement_timeout": "500ms"}]
        with pytest.raises(ConnectionFailed, match="statement timeout"):
            conn.execute("SELECT pg_sleep(3600)")
        with conn.session() as session, pytest.raises(OperationalError, match="statement timeout"):
            session.execute(text("SELECT pg_sleep(3600)"))
    address: dict[str, Any] = {"host": definition.host, "port": definition.port, "dbname": "postgres"}
    with psycopg.connect(user="tester", password=PASSWORD, autocommit=True, **address) as another:
        shown = {another.execute("SHOW statement_timeout", prepare=False).fetchone() for _ in range(8)}
    assert shown == {("0",)}


def test_a_setting_that_the_pooler_refuses_is_told_as_that(pgbouncer: SQLConnection) -> None:
    with (
        closing(pgbouncer.replace(extra={"options": "-c search_path=elsewhere"}).open(OPENING)) as conn,
        pytest.raises(ConnectionFailed, match="unsupported startup parameter.* Fix: leave it out of extra") as refused,
    ):
        conn.ping()
    assert "check that it is up" not in str(refused.value)


def test_a_wrong_password_is_told_as_that(definition: SQLConnection) -> None:
    wrong = definition.open(Opening(lambda secret, owner: "wrong-0815-secret", SystemClock()))
    with closing(wrong), pytest.raises(AccessRefused, match="Fix: set PG_PASSWORD to the right value of user 'tester'"):
        wrong.ping()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"database": "nope"}, 'database "nope" does not exist. Fix: correct what it names'),
        (
            {"extra": {"options": "-c nope=1"}},
            'unrecognized configuration parameter "nope". Fix: correct what it names',
        ),
    ],
)
def test_a_server_that_answers_is_not_said_to_be_down(postgres: SQLConnection, changes: Any, said: str) -> None:
    with closing(postgres.replace(**changes).open(OPENING)) as conn, pytest.raises(ConnectionFailed, match=said):
        conn.ping()


def test_too_many_connections_are_told_with_what_helps(postgres: SQLConnection) -> None:
    with closing(postgres.open(OPENING)) as conn:
        conn.execute("CREATE ROLE narrow LOGIN CONNECTION LIMIT 0 PASSWORD 'kept-4711-secret'")
        with (
            closing(postgres.replace(username="narrow").open(OPENING)) as narrow,
            pytest.raises(ConnectionFailed, match=r"too many connections .* Fix: lower pool_size, or allow more"),
        ):
            narrow.ping()
        conn.execute("DROP ROLE narrow")


def test_a_threshold_that_is_none_of_both_is_refused() -> None:
    with pytest.raises(InvalidDefinition, match="a prepare_threshold that is neither a number nor 'none'"):
        SQLConnection("s", engine="postgresql", host="h", database="d", extra={"prepare_threshold": "never"})
