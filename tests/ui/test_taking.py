"""A file leaves a peer when a person asks for it."""

from __future__ import annotations

import base64

from tests.ui.conftest import Asking
from workbench import Workbench
from workbench.sandbox.imap.mailbox import IMAPMailbox
from workbench.ui.forms.taking import LARGEST_BYTES


def take(ask: Asking, name: str, path: str) -> bytes:
    return base64.b64decode(ask("peer take", name=name, path=path)["contents"])


def test_a_file_of_any_bytes_is_taken(ask: Asking, wb: Workbench) -> None:
    drop = wb.peers.start("dropbox", name="drop")
    contents = bytes(range(256)) * 1000
    drop.put("in/a b.bin", contents)  # type: ignore[attr-defined]
    assert take(ask, "drop", "in/a b.bin") == contents
    assert "Did you mean 'in/a b.bin'?" in ask("peer take", name="drop", path="in/a.bin")["failed"]


def test_a_file_that_no_card_carries_is_named_with_the_code_that_takes_it(ask: Asking, wb: Workbench) -> None:
    drop = wb.peers.start("folder", name="drop")
    drop.put("big", b"x" * (LARGEST_BYTES + 1))  # type: ignore[attr-defined]
    failed = ask("peer take", name="drop", path="big")["failed"]
    assert failed.endswith("Fix: Path('copy').write_bytes(wb.peers['drop'].files['big'])")


def test_an_attachment_is_taken_from_the_mail_that_has_it(ask: Asking, wb: Workbench) -> None:
    mails = wb.peers.start("imap", name="mails")
    assert isinstance(mails, IMAPMailbox)
    mails.arrive("one", "text", attachments={"a/b.pdf": b"first"})
    mails.arrive("two", "text", attachments={"a/b.pdf": b"second"})
    assert [take(ask, "mails", f"{place}/a/b.pdf") for place in (0, 1)] == [b"first", b"second"]
    assert "failed" in ask("peer take", name="mails", path="7/a/b.pdf")
