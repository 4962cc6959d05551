"""`wb.expect` holds or says what is there instead; it waits where it is told to, and never otherwise."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest

from workbench import BasicAuth, FTPConnection, IntervalJob, RESTChannel, RESTConnection, SMTPConnection, secret
from workbench.app.asking.expecting import ExpectationFailed
from workbench.app.workbench import Workbench
from workbench.connections.smtp.message import SMTPMessage
from workbench.core.clock import VirtualClock
from workbench.core.errors import ServiceUsage
from workbench.core.service import Service


@dataclass
class Totals:
    """What the service answers."""

    total: int


class Sample(Service):
    """Answers, logs, mails, and fails if told to."""

    name = "sample"

    def handle(self) -> dict[str, int]:
        self.logger.info("asked with %s", self.request.text)
        if self.request.text == "fail":
            raise RuntimeError("as told")
        return {"total": 12}


@pytest.fixture
def sampled(wb: Workbench) -> Workbench:
    """A workbench with a service, behind a channel."""
    wb.deploy(Sample)
    wb.define(RESTChannel("sample", path="/sample", service="sample"))
    wb.sandbox()
    return wb


def test_an_answer_is_as_expected_or_shown(sampled: Workbench) -> None:
    answer = sampled.call("POST /sample", data="x")
    sampled.expect(answer, status=200, json={"total": 12}, text="12", schema=Totals)
    sampled.expect(answer).answers(headers={"Content-Type": "application/json"})
    with pytest.raises(
        ExpectationFailed, match=r"expected status 201, got 200; expected the JSON \{'total': 13\}"
    ) as told:
        sampled.expect(answer, status=201, json={"total": 13})
    assert "200, application/json" in str(told.value)
    assert "sample ok" in str(told.value)
    with pytest.raises(AssertionError, match="expected header X-None: 1, got None"):
        sampled.expect(answer, headers={"X-None": "1"})


def test_an_expectation_that_ends_a_cell_says_that_it_held(sampled: Workbench) -> None:
    answer = sampled.call("POST /sample", data="x")
    assert repr(sampled.expect(answer, status=200)) == "As expected."
    assert repr(sampled.expect(sampled.log)) == "Nothing is expected yet."
    assert repr(sampled.expect(answer).eventually()) == "Nothing is expected yet."


def test_a_schema_is_a_type_or_a_json_schema(sampled: Workbench) -> None:
    answer = sampled.call("POST /sample")
    wanted = {"type": "object", "properties": {"total": {"type": "integer", "maximum": 10}}, "required": ["count"]}
    with pytest.raises(ExpectationFailed, match="12 is greater than the maximum of 10") as told:
        sampled.expect(answer, schema=wanted)
    assert "'count' is a required property" in str(told.value)
    with pytest.raises(ExpectationFailed, match="expected JSON of list"):
        sampled.expect(answer, schema=list)


def test_a_peer_of_files_has_and_lacks_them(sampled: Workbench) -> None:
    sampled.define(FTPConnection("Files", host="ftp.example.com", username="me", password=secret("FTP_PASSWORD")))
    peer = sampled.peers["Files"]
    peer.put("in/a.txt", b"Hello")
    sampled.expect(peer).has("/in/a.txt", b"Hello").has("in/a.txt", "Hello").lacks("in/b.txt")
    with pytest.raises(ExpectationFailed, match=r"has no file 'in/b.txt'\. It has: 'in/a.txt'"):
        sampled.expect(peer).has("in/b.txt")
    with pytest.raises(ExpectationFailed, match=r"with b'Hello', and b'Hallo' was expected"):
        sampled.expect(peer).has("in/a.txt", b"Hallo")
    with pytest.raises(ExpectationFailed, match="has 'in/a.txt', and should not"):
        sampled.expect(peer).lacks("in/a.txt")


def test_a_peer_has_mails_and_requests_by_their_fields(sampled: Workbench) -> None:
    sampled.define(
        SMTPConnection("Mail", host="smtp.example.com"), RESTConnection("Rates", host="https://rates.example.com")
    )
    mail = SMTPMessage(from_="a@example.com", to="b@example.com", subject="New data", body="...")
    sampled.connections["Mail"].conn.send(mail)
    sampled.expect(sampled.peers["Mail"]).has(subject="New data", to=["b@example.com"])
    with pytest.raises(ExpectationFailed, match="has nothing with subject='Old'. It has: New data -> b@example.com"):
        sampled.expect(sampled.peers["Mail"]).has(subject="Old")
    sampled.peers["Rates"].reply("/", text="1.08")
    sampled.connections["Rates"].conn.get("")
    sampled.expect(sampled.peers["Rates"]).has(method="GET", path="/").has("/")
    with pytest.raises(ExpectationFailed, match="has nothing with path='/x'"):
        sampled.expect(sampled.peers["Rates"]).has("/x")
    with pytest.raises(ServiceUsage, match="keeps no files. Fix:"):
        sampled.expect(sampled.peers["Rates"]).lacks("/x")


def test_a_job_has_fired_so_often_and_how(sampled: Workbench) -> None:
    sampled.define(IntervalJob("hourly", service="sample", hours=1, timezone="UTC"))
    job = sampled.jobs["hourly"]
    job.execute()
    job.execute("fail")
    sampled.expect(job).fired(1).fired(1, outcome="failed")
    with pytest.raises(ExpectationFailed, match="'hourly' has 1 runs that are ok, and 3 were expected"):
        sampled.expect(job).fired(3)


def test_a_limit_has_refused_so_many(sampled: Workbench, still: VirtualClock) -> None:
    sampled.define(RESTChannel("rare", path="/rare", service="sample", limit="2/h"))
    assert [sampled.call("GET /rare").status for _ in range(3)] == [200, 200, 429]
    sampled.expect(sampled.limits["channel rare"]).refused(1)
    with pytest.raises(
        ExpectationFailed, match="has refused 1 calls, and 2 were expected. Its lines: . = 2/h: 2 of 2 used"
    ):
        sampled.expect(sampled.limits["channel rare"]).refused(2)


def test_the_log_has_lines_of_a_call(sampled: Workbench) -> None:
    one, other = sampled.call("POST /sample", data="one"), sampled.call("POST /sample", data="other")
    sampled.expect(sampled.log).has("asked with one", cid=one.cid, level="INFO", service="sample")
    with pytest.raises(ExpectationFailed, match="has 'with one'. There is: sample INFO asked with other"):
        sampled.expect(sampled.log).has("with one", cid=other.cid)


def test_a_connection_pings(sampled: Workbench) -> None:
    sampled.define(SMTPConnection("Mail", host="smtp.example.com"))
    sampled.expect(sampled.connections["Mail"]).pings()
    with (
        sampled.peers["Mail"].fail(refuse=True),
        pytest.raises(ExpectationFailed, match="SMTP 'Mail' does not answer: "),
    ):
        sampled.expect(sampled.connections["Mail"]).pings()


def test_eventually_waits_until_it_is_so(sampled: Workbench) -> None:
    calls, goes_on = [], threading.Event()
    sampled.define(FTPConnection("Files", host="ftp.example.com", username="me", password=secret("FTP_PASSWORD")))
    peer = sampled.peers["Files"]

    def write() -> None:
        goes_on.wait(30)
        peer.put("a.txt", b"Hello")

    writer = threading.Thread(target=write)
    writer.start()
    with pytest.raises(ExpectationFailed, match=r"^FTP server 'Files' has no file 'a.txt'"):
        sampled.expect(peer).has("a.txt")
    goes_on.set()
    sampled.expect(peer).eventually(within_seconds=30).has("a.txt", b"Hello")
    writer.join(30)

    def ask() -> object:
        calls.append(1)
        return sampled.call("POST /sample" if len(calls) > 2 else "GET /nope")

    sampled.expect(ask).eventually(within_seconds=30).answers(status=200)
    assert len(calls) == 3


def test_eventually_waits_for_who_does_not_answer_yet(sampled: Workbench) -> None:
    asked: list[int] = []

    def ask() -> object:
        asked.append(1)
        if len(asked) < 3:
            raise ConnectionRefusedError("not yet")
        return sampled.call("POST /sample")

    sampled.expect(ask).eventually(within_seconds=30).answers(status=200)
    assert len(asked) == 3
    asked.clear()
    with pytest.raises(ConnectionRefusedError, match="not yet"):
        sampled.expect(ask).answers(status=200)

    def never() -> object:
        raise ConnectionRefusedError("never")

    with pytest.raises(ExpectationFailed, match=r"^Within 0\.05 s: no answer came: ConnectionRefusedError: never"):
        sampled.expect(never).eventually(within_seconds=0.05).answers(status=200)


def test_eventually_gives_up_in_its_time_and_says_what_there_was(sampled: Workbench) -> None:
    with pytest.raises(ExpectationFailed, match=r"^Within 0.05 s: No line has 'never'. There is: nothing."):
        sampled.expect(sampled.log).eventually(within_seconds=0.05).has("never")
    with pytest.raises(ServiceUsage, match="Fix: give a time above 0"):
        sampled.expect(sampled.log).eventually(within_seconds=0)


def test_what_nothing_can_be_expected_of_is_said(sampled: Workbench) -> None:
    with pytest.raises(ServiceUsage, match="wb.expect takes an answer.* not 5. Fix:"):
        sampled.expect(5)
    with pytest.raises(ServiceUsage, match="status can be expected of an answer alone. Fix: leave it out"):
        sampled.expect(sampled.log, status=200)


def test_a_secret_is_in_no_failure(sampled: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_PASSWORD", "c0rrect-horse")
    sampled.sandbox(False)
    sampled.define(BasicAuth("me", password=secret("MY_PASSWORD")))
    sampled.call("POST /sample", data="c0rrect-horse", user="me")
    with pytest.raises(ExpectationFailed) as told:
        sampled.expect(sampled.log).has("c0rrect-horse is not here")
    assert "c0rrect-horse" not in str(told.value)
