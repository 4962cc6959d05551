"""`self.out` is an object like any other to `hasattr` and `getattr`, and still tells what there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from workbench import RESTConnection, Service, Workbench
from workbench.core.errors import NotYet, UnknownName, WorkbenchError


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
