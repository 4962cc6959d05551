"""Incoming mail from servers of several makes: the peer as it plays each, and Dovecot itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import pytest
from imap_tools import AND

from tests.connections.suites.examples import EXAMPLES
from tests.dovecot_server import PASSWORD, Dovecot
from workbench.connections.definition import Opening
from workbench.connections.files.errors import AccessRefused
from workbench.connections.imap.definition import IMAPConnection
from workbench.connections.imap.live import LiveIMAP
from workbench.core.clock import SystemClock
from workbench.core.errors import ConnectionFailed, DeadlineExceeded, ServiceUsage
from workbench.core.secret import secret
from workbench.sandbox.imap.mailbox import IMAPMailbox

MAIL = (
    "From: Bob <bob@example.com>\nTo: ann@example.com\nSubject: =?utf-8?B?UmVjaG51bmcgxIxlc2vDvQ==?=\n"
    "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGrüße (\\)\n"
).encode()
OPENING = Opening(lambda secret, owner: PASSWORD, SystemClock())
USERS = (f"jörg{number}" for number in count())
PLAYED = ["no make", "dovecot", "gmail", "exchange"]


class Place(NamedTuple):
    """One server: a connection's definition for it, and how a mail comes there."""

    make: str
    definition: IMAPConnection
    put: Callable[..., object]

    @contextmanager
    def opened(self, **changes: Any) -> Iterator[LiveIMAP]:
        """A connection to it."""
        live = self.definition.replace(**changes).open(OPENING)
        yield live
        live.close()


@pytest.fixture(params=[*PLAYED, "Dovecot itself"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    # Nobody has had mails before.
    user = next(USERS)
    account: dict[str, Any] = {"username": user, "password": secret("OF_DOVECOT"), "mode": "plain", "retries": 0}
    if request.param in PLAYED:
        peer = IMAPMailbox("m", users={user: PASSWORD}).start()
        if request.param != "no make":
            peer.fail(dialect=request.param)
        yield Place(request.param, EXAMPLES["imap"].replace(host=peer.host, port=peer.port, **account), peer.put)
        peer.stop()
        return
    server: Dovecot = request.getfixturevalue("dovecot_server")
    definition = EXAMPLES["imap"].replace(host="127.0.0.1", port=server.port, **account)
    yield Place(request.param, definition, partial(server.put, user))


def subjects(conn: LiveIMAP, criteria: Any = "", folder: str = "") -> list[str]:
    return [message.subject for _, message in conn.get(folder, criteria)]


def test_mails_are_read_marked_and_moved(place: Place) -> None:
    for number in range(3):
        place.put(b"From: bob@example.com\nSubject: n%d\n\nx\n" % number)
    place.put(b"Subject: older\n\nx\n", "Done")
    with place.opened() as conn:
        assert conn.ping() == "3 in INBOX, 3 unseen"
        for _, message in conn.get():
            if message.subject == "n0":
                message.mark_seen()
            elif message.subject == "n1":
                message.move("Done")
        assert subjects(conn) == ["n2"]
        assert subjects(conn, "ALL", "Done") == ["older", "n1"]
        assert sorted(conn.folders()) == ["Done", "INBOX"]


@pytest.mark.parametrize(
    "criteria",
    [
        'SUBJECT "Český"',
        "SUBJECT Český",
        'TEXT "Grüße (\\\\)" SUBJECT "Rechnung"',
        '(OR SUBJECT "žádný" SUBJECT "Český") FROM bob UNSEEN',
        AND(subject="Český", text="Grüße"),
    ],
    ids=str,
)
def test_letters_beyond_ascii_in_criteria_find_what_they_name(place: Place, criteria: Any) -> None:
    place.put(MAIL)
    place.put(b"From: bob@example.com\nSubject: other\n\nx\n")
    with place.opened(get_criteria=str(criteria)) as conn:
        if place.make == "exchange":
            with pytest.raises(ConnectionFailed, match=r"refused: \[BADCHARSET \(US-ASCII\)\] The specified charset"):
                subjects(conn)
            return
        assert subjects(conn) == ["Rechnung Český"]
        assert subjects(conn, criteria) == ["Rechnung Český"]
        assert subjects(conn, 'SUBJECT "žádný"') == []


def test_criteria_in_ascii_say_no_charset_which_some_servers_refuse(place: Place) -> None:
    place.put(MAIL)
    with place.opened() as conn:
        assert subjects(conn, 'SUBJECT "Rechnung"') == ["Rechnung Český"]
        with conn.mailbox() as mailbox:
            assert [mail.subject for mail in mailbox.fetch("ALL")] == ["Rechnung Český"]


def test_criteria_of_several_lines_are_no_commands(place: Place) -> None:
    with place.opened() as conn, pytest.raises(ServiceUsage, match="criteria must be one line"):
        subjects(conn, "ALL\r\nx1 DELETE INBOX")


def test_a_folder_that_is_there_and_does_not_open_is_not_called_missing(place: Place) -> None:
    place.put(b"Subject: below\n\nx\n", "Archiv/2026")
    with place.opened() as conn:
        assert subjects(conn, "ALL", "Archiv/2026") == ["below"]
        if place.make in ("no make", "exchange"):
            assert "Archiv" not in conn.folders()
            return
        with pytest.raises(ConnectionFailed) as refused:
            subjects(conn, "ALL", "Archiv")
        said = str(refused.value)
        assert "the folder 'Archiv' holds no mails" in said
        assert "Unknown Mailbox" in said or "Mailbox doesn't exist" in said
        assert said.endswith("Fix: name a folder in it, as 'Archiv/2026'")


def test_a_folder_that_is_missing_is_named_beside_those_there_are(place: Place) -> None:
    with (
        place.opened() as conn,
        pytest.raises(ConnectionFailed, match=r"has no folder 'Nope'; there are: INBOX. The server said: .+\."),
    ):
        subjects(conn, "ALL", "Nope")


@pytest.mark.parametrize(
    ("words", "kind"), [("[NOPERM] Permission denied", AccessRefused), ("[ALERT] Unsafe Login", ConnectionFailed)]
)
def test_a_folder_that_may_not_be_read_says_the_servers_words(words: str, kind: type[Exception]) -> None:
    class Strict(IMAPMailbox):
        def refuses(self, command: str) -> str:
            return words if command == "SELECT" else ""

    peer = Strict("m").start()
    definition = EXAMPLES["imap"].replace(host=peer.host, port=peer.port, mode="plain")
    try:
        with pytest.raises(ConnectionFailed) as refused:
            definition.open(OPENING).ping()
        assert type(refused.value) is kind
        assert "does not open the folder 'INBOX', which is there: [" in str(refused.value)
        assert words in str(refused.value)
    finally:
        peer.stop()


def test_a_login_has_any_letters(place: Place) -> None:
    with place.opened() as conn:
        assert conn.ping() == "0 in INBOX, 0 unseen"
    wrong = Opening(lambda secret, owner: "pässwörd-¢ent", SystemClock())
    with pytest.raises(AccessRefused, match="refused the user name or password") as refused:
        place.definition.open(wrong).ping()
    assert "¢ent" not in str(refused.value)


@pytest.mark.parametrize("place", ["no make", "Dovecot itself"], indirect=True)
def test_a_service_may_take_its_time_between_two_mails(place: Place) -> None:
    for number in range(2):
        place.put(b"From: bob@example.com\nSubject: n%d\n\nx\n" % number)
    seen = []
    with place.opened(deadline_seconds=1.5) as conn:
        for _, message in conn.get():
            # As long as a service works on one mail; nobody sets it.
            threading.Event().wait(0.9)
            seen.append(message.subject)
    assert seen == ["n0", "n1"]


def test_a_mail_that_comes_drop_by_drop_is_given_up_in_time() -> None:
    peer = IMAPMailbox("m").start()
    peer.arrive("first").arrive("second", "x" * 200_000)
    definition = EXAMPLES["imap"].replace(host=peer.host, port=peer.port, mode="plain", deadline_seconds=1.5)
    try:
        mails = definition.open(OPENING).get()
        assert next(mails)[1].subject == "first"
        peer.fail(bytes_per_second=2000)
        with pytest.raises(DeadlineExceeded, match=r"did not do it within 1.5 s .*raise deadline_seconds"):
            next(mails)
    finally:
        peer.stop()
