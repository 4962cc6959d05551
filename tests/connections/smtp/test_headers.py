"""Headers that a service gives to its mails: as they are, folded, and encoded only where that is allowed."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from workbench.connections.smtp.message import Outgoing, SMTPMessage
from workbench.core.errors import ServiceUsage
from workbench.sandbox.mail import Mail


def sent(headers: dict[str, str], **fields: Any) -> Mail:
    """A mail with these headers as it arrives."""
    message = SMTPMessage(**{"to": "hello@example.com", "subject": "New", "body": "b", "headers": headers, **fields})
    return Mail("", [], Outgoing(message, "sync@example.com", datetime(2026, 3, 1, tzinfo=UTC)).as_bytes())


OUTLOOK = f"<AM0PR05MB683{'4D2C88EE7DD0B43CC6B35E8A0A9' * 2}@AM0PR05MB6834.eurprd05.prod.outlook.com>"
LONG_HEADERS = {
    "In-Reply-To": OUTLOOK,
    "References": " ".join([*(f"<id-{number}-{'x' * 40}@example.com>" for number in range(20)), OUTLOOK]),
    "List-Unsubscribe": f"<https://lists.example.com/out?user=ann%40example.com&token={'0123456789' * 12}>, <mailto:x>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "List-ID": f"News <news.{'a' * 80}.example.com>",
    "X-Token": "0123456789abcdef" * 40,
    "X-Spaces": "a  b\tc " + "d" * 80 + " e",
    "Reply-To": ", ".join(f'"Desk {number}, first floor" <desk-{number}@example.com>' for number in range(12)),
}


@pytest.mark.parametrize("name", LONG_HEADERS)
def test_long_headers_go_out_as_they_are_folded_at_white_space(name: str) -> None:
    head = sent({name: LONG_HEADERS[name]}).raw.partition(b"\r\n\r\n")[0].decode("ascii")
    found = re.search(rf"^{name}: ([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", head, re.MULTILINE)
    assert found is not None
    assert re.sub(r"\r\n(?=[ \t])", "", found[1]) == LONG_HEADERS[name].strip()
    longest_word = max(map(len, LONG_HEADERS[name].split()))
    assert max(map(len, found[0].split("\r\n"))) <= max(78, longest_word + len(name) + 3)


def test_people_in_a_header_have_names_of_any_letters() -> None:
    people = ", ".join(f"Jörg Müller-Lüdenscheidt {number} <joerg-{number}@example.com>" for number in range(8))
    told = sent({"Reply-To": people}).parsed["Reply-To"].addresses
    assert [str(each) for each in told] == people.split(", ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("List-Unsubscribe", "<https://example.com/abbestellen?für=ann>"),
        ("References", "<größe@example.com>"),
        ("In-Reply-To", f"<{'x' * 950}@example.com>"),
    ],
)
def test_ids_that_could_only_go_out_encoded_are_refused(name: str, value: str) -> None:
    with pytest.raises(ServiceUsage, match=f"header {name} must be ASCII, with no word over 900 letters"):
        sent({name: value})


def test_a_word_longer_than_a_line_of_a_mail_still_arrives() -> None:
    mail = sent({"X-Long": "y" * 3000})
    assert mail.headers["X-Long"] == "y" * 3000
    assert max(map(len, mail.raw.split(b"\r\n"))) <= 998


def test_letters_of_any_kind_stay_in_ids_where_both_sides_know_them() -> None:
    mail = sent({"References": "<größe@example.com>"}, to="jörg@example.com")
    assert "References: <größe@example.com>\r\n".encode() in mail.raw


def test_parts_of_a_mail_stand_apart_by_marks_that_no_sender_can_guess() -> None:
    def marks() -> list[str]:
        mail = sent(
            {}, html="<b>b</b>", attachments=[{"name": "a.txt", "contents": "a"}, {"name": "b", "contents": b"b"}]
        )
        found = [part.get_boundary() for part in mail.parsed.walk() if part.is_multipart()]
        assert [part.get_content_type() for part in mail.parsed.walk()] == [
            "multipart/mixed",
            "multipart/alternative",
            "text/plain",
            "text/html",
            "text/plain",
            "application/octet-stream",
        ]
        assert (mail.text.strip(), mail.html.strip()) == ("b", "<b>b</b>")
        assert mail.attachments == {"a.txt": b"a", "b": b"b"}
        return [str(each) for each in found]

    first, second = marks(), marks()
    assert len({*first, *second}) == 4
    assert all(re.fullmatch(r"=[0-9a-f]{32}=", each) for each in first)


def test_a_mail_of_text_alone_has_no_parts() -> None:
    assert sent({}).parsed.get_content_type() == "text/plain"
