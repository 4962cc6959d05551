"""What PostgreSQL has, as a service gives it on: as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.postgresql_server import PASSWORD
from workbench.connections.definition import Opening
from workbench.connections.sql.definition import SQLConnection
from workbench.connections.sql.live import LiveSQL
from workbench.core.clock import SystemClock
from workbench.core.errors import ConnectionFailed
from workbench.core.payload.response import encode_json


@pytest.fixture
def conn(postgres: SQLConnection) -> Iterator[LiveSQL]:
    with closing(postgres.open(Opening(lambda secret, owner: PASSWORD, SystemClock()))) as live:
        yield live


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("CAST('1.10' AS numeric)", '"1.10"'),
        ("CAST('NaN' AS float8)", "null"),
        ("CAST('2026-11-28 12:00+00' AS timestamptz)", '"2026-11-28T12:00:00Z"'),
        ("CAST('1 day 2 hours' AS interval)", '"P1DT7200S"'),
        ("CAST('\\x00ff' AS bytea)", '"AP8="'),
        ("CAST('10.0.0.1' AS inet)", '"10.0.0.1"'),
        ("CAST('10.0.0.1/8' AS inet)", '"10.0.0.1/8"'),
        ("CAST('10.0.0.0/8' AS cidr)", '"10.0.0.0/8"'),
        ("CAST('2001:db8::1' AS inet)", '"2001:db8::1"'),
        ("CAST('08:00:2b:01:02:03' AS macaddr)", '"08:00:2b:01:02:03"'),
        ("int4range(1, 5)", '"[1,5)"'),
        ("int4range(1, 1)", '"empty"'),
        ("daterange('2026-01-01', NULL)", '"[2026-01-01,)"'),
        ("int4multirange(int4range(1, 3), int4range(5, 7))", '["[1,3)","[5,7)"]'),
        ("ARRAY[CAST('10.0.0.1' AS inet)]", '["10.0.0.1"]'),
        ("ARRAY[[1, 2], [3, 4]]", "[[1,2],[3,4]]"),
        ("jsonb_build_object('a', ARRAY[1, NULL])", '{"a":[1,null]}'),
        ("CAST('(1,2)' AS point)", '"(1,2)"'),
        ("CAST('<a/>' AS xml)", '"<a/>"'),
        ("ROW(1, 'x')", '["1","x"]'),
    ],
)
def test_a_value_goes_on_as_json(conn: LiveSQL, expression: str, said: str) -> None:
    assert encode_json(conn.execute(f"SELECT {expression} AS x")).decode() == f'[{{"x":{said}}}]'


@pytest.mark.parametrize(
    "expression", ["CAST('infinity' AS date)", "CAST('0044-03-15 BC' AS date)", "CAST('24:00' AS time)"]
)
def test_a_value_that_python_has_not_is_told_as_that(conn: LiveSQL, expression: str) -> None:
    with pytest.raises(ConnectionFailed, match=r"Python has no such value. Fix: have it as text, by CAST"):
        conn.execute(f"SELECT {expression} AS x")
    assert conn.execute(f"SELECT CAST({expression} AS text) AS x")
