"""Every kind of connection goes through one tap: what it asked and was answered is in the trace, bounded and masked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.connections.suites.cases import CASES, Case
from tests.connections.suites.examples import FILES, opened, played
from workbench.connections.kvdb.live import Kvdb
from workbench.core.call import Call
from workbench.core.errors import ConnectionFailed
from workbench.core.masking import learn
from workbench.core.trace import KEPT_CHARACTERS, Outgoing

CANARY = "cAnArY/4711+hidden"
ANSWERS = {"rest", "soap", "zmq", "smtp", "imap", "twilio"}
"""Kinds whose case gets an answer of its own; that of the others says only that it was done."""


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def records(call: Call) -> list[Outgoing]:
    return [step for step in call.step.steps if isinstance(step, Outgoing)]


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_a_call_leaves_a_record_of_what_was_asked_and_answered(case: Case, call: Call) -> None:
    with played(case.definition) as (live, sandbox):
        case.prepare(sandbox[case.definition.name])
        case.use(live.live(case.definition.name))
    records_of = records(call)
    assert records_of
    record = records_of[-1]
    kind = "sms" if case.kind == "twilio" else case.kind
    assert (record.kind, record.connection, record.mood) == (kind, case.definition.name, "ok")
    assert record.operation
    assert record.arguments
    assert all(value.is_whole and value.text for value in record.arguments.values())
    assert record.seconds is not None
    if case.kind in ANSWERS - {"imap"}:
        assert record.answer is not None


@pytest.mark.parametrize(
    "case", [name for name, case in CASES.items() if case.at is not None and case.kind != "sql"], indirect=True
)
def test_a_call_that_fails_leaves_what_was_asked_and_the_error(case: Case, call: Call) -> None:
    with played(case.definition.replace(**case.once)) as (live, sandbox):
        case.prepare(peer := sandbox[case.definition.name])
        conn = live.live(case.definition.name)
        with peer.fail(refuse=True), pytest.raises(ConnectionFailed):
            case.use(conn)
    record = records(call)[-1]
    assert record.arguments
    assert (record.answer, record.mood == "ok") == (None, False)
    assert record.error is not None


@pytest.mark.parametrize("kind", FILES)
def test_files_that_go_out_and_come_back_are_kept_up_to_the_bound_and_without_secrets(kind: str, call: Call) -> None:
    learn(CANARY)
    contents = f"{'x' * (KEPT_CHARACTERS - 9)}{CANARY}{'y' * 3_000_000}".encode()
    with opened(kind) as (conn, _):
        conn.write("a.txt", contents)
        assert conn.read("a.txt") == contents
        conn.list()
    put, get, listed = records(call)
    for value in (put.arguments["contents"], get.answer):
        assert value is not None
        assert not value.is_whole
        assert len(value.text) <= KEPT_CHARACTERS
        assert CANARY[:6] not in value.text
    assert (put.operation, get.operation, get.arguments["path"].text) == ("put", "get", "a.txt")
    assert listed.answer is not None
    assert "a.txt" in listed.answer.text


def test_what_a_rest_call_sends_and_gets_is_kept_with_its_secret_masked(call: Call) -> None:
    learn(CANARY)
    with opened("rest", path="/{what}") as (conn, peer):
        peer.reply("/rates", json={"EUR": 1.1, "key": CANARY})
        conn.post("cid", {"wanted": ["EUR"], "token": CANARY}, {"what": "rates", "q": CANARY})
    (record,) = records(call)
    assert record.operation == "POST"
    assert (record.arguments["path"].text, record.arguments["query"].text) == ("/rates", "q=***")
    assert record.arguments["body"].text == '{"wanted":["EUR"],"token":"***"}'
    assert record.answer is not None
    assert '"EUR"' in record.answer.text
    assert CANARY not in repr([*record.arguments.values(), record.answer])


def test_of_plain_credentials_in_a_rest_call_the_names_are_kept(call: Call) -> None:
    with opened("rest", path="/rates") as (conn, peer):
        peer.reply("/rates", json={})
        conn.get("cid", {"api_key": "plain-key", "q": "EUR"}, headers={"Authorization": "Bearer plain", "X-A": "b"})
    (record,) = records(call)
    assert record.arguments["query"].text == "api_key=***&q=EUR"
    assert record.arguments["headers"].text == '{"Authorization": "***", "X-A": "b"}'


def test_of_plain_credentials_in_the_query_of_a_path_the_names_are_kept(call: Call) -> None:
    with opened("rest", path="/rates?api_key={of}&q=EUR") as (conn, peer):
        peer.reply("/rates", json={})
        conn.get("cid", {"of": "plain-key"})
        conn.open("/rates?q=EUR&token=plain-key").close()
    shown = ["/rates?api_key=***&q=EUR", "/rates?q=EUR&token=***"]
    assert [record.arguments["path"].text for record in records(call)] == shown
    assert [record.name.rpartition(" ")[2] for record in records(call)] == shown


def test_rows_of_a_database_are_kept_beside_the_statement_and_its_values(call: Call) -> None:
    with opened("sql") as (conn, peer):
        peer.execute("CREATE TABLE names (id INTEGER, name TEXT)")
        conn.execute("INSERT INTO names VALUES (:id, :name)", [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bo"}])
        conn.execute("SELECT name FROM names WHERE id > :least", {"least": 0})
    insert, select = records(call)
    assert "Bo" in insert.arguments["params"].text
    assert (select.operation, "id > " in select.arguments["statement"].text) == ("SELECT", True)
    assert select.answer is not None
    assert select.answer.text == '[{"name": "Ada"}, {"name": "Bo"}]'


def test_commands_of_redis_are_kept_and_none_that_carries_a_password(call: Call) -> None:
    redis = Kvdb(None, {"PATH": "/nonexistent"})
    try:
        redis.conn.set("key", "value")
        assert redis.conn.get("key") == "value"
        with redis.conn.pipeline() as pipeline:
            pipeline.set("other", "o").get("other")
            assert pipeline.execute() == [True, "o"]
        redis.conn.config_get("requirepass")
    finally:
        redis.close()
    put, get, several, config = records(call)
    assert (put.connection, put.operation, put.arguments["arguments"].text) == ("Redis", "SET", '["key", "value"]')
    assert (get.answer and get.answer.text, several.answer and several.answer.text) == ("value", '[true, "o"]')
    assert '["SET", "other", "o"]' in several.arguments["arguments"].text
    assert (config.arguments, config.answer) == ({}, None)


def test_what_is_kept_counts_among_the_bytes_of_all_traces(call: Call) -> None:
    grown: list[int] = []
    traffic: Any = call.surroundings.traffic
    traffic.grow = grown.append
    with opened("folder") as (conn, _):
        conn.write("a.txt", b"x" * 100)
        conn.read("a.txt")
    assert sum(grown) == sum(record.size for record in records(call)) == 100 + 100 + 2 * len("a.txt")


def test_what_a_service_asks_of_botos_client_itself_is_kept_too_and_a_file_method_is_one_step(call: Call) -> None:
    learn(CANARY)
    with opened("s3") as (conn, _):
        conn.client.put_object(Bucket="my-bucket", Key="a.txt", Body=CANARY.encode())
        assert conn.client.get_object(Bucket="my-bucket", Key="a.txt")["Body"].read() == CANARY.encode()
        with pytest.raises(conn.client.exceptions.NoSuchKey):
            conn.client.get_object(Bucket="my-bucket", Key="b.txt")
        conn.write("c.txt", b"c")
    put, get, missing, written = records(call)
    assert (put.operation, put.describe(), put.mood) == ("PutObject", "S3 My S3 PutObject 200", "ok")
    assert (put.arguments["Key"].text, put.arguments["Body"].text) == ("a.txt", "***")
    assert get.answer is not None
    assert "ETag" in get.answer.text
    assert (missing.outcome, missing.mood, written.operation) == ("404", "attention", "put")
