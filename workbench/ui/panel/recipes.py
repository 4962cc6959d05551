"""Recipes: whole small flows as four cells each, which a person takes over and changes."""

from __future__ import annotations

from typing import Any, NamedTuple

from workbench.core.errors import UnknownName


class Recipe(NamedTuple):
    """One recipe.

    Attributes:
        name: What a front end asks for.
        label: What is written in the menu.
        about: One sentence: what it does.
        cells: The code of its cells, to be run from the first to the last; the last one shows that it works.
    """

    name: str
    label: str
    about: str
    cells: tuple[str, str, str, str]


RECIPES = (
    Recipe(
        "rest in",
        "REST in",
        "Callers send an order as JSON, and have an answer; what is wrong with it is a 400 that names the field.",
        (
            "from workbench import wb, Limit, RESTChannel, Service\nfrom workbench.zato.server.service import Int",
            '''class Orders(Service):
    """Takes an order."""
    name = "api.orders"
    input = "item", Int("count")
    output = "item", "count", "status"

    def handle(self):
        order = self.request.input
        self.log.info("%d of %s", order.count, order.item)
        return {"item": order.item, "count": order.count, "status": "taken"}''',
            """wb.define(RESTChannel("api.orders", path="/api/orders", service="api.orders", method="POST"),
          Limit("api.orders", on="channel", lines="100/m"))""",
            'wb.call("POST /api/orders", json={"item": "tea", "count": 2})',
        ),
    ),
    Recipe(
        "fetch, keep and mail",
        "Fetch, keep and mail on a schedule",
        "Each hour data is fetched by REST, kept in Redis and sent by mail; stand-ins play the other sides.",
        (
            """from workbench import wb, IntervalJob, RESTConnection, Service, SMTPConnection, SMTPMessage

# Stand-ins play the other sides until you write wb.sandbox(False).
wb.sandbox()""",
            """wb.define(RESTConnection("Rates", host="https://data.example.com", path="/rates"),
          SMTPConnection("Mail", host="smtp.example.com", port=587, mode="starttls"))
wb.peers["Rates"].reply("/rates", json={"EUR": 1.08, "PLN": 0.25})""",
            '''class SendRates(Service):
    """Fetches the rates, keeps them and mails them."""
    name = "rates.send"

    def handle(self):
        rates = self.out.plain_http["Rates"].conn.get(self.cid).text
        self.kvdb.conn.set("rates.newest", rates)

        message = SMTPMessage(from_="rates@example.com", to="team@example.com",
                              subject="New rates", body="Today's rates are attached.")
        message.attach("rates.json", rates)
        self.email.smtp["Mail"].conn.send(message)''',
            """wb.define(IntervalJob("rates hourly", service="rates.send", hours=1, timezone="UTC"))
wb.invoke("rates.send")
wb.peers["Mail"]""",
        ),
    ),
    Recipe(
        "files to dropbox",
        "Files to Dropbox",
        "Files that arrive on an FTP server are moved to Dropbox each minute; stand-ins play both.",
        (
            """from workbench import wb, DropboxConnection, FTPConnection, IntervalJob, secret, Service

# Stand-ins play both sides until you write wb.sandbox(False).
wb.sandbox()""",
            """wb.define(FTPConnection("Inbox", host="ftp.example.com", username="me", password=secret("FTP_PASSWORD")),
          DropboxConnection("Archive", user_agent="Files/1.0", token=secret("DROPBOX_TOKEN")))""",
            '''class MoveFiles(Service):
    """Moves all files of the FTP server to Dropbox."""
    name = "files.move"

    def handle(self):
        inbox, archive = self.outgoing.ftp.get("Inbox"), self.out.files["Archive"]
        for name in inbox.listdir("/"):
            archive.write(name, inbox.getbytes("/" + name))
            inbox.remove("/" + name)''',
            """wb.define(IntervalJob("files each minute", service="files.move", minutes=1, timezone="UTC"))
wb.peers["Inbox"].put("invoice.txt", b"42 EUR")
wb.invoke("files.move")
wb.peers["Archive"]""",
        ),
    ),
    Recipe(
        "blank",
        "Blank service",
        "A service with an address, to begin with.",
        (
            "from workbench import wb, RESTChannel, Service",
            '''class Mine(Service):
    """Says what it was sent."""
    name = "api.mine"

    def handle(self):
        return {"you sent": self.request.text}''',
            'wb.define(RESTChannel("api.mine", path="/api/mine", service="api.mine"))',
            'wb.call("POST /api/mine", data="hello")',
        ),
    ),
)
"""In the order in which they stand in the menu."""


def recipes() -> list[dict[str, Any]]:
    """Each recipe's name and label."""
    return [{"name": each.name, "label": each.label} for each in RECIPES]


def recipe_named(name: str) -> dict[str, Any]:
    """One recipe with its cells; raises UnknownName."""
    by_name = {each.name: each for each in RECIPES}
    if name not in by_name:
        raise UnknownName("recipe", name, by_name)
    return {**by_name[name]._asdict(), "cells": list(by_name[name].cells)}
