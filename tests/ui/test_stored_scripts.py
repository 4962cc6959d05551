"""Whatever a stranger sends stays text, in every view, card and saved output: a stored script makes no element."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from html.parser import HTMLParser
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from tests.ui.drawn import Drawn
from tests.ui.lab import browser
from workbench import (
    BasicAuth,
    IntervalJob,
    RESTChannel,
    RESTConnection,
    Service,
    SMTPConnection,
    SMTPMessage,
    SQLConnection,
    Workbench,
    secret,
)
from workbench.notebook import displays, running
from workbench.notebook.still import still
from workbench.ui import things, views
from workbench.ui.courier import Courier
from workbench.ui.desk import Desk
from workbench.ui.panel.tabs import TABS
from workbench.ui.verbs import VERBS

SCRIPT = (
    """'"><img src=x onerror="document.title='stolen'"><svg onload=alert(1)><script>document.title='stolen'</script>"""
)
MARK = "document.title"
FOREIGN = "img, svg, script, iframe, [onerror], [onload], [onclick]"


class Echo(Service):
    """Sends everywhere what it is sent."""

    name = "api.echo"

    def handle(self) -> object:
        sent = str(self.request.raw_request)
        self.log.warning("was sent %s\nand %s", sent, sent)
        print(sent)
        self.out.rest["source"].conn.post(self.cid, {"sent": sent}, params={"q": sent})
        self.out.sql["base"].execute("SELECT value FROM sent WHERE value = :value", {"value": SCRIPT})
        message = SMTPMessage(from_="me@example.com", to="ada@example.com", subject=sent, body=sent)
        self.email.smtp["mails"].conn.send(message)
        return {"sent": sent, sent: 1}


class Failing(Service):
    name = "api.failing"

    def handle(self) -> None:
        raise ValueError(SCRIPT)


class Saved(HTMLParser):
    """What a saved output would make of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.made: list[Any] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("img", "script", "iframe", "object", "link") or any(name.startswith("on") for name, _ in attrs):
            self.made.append((tag, attrs))


def ask_as_a_stranger(url: str, method: str, target: str, **headers: str) -> None:
    """A request of one's own making: no client has corrected it."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders(SCRIPT.encode() if method == "POST" else None)
    connection.getresponse().read()
    connection.close()


def be_sent(wb: Workbench) -> None:
    """Have a script come in by every way there is."""
    url, length, in_path = wb.start(), str(len(SCRIPT)), quote(SCRIPT)
    headers = {"X_Zato_CID": SCRIPT, "X_Request_ID": SCRIPT, "User_Agent": SCRIPT, "Referer": SCRIPT}
    ask_as_a_stranger(url, "POST", f"/api/echo?q={in_path}", Content_Length=length, Content_Type="text/html", **headers)
    ask_as_a_stranger(url, "GET", f"/nowhere/{in_path}?q={in_path}", **headers)
    ask_as_a_stranger(url, "GET", "/api/closed", Authorization=BasicAuth_of(SCRIPT))
    wb.call(f"GET /things/{in_path}")
    with suppress(ValueError):
        wb.invoke("api.failing")
    wb.jobs["hourly"].execute()
    wb.jobs["failing"].execute()


def BasicAuth_of(user: str) -> str:
    """The header of somebody who calls himself so."""
    from base64 import b64encode

    return f"Basic {b64encode(f'{user}:x'.encode()).decode()}"


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with pytest.MonkeyPatch.context() as patch, Workbench(port=0) as wb:
        patch.setenv("ADA_PASSWORD", "correct horse")
        source: Any = wb.peers.start("rest", name="source")
        mails: Any = wb.peers.start("smtp", name="mails")
        base: Any = wb.peers.start("sql", name="base")
        box: Any = wb.peers.start("imap", name="box")
        source.reply("/", json={"said": SCRIPT})
        box.arrive(SCRIPT, SCRIPT, from_=f'"{SCRIPT[:40]}" <a@example.com>')
        for kind in ("ftp", "dropbox"):
            files: Any = wb.peers.start(kind, name=kind)
            files.put(f"in/{SCRIPT.replace('/', '|')}.html", SCRIPT.encode())
        with sqlite3.connect(base.path) as database:
            database.execute("CREATE TABLE sent (value TEXT)")
            database.execute("INSERT INTO sent VALUES (?)", (SCRIPT,))
        database.close()
        wb.deploy(Echo, Failing)
        wb.define(
            RESTConnection("source", host=source.url, path="/"),
            SMTPConnection("mails", host="localhost", port=mails.port, mode="plain", from_="me@example.com"),
            SQLConnection("base", engine="sqlite", database=str(base.path)),
            BasicAuth("ada", username="ada", password=secret("ADA_PASSWORD")),
            RESTChannel("api.echo", data_format="raw"),
            RESTChannel("things", service="api.echo", path="/things/{thing}"),
            RESTChannel("closed", service="api.echo", path="/api/closed", security="ada"),
            IntervalJob("hourly", service="api.echo", hours=1, extra=SCRIPT),
            IntervalJob("failing", service="api.failing", hours=1, extra=SCRIPT),
        )
        be_sent(wb)
        made = Desk(wb, Courier(), VERBS)
        made.html_of_peer = running.peer
        yield made
        made.close()


@pytest.fixture(scope="module")
def drawn(desk: Desk) -> Iterator[Drawn]:
    with browser() as chromium:
        made = Drawn(chromium, desk)
        yield made
        assert made.errors == []


def holds_text_alone(drawn: Drawn, where: str) -> None:
    assert drawn.page.locator(f".wb-card :is({FOREIGN})").count() == 0, where
    assert drawn.page.title() == "A card", where


def test_every_tab_and_what_opens_in_it(desk: Desk, drawn: Drawn) -> None:
    card = drawn.draw(views.everything)
    with_it = set()
    for tab in TABS:
        drawn.open(tab.name)
        holds_text_alone(drawn, tab.name)
        for form in drawn.forms() if tab.name in ("traffic", "jobs", "services") else ():
            holds_text_alone(drawn, f"{tab.name}: {form}")
            with_it |= {tab.name} if MARK in str(card.text_content()) else set()
        fields = card.locator("input, textarea").evaluate_all("(all) => all.map((each) => each.value).join()")
        with_it |= {tab.name} if MARK in f"{card.text_content()}{fields}" else set()
    assert with_it >= {"services", "jobs", "peers", "traffic", "log"}, "what was sent is shown there, as text"


def every_view(desk: Desk) -> dict[str, Any]:
    """Each sort of card, and each thing's own."""
    wb = desk.wb
    found = {"services": views.services(list(wb.services), [SCRIPT]), "jobs": views.jobs(), "all": views.everything}
    found |= {"greeting": views.greeting(SCRIPT, [SCRIPT]), "clicked": views.clicked([SCRIPT])}
    found |= {f"peer {name}": views.peer(name, each, running.peer) for name, each in wb.peers.items()}
    shown = [*wb.services.values(), *wb.jobs.values(), *wb.channels.values(), *wb.connections.values()]
    for thing in [*shown, *wb.users.values(), *wb.traffic, wb.call("/api/echo", data=SCRIPT)]:
        view = things.view_of(wb, thing)
        assert view is not None, thing
        found[f"{type(thing).__name__} {thing!r:.60} {len(found)}"] = view
    return found


def test_every_card_and_what_is_saved_of_it(desk: Desk, drawn: Drawn) -> None:
    with_it = 0
    for name, view in every_view(desk).items():
        drawn.anew()
        card = drawn.draw(view)
        holds_text_alone(drawn, name)
        with_it += MARK in str(card.text_content())
        html = still(view(desk), desk.wb.clock.now())
        assert Saved(html).made == [], name
        assert "<img" not in html, name
    assert with_it >= 15, "what was sent is shown, as text"


def test_what_is_saved_of_values_without_a_card(desk: Desk) -> None:
    wb = desk.wb
    mails: Any = wb.peers["mails"]
    values = [wb.call("/api/echo", data=SCRIPT), *wb.traffic, *wb.jobs["failing"].runs, *mails.messages]
    values += [wb.jobs["failing"].wait(0), wb.channels, wb.connections, wb.settings, wb.peers, wb.limits]
    shown = [displays.HTML[kind](each) for each in values for kind in type(each).__mro__ if kind in displays.HTML]
    assert len(shown) >= len(values)
    assert [Saved(html).made for html in shown if Saved(html).made] == []
    assert sum("&lt;img" in html for html in shown) >= 8
