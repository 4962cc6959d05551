"""SOAP services called as their WSDL says, beside the SOAP peer."""

from __future__ import annotations

import asyncio
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.connections.soap.services import ENVELOPE, SUM, XML, serving, wsdl_of
from tests.connections.suites.cases import opened
from tests.connections.suites.examples import EXAMPLES, played
from tests.connections.suites.examples import opened as of_kind
from workbench.connections.common.errors import AccessRefused, AnswerTooLarge
from workbench.connections.soap.definition import SOAPConnection
from workbench.connections.soap.errors import SOAPFault, Undescribed
from workbench.core.call import Call
from workbench.core.current import CURRENT
from workbench.core.errors import ConnectionFailed, InvalidDefinition, ServiceUsage, UnknownName
from workbench.core.payload.bunch import Bunch
from workbench.core.secret import given, secret
from workbench.sandbox import certificates
from workbench.sandbox.soap.server import SOAPServer

ORDER = {
    "id": 7,
    "total": Decimal("12.50"),
    "day": date(2026, 1, 2),
    "paid": True,
    "note": "zażółć <&>",
    "label": b"\x00\xff",
    "lines": [{"sku": "a", "count": 2}, {"sku": "b", "count": 1}],
}

SINCE = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def both() -> Any:
    with of_kind("soap") as pair:
        yield pair


def test_values_go_out_by_name_by_place_and_nested_and_come_back_as_they_were(both: Any) -> None:
    conn, peer = both
    peer.reply("GetOrder", ORDER, takes={"id": 7, "since": SINCE, "tags": [""], "buyer": {"name": ""}})
    service = conn.client.service
    answer = service.GetOrder(id=7, since=SINCE, tags=["x", "y"], buyer={"name": "Łódź"})
    assert answer == ORDER
    assert isinstance(answer, Bunch)
    assert (answer.total, answer.lines[1].sku, answer["note"]) == (Decimal("12.50"), "b", "zażółć <&>")
    assert service["GetOrder"](8).id == 7
    first, second = (each.arguments for each in peer.calls)
    assert first == {
        "id": 7,
        "since": SINCE,
        "tags": ["x", "y"],
        "buyer": {"name": "Łódź"},
    }
    assert second["id"] == 8


def test_what_was_answered_can_be_sent_on(both: Any) -> None:
    conn, peer = both
    peer.reply("GetOrder", {"order": ORDER})
    peer.reply("Save", True, takes={"order": ORDER})
    assert conn.client.service.Save(order=conn.client.service.GetOrder()) is True
    assert peer.calls[1].arguments == {"order": ORDER}


def test_types_of_the_wsdl_are_made_as_zeep_makes_them(both: Any) -> None:
    conn, peer = both
    peer.reply("Save", True, takes={"order": {"id": 1, "note": ""}})
    made = conn.client.get_element("{urn:workbench:peer}Save")(order={"id": 3, "note": "n"})
    assert conn.client.service.Save(made.order)
    assert peer.calls[0].arguments == {"order": {"id": 3, "note": "n"}}


def test_a_client_is_had_as_zato_has_it_and_stays_open_for_others(both: Any) -> None:
    conn, peer = both
    with conn.client() as client:
        assert client.service.Echo("hello") == "hello"
    assert conn.client.service.Echo(text="again") == "again"
    assert len(peer.calls) == 2


def test_what_the_client_has_not_is_told(both: Any) -> None:
    conn, _ = both
    with pytest.raises(AttributeError, match=r"conn\.client has service, .*get_type.*, not 'bind'\. Fix: another port"):
        conn.client.bind()


def test_what_an_operation_takes_is_said_and_a_wrong_argument_with_it(both: Any) -> None:
    conn, peer = both
    peer.reply("Add", 3, takes={"a": 1, "b": 1})
    assert conn.operations()["Add"] == "Add(a: xsd:integer, b: xsd:integer) -> result: xsd:integer"
    with pytest.raises(ServiceUsage, match=r"SOAP 'My SOAP' cannot send that: .*'c'.* Fix: call Add\(a: xsd:integer"):
        conn.call("Add", c=1)
    with pytest.raises(ServiceUsage, match="cannot send that"):
        conn.call("Add", 1, 2, 3)
    with pytest.raises(UnknownName, match="No operation of SOAP 'My SOAP' is named 'Adds'.* Did you mean 'Add'?"):
        conn.client.service.Adds(1, 2)
    assert len(peer.calls) == 0


def test_an_operation_that_has_come_since_is_found(both: Any) -> None:
    conn, peer = both
    conn.call("Echo", text="x")
    peer.reply("Later", {"n": 1}, takes={"id": 1})
    assert conn.call("Later", id=2) == 1
    peer.reply("Later", {"n": 1}, takes={"id": 1, "more": ""})
    assert conn.call("Later", id=2, more="x") == 1


def test_an_answer_that_the_wsdl_does_not_describe_has_it_loaded_anew() -> None:
    with serving() as (conn, host):
        assert conn.call("Add", 1, 2) == 3
        host.reply("/add", text=SUM.replace("sum>", "total>"), headers=XML, method="POST")
        with pytest.raises(Undescribed, match=r"what its WSDL does not describe: .*total.* Fix: call again"):
            conn.call("Add", 1, 2)
        fresh = wsdl_of(f"{host.url}/add").replace('"sum"', '"total"')
        host.reply("/add?wsdl", text=fresh, headers=XML, method="GET")
        assert conn.call("Add", 1, 2) == 3


def test_a_value_that_is_not_of_its_type_is_an_error_and_no_none() -> None:
    with serving() as (conn, host):
        host.reply("/add", text=SUM.replace("3", "three"), headers=XML, method="POST")
        with pytest.raises(Undescribed, match="does not describe: invalid literal for int.*'three'"):
            conn.call("Add", 1, 2)


@pytest.mark.parametrize("port", ["SOAP11", "SOAP12"])
def test_a_fault_is_an_error_with_its_code_and_text(port: str) -> None:
    with played(EXAMPLES["soap"]) as (_, sandbox):
        definition = sandbox.stand_in(EXAMPLES["soap"]).replace(port_name=port)
        peer: Any = sandbox["My SOAP"]
        peer.reply("GetOrder", fault="There is no order 7.", code="Client", times=1)
        peer.reply("GetOrder", fault="It rains")
        with opened_at(definition) as conn:
            with pytest.raises(SOAPFault) as refused:
                conn.call("GetOrder")
            by_caller = {"SOAP11": "Client", "SOAP12": "Sender"}[port]
            assert (refused.value.operation, refused.value.code) == ("GetOrder", by_caller)
            assert refused.value.text == "There is no order 7."
            assert str(refused.value).startswith(
                f"SOAP 'My SOAP' answered GetOrder with a fault, {by_caller}: There is no order 7. Fix: check what is"
            )
            with pytest.raises(SOAPFault, match=r"(Server|Receiver): It rains\. Fix: check with whoever runs"):
                conn.call("GetOrder")


def opened_at(definition: Any) -> Any:
    return opened(definition)


def test_the_detail_of_a_fault_is_kept_as_xml() -> None:
    fault = "<faultcode>e:Server</faultcode><faultstring>no</faultstring><detail><why n='1'>closed</why></detail>"
    with serving() as (conn, host):
        host.reply("/add", text=ENVELOPE.format(f"<e:Fault>{fault}</e:Fault>"), status=500, headers=XML, method="POST")
        with pytest.raises(SOAPFault) as refused:
            conn.call("Add", 1, 2)
    assert '<why n="1">closed</why>' in refused.value.detail
    assert "closed" not in str(refused.value)


@pytest.mark.parametrize(
    ("status", "text", "kind", "words"),
    [
        (200, "<html>Welcome</html>", "text/html", "what its WSDL does not describe"),
        (200, "not XML", "text/plain", "what is no XML"),
        (500, "<oops/>", "text/xml", "with 500 and what its WSDL does not describe"),
        (502, "Bad gateway", "text/plain", "with 502 and no envelope: Bad gateway"),
        (401, "", "text/plain", "refused the user name or password"),
        (200, "", "text/xml", "what is no XML"),
    ],
)
def test_what_is_no_envelope_is_said(status: int, text: str, kind: str, words: str) -> None:
    with serving() as (conn, host):
        host.reply("/add", text=text, status=status, headers={"Content-Type": kind}, method="POST")
        with pytest.raises(ConnectionFailed, match=words) as failed:
            conn.call("Add", 1, 2)
    assert str(failed.value).startswith("SOAP 'CRM' at http://127.0.0.1:")
    assert "Fix: " in str(failed.value)


def test_an_answer_with_a_document_type_is_not_read() -> None:
    with serving() as (conn, host):
        host.reply("/add", text=f'<!DOCTYPE x [<!ENTITY a "b">]>{SUM}', headers=XML, method="POST")
        with pytest.raises(ConnectionFailed, match="a document type, which is not read.* Fix: check path"):
            conn.call("Add", 1, 2)


def test_an_answer_over_the_bound_is_refused() -> None:
    with serving(max_answer_bytes=20_000) as (conn, host):
        host.reply("/add", text=SUM.replace("3", " " * 30_000 + "3"), headers=XML, method="POST")
        with pytest.raises(AnswerTooLarge, match="The answer of SOAP 'CRM' is over 20,000 bytes"):
            conn.call("Add", 1, 2)


def test_an_envelope_is_not_sent_on_to_where_an_answer_says() -> None:
    with serving() as (conn, host), serving() as (_, other):
        headers = {"Location": f"{other.url}/add"}
        host.reply("/add", text="", status=307, headers=headers, method="POST")
        with pytest.raises(ConnectionFailed, match=r"sends Add on to http://127\.0\.0\.1:\d+/add, where an envelope"):
            conn.call("Add", 1, 2)
        assert len(other.requests) == 0


def test_a_service_that_refused_the_call_as_too_early_is_asked_again() -> None:
    with of_kind("soap", retries=1) as (conn, peer):
        conn.operations()
        with peer.fail(status=429, times=1):
            assert conn.call("Echo", text="x") == "x"
        assert len(peer.calls) == 1


def test_a_call_that_may_have_been_taken_is_not_sent_twice() -> None:
    with serving(retries=3) as (conn, host):
        conn.operations()
        with host.fail(status=503), pytest.raises(ConnectionFailed, match="503"):
            conn.call("Add", 1, 2)
        assert [each.method for each in host.requests] == ["GET", "POST"]


@pytest.mark.parametrize("login", ["basic", "wss", "wss-digest"])
def test_a_user_is_let_in_by_the_password_alone_and_it_is_sent_as_said(login: str) -> None:
    definition = EXAMPLES["soap"].replace(login=login, retries=0)
    with played(definition) as (live, sandbox):
        assert live.live("My SOAP").call("Echo", text="x") == "x"
        wrong = sandbox.stand_in(definition).replace(password=secret("X"))
        with opened(wrong) as conn, pytest.raises(AccessRefused, match=r"Fix: set X to the right value of user 'me'"):
            conn.call("Echo", text="y")
        assert len(sandbox["My SOAP"].calls) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("login", ["wss", "wss-digest"])
def test_a_token_goes_in_the_header_of_the_envelope_and_in_no_other(login: str) -> None:
    with serving(login=login, username="me", password=secret("X")) as (conn, host):
        conn.call("Add", 1, 2)
        asked, called = host.requests
    assert not [each for each in (asked, called) if "Authorization" in each.headers]
    assert "UsernameToken" in called.text
    assert ("fLuVoTaK-9021-hidden" in called.text) == (login == "wss")


def test_the_cid_and_headers_go_with_each_call(call: Call) -> None:
    with serving(headers={"X-Shop": "Lodz", "X-API-Key": secret("X")}) as (conn, host):
        conn.call("Add", 1, 2)
        sent = host.requests[1].headers
    assert (sent["X-Zato-CID"], sent["X-Shop"]) == (call.cid, "Lodz")
    assert sent["X-API-Key"] == "fLuVoTaK-9021-hidden"


def test_each_call_is_one_step_of_the_trace_with_its_operation_and_fault(call: Call) -> None:
    with of_kind("soap") as (conn, peer):
        conn.client.service.Echo(text="hello")
        peer.reply("Echo", fault="It rains")
        with pytest.raises(SOAPFault):
            conn.client.service.Echo(text="hello")
    good, bad = call.step.steps
    assert (good.describe(), bad.operation) == ("SOAP My SOAP Echo ok", "Echo")  # type: ignore[union-attr]
    assert good.seconds is not None  # type: ignore[union-attr]
    assert good.arguments["text"].text == "hello"  # type: ignore[union-attr]
    assert good.answer.text == "hello"  # type: ignore[union-attr]
    assert (bad.mood, bad.error is not None) == ("attention", True)  # type: ignore[union-attr]
    assert bad.describe() == "SOAP My SOAP Echo fault Server: It rains"


def test_async_services_await_it(both: Any, call: Call) -> None:
    conn, peer = both
    call.on_loop = True

    async def handle() -> list[Any]:
        with pytest.raises(
            ServiceUsage, match=r"would block the server\. Fix: await conn\.aio\.call\('Echo', \.\.\.\)"
        ):
            conn.client.service.Echo(text="x")
        client = conn.aio.client
        return [
            await client.service.Echo(text="a"),
            await conn.aio.call("Echo", "b"),
            await client.service["Echo"]("c"),
        ]

    assert asyncio.run(handle()) == ["a", "b", "c"]
    assert CURRENT.get() is call
    assert len(peer.calls) == 3


def test_a_wsdl_is_loaded_once_however_many_ask_for_it() -> None:
    with serving() as (conn, host), ThreadPoolExecutor(8) as threads:
        assert [each.result() for each in [threads.submit(conn.call, "Add", 1, 2) for _ in range(16)]] == [3] * 16
        assert sum(each.method == "GET" for each in host.requests) == 1


def test_a_wsdl_that_did_not_come_is_asked_for_at_the_next_call() -> None:
    with serving() as (conn, host):
        with (
            host.fail(status=503),
            pytest.raises(ConnectionFailed, match=r"gave no WSDL: it answered 503\. Fix: check"),
        ):
            conn.call("Add", 1, 2)
        assert conn.call("Add", 1, 2) == 3


class Secure(SOAPServer):
    """The SOAP peer under TLS."""

    def tls(self) -> ssl.SSLContext:
        return certificates.loopback()


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize("trust", ["its authority", "anybody"])
def test_a_service_under_tls_is_called_there_though_its_wsdl_says_http(trust: str) -> None:
    fields: dict[str, Any] = {"ca_file": str(certificates.authority().file)}
    peer = Secure("secure").start()
    try:
        assert b'location="http://127' in peer.wsdl
        host = f"https://{peer.address}"
        definition = SOAPConnection("CRM", host=host, wsdl="/?wsdl", retries=0)
        with opened(definition) as conn, pytest.raises(ConnectionFailed, match="certificate that cannot be trusted"):
            conn.call("Echo", text="x")
        with opened(definition.replace(**(fields if trust == "its authority" else {"verify_tls": False}))) as conn:
            assert conn.call("Echo", text="x") == "x"
    finally:
        peer.stop()
    assert len(peer.calls) == 1


def test_a_ping_says_whether_there_is_a_wsdl() -> None:
    with serving() as (conn, host):
        assert conn.ping().startswith("WSDL of ")
        for text, words in (("<html/>", "it begins with html"), ("no", "Start tag expected")):
            host.reply("/add?wsdl", text=text, headers=XML, method="GET")
            with pytest.raises(ConnectionFailed, match=rf"cannot use the WSDL at .*/add: {words}"):
                conn.ping()


def test_a_ping_of_a_service_whose_wsdl_is_a_file_asks_the_path_that_is_called(tmp_path: Path) -> None:
    (file := tmp_path / "add.wsdl").write_text(wsdl_of("http://elsewhere.invalid/"))
    with serving(wsdl="", wsdl_file=str(file), path="/add") as (conn, host):
        host.reply("/add", text="", status=405)
        said = conn.ping()
        assert said.startswith("HEAD 405 in ")
        assert [f"{each.method} {each.path}" for each in host.requests] == ["HEAD /add"]


def test_a_secret_that_was_made_up_reaches_the_peer_and_no_other(both: Any) -> None:
    _, peer = both
    with played(EXAMPLES["soap"]) as (live, sandbox):
        live.live("My SOAP").call("Echo", text="x")
        made_up = given(sandbox.stand_in(EXAMPLES["soap"]).password.name)
    assert made_up
    assert len(peer.calls) == 0


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"wsdl": ""}, "wsdl", "give one of them"),
        ({"wsdl_file": "a.wsdl"}, "wsdl", "give one of them"),
        ({"wsdl": "orders.wsdl"}, "wsdl", "a file of this machine is wsdl_file"),
        ({"wsdl": "https://me:pw@example.com/?wsdl"}, "wsdl", "must not hold a user"),
        ({"host": "https://me:pw@example.com"}, "host", "must not hold a user"),
        ({"host": "https://example.com:99999"}, "host", "is no address: Port out of range"),
        ({"wsdl": "https://[::1/?wsdl"}, "wsdl", "is no address: Invalid IPv6 URL"),
        ({"hosts": ("example.com:x",)}, "hosts", "is no address"),
        ({"path": "orders"}, "path", "must begin with /"),
        ({"login": "wss", "username": ""}, "username", "is needed for login='wss'"),
        ({"hosts": ("https://example.com/a",)}, "hosts", "hosts must be: Other hosts"),
        ({"verify_tls": False, "ca_file": "x.pem"}, "ca_file", "has no use"),
    ],
)
def test_a_definition_that_cannot_be_is_said(changes: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidDefinition, match=words) as refused:
        EXAMPLES["soap"].replace(**changes)
    assert any(each.startswith(field) for each in refused.value.problems)


@pytest.mark.parametrize(
    ("changes", "called"),
    [
        ({}, "https://crm.example.com"),
        ({"host": "http://localhost:8080"}, "http://localhost:8080"),
        ({"host": "http://localhost", "wsdl": "https://docs.example.com/?wsdl"}, "https://docs.example.com/?wsdl"),
        ({"host": "http://localhost", "hosts": ("schemas.example.com",)}, "schemas.example.com"),
    ],
)
def test_a_host_outside_is_told_wherever_it_is_named(changes: dict[str, Any], called: str) -> None:
    definition = SOAPConnection("CRM", **{"host": "https://crm.example.com", "wsdl": "/?wsdl", **changes})
    assert definition.called == called
