"""SOAP 1.1 and 1.2 over the real server, with zeep as an independent client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import zeep
from lxml import etree

from workbench import Limit, Service, SOAPChannel, Workbench

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
DOCTYPE = '<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]>'


class Sum(Service):
    name = "api.sum"
    input = "a_count", "b_count"

    def handle(self) -> Any:
        total = self.request.input.a_count + self.request.input.b_count
        return {"sum": total, "even": total % 2 == 0, "parts": [self.request.input.a_count, self.request.input.b_count]}


class Raw(Service):
    name = "api.raw"

    def handle(self) -> Any:
        assert isinstance(self.request.raw_request, bytes)
        return "<answer><of>mine</of></answer>"


class Boom(Service):
    name = "api.boom"

    def handle(self) -> Any:
        raise ValueError("an inside of ours")


@pytest.fixture
def wb() -> Iterator[Workbench]:
    with Workbench(port=0) as wb:
        wb.deploy(Sum, Raw, Boom)
        wb.define(
            SOAPChannel("soap.sum", path="/sum", service="api.sum"),
            SOAPChannel("soap.raw", path="/raw", service="api.raw"),
            SOAPChannel("soap.boom", path="/boom", service="api.boom"),
        )
        yield wb


def envelope(version: str, body: str) -> str:
    return f'<e:Envelope xmlns:e="{version}"><e:Header/><e:Body>{body}</e:Body></e:Envelope>'


def text_of(answer: Any, name: str) -> list[str | None]:
    return [each.text for each in etree.fromstring(answer.body).iter(f"{{*}}{name}")]


@pytest.mark.parametrize("version", [SOAP_11, SOAP_12])
def test_an_answer_is_wrapped_in_the_version_and_namespace_of_the_request(wb: Workbench, version: str) -> None:
    body = '<q:Sum xmlns:q="urn:sums"><q:a_count>1</q:a_count><q:b_count>5</q:b_count></q:Sum>'
    answer = wb.call("POST /sum", envelope(version, body))
    root = etree.fromstring(answer.body)
    response = root.find(f"{{{version}}}Body")[0]
    assert answer.status == 200
    assert response.tag == "{urn:sums}SumResponse"
    assert [each.text for each in response] == ["6", "true", "1", "5"]


def test_text_that_is_xml_comes_back_as_it_is(wb: Workbench) -> None:
    assert text_of(wb.call("POST /raw", envelope(SOAP_11, "<Any/>")), "of") == ["mine"]


def test_wrong_input_is_a_fault_of_the_caller_that_names_every_element(wb: Workbench) -> None:
    answer = wb.call("POST /sum", envelope(SOAP_11, "<Sum><a_count>x</a_count></Sum>"))
    assert text_of(answer, "faultcode") == ["SOAP-ENV:Client"]
    (said,) = text_of(answer, "faultstring")
    assert "'a_count' must be a whole number; 'b_count' is missing" in str(said)
    assert answer.cid in str(said)


@pytest.mark.parametrize(("version", "name"), [(SOAP_11, "faultstring"), (SOAP_12, "Text")])
def test_an_error_of_the_service_is_a_fault_without_a_word_of_it(wb: Workbench, version: str, name: str) -> None:
    answer = wb.call("POST /boom", envelope(version, "<Any/>"))
    assert answer.status == 500
    assert "inside of ours" not in answer.text
    assert text_of(answer, name) == [f"Internal Server Error (cid:{answer.cid})"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<a",
        "<a/>",
        f'<e:Envelope xmlns:e="{SOAP_11}"/>',
        envelope(SOAP_11, ""),
        envelope(SOAP_11, "<a/><b/>"),
        '<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]>'
        + envelope(SOAP_11, "<Sum><a_count>&y;</a_count></Sum>"),
        envelope(SOAP_11, "<a>" * 5000 + "</a>" * 5000),
    ],
)
def test_what_is_no_envelope_is_a_fault_and_reaches_nobody(wb: Workbench, body: str) -> None:
    answer = wb.call("POST /sum", body)
    assert answer.status == 400
    assert text_of(answer, "faultcode") == ["SOAP-ENV:Client"]
    assert "root:" not in answer.text


@pytest.mark.usefixtures("still")
def test_a_limit_is_a_fault_with_429(wb: Workbench) -> None:
    wb.define(Limit("soap.raw", on="channel", lines="1/d"))
    wb.call("POST /raw", envelope(SOAP_12, "<Any/>"))
    refused = wb.call("POST /raw", envelope(SOAP_12, "<Any/>"), headers={"Content-Type": "application/soap+xml"})
    assert refused.status == 429
    assert text_of(refused, "Text") == [f"Error 429 Too Many Requests (cid:{refused.cid})"]


def test_another_soap_client_understands_it(wb: Workbench) -> None:
    wb.start()
    wsdl = f"""<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
        xmlns:t="urn:sums" xmlns:x="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:sums">
      <types><x:schema targetNamespace="urn:sums" elementFormDefault="qualified">
        <x:element name="Sum"><x:complexType><x:sequence><x:element name="a_count" type="x:int"/>
          <x:element name="b_count" type="x:int"/></x:sequence></x:complexType></x:element>
        <x:element name="SumResponse"><x:complexType><x:sequence><x:element name="sum" type="x:int"/>
          <x:element name="even" type="x:boolean"/><x:element name="parts" type="x:int" maxOccurs="9"/>
          </x:sequence></x:complexType></x:element></x:schema></types>
      <message name="In"><part name="p" element="t:Sum"/></message>
      <message name="Out"><part name="p" element="t:SumResponse"/></message>
      <portType name="P"><operation name="Sum"><input message="t:In"/><output message="t:Out"/></operation></portType>
      <binding name="B" type="t:P"><s:binding transport="http://schemas.xmlsoap.org/soap/http"/>
        <operation name="Sum"><s:operation soapAction=""/><input><s:body use="literal"/></input>
        <output><s:body use="literal"/></output></operation></binding>
      <service name="S"><port name="Q" binding="t:B"><s:address location="{wb.url}/sum"/></port></service>
    </definitions>"""
    from io import BytesIO

    client = zeep.Client(BytesIO(wsdl.encode()))
    answer = client.service.Sum(a_count=2, b_count=3)
    assert (answer["sum"], answer["even"], answer["parts"]) == (5, False, [2, 3])
    with pytest.raises(zeep.exceptions.Fault, match="must be a whole number"):
        client.service.Sum(a_count="x", b_count=3)
    client.transport.session.close()
