"""The list of what differs for services written for Zato is whole sentences, and true."""

from __future__ import annotations

import json

import pytest

from tests.kernels import ROOT
from workbench.connections import catalog
from workbench.core.payload.differences import DIFFERENCES, LACKING, Difference
from workbench.core.payload.request import Request
from workbench.core.payload.zato_names import ZatoServer
from workbench.core.service import Service
from workbench.zato.common import api
from workbench.zato.server import service


def test_each_name_is_told_once() -> None:
    names = [row.name for row in DIFFERENCES]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: row.name)
def test_a_row_reads_as_one_sentence(row: Difference) -> None:
    assert row.differs[0] == row.differs[0].lower() or row.differs.split()[0] in PROPER, row.differs
    assert not row.differs.endswith(".")
    assert not row.instead.endswith(".")
    assert row.instead or not row.lacks


PROPER = {
    "AMQP",
    "JSON",
    "Confluence",
    "Conflict",
    "FHIR",
    "OAuth",
    "Google",
    "HL7",
    "IBM",
    "Jira",
    "Kafka",
    "LDAP",
    "Microsoft",
} | {*("MongoDB", "OData", "Redis", "SAP", "SMS", "STOMP", "Salesforce", "SimpleIO", "Swift", "Vault")}


def test_nothing_that_is_said_to_lack_is_there() -> None:
    """A row has to go with the commit that builds what it is about."""
    ways = {f"self.{each}" for each in catalog.kinds_by_attribute()}
    owners: dict[str, type] = {"self": Service, "self.server": ZatoServer, "self.request": Request}
    own = {f"{name}.{each}" for name, owner in owners.items() for each in dir(owner)}
    offered = {*api.__all__, *service.__all__}
    assert not LACKING.keys() & (ways | own | offered)


def test_the_notebook_shows_them_as_they_are() -> None:
    """Where this fails: run the notebook again, and save it."""
    cells = json.loads((ROOT / "notebooks" / "09-coming-from-zato.ipynb").read_text())["cells"]
    (shown,) = (each for each in cells if "".join(each["source"]).strip() == "done.differs.all")
    text = "".join(shown["outputs"][0]["data"]["text/plain"])
    assert text.splitlines() == [row.sentence for row in DIFFERENCES]
