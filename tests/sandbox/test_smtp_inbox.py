"""The mail peer, asked by a client that is not ours: the standard library's."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from workbench.core.errors import InvalidDefinition
from workbench.sandbox import certificates
from workbench.sandbox.mail import Mail
from workbench.sandbox.smtp_inbox import SMTPInbox

SENDER, RECIPIENT = "a@example.com", "b@example.com"


@pytest.fixture
def inbox() -> Iterator[SMTPInbox]:
    inbox = SMTPInbox("My SMTP").start()
    yield inbox
    inbox.stop()


def connected(inbox: SMTPInbox) -> smtplib.SMTP:
    return smtplib.SMTP(inbox.host, inbox.port, timeout=30)


def mail(subject: str = "Hi", **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, RECIPIENT, subject
    for name, value in headers.items():
        message[name] = value
    message.set_content("Hello\nthere")
    return message


def test_a_mail_arrives_with_every_part_of_it(inbox: SMTPInbox) -> None:
    message = mail("Grüße", Cc="c@example.com")
    message.add_alternative("<b>Hello</b>", subtype="html")
    message.add_attachment(b"\x00\xff", maintype="application", subtype="octet-stream", filename="Zürich.bin")
    message.add_attachment(b"second", maintype="application", subtype="octet-stream", filename="Zürich.bin")
    with connected(inbox) as client:
        client.send_message(message, to_addrs=[RECIPIENT, "c@example.com", "hidden@example.com"])
    arrived = inbox.messages[-1]
    assert (arrived.subject, arrived.from_, arrived.sender) == ("Grüße", SENDER, SENDER)
    assert (arrived.to, arrived.cc, arrived.bcc) == ([RECIPIENT], ["c@example.com"], ["hidden@example.com"])
    assert (arrived.text, arrived.html) == ("Hello\nthere", "<b>Hello</b>")
    assert arrived.attachments == {"Zürich.bin": b"\x00\xff", "Zürich.bin (2)": b"second"}
    assert arrived.headers["Subject"] == "Grüße"
    assert arrived.raw.startswith(b"From: ")


def test_an_empty_inbox_says_that_nothing_arrived(inbox: SMTPInbox) -> None:
    with pytest.raises(IndexError, match=r"There is no mail \[-1\]: 0 mails arrived so far"):
        inbox.messages[-1]
    assert repr(inbox) == "Inbox: 0 messages"


def test_the_inbox_is_shown_without_anything_that_changes(inbox: SMTPInbox) -> None:
    message = mail("New data", Cc="c@example.com")
    message.add_attachment(b"x" * 26, maintype="text", subtype="plain", filename="my.data.txt")
    with connected(inbox) as client:
        client.send_message(message)
        one = repr(inbox)
        client.send_message(mail("Again"))
    assert one == "Inbox: 1 message. 1. New data -> b@example.com, cc c@example.com, my.data.txt (26 bytes)"
    assert repr(inbox).splitlines()[0] == "Inbox: 2 messages."
    assert repr(inbox).splitlines()[2] == "2. Again -> b@example.com"
    assert inbox.rows()[0] == {
        "from": SENDER,
        "to": RECIPIENT,
        "cc": "c@example.com",
        "subject": "New data",
        "attachments": "my.data.txt (26 bytes)",
    }


def test_starttls_shows_a_certificate_that_only_our_authority_vouches_for(inbox: SMTPInbox) -> None:
    trusting = ssl.create_default_context(cafile=str(certificates.authority().file))
    with connected(inbox) as client:
        client.starttls(context=trusting)
        client.send_message(mail())
    assert len(inbox.messages) == 1
    with connected(inbox) as client, pytest.raises(ssl.SSLCertVerificationError):
        client.starttls(context=ssl.create_default_context())
    inbox.fail(wrong_certificate=True)
    with connected(inbox) as client, pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        client.starttls(context=trusting)


def test_tls_from_the_first_byte() -> None:
    inbox = SMTPInbox(is_ssl=True).start()
    trusting = ssl.create_default_context(cafile=str(certificates.authority().file))
    try:
        with smtplib.SMTP_SSL(inbox.host, inbox.port, timeout=30, context=trusting) as client:
            client.send_message(mail())
        assert len(inbox.messages) == 1
    finally:
        inbox.stop()


def test_with_users_only_they_may_send() -> None:
    inbox = SMTPInbox(users={"me": "right"}).start()
    try:
        with connected(inbox) as client:
            with pytest.raises(smtplib.SMTPSenderRefused, match="Authentication required"):
                client.send_message(mail())
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("me", "wrong")
            client.login("me", "right")
            client.send_message(mail())
        assert inbox.messages[-1].user == "me"
    finally:
        inbox.stop()


def test_greylisting_puts_off_each_recipient_once(inbox: SMTPInbox) -> None:
    inbox.fail(greylist=True)
    with connected(inbox) as client:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            client.send_message(mail())
        assert refused.value.recipients[RECIPIENT][0] == 451
        client.send_message(mail())
    assert len(inbox.messages) == 1


def test_a_recipient_can_be_unknown(inbox: SMTPInbox) -> None:
    inbox.fail(reject=[RECIPIENT])
    with connected(inbox) as client, pytest.raises(smtplib.SMTPRecipientsRefused):
        client.send_message(mail())
    inbox.heal()
    with connected(inbox) as client:
        client.send_message(mail())
    assert len(inbox.messages) == 1


def test_it_can_hang_up_before_it_confirms(inbox: SMTPInbox) -> None:
    inbox.fail(hang_up_after_data=True, times=1)
    with connected(inbox) as client, pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)):
        client.send_message(mail())
    with connected(inbox) as client:
        client.send_message(mail("Second"))
    assert [each.subject for each in inbox.messages] == ["Second"]


def test_a_refused_mail_is_not_kept(inbox: SMTPInbox) -> None:
    with inbox.fail(refuse_mail=True), connected(inbox) as client, pytest.raises(smtplib.SMTPDataError):
        client.send_message(mail())
    assert len(inbox.messages) == 0


def test_an_unknown_fault_names_the_nearest(inbox: SMTPInbox) -> None:
    with pytest.raises(InvalidDefinition) as refused:
        inbox.fail(gerylist=True, times=-1, reject="b@example.com")
    assert set(refused.value.problems) == {"gerylist", "times", "reject"}
    assert "did you mean 'greylist'?" in str(refused.value)


def test_html_alone_and_a_mail_without_subject(inbox: SMTPInbox) -> None:
    message = EmailMessage()
    message["To"] = RECIPIENT
    message.set_content("<p>x</p>", subtype="html")
    with connected(inbox) as client:
        client.sendmail(SENDER, [RECIPIENT], message.as_bytes(policy=SMTP))
    arrived = inbox.messages[-1]
    assert (arrived.text, arrived.html, arrived.subject, arrived.from_) == ("", "<p>x</p>", "", "")
    assert repr(inbox) == "Inbox: 1 message. 1. (no subject) -> b@example.com"


def test_what_is_no_mail_at_all_is_kept_and_shown(inbox: SMTPInbox) -> None:
    with connected(inbox) as client:
        client.sendmail(SENDER, [RECIPIENT], b"\xff\xfe no header here\r\nTo: @@@\r\n")
    assert b"no header here" in inbox.messages[-1].raw
    assert repr(inbox).startswith("Inbox: 1 message.")
    assert inbox.rows()[0]["to"] == ""


@pytest.mark.parametrize(
    "raw",
    [
        b"To: <\r\nCc: a:;@\r\n\r\nx",
        b"To: @\r\nMessage-ID: <\r\n\r\nx",
        b"Subject: =?utf-8?b?a?=\r\nTo: (\r\n\r\nx",
        b"Subject: =?nope?q?x?=\r\nContent-Type: text/plain; charset=nope\r\n\r\nx",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Disposition: x; filename*=q''%FF\r\n",
        b"",
    ],
)
def test_a_mail_that_is_nearly_right_is_shown_all_the_same(raw: bytes) -> None:
    mail = Mail(SENDER, [RECIPIENT], raw)
    assert "->" in repr(mail)
    assert mail.bcc == [RECIPIENT]
    for part in (mail.headers, mail.attachments):
        assert isinstance(part, dict)
    assert mail.text.strip() in ("x", "")
