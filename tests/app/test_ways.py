"""`self.out` is an object like any other to `hasattr` and `getattr`, and still tells what there is."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Any

import pytest

from tests.ui.definitions import values_of
from workbench import RESTConnection, Service, Workbench
from workbench.connections import catalog
from workbench.core.errors import NotYet, UnknownName, WorkbenchError
from workbench.ui.forms.reading import read


class Asks(Service):
    """Asks what the test asks for."""

    name = "api.asks"

    def handle(self) -> Any:
        return self.request.payload(self)


@pytest.fixture
def wb() -> Iterator[Workbench]:
    with Workbench(port=0) as wb:
        wb.deploy(Asks)
        wb.define(RESTConnection("Data", host="https://x.example.com"))
        yield wb


@pytest.mark.parametrize("group", ["out", "outgoing", "email", "cloud"])
@pytest.mark.parametrize("word", ["nothing", "mongodb", "azure"])
def test_a_way_that_is_not_there_is_not_there(wb: Workbench, group: str, word: str) -> None:
    def ask(self: Any) -> Any:
        ways = getattr(self, group)
        return hasattr(ways, word), getattr(ways, word, "default")

    assert wb.invoke("api.asks", ask) == (False, "default")


def test_a_connection_that_is_not_there_is_not_there(wb: Workbench) -> None:
    def ask(self: Any) -> Any:
        rest = self.out.rest
        return hasattr(rest, "Data"), hasattr(rest, "Other"), getattr(rest, "Other", None), hasattr(self.rest, "Other")

    assert wb.invoke("api.asks", ask) == (True, False, None, False)


@pytest.mark.parametrize(
    ("ask", "kind", "said"),
    [
        (lambda self: self.out.nothing, UnknownName, "No way out is named 'self.out.nothing'; there are: self.cloud"),
        (lambda self: self.out.rest.Dta, UnknownName, "No REST connection is named 'Dta'; .* Did you mean 'Data'"),
        (lambda self: self.out.rest["Dta"], UnknownName, "No REST connection is named 'Dta'; .* Did you mean 'Data'"),
        (lambda self: self.out.mongodb, NotYet, "MongoDB connections come later"),
    ],
)
def test_the_error_of_one_that_is_used_all_the_same_says_what_there_is(
    wb: Workbench, ask: Any, kind: type[WorkbenchError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        wb.invoke("api.asks", ask)


def test_by_name_in_brackets_it_stays_a_key_error(wb: Workbench) -> None:
    with pytest.raises(KeyError) as refused:
        wb.invoke("api.asks", lambda self: self.out.rest["Other"])
    assert not isinstance(refused.value, AttributeError)


@pytest.mark.parametrize(
    ("attribute", "said"),
    [
        ("out.stomp", "There is no self.out.stomp: STOMP comes later. Fix: call its library, stomp.py, in the service"),
        ("out.redis", "There is no self.out.redis: Redis is always there, as kvdb. Fix: self.kvdb.conn.set"),
        ("out.ldap", "There is no self.out.ldap: LDAP comes later. Fix: call its library, ldap3, in the service"),
        ("out.websphere_mq", "There is no self.out.websphere_mq: IBM MQ comes later."),
        ("cloud.jira", "There is no self.cloud.jira: Jira is a REST API. Fix: self.out.rest['name']"),
        ("out.amqp", "AMQP connections come later. Fix: until then, .*pip install kombu"),
        # What is there, under another group or nearly that word.
        ("out.smtp", "No way out is named 'self.out.smtp'; .* Fix: self.email.smtp['name']"),
        ("out.imap", "Fix: self.email.imap['name']"),
        ("out.dropbox", "Fix: self.cloud.dropbox['name']"),
        ("out.twilio", "Fix: self.out.sms.twilio['name']"),
        ("cloud.ftp", "Fix: self.out.ftp['name']"),
        ("cloud.files", "Fix: self.out.files['name']"),
        ("outgoing.plainhttp", "Fix: self.out.plain_http['name']"),
        ("out.sqls", "Fix: self.out.sql['name']"),
        ("email.smpt", "Fix: self.email.smtp['name']"),
        ("out.xyzzy", "there are: .*self.out.sql.* Fix: use one of these, or make it a kind of your own"),
    ],
)
def test_a_way_that_is_not_there_is_told_by_what_it_is_for(wb: Workbench, attribute: str, said: str) -> None:
    with pytest.raises(AttributeError, match=said.replace("[", r"\[").replace("]", r"\]")) as refused:
        wb.invoke("api.asks", lambda self: attrgetter(attribute)(self))
    assert isinstance(refused.value, WorkbenchError)


@pytest.mark.parametrize("attribute", catalog.kinds_by_attribute())
def test_the_names_of_each_kind_are_asked_as_those_of_a_dict(wb: Workbench, attribute: str) -> None:
    cls = catalog.definition_class(catalog.kinds_by_attribute()[attribute])
    made = read(cls, {"name": "Mine", **values_of(cls.__name__)}).definition
    assert made is not None
    wb.define(made)

    def ask(self: Any) -> Any:
        way = attrgetter(attribute)(self)
        assert list(way) == way.keys()
        return "Mine" in way, "Other" in way, len(way), way.get("Other", 7)

    there = len(wb.connections)
    assert wb.invoke("api.asks", ask) == (True, False, 2 if cls is RESTConnection else 1, 7)
    assert there == 2


def test_connections_are_taken_by_all_that_a_dict_has(wb: Workbench) -> None:
    def ask(self: Any) -> Any:
        rest = self.out.rest
        assert [name for name, _ in rest.items()] == ["Data"]
        return [each.definition.name for each in (*rest.values(), *dict(rest.items()).values(), rest.get("Data"))]

    assert wb.invoke("api.asks", ask) == ["Data"] * 3
    with pytest.raises(UnknownName, match="No REST connection is named 'Other'"):
        wb.invoke("api.asks", lambda self: self.out.rest.get("Other"))
