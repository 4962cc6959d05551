"""Outgoing mail against the mail peer, in every mode and every trouble."""

from __future__ import annotations

import asyncio
import hmac
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given as cases
from hypothesis import settings
from hypothesis import strategies as st

from workbench.connections.common.tls import Trust
from workbench.connections.definition import Opening
from workbench.connections.smtp.definition import SMTPConnection
from workbench.connections.smtp.live import LiveSMTP
from workbench.connections.smtp.message import SMTPMessage
from workbench.connections.smtp.session import Coded, SMTPSession
from workbench.core.call import Call
from workbench.core.clock import VirtualClock
from workbench.core.errors import ConnectionFailed, DeadlineExceeded, InvalidDefinition, ServiceUsage
from workbench.core.secret import give, given, secret
from workbench.sandbox.smtp_inbox import SMTPInbox

REAL: dict[str, Any] = {"host": "smtp.example.com", "from_": "sync@example.com"}


@pytest.fixture
def inbox() -> Iterator[SMTPInbox]:
    inbox = SMTPInbox("My SMTP").start()
    yield inbox
    inbox.stop()


def opened(inbox: SMTPInbox, **fields: Any) -> LiveSMTP:
    definition = SMTPConnection("My SMTP", **{**REAL, **fields})
    return inbox.stand_in(definition).open(Opening(lambda secret, owner: given(secret.name) or "", VirtualClock()))


@pytest.fixture
def live(inbox: SMTPInbox) -> Iterator[LiveSMTP]:
    live = opened(inbox)
    yield live
    live.close()


def message(**fields: Any) -> SMTPMessage:
    return SMTPMessage(**{"to": "hello@example.com", "subject": "New data", "body": "See below", **fields})


@pytest.mark.parametrize("mode", ["plain", "ssl", "starttls"])
def test_a_mail_arrives_in_every_mode_with_a_login(inbox: SMTPInbox, mode: str) -> None:
    live = opened(inbox, mode=mode, username="me", password=secret("MY_SMTP_PASSWORD"))
    sent = message(cc="hello.cc@example.com", bcc=["hidden@example.com"])
    sent.attach("my.data.txt", '{"EUR": 1.08}\n')
    assert live.send(sent) is True
    live.close()
    mail = inbox.messages[-1]
    assert (mail.user, mail.sender, mail.from_) == ("me", "sync@example.com", "sync@example.com")
    assert (mail.to, mail.cc, mail.bcc) == (["hello@example.com"], ["hello.cc@example.com"], ["hidden@example.com"])
    assert (mail.subject, mail.text) == ("New data", "See below")
    assert mail.attachments == {"my.data.txt": b'{"EUR": 1.08}\n'}
    assert b"hidden" not in mail.raw
    assert "2026" in mail.headers["Date"]
    assert mail.headers["Message-ID"].endswith("@example.com>")


def test_the_port_follows_the_mode() -> None:
    addresses = [SMTPConnection("s", host="h", mode=mode).address for mode in ("plain", "ssl", "starttls")]
    assert addresses == ["h:25", "h:465", "h:587"]
    assert SMTPConnection("s", host="h", port=2525).address == "h:2525"


def test_a_definition_lists_all_that_is_wrong_with_it() -> None:
    with pytest.raises(InvalidDefinition) as refused:
        SMTPConnection("s", host="", port=0, mode="tls", timeout_seconds=0)  # type: ignore[arg-type]
    assert set(refused.value.problems) == {"host", "port", "mode", "timeout_seconds"}
    with pytest.raises(InvalidDefinition) as refused:
        SMTPConnection("s", host="smtp://x", username="me", from_="nobody")
    assert set(refused.value.problems) == {"host", "username", "from_"}


def test_a_list_of_addresses_with_names_and_commas(inbox: SMTPInbox, live: LiveSMTP) -> None:
    live.send(message(to='"Doe, Jörg" <j@example.com>, Ann <a@example.com>,', cc=["x@example.com", "y@bücher.example"]))
    mail = inbox.messages[-1]
    assert mail.to == ["j@example.com", "a@example.com"]
    assert mail.cc == ["x@example.com", "y@xn--bcher-kva.example"]
    assert mail.parsed["To"].addresses[0].display_name == "Doe, Jörg"
    assert mail.recipients == [*mail.to, *mail.cc]


def test_a_long_row_of_names_keeps_every_address_apart(inbox: SMTPInbox, live: LiveSMTP) -> None:
    names = ["", "Jörg", "Doe, Jane", 'The "Boss"', "", "x" * 100, "東京" * 30, "¡"]
    people = [f"user{number}@example.com" for number in range(len(names))]
    quoted = [name.replace('"', '\\"') for name in names]
    live.send(message(to=[f'"{name}" <{each}>' for name, each in zip(quoted, people, strict=True)]))
    mail = inbox.messages[-1]
    assert mail.to == mail.recipients == people
    shown = [address.display_name.replace(" ", "") for address in mail.parsed["To"].addresses]
    assert shown == [name.replace(" ", "") for name in names]


def test_html_alone_and_beside_the_text(inbox: SMTPInbox, live: LiveSMTP) -> None:
    live.send(message(body="<b>é</b>", is_html=True))
    live.send(message(body="é", html="<b>é</b>"))
    alone, beside = inbox.messages[-2:]
    assert (alone.text, alone.html) == ("", "<b>é</b>")
    assert (beside.text, beside.html) == ("é", "<b>é</b>")


def test_headers_of_the_service_are_sent(inbox: SMTPInbox, live: LiveSMTP) -> None:
    live.send(message(headers={"X-Run": "naïve", "Reply-To": "r@example.com"}))
    assert inbox.messages[-1].headers["X-Run"] == "naïve"
    assert inbox.messages[-1].headers["Reply-To"] == "r@example.com"


def test_a_sender_can_be_given_at_three_places(inbox: SMTPInbox, live: LiveSMTP) -> None:
    live.send(message())
    live.send(message(from_="message@example.com"))
    live.send(message(from_="message@example.com"), from_="call@example.com")
    assert [mail.sender for mail in inbox.messages] == ["sync@example.com", "message@example.com", "call@example.com"]
    with pytest.raises(ServiceUsage, match="from_ must be one address"):
        opened(inbox, from_=None).send(message())


def test_attachments_keep_every_byte(inbox: SMTPInbox, live: LiveSMTP) -> None:
    files: dict[str, str | bytes] = {
        "lines.txt": "a\r\nb\nc\r\n\r\n.\r\nend",
        "Zürich 東京.csv": "é;1\n",
        "all.bin": bytes(range(256)) * 50,
        "pack.tar.gz": b"\x1f\x8b",
        "mail.eml": b"Subject: inner\r\n\r\nx",
        "no suffix": "",
    }
    sent = message(attachments=[{"name": "given.txt", "contents": "x"}])
    for name, contents in files.items():
        sent.attach(name, contents)
    live.send(sent)
    expected = {name: each.encode() if isinstance(each, str) else each for name, each in files.items()}
    assert inbox.messages[-1].attachments == {"given.txt": b"x", **expected}


@settings(max_examples=60, deadline=None)
@cases(
    subject=st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=200),
    file=st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=80).map(str.strip).filter(bool),
    body=st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=300),
)
def test_any_subject_file_name_and_body_arrives_as_it_was(subject: str, file: str, body: str) -> None:
    from datetime import UTC, datetime

    from workbench.connections.smtp.message import Outgoing
    from workbench.sandbox.mail import Mail

    people = [f"p{number}@example.com" for number in range(5)]
    quoted = subject[:60].replace("\\", "\\\\").replace('"', '\\"')
    sent = message(to=[f'"{quoted}" <{each}>' for each in people], subject=subject, body=body, headers={"X-H": subject})
    sent.attach(file, b"x")
    outgoing = Outgoing(sent, "a@example.com", datetime(2026, 1, 1, tzinfo=UTC))
    mail = Mail("a@example.com", outgoing.recipients, outgoing.as_bytes())
    assert mail.to == outgoing.recipients == people
    assert mail.subject.split() == mail.headers["X-H"].split() == subject.split()
    assert list(mail.attachments) == [file]
    assert mail.text == body


@pytest.mark.parametrize(
    "fields",
    [
        {"subject": "x\r\nBcc: victim@example.com"},
        {"subject": "x\nBcc: victim@example.com"},
        {"to": "a@example.com\r\nBcc: victim@example.com"},
        {"subject": "x\x0by"},
        {"subject": "x\u2028y"},
        {"subject": "x\x85"},
        {"headers": {"X-A": "1\x1e2"}},
        {"to": "a\u200b@example.com"},
        {"cc": ["a@example.com\nRCPT TO:<victim@example.com>"]},
        {"bcc": "a@example.com\r"},
        {"from_": "a@example.com\r\nX: y"},
        {"headers": {"X-A": "1\r\nBcc: victim@example.com"}},
        {"headers": {"X-A: 1\r\nBcc": "victim@example.com"}},
        {"headers": {"Bcc": "victim@example.com"}},
        {"attachments": [{"name": "a\r\nBcc: victim@example.com", "contents": ""}]},
        {"attachments": [{"name": "", "contents": ""}]},
        {"attachments": [{"name": "a", "contents": 7}]},
        {"to": "not an address"},
        {"to": "a@b@example.com"},
        {"to": "<a@example.com> <b@example.com>"},
        {"to": "a@example.com b@example.com"},
        {"to": "a@exam\0ple.com"},
        {"to": "@example.com"},
        {"to": "a@"},
        {"subject": 7},
        {"body": b"bytes"},
        {"body": "é", "charset": "ascii"},
        {"body": "x", "charset": "no-such"},
        {"to": None},
        {"to": [], "cc": "", "bcc": None},
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_is_said(
    inbox: SMTPInbox, live: LiveSMTP, fields: dict[str, Any]
) -> None:
    with pytest.raises(ServiceUsage, match="mail|Attachment"):
        live.send(message(**fields))
    assert len(inbox.messages) == 0


def test_no_recipient_says_so(live: LiveSMTP) -> None:
    with pytest.raises(ServiceUsage, match=r"no recipient. Fix: give SMTPMessage a to="):
        live.send(message(to=None))


def test_a_refused_recipient_is_named_and_nobody_receives_the_mail(inbox: SMTPInbox, live: LiveSMTP) -> None:
    inbox.fail(reject=["no@example.com"])
    with pytest.raises(ConnectionFailed, match=r"refused 1 of 2 recipients.*no@example.com \(550 5.1.1 No such user"):
        live.send(message(to="yes@example.com, no@example.com"))
    assert len(inbox.messages) == 0
    live.send(message(to="yes@example.com"))


def test_a_greylisting_server_is_quoted_and_takes_the_second_try(inbox: SMTPInbox, live: LiveSMTP) -> None:
    inbox.fail(greylist=True)
    with pytest.raises(ConnectionFailed, match="451 4.7.1 Greylisted"):
        live.send(message())
    live.send(message())
    assert len(inbox.messages) == 1


def test_without_starttls_nothing_is_sent(inbox: SMTPInbox) -> None:
    inbox.fail(no_starttls=True)
    live = opened(inbox, mode="starttls", username="me", password=secret("MY_SMTP_PASSWORD"))
    with pytest.raises(ConnectionFailed, match=r"does not offer STARTTLS, so nothing was sent. Fix: mode='ssl'"):
        live.send(message())
    assert len(inbox.messages) == 0


@pytest.mark.parametrize("mode", ["ssl", "starttls"])
def test_a_certificate_of_nobody_we_trust_is_refused(inbox: SMTPInbox, mode: str) -> None:
    stand_in = inbox.stand_in(SMTPConnection("My SMTP", **REAL, mode=mode))  # type: ignore[arg-type]
    real = stand_in.replace(ca_file=None).open(Opening(lambda secret, owner: "", VirtualClock()))
    with pytest.raises(ConnectionFailed, match=r"certificate that cannot be trusted.*ca_file="):
        real.send(message())


def test_a_certificate_of_another_name_is_refused(inbox: SMTPInbox) -> None:
    inbox.fail(wrong_certificate=True)
    with pytest.raises(ConnectionFailed, match="mismatch.*name in the certificate"):
        opened(inbox, mode="starttls").send(message())


def test_a_wrong_password_is_told_without_telling_it(inbox: SMTPInbox) -> None:
    give("wrong one", "hunter2hunter2")
    stand_in = inbox.stand_in(SMTPConnection("My SMTP", **REAL, username="me", password=secret("MY_SMTP_PASSWORD")))
    live = stand_in.replace(password=secret("wrong one")).open(
        Opening(lambda secret, owner: given(secret.name) or "", VirtualClock())
    )
    with pytest.raises(ConnectionFailed, match="refused the user name or password: 535") as refused:
        live.send(message())
    assert "hunter2" not in str(refused.value)


def test_a_server_that_hangs_up_after_the_contents_leaves_it_open(inbox: SMTPInbox, live: LiveSMTP) -> None:
    inbox.fail(hang_up_after_data=True)
    with pytest.raises(ConnectionFailed, match="hung up before it confirmed the mail, which may or may not"):
        live.send(message())


def test_a_server_that_refuses_the_contents_is_quoted(inbox: SMTPInbox, live: LiveSMTP) -> None:
    inbox.fail(refuse_mail=True)
    with pytest.raises(ConnectionFailed, match="refused the mail: 552 5.3.4 This mail is refused"):
        live.send(message())


@pytest.mark.parametrize("after", [0, 30, 60, 120])
def test_a_server_that_hangs_up_anywhere_is_an_error_and_then_recovers(inbox: SMTPInbox, after: int) -> None:
    live = opened(inbox)
    with inbox.fail(hang_up_after_bytes=after), pytest.raises(ConnectionFailed, match="hung up"):
        live.send(message())
    live.send(message())
    live.close()
    assert len(inbox.messages) == 1


def test_a_server_that_is_down_is_named_and_found_again(inbox: SMTPInbox, live: LiveSMTP) -> None:
    live.send(message())
    inbox.fail(refuse=True)
    with pytest.raises(ConnectionFailed, match=r"'My SMTP' at 127.0.0.1:\d+ cannot be reached: Connection refused"):
        live.send(message())
    inbox.heal()
    live.send(message())
    assert len(inbox.messages) == 2


def test_a_slow_server_meets_the_time_allowed(inbox: SMTPInbox) -> None:
    live = opened(inbox, timeout_seconds=0.2)
    inbox.fail(delay_seconds=30)
    with pytest.raises(DeadlineExceeded, match=r"did not answer within 0.2 s"):
        live.send(message())


def test_a_kept_connection_that_the_server_closed_is_replaced_unseen(inbox: SMTPInbox, live: LiveSMTP) -> None:
    live.send(message())
    inbox.fail(refuse=True)
    inbox.heal()
    live.send(message())
    assert len(inbox.messages) == 2


def test_a_kept_connection_that_was_told_goodbye_is_replaced_unseen() -> None:
    """A server that times an idle client out says 421 first, which answers the next command."""
    listener = socket.create_server(("127.0.0.1", 0))
    said: list[bytes] = []

    def serve() -> None:
        for goodbye in (True, False):
            client, _ = listener.accept()
            with client, client.makefile("rb") as lines:
                client.sendall(b"220 hello\r\n")
                for line in map(bytes.upper, lines):
                    said.append(line)
                    if line.startswith(b"DATA"):
                        client.sendall(b"354 go\r\n")
                        while lines.readline() != b".\r\n":
                            pass
                        client.sendall(b"250 taken\r\n" + (b"421 idle too long\r\n" if goodbye else b""))
                        if goodbye:
                            break
                    else:
                        client.sendall(b"250 ok\r\n")
                    if line.startswith(b"QUIT"):
                        break

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    definition = SMTPConnection("s", host="127.0.0.1", port=listener.getsockname()[1], from_="a@example.com")
    live = definition.open(Opening(lambda secret, owner: "", VirtualClock()))
    live.send(message())
    live.send(message())
    live.close()
    server.join(5)
    listener.close()
    assert sum(line.startswith(b"DATA") for line in said) == 2


def test_many_threads_share_one_connection(inbox: SMTPInbox, live: LiveSMTP) -> None:
    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(lambda number: live.send(message(subject=str(number))), range(60)))
    assert sorted(int(mail.subject) for mail in inbox.messages) == list(range(60))


def test_a_ping_asks_and_sends_no_mail(inbox: SMTPInbox, live: LiveSMTP) -> None:
    assert live.ping() == "250 OK"
    inbox.fail(refuse=True)
    inbox.heal()
    assert live.ping() == "250 OK"
    inbox.fail(refuse=True)
    with pytest.raises(ConnectionFailed, match="cannot be reached"):
        live.ping()
    assert len(inbox.messages) == 0


def test_the_step_of_the_trace_reads_well(inbox: SMTPInbox, live: LiveSMTP, call: Call) -> None:
    sent = message(cc="c@example.com")
    sent.attach("my.data.txt", "x")
    live.send(sent)
    inbox.fail(refuse_mail=True)
    with pytest.raises(ConnectionFailed):
        live.send(message())
    assert [step.describe() for step in call.step.steps] == [
        "SMTP My SMTP 2 recipients, 1 attachment",
        "SMTP My SMTP failed: ConnectionFailed",
    ]


def test_an_async_service_is_told_to_await(inbox: SMTPInbox, live: LiveSMTP, call: Call) -> None:
    call.on_loop = True

    async def handle() -> tuple[bool, str]:
        with pytest.raises(ServiceUsage, match=r"await conn.aio.send\(message\)"):
            live.send(message())
        with pytest.raises(ServiceUsage, match=r"await conn.aio.ping"):
            live.ping()
        return await live.aio.send(message()), await live.aio.ping()

    assert asyncio.run(handle()) == (True, "250 OK")
    assert len(inbox.messages) == 1
    assert [step.describe() for step in call.step.steps] == ["SMTP My SMTP 1 recipient"]


def test_an_address_that_is_not_ascii_needs_a_server_that_knows_it(inbox: SMTPInbox, live: LiveSMTP) -> None:
    live.send(message(to="jörg@example.com"))
    assert inbox.messages[-1].recipients == ["jörg@example.com"]


def test_a_missing_authority_file_is_named(inbox: SMTPInbox) -> None:
    definition = inbox.stand_in(SMTPConnection("My SMTP", **REAL, mode="ssl")).replace(ca_file="/nowhere/ca.pem")
    with pytest.raises(ConnectionFailed, match="cannot read ca_file='/nowhere/ca.pem'"):
        definition.open(Opening(lambda secret, owner: "", VirtualClock())).send(message())


@pytest.mark.parametrize("dialect", [None, "exchange"], ids=["PLAIN", "LOGIN"])
@pytest.mark.parametrize(("user", "password"), [("ann", "pässwörd€"), ("jörg", "pw"), ("密码", "пароль"), ("a", "b")])
def test_a_login_has_any_letters(inbox: SMTPInbox, dialect: str | None, user: str, password: str) -> None:
    inbox.fail(dialect=dialect)
    real = SMTPConnection("My SMTP", **REAL, username=user, password=secret("MINE"))
    live = inbox.stand_in(real).open(Opening(lambda secret, owner: password, VirtualClock()))
    inbox.users = {user: password}
    assert live.send(message())
    live.close()
    assert inbox.messages[-1].user == user


def test_an_answer_to_a_challenge_is_made_of_any_letters() -> None:
    """CRAM-MD5 (RFC 2195), which servers with a plain port offer: user name and digest, both of UTF-8."""
    session = SMTPSession(SMTPConnection("s", host="h"), None, Trust("s", None))
    session.user, session.password = Coded("jörg"), Coded("pässwörd€")
    digest = hmac.new("pässwörd€".encode(), b"<1@h>", "md5").hexdigest()
    assert session.auth_cram_md5(b"<1@h>").encode("ascii") == f"jörg {digest}".encode()
    assert session.auth_cram_md5() is None
