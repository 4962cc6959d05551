"""The sandbox: which peer stands for which connection."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

from workbench.connections.definition import ConnectionDefinition, Opening
from workbench.connections.live import LiveConnections
from workbench.connections.rest.definition import RESTConnection
from workbench.connections.smtp.definition import SMTPConnection
from workbench.connections.smtp.message import SMTPMessage
from workbench.core.clock import SystemClock
from workbench.core.definition import Definition
from workbench.core.errors import NameTaken, UnknownName
from workbench.core.secret import given, secret
from workbench.notebook.displays import HTML
from workbench.sandbox.catalog import NoPeer, Sandbox, peer_class, rows
from workbench.sandbox.http.source import HTTPSource
from workbench.sandbox.smtp_inbox import SMTPInbox

REST = RESTConnection("My Data Source", host="https://data.example.com", path="/rates")
SMTP = SMTPConnection(
    "My SMTP", host="smtp.example.com", port=587, mode="starttls", username="me", password=secret("MY_PASSWORD")
)


class Telegraph(ConnectionDefinition, tag="telegraph", frozen=True, kw_only=True):
    """A kind that nobody plays."""

    kind: ClassVar[str] = "Telegraph"


@pytest.fixture
def defined() -> dict[str, Definition]:
    return {each.name: each for each in (REST, SMTP)}


@pytest.fixture
def sandbox(defined: dict[str, Definition]) -> Iterator[Sandbox]:
    sandbox = Sandbox(lambda: defined)
    yield sandbox
    sandbox.close()


def test_every_row_names_a_peer_of_its_kind() -> None:
    for kind in rows():
        assert peer_class(kind).kind == kind
    with pytest.raises(UnknownName, match=r"No kind of peer is named 'smpt'.*Did you mean 'smtp'"):
        peer_class("smpt")


def test_off_it_leaves_definitions_alone_and_on_it_points_them_at_peers(sandbox: Sandbox) -> None:
    assert sandbox.stand_in(SMTP) is SMTP
    sandbox.switch(True)
    stand_in = sandbox.stand_in(SMTP)
    assert (stand_in.host, stand_in.mode, stand_in.port) == ("127.0.0.1", "starttls", sandbox["My SMTP"].port)
    assert SMTP.host == "smtp.example.com"
    sandbox.switch(False)
    assert sandbox.stand_in(SMTP) is SMTP


def test_peers_are_found_by_the_name_of_their_connection(sandbox: Sandbox) -> None:
    assert list(sandbox) == ["My Data Source", "My SMTP"]
    assert isinstance(sandbox["My SMTP"], SMTPInbox)
    assert isinstance(sandbox["My Data Source"], HTTPSource)
    assert sandbox["My SMTP"] is sandbox["My SMTP"]
    with pytest.raises(UnknownName, match=r"No peer is named 'My SMPT'; there are: .*Did you mean 'My SMTP'"):
        sandbox["My SMPT"]
    assert "My SMPT" not in sandbox


def test_a_kind_without_a_peer_is_an_error_and_no_real_call(sandbox: Sandbox, defined: dict[str, Definition]) -> None:
    defined["t"] = telegraph = Telegraph("t")
    sandbox.switch(True)
    with pytest.raises(NoPeer, match=r"'t' has no peer, and a sandbox makes no real call; there are peers for"):
        sandbox.stand_in(telegraph)
    assert sandbox.rows()[-1] == {"connection": "Telegraph 't'", "stands in": "nothing", "ping": "-"}


def test_a_name_that_changes_its_kind_changes_its_peer(sandbox: Sandbox, defined: dict[str, Definition]) -> None:
    first = sandbox["My SMTP"]
    defined["My SMTP"] = RESTConnection("My SMTP", host="https://x.example.com")
    assert isinstance(sandbox["My SMTP"], HTTPSource)
    assert first.port == 0


def test_a_redefined_connection_keeps_its_peer_and_what_it_received(
    sandbox: Sandbox, defined: dict[str, Definition]
) -> None:
    sandbox.switch(True)
    inbox = sandbox["My SMTP"]
    first = sandbox.stand_in(SMTP)
    again = sandbox.stand_in(SMTP.replace(host="other.example.com", mode="ssl"))
    assert sandbox["My SMTP"] is inbox
    assert (first.mode, again.mode) == ("starttls", "ssl")


def test_free_standing_peers_have_names_of_their_own(sandbox: Sandbox) -> None:
    drop = sandbox.start("smtp", name="drop")
    assert sandbox["drop"] is drop
    assert list(sandbox) == ["drop", "My Data Source", "My SMTP"]
    for name in ("drop", "My SMTP"):
        with pytest.raises(NameTaken):
            sandbox.start("smtp", name=name)
    sandbox.remove("drop")
    assert drop.port == 0
    with pytest.raises(UnknownName):
        sandbox["drop"]


def test_to_look_starts_nothing(sandbox: Sandbox) -> None:
    sandbox.switch(True)
    before = {thread.name for thread in threading.enumerate()}
    assert ("My SMTP" in sandbox, "nobody" in sandbox, 7 in sandbox) == (True, False, False)
    assert ([*sandbox], len(sandbox), [*sandbox.keys()]) == (["My Data Source", "My SMTP"], 2, [*sandbox])
    assert ([*sandbox.items()], [*sandbox.values()]) == ([], [])
    assert [row["ping"] for row in sandbox.rows()] == ["not started", "not started"]
    assert "My SMTP" in repr(sandbox)
    assert "not started" in HTML[Sandbox](sandbox)
    assert {thread.name for thread in threading.enumerate()} == before
    inbox = sandbox["My SMTP"]
    assert [*sandbox.items()] == [("My SMTP", inbox)]
    assert [row["ping"] for row in sandbox.rows()] == ["not started", "ok"]


def test_it_is_shown_as_a_table_and_as_text(sandbox: Sandbox) -> None:
    sandbox.switch(True)
    sandbox.start_all()
    assert sandbox.rows() == [
        {"connection": "REST 'My Data Source'", "stands in": "HTTP source", "ping": "ok"},
        {"connection": "SMTP 'My SMTP'", "stands in": "SMTP inbox", "ping": "ok"},
    ]
    sandbox["My SMTP"].fail(refuse=True)
    assert "does not answer" in sandbox.rows()[1]["ping"]
    assert repr(sandbox) == "Sandbox on.\nREST 'My Data Source': HTTP source\nSMTP 'My SMTP': SMTP inbox"
    assert sandbox.made_up == ["MY_PASSWORD (SMTP 'My SMTP')"]


def test_open_connections_meet_their_peers(sandbox: Sandbox) -> None:
    def reveal(secret: object, owner: str) -> str:
        return given(getattr(secret, "name", "")) or pytest.fail(f"{owner} asked for a real secret")

    live = LiveConnections(Opening(reveal, SystemClock()), sandbox.stand_in)
    for definition in (REST, SMTP):
        live.define(definition)
    sandbox.switch(True)
    source, inbox = sandbox["My Data Source"], sandbox["My SMTP"]
    assert isinstance(source, HTTPSource)
    assert isinstance(inbox, SMTPInbox)
    source.reply("/rates", json={"EUR": 1.08})
    text = live.item("rest", "My Data Source").conn.get("cid").text
    live.item("smtp", "My SMTP").conn.send(SMTPMessage("a@example.com", "b@example.com", "New", text))
    assert inbox.messages[-1].text == '{"EUR": 1.08}'
    assert inbox.messages[-1].user == "me"
    live.close_all()
    sandbox.close()
    assert (source.port, inbox.port) == (0, 0)
