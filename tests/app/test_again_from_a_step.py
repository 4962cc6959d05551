"""A call is run again from one of its steps: what comes before is answered from the record, or the run stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.app.again import called, deployed, everything
from workbench import RESTChannel, Service, Workbench
from workbench.app.serving.again import Repeated
from workbench.connections.folder import LocalFolder
from workbench.connections.smtp.message import SMTPMessage
from workbench.connections.soap.errors import SOAPFault
from workbench.core.errors import ConnectionFailed, NotFound, ServiceUsage
from workbench.core.masking import learn
from workbench.core.payload.asked import NotInRecord
from workbench.core.trace import Step, Trace
from workbench.runtime.replay import RecordDiffers

SENTINEL = "the step that is real"
ORDER = {"id": 7, "total": Decimal("12.50"), "lines": [{"sku": "a", "count": 2}]}


@pytest.fixture
def wb(tmp_path: Path) -> Iterator[Workbench]:
    with everything(tmp_path) as wb:
        yield wb


def real(self: Any) -> None:
    """The step from which the second run is real."""
    self.kvdb.conn.rpush("real", SENTINEL)


def rest(self: Any) -> Any:
    answer = self.out.rest["Data"].conn.post(self.cid, {"n": 1}, {"path": "rates"})
    return answer.status_code, answer.data, dict(answer.headers)["Content-Type"], answer.text


def files_of(way: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def work(self: Any) -> Any:
        conn = way(self)
        conn.write("a.txt", b"contents", overwrite=True)
        listed = [each.name for each in conn.list("")]
        found = (conn.exists("a.txt"), conn.stat("a.txt").size, conn.read("a.txt"), listed)
        conn.delete("a.txt")
        return found

    return work


def smtp(self: Any) -> Any:
    message = SMTPMessage(to="you@example.com", subject="s", body="b")
    message.attach("a.txt", b"contents")
    return self.email.smtp["Out"].conn.send(message)


def imap(self: Any) -> Any:
    found = []
    for uid, mail in self.email.imap["In"].conn.get():
        found.append((uid, mail.subject, mail.from_, mail.text, mail.attachments))
        mail.mark_seen()
    return found


def mail() -> bytes:
    """A mail with an attached file."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "you@example.com", "me@example.com", "an order"
    made.set_content("two, please")
    made.add_attachment(b"contents", maintype="text", subtype="plain", filename="a.txt")
    return made.as_bytes()


def sql(self: Any) -> Any:
    conn = self.out.sql["Shop"]
    conn.execute("create table if not exists t (n int, d date)")
    conn.execute("insert into t values (:n, '2026-01-02')", {"n": 5})
    return str(conn.execute("select n, d from t limit 1"))


def sms(self: Any) -> Any:
    return self.out.sms.twilio["SMS"].conn.send("hello", to="+48123456789").status


def soap(self: Any) -> Any:
    client = self.out.soap["CRM"].conn.client
    order = client.service.GetOrder(id=7)
    return order, order.lines[0].sku, client.service["Echo"]("hello")


def soap_fault(self: Any) -> Any:
    try:
        self.out.soap["CRM"].conn.client.service.Refuse(id=7)
    except SOAPFault as exc:
        return str(exc), exc.code, exc.text
    return None


async def soap_async(self: Any) -> Any:
    client = self.out.soap["CRM"].conn.aio.client
    return (await client.service.GetOrder(id=7)).id, await client.service.Echo(text="hello")


def zeromq(self: Any) -> Any:
    sent = self.out.zmq["Push"].send({"id": 7})
    return sent, self.out.zmq["Queue"].conn.send("7"), self.out.zmq["Queue"].conn.send(["7", b"all"])


def redis(self: Any) -> Any:
    conn = self.kvdb.conn
    conn.set("k", "v")
    with conn.pipeline() as pipeline:
        answers = pipeline.set("a", 1).get("a").execute()
    return conn.get("k"), answers, sorted(conn.scan_iter("k*"))


def invoke(self: Any) -> Any:
    return self.invoke("api.other", {"n": 1}), len(self.invoke_async("api.other", {"n": 2}))


def refused(self: Any) -> Any:
    try:
        self.out.ftp["FTP"].read("not-there.txt")
    except ConnectionFailed as exc:
        return type(exc).__name__, str(exc)
    return None


async def rest_async(self: Any) -> Any:
    conn = self.out.rest["Data"].conn.aio
    both = await asyncio.gather(conn.get(self.cid, {"path": "a"}), conn.get(self.cid, {"path": "b"}))
    short = await self.rest["Data"].aio.get({"path": "c"})
    return [each.status_code for each in (*both, short)]


async def ftp_async(self: Any) -> Any:
    conn = self.out.ftp["FTP"].aio
    await conn.write("b.txt", "text", overwrite=True)
    return await conn.read("b.txt")


async def invoke_async(self: Any) -> Any:
    return await self.invoke.aio("api.other", {"n": 1})


KINDS: dict[str, Callable[[Any], Any]] = {
    "REST": rest,
    "FTP": files_of(lambda self: self.out.ftp["FTP"]),
    "SFTP": files_of(lambda self: self.out.sftp["SFTP"].conn),
    "S3": files_of(lambda self: self.cloud.s3["S3"].conn),
    "Dropbox": files_of(lambda self: self.cloud.dropbox["Dropbox"].conn),
    "folder": files_of(lambda self: self.out.folder["Here"]),
    "SMTP": smtp,
    "IMAP": imap,
    "SQL": sql,
    "SMS": sms,
    "SOAP": soap,
    "SOAP fault": soap_fault,
    "ZeroMQ": zeromq,
    "Redis": redis,
    "invoke": invoke,
    "an error": refused,
    "REST, async": rest_async,
    "SOAP, async": soap_async,
    "FTP, async": ftp_async,
    "invoke, async": invoke_async,
}


@pytest.fixture
def other(wb: Workbench) -> list[Any]:
    """A service that others invoke, and what it was given."""
    given: list[Any] = []

    class Other(Service):
        name = "api.other"

        def handle(self) -> Any:
            given.append(self.request.payload)
            return {"doubled": self.request.payload["n"] * 2}

    wb.deploy(Other)
    return given


@pytest.mark.parametrize("kind", KINDS)
def test_what_every_kind_answered_is_answered_from_the_record(wb: Workbench, other: list[Any], kind: str) -> None:
    work, seen = KINDS[kind], []
    wb.peers["In"].put(mail())
    wb.peers["Queue"].reply("sent", times=1)
    wb.peers["CRM"].reply("GetOrder", ORDER, takes={"id": 7})
    wb.peers["CRM"].reply("Refuse", fault="not today", code="Client", takes={"id": 7})
    wb.peers["Data"].reply("/rates", json={"EUR": 4.25})

    def sync_work(self: Any) -> str:
        seen.append(work(self))
        real(self)
        return "done"

    async def async_work(self: Any) -> str:
        seen.append(await work(self))
        await asyncio.to_thread(real, self)
        return "done"

    deployed(wb, async_work if asyncio.iscoroutinefunction(work) else sync_work)
    before = called(wb)
    since = [step for step in before.steps("redis") if step.describe().startswith("Redis RPUSH")][-1]
    counts = {name: _count(wb, name) for name in ("FTP", "Out", "SMS", "CRM", "Queue")}
    asked = len(other)
    again = before.again(since=since)
    assert again.error is None, again
    assert seen[1] == seen[0]
    assert again.not_run
    assert wb.kvdb.conn.lrange("real", 0, -1) == [SENTINEL, SENTINEL], "the step itself is real"
    # Nobody was asked anything but what is real.
    real_steps = [step for _, step in again.trace.root.tree() if step.kind not in ("http", "service", "record")]
    assert [step.describe() for step in real_steps] == ["Redis RPUSH real"]
    assert {name: _count(wb, name) for name in counts} == counts
    assert len(other) == asked
    assert "from the record" in repr(again.trace)
    assert "Not run" in repr(again)
    # What was answered from the record is in the record of the new call, too.
    since = [step for step in again.trace.steps("redis") if step.describe().startswith("Redis RPUSH")][-1]
    assert again.trace.again(since=since).error is None
    assert seen[2] == seen[0]


def _count(wb: Workbench, name: str) -> int:
    there = ("messages", "files", "calls")
    return next((len(found) for each in there if (found := getattr(wb.peers[name], each, ()))), 0)


def test_it_begins_anywhere_and_what_is_before_is_not_run(wb: Workbench) -> None:
    def work(self: Any) -> list[int]:
        return [self.kvdb.conn.incr("n") for _ in range(5)]

    deployed(wb, work)
    before = called(wb)
    for begins, step in enumerate(before.steps("redis")):
        last = int(wb.kvdb.conn.get("n"))
        told = before.again(since=step)
        now = [*range(1, begins + 1), *range(last + 1, last + 6 - begins)]
        assert told.answer.json() == now
        assert len(told.not_run) == begins


def test_it_begins_within_a_service_that_another_one_has_invoked(wb: Workbench) -> None:
    class Inner(Service):
        name = "api.inner"

        def handle(self) -> Any:
            return [self.kvdb.conn.incr("a"), self.kvdb.conn.incr("b")]

    wb.deploy(Inner)
    deployed(
        wb, lambda self: [self.kvdb.conn.incr("first"), *self.invoke("api.inner", "x"), self.kvdb.conn.incr("last")]
    )
    before = called(wb)
    since = before.steps("redis")[2]
    assert since.describe() == "Redis INCRBY b"
    again = before.again(since=since)
    assert again.answer.json() == [1, 1, 2, 2]
    assert again.not_run == ["Redis incr", "Redis incr"]
    whole = before.again(since=before.steps("service")[1])
    assert whole.answer.json() == [1, 2, 3, 3], "the inner service runs whole"


def test_the_first_difference_stops_the_run_and_is_named(wb: Workbench) -> None:
    def work(self: Any) -> str:
        conn = self.kvdb.conn
        try:
            conn.set("k", self.request.text)
        except RecordDiffers:
            conn.set("swallowed", "yes")
        conn.rpush("after", "x")
        return "done"

    deployed(wb, work)
    before = called(wb)
    again = before.again(since=before.steps("redis")[1], data="other")
    assert isinstance(again.error, RecordDiffers)
    assert (again.error.recorded, again.error.asked) == ("Redis set('k', 'hello')", "Redis set('k', 'other')")
    assert again.error.place == 1
    assert again.answer.status == 500
    assert wb.kvdb.conn.get("swallowed") is None, "a service cannot go on past it"
    assert wb.kvdb.conn.llen("after") == 1


@pytest.mark.parametrize(
    ("other_work", "words"),
    [
        (lambda self: (self.kvdb.conn.get("b"), self.kvdb.conn.get("a")), "asked for Redis get('b')"),
        (lambda self: (self.kvdb.conn.ttl("a"), self.kvdb.conn.get("b")), "asked for Redis ttl('a')"),
        (lambda self: self.out.folder["Here"].list(""), "asked for Here list('')"),
        (lambda self: None, "ended without it"),
    ],
    ids=["another order", "another operation", "another connection", "nothing"],
)
def test_a_version_that_asks_otherwise_is_stopped(wb: Workbench, other_work: Callable[[Any], Any], words: str) -> None:
    deployed(wb, lambda self: str((self.kvdb.conn.get("a"), self.kvdb.conn.get("b"), real(self))))
    before = called(wb)
    deployed(wb, lambda self: str((other_work(self), real(self)) if words != "ended without it" else None))
    again = before.again(since=before.steps("redis")[2])
    assert isinstance(again.error, RecordDiffers)
    assert words in str(again.error)
    assert wb.kvdb.conn.llen("real") == 1
    assert before.again(since=before.steps("redis")[2], version=1).error is None


def test_what_could_not_be_kept_says_so_before_anything_runs(tmp_path: Path) -> None:
    ran: list[str] = []
    with Workbench(port=0, folder=tmp_path, record_bytes=5000) as wb:
        wb.define(LocalFolder("Here", path="/nowhere"))
        wb.sandbox()
        learn("a-secret-value")

        def work(self: Any) -> str:
            ran.append("ran")
            kind = self.request.text
            conn = self.out.folder["Here"]
            if kind == "large":
                conn.write("large", "x" * 6000, overwrite=True)
                conn.read("large")
            elif kind == "secret":
                conn.write("secret", "it is a-secret-value", overwrite=True)
                conn.read("secret")
            elif kind == "stream":
                with conn.open("stream", "wb", overwrite=True) as stream:
                    stream.write(b"1")
            elif kind == "past":
                wb.kvdb.conn.get("past")
            real(self)
            return "done"

        deployed(wb, work)
        for kind, why in (
            ("large", "is over 5,000 bytes, too large to be kept"),
            ("secret", "holds the value of a secret"),
            ("stream", "is a Upload, which cannot be kept"),
            ("past", "was not asked through what the service holds"),
        ):
            before = called(wb, data=kind)
            ran.clear()
            with pytest.raises(NotInRecord, match=why):
                before.again(since=before.steps("redis")[-1])
            assert not ran
            assert before.again().error is None


def test_what_was_sent_must_be_known_to_be_compared(wb: Workbench) -> None:
    sent = [[0] * 20_000, [1] * 20_000]

    def work(self: Any) -> str:
        self.kvdb.conn.rpush("many", *sent.pop())
        real(self)
        return "done"

    deployed(wb, work)
    before = called(wb)
    with pytest.raises(NotInRecord, match=r"What was sent by Redis rpush is over 262,144 bytes, too large to be kept"):
        before.again(since=before.steps("redis")[1])
    assert len(sent) == 1, "it did not run"


def test_steps_are_those_of_the_call_and_of_what_a_service_asked(wb: Workbench) -> None:
    deployed(wb, lambda self: str(self.log.info("a line")))
    before = called(wb)
    with pytest.raises(ServiceUsage, match=r"has no step 99\. Fix: take one of 0 to"):
        before.again(since=99)
    with pytest.raises(NotInRecord, match="nothing can begin there"):
        before.again(since=before.steps("log")[0])
    other = called(wb)
    with pytest.raises(ServiceUsage, match="no step of call"):
        before.again(since=other.steps("log")[0])
    assert before.again(since=0).error is None, "from its beginning"
    assert before.again(since=1).error is None


def test_answers_that_are_let_go_of_leave_their_calls_in_the_list(tmp_path: Path) -> None:
    with Workbench(port=0, folder=tmp_path, trace_bytes=400_000) as wb:
        deployed(wb, lambda self: str(len(self.kvdb.conn.get("big") or "") and real(self)))
        wb.kvdb.conn.set("big", "x" * 40_000)
        traces = [called(wb) for _ in range(20)]
        assert list(wb.traffic) == traces, "the calls stay"
        assert wb.traffic.let_go > 0
        with pytest.raises(NotInRecord, match="was let go of"):
            traces[0].again(since=traces[0].steps("redis")[1])
        assert traces[-1].again(since=traces[-1].steps("redis")[1]).error is None


def test_a_call_without_a_workbench_says_where_to_take_one() -> None:
    with pytest.raises(Exception, match=r"Fix: take it from wb\.traffic"):
        Trace("c1", 0.0, Step("http", "GET /")).again()


def test_a_refused_request_comes_again_as_it_was(wb: Workbench) -> None:
    class Gone(Service):
        name = "api.gone"

        def handle(self) -> None:
            raise NotFound("No such thing")

    wb.deploy(Gone)
    wb.define(RESTChannel("api.gone", path="/gone"))
    answer = wb.call("DELETE /gone?id=5")
    assert answer.trace is not None
    again: Repeated = answer.trace.again()
    assert again.answer.status == 404
    assert again.compared.first == ""
