"""Incoming mail against the IMAP peer."""

from __future__ import annotations

import asyncio
import imaplib
import socket
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from tests.connections.suites.examples import EXAMPLES, opened
from workbench.connections.definition import Opening
from workbench.connections.files.errors import AccessRefused
from workbench.connections.imap.definition import IMAPConnection
from workbench.connections.imap.live import LiveIMAP
from workbench.core.call import Call
from workbench.core.clock import SystemClock
from workbench.core.errors import ConnectionFailed, InvalidDefinition, ServiceUsage
from workbench.core.secret import give, given, secret
from workbench.sandbox.imap.mailbox import IMAPMailbox

OPENING = Opening(lambda secret, owner: given(secret.name) or "", SystemClock())
ODD = b"\x00\xff" * 1000 + b"\r\n.\r\n)"


@pytest.fixture
def both() -> Iterator[tuple[LiveIMAP, IMAPMailbox]]:
    with opened("imap") as pair:
        yield pair


@pytest.fixture
def conn(both: tuple[LiveIMAP, IMAPMailbox]) -> LiveIMAP:
    return both[0]


@pytest.fixture
def peer(both: tuple[LiveIMAP, IMAPMailbox]) -> IMAPMailbox:
    return both[1]


@pytest.mark.parametrize("mode", ["ssl", "starttls", "plain"])
def test_mails_are_read_in_every_mode(mode: str) -> None:
    with opened("imap", mode=mode) as (conn, peer):
        peer.arrive("Grüße", "Zażółć\ngęślą", from_="Ann <ann@example.com>", attachments={"Zürich.bin": ODD})
        peer.arrive("Second", "", to="a@example.com, b@example.com")
        found = list(conn.get())
        assert [uid for uid, _ in found] == ["1", "2"]
        first, second = (message for _, message in found)
        assert (first.subject, first.text, first.from_) == ("Grüße", "Zażółć\ngęślą", "ann@example.com")
        assert first.attachments == {"Zürich.bin": ODD}
        assert (second.to, second.text, second.attachments) == (["a@example.com", "b@example.com"], "", {})
        assert peer.flags() == [[], []]


def test_a_message_has_zatos_shape_too(conn: LiveIMAP, peer: IMAPMailbox) -> None:
    peer.arrive("Hi", "Hello", from_="Ann <ann@example.com>", attachments={"a.txt": b"12"})
    _, message = next(iter(conn.get()))
    data = message.data
    assert (data.subject, data["sent_from"]) == ("Hi", [{"name": "Ann", "email": "ann@example.com"}])
    assert data.sent_to == [{"name": "", "email": "me@example.com"}]
    assert [each.strip() for each in data.body.plain] == ["Hello"]
    (part,) = data.attachments
    assert (part["filename"], part["size"], part["content-type"], part["content"].read()) == (
        "a.txt",
        2,
        "application/octet-stream",
        b"12",
    )
    with pytest.raises(AttributeError, match="a mail's data has no 'bcc'; it has subject, sent_from"):
        _ = data.bcc
    assert repr(message) == "Hi from ann@example.com, 1 attached"


def test_mails_are_marked_moved_and_deleted_while_they_are_read(conn: LiveIMAP, peer: IMAPMailbox) -> None:
    for subject in ("seen", "moved", "deleted", "left"):
        peer.arrive(subject)
    peer.make_folder("Done")
    for _, message in conn.get():
        if message.subject == "seen":
            message.mark_seen()
        elif message.subject == "moved":
            message.move("Done")
        elif message.subject == "deleted":
            message.delete()
    assert [each.subject for each in peer.messages] == ["seen", "left"]
    assert peer.flags() == [["\\Seen"], []]
    assert [message.subject for _, message in conn.get()] == ["left"]
    assert [message.subject for _, message in conn.get("Done", "ALL")] == ["moved"]
    conn.mark_seen("4")
    conn.delete("1", "4")
    assert peer.messages == []


def test_criteria_choose_mails(conn: LiveIMAP, peer: IMAPMailbox) -> None:
    from imap_tools import AND, NOT, OR

    peer.arrive("Invoice 1", "pay now", from_="shop@example.com")
    peer.arrive("Hello", "Grüße", from_="ann@example.com", attachments={"a": b"x" * 5000})
    peer.put(b"Subject: old\nDate: Thu, 01 Jan 2015 00:00:00 +0000\n\nbody", flags=("\\Seen", "\\Flagged"))

    def subjects(criteria: Any) -> list[str]:
        return [message.subject for _, message in conn.get(criteria=str(criteria))]

    assert subjects("ALL") == ["Invoice 1", "Hello", "old"]
    assert subjects(AND(from_="shop@example.com")) == ["Invoice 1"]
    assert subjects(OR(subject="hello", flagged=True)) == ["Hello", "old"]
    assert subjects(NOT(seen=False)) == ["old"]
    assert subjects('SENTBEFORE 1-Feb-2016 NOT BODY "pay"') == ["old"]
    assert subjects("LARGER 4000") == ["Hello"]
    assert subjects("UID 2:* UNSEEN") == ["Hello"]
    assert subjects("(SUBJECT invoice TEXT pay)") == ["Invoice 1"]
    with pytest.raises(ConnectionFailed, match="BAD.*the search key NONSENSE is not spoken here|NONSENSE"):
        subjects("NONSENSE x")


def test_mails_are_put_into_folders(conn: LiveIMAP, peer: IMAPMailbox) -> None:
    message = EmailMessage()
    message["Subject"] = "kept"
    message.set_content("żółw")
    peer.make_folder("Sent")
    conn.append(message, "Sent")
    assert peer.folders["Sent"].mails[0].mail.text == "żółw"
    assert conn.folders() == ["INBOX", "Sent"]
    with peer.fail(quota=True), pytest.raises(ConnectionFailed, match="OVERQUOTA"):
        conn.append(b"Subject: x\r\n\r\n", "Sent")


def test_refusals_are_said(conn: LiveIMAP, peer: IMAPMailbox) -> None:
    with pytest.raises(ConnectionFailed, match=r"IMAP 'My IMAP' has no folder 'Nope'; there are: INBOX."):
        list(conn.get("Nope"))
    with peer.fail(refuse_login=True), pytest.raises(AccessRefused, match="refused the user name or password"):
        conn.ping()
    with peer.fail(refuse_command="SEARCH"), pytest.raises(ConnectionFailed, match="refused: .*refuse_command"):
        list(conn.get())
    give("WRONG", "wrong")
    wrong = EXAMPLES["imap"].replace(mode="plain", host=peer.host, port=peer.port, password=secret("WRONG"))
    peer.stop()
    with pytest.raises(ConnectionFailed, match=r"cannot be reached.*Fix: check host, port and mode"):
        wrong.replace(retries=0, port=9).open(OPENING).ping()


def test_a_certificate_of_another_name_is_refused() -> None:
    with opened("imap", mode="starttls") as (conn, peer):
        with peer.fail(wrong_certificate=True), pytest.raises(ConnectionFailed, match=r"certificate .*ca_file="):
            conn.ping()
        assert conn.ping() == "0 in INBOX, 0 unseen"
    with opened("imap", mode="ssl") as (_, peer):
        untrusting = EXAMPLES["imap"].replace(host=peer.host, port=peer.port, password=None)
        with pytest.raises(ConnectionFailed, match="certificate that cannot be trusted"):
            untrusting.open(OPENING).ping()


def test_a_server_that_hangs_up_at_the_beginning_is_asked_again(conn: LiveIMAP, peer: IMAPMailbox) -> None:
    peer.arrive("here")
    peer.fail(hang_up_after_bytes=5, times=2)
    assert [message.subject for _, message in conn.get()] == ["here"]


def test_each_call_is_one_step(conn: LiveIMAP, peer: IMAPMailbox, call: Call) -> None:
    peer.arrive("one").arrive("two")
    for _, message in conn.get():
        message.mark_seen()
    assert [step.describe() for step in call.step.steps] == [
        "IMAP My IMAP get INBOX 2 messages",
        "IMAP My IMAP mark seen INBOX 1 message",
        "IMAP My IMAP mark seen INBOX 1 message",
    ]


def test_async_services_await_it(conn: LiveIMAP, peer: IMAPMailbox, call: Call) -> None:
    peer.arrive("one")
    call.on_loop = True

    async def handle() -> list[str]:
        with pytest.raises(ServiceUsage, match=r"Fix: await conn.aio.get\(\)"):
            list(conn.get())
        found = await conn.aio.get()
        await conn.aio.mark_seen(found[0][0])
        return [message.subject for _, message in found]

    assert asyncio.run(handle()) == ["one"]
    assert peer.flags() == [["\\Seen"]]


def test_the_peer_wakes_clients_that_idle() -> None:
    with opened("imap", mode="plain") as (conn, peer), conn.mailbox() as mailbox:
        threading.Timer(0.1, lambda: peer.arrive("news")).start()
        assert mailbox.idle.wait(timeout=10) == [b"* 1 EXISTS"]
        assert [mail.subject for mail in mailbox.fetch()] == ["news"]
        mailbox.folder.create("Żółwie")
        assert [each.name for each in mailbox.folder.list()] == ["INBOX", "Żółwie"]
        mailbox.folder.rename("Żółwie", "Turtles")
        mailbox.copy("1", "Turtles")
        mailbox.folder.set("Turtles", readonly=True)
        with pytest.raises(Exception, match="READ-ONLY"):
            mailbox.delete("1")
        mailbox.folder.delete("Turtles")


def test_the_peer_answers_the_standard_librarys_client() -> None:
    peer = IMAPMailbox("m", users={"me": 'p"w\\'}).start()
    try:
        peer.put(b"Subject: a\nFrom: x@y.z\nX-Long: 1\n 2\n\nHello\n")
        client = imaplib.IMAP4(peer.host, peer.port, timeout=30)
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            client.login("me", "wrong")
        client.login("me", 'p"w\\')
        client.select()
        _, told = client.fetch("1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT X-LONG)] INTERNALDATE)")
        assert told[0][1] == b"Subject: a\r\nX-Long: 1\r\n 2\r\n\r\n"
        assert client.fetch("1", "(BODY[TEXT]<1.3>)")[1][0][1] == b"ell"
        assert client.fetch("1", "FLAGS")[1] == [b"1 (FLAGS (\\Seen))"]
        assert client.status("INBOX", "(MESSAGES UNSEEN)")[1] == [b'"INBOX" (MESSAGES 1 UNSEEN 0)']
        client.store("1", "+FLAGS", "(\\Deleted)")
        assert client.expunge()[1] == [b"1"]
        client.logout()
    finally:
        peer.stop()


def test_the_peer_answers_what_is_no_imap() -> None:
    peer = IMAPMailbox("m").start()
    odd = (
        "FETCH",
        'SEARCH "',
        "UID LOGIN a b",
        "STORE 1 x",
        "NOPE",
        "SEARCH OR ALL",
        "FETCH 1 (FLAGS",
        "FETCH 1 FLAGS)",
    )
    try:
        with socket.create_connection((peer.host, peer.port), timeout=30) as client, client.makefile("rwb") as lines:

            def asked(command: str) -> bytes:
                lines.write(f"t {command}\r\n".encode())
                lines.flush()
                while not (line := lines.readline()).startswith(b"t "):
                    assert line
                return line

            assert asked('LIST "" *').startswith(b"t NO log in first")
            assert asked("LOGIN me {2+}\r\npw").startswith(b"t OK")
            assert asked("SELECT inbox").startswith(b"t OK")
            assert [asked(each)[:5] for each in odd] == [b"t BAD"] * len(odd)
            assert asked("LOGOUT").startswith(b"t OK")
    finally:
        peer.stop()


def test_the_peer_shows_what_is_there(conn: LiveIMAP, peer: IMAPMailbox) -> None:
    assert repr(peer) == "IMAP mailbox 'My IMAP': no messages"
    peer.arrive("Hi", attachments={"a.txt": b"1"})
    assert repr(peer) == ("IMAP mailbox 'My IMAP': 1 message.\nINBOX 1. Hi -> me@example.com, a.txt (1 byte) (unseen)")
    assert peer.rows() == [
        {"folder": "INBOX", "from": "somebody@example.com", "subject": "Hi", "attachments": "a.txt", "seen": "no"}
    ]


def test_a_definition_lists_all_that_is_wrong_with_it() -> None:
    with pytest.raises(InvalidDefinition) as refused:
        IMAPConnection("m", host="", username="", mode="tls")  # type: ignore[arg-type]
    assert set(refused.value.problems) == {"host", "username", "mode"}
    with pytest.raises(InvalidDefinition) as refused:
        IMAPConnection("m", host="imap://x", username="me", folder="a\r\nb")
    assert set(refused.value.problems) == {"host", "folder"}
