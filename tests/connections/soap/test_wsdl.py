"""A WSDL leads nowhere that nobody has named: no other host, no file, no entity, and no more than the bounds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.connections.soap.services import ADD, SUM, XML, serving, wsdl_of
from tests.connections.suites.cases import opened
from tests.connections.suites.examples import played
from workbench.connections.common.errors import AnswerTooLarge, Refused
from workbench.connections.soap.definition import SOAPConnection
from workbench.connections.soap.errors import Undescribed
from workbench.connections.soap.session import MOST_DOCUMENTS
from workbench.core.errors import ConnectionFailed
from workbench.core.secret import secret
from workbench.sandbox.http.source import HTTPSource
from workbench.sandbox.soap.drawn import NAMESPACE, document

IMPORT = '<wsdl:import namespace="urn:more" location="{}"/>'
MORE = (
    '<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" targetNamespace="urn:more">{}</wsdl:definitions>'
)
TYPES = "<wsdl:types>"


@pytest.fixture
def other() -> Iterator[HTTPSource]:
    """Another host, which has a document to import."""
    peer = HTTPSource("other").start()
    peer.reply("/more", text=MORE.format(""), headers=XML)
    yield peer
    peer.stop()


def importing(location: str) -> Any:
    """A WSDL that imports another document, as the host at an address gives it."""
    return lambda url: wsdl_of(f"{url}/add").replace(TYPES, IMPORT.format(location) + TYPES, 1)


def test_a_document_on_another_host_is_not_asked_for(other: HTTPSource) -> None:
    words = r"imports from 127\.0\.0\.1:\d+, which nobody has named, so it is not asked"
    with serving(importing(f"{other.url}/more")) as (conn, _), pytest.raises(Refused, match=words):
        conn.call("Add", 1, 2)
    assert len(other.requests) == 0


def test_a_document_on_a_host_that_is_named_is_read_and_no_credential_goes_there(other: HTTPSource) -> None:
    login = {"username": "me", "password": secret("X"), "headers": {"X-API-Key": secret("X")}}
    with serving(importing(f"{other.url}/more"), hosts=(other.address,), **login) as (conn, host):
        assert conn.call("Add", 1, 2) == 3
        assert [bool({"Authorization", "X-API-Key"} & {*each.headers}) for each in other.requests] == [False]
        assert all("Authorization" in each.headers and "X-API-Key" in each.headers for each in host.requests)


def test_a_wsdl_elsewhere_is_asked_for_without_the_password(other: HTTPSource) -> None:
    with serving(username="me", password=secret("X")) as (conn, host):
        other.reply("/orders", text=wsdl_of(f"{host.url}/add"), headers=XML)
        with opened(conn.definition.replace(wsdl=f"{other.url}/orders")) as elsewhere:
            assert elsewhere.call("Add", 1, 2) == 3
        assert "Authorization" not in other.requests[0].headers
        assert "Authorization" in host.requests[0].headers


def test_a_wsdl_that_is_sent_on_to_another_host_is_not_followed(other: HTTPSource) -> None:
    with serving() as (conn, host):
        host.reply("/add?wsdl", text="", status=302, headers={"Location": f"{other.url}/more"}, method="GET")
        with pytest.raises(Refused, match="which nobody has named"):
            conn.call("Add", 1, 2)
        host.reply("/add?wsdl", text="", status=302, headers={"Location": "/moved"}, method="GET")
        host.reply("/moved", text=wsdl_of(f"{host.url}/add"), headers=XML)
        assert conn.call("Add", 1, 2) == 3
        host.reply("/round", text="", status=302, headers={"Location": "/round"})
        words = r"5 times\. Fix: wsdl= where it is"
        with opened(conn.definition.replace(wsdl="/round")) as round_, pytest.raises(ConnectionFailed, match=words):
            round_.call("Add", 1, 2)
    assert len(other.requests) == 0


def test_what_a_wsdl_names_that_is_no_address_is_said() -> None:
    words = r"names 'http://127\.0\.0\.1:99999/more', which is no address\. Fix: save it, correct that"
    with serving(importing("http://127.0.0.1:99999/more")) as (conn, _), pytest.raises(ConnectionFailed, match=words):
        conn.call("Add", 1, 2)


@pytest.mark.parametrize("location", ["file://{}", "{}"])
def test_a_file_of_this_machine_is_not_read_for_a_host(location: str, tmp_path: Path) -> None:
    (tmp_path / "more.wsdl").write_text(MORE.format(""))
    place = location.format(tmp_path / "more.wsdl")
    with serving(importing(place)) as (conn, host), pytest.raises(ConnectionFailed) as refused:
        conn.call("Add", 1, 2)
    # Without a scheme it is a path of the host, which has none.
    words = "a file of this machine that is not read" if "file:" in place else "it answered 404"
    assert words in str(refused.value)
    assert ("GET " + place in [f"{each.method} {each.path}" for each in host.requests]) == ("file:" not in place)


def test_an_address_on_another_host_is_not_called_unless_its_path_is_named(other: HTTPSource) -> None:
    with serving(lambda url: wsdl_of(f"{other.url}/add")) as (conn, host):
        with pytest.raises(ConnectionFailed, match=r"leads to http.*/add, which is not on http.* Fix: path="):
            conn.call("Add", 1, 2)
        with opened(conn.definition.replace(path="/add")) as ours:
            assert ours.call("Add", 1, 2) == 3
        assert host.requests[-1].method == "POST"
    assert len(other.requests) == 0


@pytest.mark.parametrize("location", ["", "/add"])
def test_an_address_without_a_host_is_on_ours_or_is_missed(location: str) -> None:
    with serving(lambda url: wsdl_of(location)) as (conn, _):
        if location:
            assert conn.call("Add", 1, 2) == 3
        else:
            with pytest.raises(ConnectionFailed, match=r"names no address\. Fix: path= in its definition"):
                conn.call("Add", 1, 2)


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE x [<!ENTITY a "b">]>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
    ],
)
def test_a_wsdl_with_a_document_type_is_not_used(head: str) -> None:
    with serving(lambda url: wsdl_of(f"{url}/add").replace("<wsdl:def", f"{head}<wsdl:def", 1)) as (conn, host):
        with pytest.raises(ConnectionFailed, match="cannot use the WSDL at .*(DTD|Entities)"):
            conn.call("Add", 1, 2)
        assert len(host.requests) == 1


def test_documents_without_end_are_not_read_on() -> None:
    with serving(importing("/more?n=0")) as (conn, host):
        for number in range(MOST_DOCUMENTS + 5):
            text = MORE.format(IMPORT.format(f"/more?n={number + 1}"))
            host.reply(f"/more?n={number}", text=text, headers=XML)
        with pytest.raises(ConnectionFailed, match=f"imports more than {MOST_DOCUMENTS} documents.* Fix: save"):
            conn.call("Add", 1, 2)
        assert len(host.requests) == MOST_DOCUMENTS


def test_all_documents_together_have_the_bound() -> None:
    with serving(importing("/more"), max_answer_bytes=10_000) as (conn, host):
        host.reply("/more", text=MORE.format(f"<!--{'x' * 9000}-->"), headers=XML)
        with pytest.raises(
            AnswerTooLarge, match=r"over 10,000 bytes.* Fix: save the WSDL as a file, or raise max_answer"
        ):
            conn.call("Add", 1, 2)


def test_a_service_or_port_that_the_wsdl_has_not_is_told_with_those_there_are() -> None:
    for wanted in ({"port_name": "Old"}, {"service_name": "Orders"}):
        with (
            serving(**wanted) as (conn, _),
            pytest.raises(ConnectionFailed, match=r"there are: Peer\.SOAP11, Peer\.SOAP"),
        ):
            conn.call("Add", 1, 2)


def test_a_port_is_chosen_by_its_name() -> None:
    with serving(port_name="SOAP12") as (conn, host):
        host.reply("/add", status=500, text="", headers={"Content-Type": "application/soap+xml"}, method="POST")
        with pytest.raises(ConnectionFailed):
            conn.call("Add", 1, 2)
        assert host.requests[-1].headers["Content-Type"].startswith("application/soap+xml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A WSDL in a file, which imports its types from a file beside it."""
    (made := tmp_path / "orders").mkdir()
    text = document([ADD], "http://orders.invalid/add").decode()
    head, _, rest = text.partition("<xsd:schema")
    types, _, rest = rest.partition("</xsd:schema>")
    shared = f"<xsd:schema xmlns:xsd='http://www.w3.org/2001/XMLSchema' xmlns:tns='{NAMESPACE}'{types}</xsd:schema>"
    (made / "types.xsd").write_text(shared)
    include = "<xsd:schema><xsd:import namespace='{}' schemaLocation='types.xsd'/></xsd:schema>"
    (made / "add.wsdl").write_text(head + include.format(NAMESPACE) + rest)
    return made


def test_a_wsdl_in_a_file_is_read_with_what_lies_beside_it(folder: Path) -> None:
    with serving(wsdl_file=str(folder / "add.wsdl"), wsdl="", path="/add") as (conn, host):
        assert conn.call("Add", 1, 2) == 3
        assert [each.method for each in host.requests] == ["POST"]


def test_a_file_that_is_not_beside_a_wsdl_is_not_read(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder / "types.xsd", tmp_path / "types.xsd")
    wsdl = folder / "add.wsdl"
    wsdl.write_text(wsdl.read_text().replace("types.xsd", "../types.xsd"))
    with (
        serving(wsdl_file=str(wsdl), wsdl="", path="/add") as (conn, _),
        pytest.raises(Refused, match=r"a file of this machine that is not read, since it is not beside .*add\.wsdl"),
    ):
        conn.call("Add", 1, 2)


def test_a_file_that_imports_from_a_host_says_which(folder: Path, other: HTTPSource) -> None:
    wsdl = folder / "add.wsdl"
    wsdl.write_text(wsdl.read_text().replace(TYPES, IMPORT.format(f"{other.url}/more") + TYPES, 1))
    of_file = {"wsdl_file": str(wsdl), "wsdl": "", "path": "/add"}
    with serving(**of_file) as (conn, _), pytest.raises(Refused, match="which nobody has named"):
        conn.call("Add", 1, 2)
    assert len(other.requests) == 0


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    words = r"cannot read '.*no\.wsdl': No such file.* Fix: correct wsdl_file"
    with serving(wsdl_file=str(tmp_path / "no.wsdl"), wsdl="") as (conn, _):
        with pytest.raises(ConnectionFailed, match=words):
            conn.call("Add", 1, 2)
        assert conn.definition.wsdl_address == ""


def test_in_a_sandbox_a_wsdl_in_a_file_is_played_as_it_is(folder: Path) -> None:
    definition = SOAPConnection("CRM", host="https://crm.example.com", wsdl_file=str(folder / "add.wsdl"))
    with played(definition) as (live, sandbox):
        peer: Any = sandbox["CRM"]
        peer.reply("Add", {"sum": 5})
        assert live.live("CRM").client.service.Add(a=2, b=3) == 5
        assert peer.calls[0].arguments == {"a": 2, "b": 3}


def test_a_wsdl_that_two_calls_find_out_of_date_is_loaded_anew_for_both() -> None:
    with serving() as (conn, host):
        former = conn.account()
        host.reply("/add", text=SUM.replace("sum>", "total>"), headers=XML, method="POST")
        with pytest.raises(Undescribed):
            conn.call("Add", 1, 2)
        # The other one, which began by the same WSDL, has no place in it for what it asks.
        fresh = conn.account(instead_of=former)
        assert fresh is not former
        assert conn.account(instead_of=former) is fresh
        assert sum(each.method == "GET" for each in host.requests) == 2
