"""Each row about what behaves otherwise is held to the code: what it says is what happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import pytest
from cryptography.fernet import Fernet

from tests.serving import until
from tests.serving import wb as wb
from tests.zato.does import Does
from workbench import (
    BasicAuth,
    CronJob,
    IntervalJob,
    Limit,
    RESTChannel,
    Service,
    SFTPConnection,
    SQLConnection,
    Workbench,
    secret,
)
from workbench.connections.files.live import LiveFiles
from workbench.core.errors import BadRequest, Conflict, ServiceUnavailable, ServiceUsage
from workbench.core.payload.differences import DIFFERENCES
from workbench.core.payload.elements import Date, DateTime, Secret
from workbench.zato.common.marshal_.api import Model
from workbench.zato.server.service import RESTAdapter

PROOFS: dict[str, Callable[[Workbench], None]] = {}
OTHERWISE = [row.name for row in DIFFERENCES if not row.lacks]


def proves(name: str) -> Callable[[Callable[[Workbench], None]], Callable[[Workbench], None]]:
    """Say that a function shows what the row of this name says."""

    def kept(proof: Callable[[Workbench], None]) -> Callable[[Workbench], None]:
        PROOFS[name] = proof
        return proof

    return kept


def told_by(wb: Workbench, ask: Callable[[Any], Any]) -> Any:
    wb.deploy(Does)
    return wb.invoke("does", ask)


def refused(wb: Workbench, ask: Callable[[Any], Any]) -> None:
    with pytest.raises(ServiceUsage, match="Fix: "):
        told_by(wb, ask)


def live(wb: Workbench, handle: Callable[[Any], Any], sio: type | None = None, **fields: Any) -> None:
    """A service `lives` that does this, and its channel."""
    body: dict[str, Any] = {"name": "lives", "handle": lambda self: handle(self)}
    wb.deploy(type("Lives", (Service,), body | ({"SimpleIO": sio} if sio else {})))
    wb.define(RESTChannel("lives", **fields))


def sio(**said: Any) -> type:
    return type("SimpleIO", (), said)


def fails(*args: Any) -> Any:
    raise ValueError("a secret of ours")


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_a_row_says_is_so(wb: Workbench, name: str) -> None:
    PROOFS[name](wb)


def test_no_proof_is_of_a_row_that_is_gone() -> None:
    assert sorted(PROOFS) == sorted(OTHERWISE)


@proves("SimpleIO.response_elem")
def _(wb: Workbench) -> None:
    live(wb, lambda self: {"a": 1}, sio(output_optional="a"))
    assert wb.call("GET /lives").json() == {"a": "1"}
    live(wb, lambda self: {"a": 1}, sio(output_optional="a", response_elem="response"))
    assert wb.call("GET /lives").json() == {"response": {"a": "1"}}


@proves("SimpleIO.output_optional")
def _(wb: Workbench) -> None:
    live(wb, lambda self: {"a": 1}, sio(output_optional=("a", "b")))
    assert wb.call("GET /lives").json() == {"a": "1"}
    live(wb, lambda self: {"a": 1}, sio(output_optional=("a", "b"), default_output_value=""))
    assert wb.call("GET /lives").json() == {"a": "1", "b": ""}


@proves("self.request.input")
def _(wb: Workbench) -> None:
    live(wb, lambda self: dict(self.request.input))
    assert wb.call("POST /lives?x=1", data={"a": 2}).json() == {"a": 2, "x": "1"}


@proves("a missing or wrong input element")
def _(wb: Workbench) -> None:
    live(wb, lambda self: self.request.input, sio(input_required=("a", "b_id", "c")))
    answer = wb.call("POST /lives", data={"b_id": "x", "c": 1})
    assert answer.status == 400
    assert answer.json()["details"] == "Invalid input: 'a' is missing; 'b_id' must be a whole number"


@proves("invalid JSON")
def _(wb: Workbench) -> None:
    live(wb, lambda self: self.request.payload)
    assert wb.call("POST /lives", data=b"{").status == 400


@proves("a text answer of a JSON channel")
def _(wb: Workbench) -> None:
    for fields, kind in (({}, "text/plain; charset=utf-8"), ({"data_format": "json"}, "application/json")):
        live(wb, lambda self: str(self.request.payload), **fields)
        answer = wb.call("POST /lives", data={"a": 1})
        assert (answer.headers["Content-Type"], answer.text) == (kind, "{'a': 1}")


@proves("a REST channel without data_format")
def _(wb: Workbench) -> None:
    live(wb, lambda self: type(self.request.payload).__name__)
    assert wb.call("POST /lives", data={"a": 1}).text == "dict"
    live(wb, lambda self: type(self.request.payload).__name__, data_format="raw")
    assert wb.call("POST /lives", data={"a": 1}).text == "bytes"


@proves("self.request.raw_request")
def _(wb: Workbench) -> None:
    live(wb, lambda self: [type(self.request.raw_request).__name__, self.request.text], data_format="raw")
    answer = wb.call(
        "POST /lives", data="ż".encode("iso-8859-2"), headers={"Content-Type": "text/plain; charset=iso-8859-2"}
    )
    assert answer.json() == ["bytes", "ż"]


@proves("self.invoke(timeout=)")
def _(wb: Workbench) -> None:
    refused(wb, lambda self: self.invoke("does", timeout=5))


@proves("self.invoke(transport=)")
def _(wb: Workbench) -> None:
    refused(wb, lambda self: self.invoke("does", transport="soap"))


@proves("self.invoke_async(cid=), self.invoke_async(environ=), self.invoke_async(channel=)")
def _(wb: Workbench) -> None:
    for more in ({"cid": "x"}, {"environ": {"a": 1}}, {"channel": "x"}, {"data_format": "x"}, {"transport": "x"}):
        refused(wb, lambda self, more=more: self.invoke_async("does", "", **more))


@proves("self.crypto")
def _(wb: Workbench) -> None:
    assert wb.folder is not None
    (wb.folder / ".env").write_text(f"WORKBENCH_CRYPTO_KEY={Fernet.generate_key().decode()}\n")
    assert told_by(wb, lambda self: self.crypto.decrypt(self.crypto.encrypt("a"))) == "a"
    assert told_by(wb, lambda self: self.crypto.hash_secret("a")).startswith("$pbkdf2-sha512$210000$")


@proves("self.patterns.fanout, self.patterns.parallel")
def _(wb: Workbench) -> None:
    ran: list[str] = []
    wb.deploy(type("Sees", (Service,), {"name": "sees", "handle": lambda self: ran.append(self.cid)}))
    wb.deploy(type("All", (Service,), {"name": "all", "handle": lambda self: ran.append(self.request.payload["cid"])}))
    cid = told_by(wb, lambda self: self.patterns.fanout.invoke({"sees": 1}, "all"))
    until(lambda: len(ran) == 2, "all was told")
    assert ran[0] != cid == ran[1]


@proves("self.invoke_async(expiration=)")
def _(wb: Workbench) -> None:
    seen: list[int] = []
    wb.deploy(type("Sees", (Service,), {"name": "sees", "handle": lambda self: seen.append(1)}))
    told_by(wb, lambda self: self.invoke_async("sees", expiration=0.001))
    until(lambda: seen, "it has run")


@proves("self.environ")
def _(wb: Workbench) -> None:
    assert told_by(wb, lambda self: (self.environ.setdefault("a", 1), dict(self.environ))) == (1, {"a": 1})
    assert told_by(wb, lambda self: self.environ) == {}


@proves("self.server.fs_server_config")
def _(wb: Workbench) -> None:
    (wb.folder / "server.conf").write_text("[misc]\nmine=1\n")
    found = told_by(wb, lambda self: self.server.fs_server_config)
    assert (found.misc.mine, found.component_enabled.sql, "port" in found.main, "host" in found.kvdb) == (
        *("1", True),
        *(True, True),
    )


@proves("self.lock")
def _(wb: Workbench) -> None:
    def ask(self: Any) -> Any:
        with self.lock():
            return [str(each) for each in self.kvdb.conn.keys("lock:*")]

    assert "lock:does" in told_by(wb, ask)[0]


@proves("self.out.sql, self.outgoing.sql")
def _(wb: Workbench) -> None:
    def ask(self: Any) -> Any:
        with self.out.sql["Mine"].session() as session:
            (row,) = session.execute("SELECT 7 AS name")
            with pytest.raises(TypeError):
                _ = row["name"]
            return row.name, row._mapping["name"]

    wb.define(SQLConnection("Mine", engine="sqlite"))
    assert told_by(wb, ask) == (7, 7)


@proves("self.out.sftp, self.outgoing.sftp")
def _(wb: Workbench) -> None:
    local = wb.folder / "local.txt"
    local.write_text("1")

    def ask(self: Any) -> Any:
        conn: LiveFiles = self.out.sftp["Mine"].conn
        conn.write("a.txt", b"22")
        conn.upload("b.txt", local)
        conn.download("a.txt", local)
        return sorted(conn.listdir()), local.read_text()

    wb.define(SFTPConnection("Mine", host="sftp.example.com", username="u", password=secret("MY_PASSWORD")))
    wb.sandbox()
    assert told_by(wb, ask) == (["a.txt", "b.txt"], "22")


@proves("Date('x'), DateTime('x')")
def _(wb: Workbench) -> None:
    for kind in (Date, DateTime):
        with pytest.raises(ValueError, match=r".+"):
            kind("x").convert("31 Dec 2026")
    assert Date("x", format="%d.%m.%Y").convert("31.12.2026") == date(2026, 12, 31)


@proves("Secret('x')")
def _(wb: Workbench) -> None:
    live(wb, lambda self: [self.request.input.word, repr(self.request.input)], sio(input_required=Secret("word")))
    assert wb.call("POST /lives", data={"word": "hunter2"}).json() == ["hunter2", "{'word': ...}"]


@dataclass(init=False)
class Order(Model):
    id: int
    made: ClassVar[list[str]] = []

    def after_created(self, *args: Any) -> None:
        self.made.append("after_created")

    def __post_init__(self) -> None:
        self.made.append("__post_init__")


@proves("Model.after_created")
def _(wb: Workbench) -> None:
    Order.made.clear()
    wb.deploy(
        type("Lives", (Service,), {"name": "lives", "input": Order, "handle": lambda self: self.request.input.id})
    )
    assert (wb.invoke("lives", {"id": 7}), Order.made) == (7, ["__post_init__"])


@proves("RESTAdapter.max_retries, retry_sleep_time, ...")
def _(wb: Workbench) -> None:
    wb.deploy(type("Lives", (RESTAdapter,), {"name": "lives", "conn_name": "x", "max_retries": 5}))
    assert [line.text for line in wb.log] == [
        "max_retries of Lives is not read. Fix: retries=... on the RESTConnection"
    ]


@proves("a service without handle for the method")
def _(wb: Workbench) -> None:
    wb.deploy(type("Gets", (Service,), {"name": "gets", "handle_GET": lambda self: "got"}))
    wb.define(RESTChannel("gets"))
    assert (wb.call("GET /gets").text, wb.call("POST /gets", data={}).status) == ("got", 405)
    refused(wb, lambda self: self.invoke("gets"))


@proves("after_handle")
def _(wb: Workbench) -> None:
    seen: list[str] = []
    body = {"name": "lives", "handle": fails, "after_handle": lambda self: seen.append("after")}
    wb.deploy(type("Lives", (Service,), body))
    with pytest.raises(ValueError, match="a secret of ours"):
        wb.invoke("lives")
    assert seen == ["after"]


def runs(wb: Workbench, **fields: Any) -> list[Any]:
    """What the hooks of jobs and `handle` say of a run of an interval job."""
    seen: list[Any] = []
    hooks = ("before_job", "before_interval_based_job", "before_cron_style_job", "before_one_time_job")
    body: dict[str, Any] = {each: lambda self, each=each: seen.append(each) for each in hooks}
    wb.deploy(
        type("Lives", (Service,), {"name": "lives", "handle": lambda self: seen.append(self.request.payload), **body})
    )
    wb.define(IntervalJob("often", service="lives", hours=1, **fields))
    wb.jobs["often"].execute()
    return seen


@proves("before_job, before_cron_style_job, ...")
def _(wb: Workbench) -> None:
    assert runs(wb) == ["before_job", "before_interval_based_job", ""]


@proves("a job's extra")
def _(wb: Workbench) -> None:
    payloads = [runs(wb, extra=each)[-1] for each in ('{"a": 1}', "hello", "a=1")]
    assert payloads == [{"a": 1}, "hello", "a=1"]


@proves("cron jobs")
def _(wb: Workbench) -> None:
    assert CronJob("a", service="x", cron="0 9 * * *").timezone == "UTC"
    wb.deploy(Does)
    wb.define(CronJob("Tokyo", service="does", cron="0 9 * * *", timezone="Asia/Tokyo"))
    # 9:00 in Tokyo is midnight in UTC.
    assert {each.timestamp() % 86_400 for each in wb.jobs["Tokyo"].preview(3)} == {0.0}


@proves("limits")
def _(wb: Workbench) -> None:
    (wb.folder / ".env").write_text("ADAS_PASSWORD=a-word-of-hers\n")
    refused_by = []
    # The one that is asked first refuses, where all have nothing left.
    asked = ({"limit": "1/d", "security": "ada"}, {"security": "ada"}, {})
    with wb.limits.frozen():
        wb.define(BasicAuth("ada", password=secret("ADAS_PASSWORD"), limit="1/d"))
        for fields in asked:
            live(wb, lambda self: "ok", **fields)
            wb.define(Limit("lives", on="service", lines="1/d"))
            user = fields.get("security")
            assert [wb.call("GET /lives", user=user).status for _ in range(2)][-1] == 429
            refused_by.append([line.text.rpartition("def:")[2] for line in wb.log if "def:" in line.text][-1])
    assert refused_by == ["channel lives)", "user ada)", "service lives)"]


@proves("errors that are not for callers")
def _(wb: Workbench) -> None:
    live(wb, fails)
    answer = wb.call("GET /lives")
    assert (answer.status, answer.json()["details"], answer.json()["cid"]) == (500, "Internal Server Error", answer.cid)
    assert "a secret of ours" in wb.log[-1].text

    def says(self: Any) -> Any:
        raise BadRequest(self.cid, "words for the caller")

    live(wb, says)
    assert wb.call("GET /lives").json()["details"] == "words for the caller"


@proves("an error of an invoked service")
def _(wb: Workbench) -> None:
    for error in (Conflict, ServiceUnavailable):

        def inner(self: Any, error: type[Exception] = error) -> Any:
            raise error("no")

        wb.deploy(type("Inner", (Service,), {"name": "inner", "handle": inner}))
        live(wb, lambda self: self.invoke("inner"))
        assert wb.call("GET /lives").status == error.status


@proves("X-Zato-CID")
def _(wb: Workbench) -> None:
    live(wb, fails)
    for path in ("/lives", "/nowhere"):
        assert len(wb.call(f"GET {path}").headers["X-Zato-CID"]) == 24
