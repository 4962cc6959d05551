"""The SOAP peer asked by raw HTTP, and by zeep itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from lxml import etree

from tests.connections.suites.examples import EXAMPLES, played
from workbench.core.errors import InvalidDefinition, ServiceUsage, UnknownName
from workbench.sandbox.soap.drawn import NAMESPACE, Drawn, document
from workbench.sandbox.soap.engine import WSSE
from workbench.sandbox.soap.server import SOAPServer

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
TYPES = {SOAP_11: "text/xml; charset=utf-8", SOAP_12: "application/soap+xml; charset=utf-8"}
BOTH = pytest.mark.parametrize("version", [SOAP_11, SOAP_12])


@pytest.fixture
def peer() -> Iterator[SOAPServer]:
    made = SOAPServer("shop").start()
    yield made
    made.stop()


def envelope(version: str, inner: str) -> bytes:
    return f'<e:Envelope xmlns:e="{version}"><e:Body>{inner}</e:Body></e:Envelope>'.encode()


def post(peer: SOAPServer, body: bytes, version: str = SOAP_11) -> requests.Response:
    return requests.post(f"{peer.url}/", data=body, headers={"Content-Type": TYPES[version]}, timeout=30)


def told(answer: requests.Response) -> dict[str, str]:
    """The text of each leaf of an answer, by its local name."""
    leaves = [each for each in etree.fromstring(answer.content).iter() if isinstance(each.tag, str) and not len(each)]
    return {etree.QName(each).localname: each.text or "" for each in leaves}


@BOTH
def test_before_anything_was_told_it_echoes(peer: SOAPServer, version: str) -> None:
    answer = post(peer, envelope(version, f'<Echo xmlns="{NAMESPACE}"><text>Łódź</text></Echo>'), version)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, TYPES[version])
    assert told(answer) == {"text": "Łódź"}
    assert etree.fromstring(answer.content).tag == f"{{{version}}}Envelope"
    assert peer.rows() == [{"operation": "Echo", "arguments": {"text": "Łódź"}, "answered": "ok"}]


@BOTH
def test_a_fault_is_of_the_version_that_was_asked_in(peer: SOAPServer, version: str) -> None:
    peer.reply("Echo", fault="Not <today>", code="Client")
    answer = post(peer, envelope(version, f'<Echo xmlns="{NAMESPACE}"><text>x</text></Echo>'), version)
    if version == SOAP_11:
        assert (answer.status_code, told(answer)["faultstring"]) == (500, "Not <today>")
        assert told(answer)["faultcode"].endswith(":Client")
    else:
        assert (answer.status_code, told(answer)["Text"]) == (400, "Not <today>")
        assert told(answer)["Value"].endswith(":Sender")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"no XML", "Invalid XML"),
        (b"<a/>", "no SOAP 1.1 or 1.2 envelope"),
        (envelope(SOAP_11, ""), "exactly one element"),
        (envelope(SOAP_11, "<Nothing/>"), "There is no operation Nothing; there are: Echo"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + envelope(SOAP_11, "<Echo/>"), "no document type"),
        (envelope(SOAP_11, f'<Add xmlns="{NAMESPACE}"><c>1</c></Add>'), "Add is not as its WSDL says"),
    ],
)
def test_what_it_does_not_understand_is_a_fault(peer: SOAPServer, body: bytes, words: str) -> None:
    if b"Add" in body:
        peer.reply("Add", 3, takes={"a": 1})
    answer = post(peer, body)
    assert answer.status_code == 500
    assert words in told(answer)["faultstring"]
    assert len(peer.calls) == 0


@pytest.mark.parametrize("odd", ["<w:Nonce>A</w:Nonce>", "<!-- nobody -->"])
def test_a_token_that_is_not_as_it_should_be_is_refused(odd: str) -> None:
    digest = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
    token = f'<w:Username>me</w:Username><w:Password Type="{digest}">x</w:Password>{odd}'
    head = f'<w:Security xmlns:w="{WSSE}"><w:UsernameToken>{token}</w:UsernameToken></w:Security>'
    body = f'<Echo xmlns="{NAMESPACE}"><text>x</text></Echo>'
    asked = envelope(SOAP_11, body).replace(b"<e:Body>", f"<e:Header>{head}</e:Header><e:Body>".encode())
    definition = EXAMPLES["soap"].replace(login="wss-digest")
    with played(definition) as (_, sandbox):
        sandbox.stand_in(definition)
        peer: Any = sandbox["My SOAP"]
        answer = post(peer, asked)
    assert told(answer)["faultcode"].endswith(":FailedAuthentication")


def test_replies_are_used_in_their_order_and_the_last_one_stays(peer: SOAPServer) -> None:
    peer.reply("Next", 1, times=1)
    peer.reply("Next", 9)
    peer.reply("Next", fault="Busy", times=1)
    peer.reply("Next", 10)
    said = [told(post(peer, envelope(SOAP_11, f'<Next xmlns="{NAMESPACE}"/>'))) for _ in range(4)]
    assert [each.get("result") or each["faultstring"] for each in said] == ["1", "Busy", "10", "10"]
    peer.forget()
    answer = post(peer, envelope(SOAP_11, f'<Next xmlns="{NAMESPACE}"/>'))
    assert (
        told(answer)["faultstring"] == "SOAP server 'shop' has no reply to Next; it has: none. Fix: .reply('Next', ...)"
    )


def test_faults_can_be_had_for_every_call(peer: SOAPServer) -> None:
    body = envelope(SOAP_11, f'<Echo xmlns="{NAMESPACE}"><text>x</text></Echo>')
    with peer.fail(fault="It rains", times=1):
        assert told(post(peer, body))["faultstring"] == "It rains"
        assert post(peer, body).status_code == 200
    with peer.fail(status=503):
        assert post(peer, body).status_code == 503
    with pytest.raises(InvalidDefinition, match="did you mean 'fault'"):
        peer.fail(faults="x")


def test_its_wsdl_has_what_it_was_told_and_zeep_reads_it(peer: SOAPServer) -> None:
    import zeep

    peer.reply("GetOrder", {"id": 1, "lines": [{"sku": "a"}], "note": None}, takes={"id": 7})
    peer.reply("GetOrder", {"id": 2, "lines": [{"sku": "b", "count": 3}], "note": "late"}, times=1)
    client: Any = zeep.Client(f"{peer.url}/?wsdl")
    order = client.service.GetOrder(id=7)
    assert (order.id, order.lines[0].sku, order.lines[0].count, order.note) == (2, "b", 3, "late")
    order = client.service.GetOrder(7)
    assert (order.id, order.lines[0].count, order.note) == (1, None, None)
    client = zeep.Client(f"{peer.url}/?wsdl", port_name="SOAP12")
    assert client.service.Echo("x") == "x"
    peer.reply("Sum", 1, times=1)
    client = zeep.Client(f"{peer.url}/?wsdl")
    assert client.service.Sum() == 1
    with pytest.raises(zeep.exceptions.Fault, match="has no reply to Sum"):
        client.service.Sum()


@pytest.mark.parametrize(
    ("operation", "given", "words"),
    [
        ("Get Order", {}, "an operation is called as GetOrder"),
        ("Get", {"value": {"order id": 1}}, "elements are called as orderId, not order id"),
        ("Get", {"value": [{"a": {"1": 2}}]}, "not 1"),
        ("Get", {"takes": {"<x>": 1}}, "not <x>"),
        ("Get", {"value": 1, "fault": "no"}, "a value or a fault, not both"),
        ("Get", {"times": 0}, "times at least 1"),
    ],
)
def test_a_reply_that_cannot_be_is_refused_at_once(
    peer: SOAPServer, operation: str, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ServiceUsage, match=words):
        peer.reply(operation, **given)
    assert peer.operations == ["Echo"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "shop.wsdl"
    made.write_bytes(document([Drawn("Add", ({"a": 1, "b": 1},), ({"sum": 2},))], "http://shop.invalid/"))
    return made


def test_it_goes_by_a_wsdl_that_is_given(peer: SOAPServer, file: Path) -> None:
    peer.reply("Add", {"sum": 3})
    peer.serve(file)
    assert peer.operations == ["Add"]
    assert requests.get(f"{peer.url}/?wsdl", timeout=30).content == file.read_bytes()
    body = envelope(SOAP_12, f'<Add xmlns="{NAMESPACE}"><a>1</a><b>2</b></Add>')
    assert told(post(peer, body, SOAP_12)) == {"sum": "3"}
    assert peer.calls[0].arguments == {"a": 1, "b": 2}
    with pytest.raises(UnknownName, match="there are: Add. Did you mean 'Add'"):
        peer.reply("Adds", 1)
    with pytest.raises(
        ServiceUsage, match=r"Add cannot be answered with that: .*total.* Fix: a value as its WSDL says"
    ):
        peer.reply("Add", {"total": 1})


def test_a_reply_that_a_later_wsdl_has_no_place_for_is_a_fault(peer: SOAPServer, file: Path) -> None:
    peer.reply("Add", {"total": 3})
    peer.serve(file)
    answer = post(peer, envelope(SOAP_11, f'<Add xmlns="{NAMESPACE}"><a>1</a></Add>'))
    assert "Add cannot be answered with that" in told(answer)["faultstring"]


def test_a_file_that_is_no_wsdl_is_said(peer: SOAPServer, tmp_path: Path) -> None:
    (tmp_path / "no.wsdl").write_text("<a>")
    with pytest.raises(ServiceUsage, match=r"A SOAP peer cannot use .*no\.wsdl: .* Fix: a WSDL 1\.1"):
        peer.serve(tmp_path / "no.wsdl")
    (tmp_path / "far.wsdl").write_text(
        '<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"><wsdl:import location="http://a.invalid/"/>'
        "</wsdl:definitions>"
    )
    with pytest.raises(ServiceUsage, match="reads no 'http://a.invalid/'"):
        peer.serve(tmp_path / "far.wsdl")


def test_a_copy_answers_as_it_does_and_has_a_life_of_its_own(peer: SOAPServer) -> None:
    peer.reply("Next", 1, times=1)
    peer.reply("Next", 2)
    copy = SOAPServer("copy").start().copy(peer)
    try:
        body = envelope(SOAP_11, f'<Next xmlns="{NAMESPACE}"/>')
        assert [told(post(copy, body))["result"] for _ in range(2)] == ["1", "2"]
        assert told(post(peer, body))["result"] == "1"
        assert (len(copy.calls), len(peer.calls)) == (2, 1)
    finally:
        copy.stop()
