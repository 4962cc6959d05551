"""Which connections a source names, as far as it can be read."""

from __future__ import annotations

import pytest

from workbench.app.deploy.mentions import mentions
from workbench.connections import catalog

KINDS = catalog.kinds_by_attribute()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('self.out.rest["A"].conn.get(self.cid)', [("rest", "A")]),
        ('self.out.plain_http["A"]; self.outgoing.rest["B"]; self.rest["A"]', [("rest", "A"), ("rest", "B")]),
        ('self.outgoing.rest.get("A")', [("rest", "A")]),
        ('name = "A"\n        self.rest[name]', [("rest", "A")]),
        ('self.email.smtp["My SMTP"].conn.send(m)', [("smtp", "My SMTP")]),
        ('self.rest[self.request.input.where]; other["A"]; self.out.nope["A"]; {}["A"]', []),
    ],
)
def test_names_are_read_from_the_source(code: str, found: list[tuple[str, str]]) -> None:
    source = f"class X(Service):\n    def handle(self):\n        {code}\n"
    assert [tuple(each) for each in mentions(source, KINDS)] == found


def test_a_deploy_says_which_connections_nobody_defined(wb: object) -> None:
    from workbench.app.workbench import Workbench
    from workbench.connections.rest.definition import RESTConnection
    from workbench.core.service import Service

    class Fetches(Service):
        name = "fetches"

        def handle(self) -> None:
            self.out.plain_http["My Data Source"].conn.get(self.cid)
            self.email.smtp["My SMTP"].conn.send(None)

    assert isinstance(wb, Workbench)
    deployed = wb.deploy(Fetches)
    assert deployed.missing == {"fetches": ["REST 'My Data Source'", "SMTP 'My SMTP'"]}
    wb.define(RESTConnection("My Data Source", host="http://localhost:1"))
    assert wb.deploy(Fetches).missing == {"fetches": ["SMTP 'My SMTP'"]}


def test_a_source_that_does_not_parse_names_nothing() -> None:
    assert mentions("class (", KINDS) == []
