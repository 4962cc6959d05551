"""A workbench with three of everything, as a person may have it: long names, failures, what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from workbench import (
    APIKey,
    BasicAuth,
    CronJob,
    FTPConnection,
    IntervalJob,
    JSONRPCChannel,
    Limit,
    RESTChannel,
    RESTConnection,
    Service,
    SMTPConnection,
    Workbench,
    secret,
)

LONG = "crm.customers.addresses.synchronise-with-warehouse"


class Orders(Service):
    """Take an order."""

    name = "api.orders"

    def handle(self) -> dict[str, Any]:
        self.log.info("order %s of %s", 4711, "ada")
        return {"order": 4711, "state": "taken"}


class Invoices(Service):
    """Write an invoice for each order of the day."""

    name = LONG

    def handle(self) -> None:
        self.log.warning("the warehouse has not confirmed address 17 of customer 4711 since yesterday evening")
        raise ValueError("customer 4711 has no address that a parcel can be sent to, and none is known from before")


class Files(Service):
    """Move files."""

    name = "sync.files"

    def handle(self) -> str:
        self.out.ftp["Supplier"].conn.list("/")
        return "moved"


def fill(wb: Workbench) -> None:
    """Define and run three of everything. ADA_PASSWORD and PARTNER_KEY must be set."""
    wb.deploy(Orders, Invoices, Files)
    wb.define(
        BasicAuth("ada", username="ada", password=secret("ADA_PASSWORD")),
        APIKey("partner", key=secret("PARTNER_KEY"), header="X-Partner-Key"),
        BasicAuth("night-shift@warehouse.example.com", username="night", password=secret("ADA_PASSWORD")),
        RESTChannel("api.orders"),
        RESTChannel("customers", service=LONG, path="/crm/customers/{customer}/addresses/{address}", security="ada"),
        JSONRPCChannel("rpc", path="/rpc", services="api.orders"),
        RESTConnection("Warehouse", host="https://warehouse.example.com", path="/api/v2/addresses/{address}/confirm"),
        SMTPConnection("Mail", host="smtp.example.com", username="ada", password=secret("ADA_PASSWORD")),
        FTPConnection("Partner FTP", host="ftp.partner.example.com", username="u", password=secret("ADA_PASSWORD")),
        IntervalJob("every-ten-minutes", service="api.orders", minutes=10),
        CronJob("weekdays at nine in Warsaw", service=LONG, cron="0 9 * * 1-5", timezone="Europe/Warsaw"),
        IntervalJob("paused", service="sync.files", hours=1),
        Limit("api.orders", on="channel", lines="* = 1000/m\n172.16.0.0/12 = 5000/m"),
        Limit(LONG, on="service", lines="10/h"),
        Limit("ada", on="user", lines="3/m", shadow=True),
    )
    wb.jobs["paused"].pause()
    mails: Any = wb.peers.start("smtp", name="mails")
    drop: Any = wb.peers.start("dropbox", name="drop")
    wb.peers.start("rest", name="replies")
    assert mails is not None
    drop.put("invoices/2026/november/invoice-4711-of-the-night-shift-in-the-warehouse.csv", b"a;b\n1;2\n")
    wb.jobs["every-ten-minutes"].execute()
    wb.jobs["weekdays at nine in Warsaw"].execute()
    for _ in range(2):
        wb.call("POST /api/orders", json={"order": 4711})
    wb.call("GET /crm/customers/4711/addresses/17", user="ada")
    wb.call("GET /nowhere/at/all")
    with suppress(Exception):
        wb.invoke("sync.files")


def many(asked: Mapping[str, Any], said: dict[str, Any], count: int = 10_000) -> dict[str, Any]:
    """An answer with the first page of so many rows, each made of one of those that there are."""
    rows = said.get("rows")
    if asked["ask"] != "panel" or not rows or "each" not in said:
        return said
    shown = [of(rows[number % len(rows)], number) for number in range(said["each"])]
    return said | {"rows": shown, "found": count, "of": count, "gone": ""}


def of(row: Mapping[str, Any], number: int) -> dict[str, Any]:
    """A row under a name of its own."""
    named = next((each for each in ("service", "name", "cid") if each in row), "")
    return {**row, named: f"{row[named]}-{number}"} if named and row[named] else dict(row)
