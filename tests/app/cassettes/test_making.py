"""Any recorded call becomes a test: proved by three replays at once, and written only if it is green."""

from __future__ import annotations

import asyncio
import random
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.app.again import called, deployed
from tests.app.cassettes.conftest import Ran
from tests.app.test_again_from_a_step import KINDS, ORDER, mail
from workbench import IntervalJob, RESTChannel, Service, Workbench, secret
from workbench.app.asking.expecting import ExpectationFailed
from workbench.app.cassettes.errors import NotATest, StaleCassette
from workbench.core.errors import ServiceUsage
from workbench.core.masking import learn
from workbench.security.definitions import BasicAuth

BY_RECORD = {"SQL", "invoke", "an error"}
"""Cases where an answer is one that no peer knows, or nobody but the record is asked."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_asks_any_kind_is_a_green_test_that_asks_nobody(wb: Workbench, run: Ran, kind: str) -> None:
    class Other(Service):
        name = "api.other"

        def handle(self) -> Any:
            return {"doubled": self.request.payload["n"] * 2}

    wb.deploy(Other)
    wb.peers["In"].put(mail())
    wb.peers["Queue"].reply("sent", times=1)
    wb.peers["CRM"].reply("GetOrder", ORDER, takes={"id": 7})
    wb.peers["CRM"].reply("Refuse", fault="not today", code="Client", takes={"id": 7})
    wb.peers["Data"].reply("/rates", json={"EUR": 4.25})
    work = KINDS[kind]
    shown = lambda found: repr(found).replace("IMAPMessage", "")  # noqa: E731

    async def later(self: Any) -> str:
        return shown(await work(self))

    deployed(wb, later if asyncio.iscoroutinefunction(work) else lambda self: shown(work(self)))
    trace = called(wb)
    before, calls = journals(wb), list(wb.traffic)
    made = trace.make_test()
    assert list(wb.traffic) == calls, "replays are nobody's calls"
    assert "record" not in made.by.values() or kind in BY_RECORD, made.by
    run(made.code)
    run(made.code)
    assert journals(wb) == before, "a peer of the notebook was asked"
    wb.deploy(type("Works", (Service,), {"name": "api.works", "handle": lambda self: "other", "__module__": "a"}))
    with pytest.raises((ExpectationFailed, StaleCassette)):
        run(made.code)


def journals(wb: Workbench) -> dict[str, int]:
    """How much has arrived at each peer of the notebook, and is in its Redis."""
    found = {name: len(getattr(peer, "asked", ()) or getattr(peer, "messages", ())) for name, peer in wb.peers.items()}
    found |= {
        "Data": len(wb.peers["Data"].requests),
        "CRM": len(wb.peers["CRM"].calls),
        "Redis": len(wb.kvdb.conn.keys("*")),
    }
    return found


def test_what_differs_in_each_run_is_named_and_anything_in_the_test(wb: Workbench, run: Ran) -> None:
    def work(self: Any) -> Any:
        return {"total": 12, "rows": [{"id": uuid.uuid4().hex, "n": 1}], "at": str(self.time.utcnow()), "cid": self.cid}

    deployed(wb, work)
    made = called(wb).make_test()
    assert (made.verdict, made.noise) == ("noise", ["rows[0].id", "at", "cid"])
    assert "'rows': [{'id': ..., 'n': 1}]" in made.code
    assert "# Not compared, since it differs in each run: rows[0].id, at, cid." in made.code
    run(made.code)
    deployed(wb, lambda self: {"total": 13, "rows": [{"id": "x", "n": 1}], "at": "now", "cid": self.cid})
    with pytest.raises(ExpectationFailed, match="it differs at total"):
        run(made.code)


@pytest.mark.parametrize("end", ["\n", "\r", "\u2028", "\f"])
def test_a_key_that_ends_a_line_puts_no_code_into_the_cell(wb: Workbench, run: Ran, end: str) -> None:
    key = f"{end}raise AssertionError('code of whoever has sent the key')#"
    deployed(wb, lambda self: {key: self.cid})
    made = called(wb).make_test()
    assert made.noise == [key]
    run(made.code)


def test_a_day_that_a_service_tells_is_noise_though_all_replays_are_at_once(wb: Workbench, run: Ran) -> None:
    deployed(wb, lambda self: {"day": self.time.today(), "n": 1})
    made = called(wb).make_test()
    assert made.noise == ["day"]
    run(made.code)


def test_what_is_sent_otherwise_each_time_is_noise_too(wb: Workbench, run: Ran) -> None:
    wb.peers["FTP"].make_folder("out")

    def work(self: Any) -> Any:
        self.out.ftp["FTP"].write(f"out/{uuid.uuid4().hex}.txt", "a")
        self.rest["Data"].post({"id": random.random(), "n": 1}, {"path": "rates"})
        return "done"

    deployed(wb, work)
    made = called(wb).make_test()
    assert [each.partition(" at ")[0] for each in made.noise] == ["FTP write", "Data post"]
    run(made.code)


def test_what_is_not_as_recorded_is_a_regression_and_nothing_is_written(wb: Workbench, tmp_path: Path) -> None:
    deployed(wb, lambda self: {"n": 1, "m": 2})
    trace = called(wb)
    deployed(wb, lambda self: {"n": 1, "m": 3})
    with pytest.raises(NotATest, match=r"would be no green test: answer at m: recorded 2, replayed 3") as refused:
        trace.make_test()
    assert refused.value.differences
    assert not (tmp_path / "cassettes").exists()
    deployed(wb, lambda self: self.kvdb.conn.get("new") or {"n": 1, "m": 2})
    with pytest.raises(NotATest, match=r"the service asks now for Redis get\('new'\)"):
        trace.make_test()


def test_a_failed_test_keeps_the_cassette_that_was_there(wb: Workbench, run: Ran) -> None:
    deployed(wb, lambda self: {"n": 1})
    made = called(wb).make_test("mine")
    contents, trace = made.path.read_bytes(), called(wb)
    deployed(wb, lambda self: {"n": 2})
    with pytest.raises(NotATest):
        trace.make_test("mine")
    assert made.path.read_bytes() == contents
    again = called(wb).make_test("mine")
    assert again.path == made.path
    run(again.code)


def test_a_call_that_failed_is_a_test_of_its_error(wb: Workbench, run: Ran) -> None:
    def work(self: Any) -> Any:
        raise ValueError(f"no such order: {self.request.payload}")

    deployed(wb, work)
    with pytest.raises(ValueError, match="no such order"):
        wb.invoke("api.works", 7)
    made = wb.traffic[-1].make_test()
    assert (
        "with wb.cassette('api-works', raises='ValueError: no such order: 7'):\n    wb.invoke('api.works', 7)"
        in made.code
    )
    run(made.code)
    deployed(wb, lambda self: "fine")
    with pytest.raises(ExpectationFailed, match="and there was none"):
        run(made.code)
    deployed(wb, lambda self: 1 / 0)
    with pytest.raises(ExpectationFailed, match="got 'ZeroDivisionError"):
        run(made.code)


def test_a_request_that_was_refused_is_a_test_of_its_status(wb: Workbench, run: Ran) -> None:
    deployed(wb, work=lambda self: 1 / 0)
    assert wb.call("GET /api.works").status == 500
    made = wb.traffic[-1].make_test()
    assert "status=500" in made.code
    run(made.code)


def test_a_request_is_made_as_its_user_and_with_the_headers_that_its_caller_meant(wb: Workbench, run: Ran) -> None:
    wb.define(BasicAuth("my.user", username="ada", password=secret("ADA")))
    deployed(wb, lambda self: [self.channel.security.username, self.request.http.headers.get("X-Shop")])
    wb.define(RESTChannel("secured", service="api.works", path="/secured", security="my.user"))
    asked = {"X-Shop": "Lodz", "User-Agent": "curl/8", "Accept": "*/*", "Cookie": "a=b", "Sec-Fetch-Mode": "cors"}
    answer = wb.call("GET /secured?a=1", user="my.user", headers=asked)
    made = answer.trace.make_test()
    assert "wb.call('GET /secured?a=1', user='my.user', headers={'X-Shop': 'Lodz'})" in made.code
    run(made.code)


def test_a_run_of_a_job_is_a_test_of_the_job(wb: Workbench, run: Ran) -> None:
    deployed(wb, lambda self: f"{self.request.payload['n']} {self.kvdb.conn.incr('runs')}")
    wb.define(IntervalJob("nightly", service="api.works", hours=24, extra={"n": 5}, active=False))
    wb.kvdb.conn.set("runs", 41)
    assert wb.jobs["nightly"].execute().outcome == "ok"
    made = wb.traffic[-1].make_test()
    assert "run = wb.jobs['nightly'].execute()\n" in made.code
    run(made.code)
    assert wb.kvdb.conn.get("runs") == "42", "the run of the test has its own Redis"
    deployed(wb, lambda self: 1 / 0)
    with pytest.raises((AssertionError, StaleCassette)):
        run(made.code)


@pytest.mark.parametrize("source", ["FTP", "SFTP", "Here", "Data"])
def test_a_transfer_is_a_test_between_peers(wb: Workbench, run: Ran, source: str) -> None:
    if source == "Data":
        wb.peers["Data"].reply("/in/a.csv", data=b"a,b")
    else:
        wb.peers[source].put("in/a.csv", "a,b")
        wb.peers[source].put("in/b.txt", "left")
    place = f"{source}:/in/a.csv" if source == "Data" else f"{source}:in"
    how = {} if source == "Data" else {"pattern": "*.csv"}
    deployed(wb, lambda self: wb.transfer(place, "Dropbox:box", **how).copied)
    made = called(wb).make_test()
    assert made.by == {source: "peer", "Dropbox": "peer"}
    assert "json=['a.csv']" in made.code
    before = journals(wb)
    run(made.code)
    assert journals(wb) == before
    deployed(wb, lambda self: wb.transfer(place, "Dropbox:other", **how).copied)
    with pytest.raises(StaleCassette, match=f"the service asks now for {source} transfer"):
        run(made.code)


@pytest.mark.parametrize("name", ["FTP", "SFTP", "Here"])
def test_a_peer_has_a_folder_that_was_only_said_to_be_there(wb: Workbench, run: Ran, name: str) -> None:
    wb.peers[name].put("in/deep/a.txt", "hello")

    def work(self: Any) -> Any:
        files = self.out.files[name]
        return [files.exists("in"), files.exists("in/deep"), [each.name for each in files.list("in/deep")]]

    deployed(wb, work)
    made = called(wb).make_test()
    assert made.by == {name: "peer"}
    run(made.code)


def test_the_record_answers_where_a_peer_cannot_be_given_what_it_tells(wb: Workbench, run: Ran) -> None:
    wb.peers["Data"].reply("/rates", json={"EUR": 4.25})
    sent: Any = "so deep that it is not kept what was sent"
    for _ in range(200):
        sent = [sent]
    deployed(wb, lambda self: self.rest["Data"].post(sent, {"path": "rates"}).data)
    made = called(wb).make_test()
    assert made.by == {"Data": "record"}
    run(made.code)


def test_a_long_answer_and_bytes_are_files_named_by_their_hash(wb: Workbench, run: Ran, tmp_path: Path) -> None:
    contents = bytes(range(256)) * 40
    wb.peers["FTP"].put("a.bin", contents)
    deployed(wb, lambda self: {"size": len(self.out.ftp["FTP"].read("a.bin")), "rows": list(range(5000))})
    made = called(wb).make_test()
    assert "json=cassette.answer" in made.code
    bodies = list((tmp_path / "cassettes" / "bodies").iterdir())
    assert [each.read_bytes() for each in bodies] == [contents]
    run(made.code)
    deployed(wb, lambda self: {"size": len(self.out.ftp["FTP"].read("a.bin")), "rows": list(range(5001))})
    with pytest.raises(ExpectationFailed, match=r"it differs at rows\[5000\]"):
        run(made.code)


def test_what_cannot_be_a_test_says_why(wb: Workbench) -> None:
    deployed(wb, lambda self: "done")
    learn("the-secret-of-a-call")
    for data, why in (("the-secret-of-a-call", "the value of a secret"), ("x" * 9000, "more than 8,192 characters")):
        with pytest.raises(NotATest, match=why):
            called(wb, data=data).make_test()
    with pytest.raises(ServiceUsage, match="cannot be called '../out'"):
        called(wb).make_test("../out")
    deployed(wb, lambda self: wb.connections["FTP"].conn.write("a.txt", "b", overwrite=True).size)
    with pytest.raises(NotATest, match="was not asked through what the service holds"):
        called(wb).make_test()
    deployed(wb, lambda self: self.kvdb.conn.get("x"))
    trace = called(wb)
    trace.root.steps[-1].asked[0].let_go()
    with pytest.raises(NotATest, match="was let go of"):
        trace.make_test()
