"""Peers under a cell: files as a tree, mails to open, whatever strangers put into their names."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from workbench.notebook import running
from workbench.sandbox.dropbox.server import DropboxServer
from workbench.sandbox.folder import TemporaryFolder
from workbench.sandbox.imap.mailbox import IMAPMailbox
from workbench.sandbox.sms_gateway import SMSGateway

NASTY = "<script>alert(1)</script>\"'.txt"


class Read(HTMLParser):
    """What a browser would make of it: the tags, the links, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.taken: list[str | None] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src") or name.startswith("on")]

        self.taken += [value for name, value in attrs if name == "data-take"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


@pytest.mark.parametrize("kind", [DropboxServer, TemporaryFolder])
def test_files_are_a_tree_to_open(kind: Any) -> None:
    peer = kind("My Files").put("in/deep/a.txt", "żółw").put("in/b.bin", b"\x00\xff").put("top.txt", b"1")
    read = Read(running.peer(peer))
    words = read.text.split()
    assert [each for each in words if each in ("in/", "deep/", "a.txt", "b.bin", "top.txt")] == [
        "in/",
        "deep/",
        "a.txt",
        "b.bin",
        "top.txt",
    ]
    assert "3 files" in read.text
    assert "żółw" in read.text
    assert "00 ff" in read.text
    assert read.links == [], "no file travels with the notebook"
    assert read.taken == ["in/deep/a.txt", "in/b.bin", "top.txt"]
    assert not read.open


def test_names_and_contents_of_strangers_stay_text() -> None:
    peer = TemporaryFolder("f")
    peer.root.joinpath("<b>").mkdir()
    peer.root.joinpath("<b>", NASTY.replace("/", "|")).write_bytes(b"</pre><img src=x onerror=alert(1)>")
    read = Read(running.peer(peer))
    assert not {"script", "img", "b "} & set(read.tags)
    assert read.links == []
    assert "</pre><img" in read.text


def test_large_files_are_named_but_not_saved_with_the_notebook() -> None:
    peer = DropboxServer("d").put("big.bin", b"x" * 100_000)
    for number in range(300):
        peer.put(f"many/{number:03d}.txt", b"y" * 10_000)
    html = running.peer(peer)
    assert len(html) < 1_200_000
    assert "and 101 more" in html
    assert "100,000 bytes" in html


def test_an_empty_peer_and_what_was_asked() -> None:
    import requests

    peer = DropboxServer("d").start()
    try:
        assert "no files" in running.peer(peer)
        requests.post(f"{peer.url}/2/check/user", json={}, headers={"Authorization": "Bearer x"}, timeout=30)
        assert "check/user" in running.peer(peer)
    finally:
        peer.stop()


def test_a_mailbox_shows_every_folder() -> None:
    peer = IMAPMailbox("m")
    peer.arrive(NASTY, "<i>text</i>", attachments={NASTY: b"1"})
    peer.put(b"Subject: done\n\n", "Done", ("\\Seen",))
    read = Read(running.mailbox(peer))
    assert "INBOX 1 message" in " ".join(read.text.split())
    assert read.text.split().count("unseen") == 1
    assert not {"script", "i"} & set(read.tags)
    assert NASTY in read.text


def test_anything_else_is_a_table(tmp_path: Path) -> None:
    peer = SMSGateway("s")
    assert "no messages" in running.peer(peer)
    from workbench.sandbox.sms_gateway import SMS

    peer.messages.add(SMS("+1", "Shop", "<hi>"), 4)
    read = Read(running.peer(peer))
    assert "table" in read.tags
    assert "<hi>" in read.text
