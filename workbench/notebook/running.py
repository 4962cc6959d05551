"""How runs and peers look: how it went, and what arrived on the other side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.connections.files.protocol import said_bytes
from workbench.notebook import files
from workbench.notebook.html import chip, code, dot, escape, ink, muted, strong, table
from workbench.sandbox.catalog import Sandbox
from workbench.sandbox.imap.mailbox import IMAPMailbox
from workbench.sandbox.mail import Mail
from workbench.sandbox.peer import Peer
from workbench.sandbox.smtp_inbox import SMTPInbox
from workbench.scheduler.records import Run, Tally
from workbench.ui.trace import COLOURS

SHOWN_MAILS = 20


def run(run: Run) -> str:
    """How one run went, with its lines."""
    seconds = f" in {run.seconds * 1000:.0f} ms" if run.seconds is not None else ""
    head = f"{_outcome(run)} {strong(run.job)} {muted(f'{seconds} CID {code(run.cid)}' if run.cid else seconds)}"
    said = f'<div style="color:{ink(COLOURS[run.mood])}">{escape(run.error)}</div>' if run.error else ""
    returned = f"<div>returned {code(run.returned)}</div>" if run.returned else ""
    lines = "".join(f"<div>{code(line)}</div>" for line in run.log)
    return f"{head}{said}{returned}{lines}"


def tally(tally: Tally) -> str:
    """A dot for each run, and the count."""
    dots = " ".join(dot(COLOURS[each.mood]) for each in tally.runs[-40:])
    return f"{dots} {escape(repr(tally))}"


def _outcome(run: Run) -> str:
    return chip(run.outcome, COLOURS[run.mood])


def any_peer(peer: Peer) -> str:
    """What arrived at a peer: files as a tree, anything else as a table."""
    if hasattr(peer, "files"):
        return files.tree(peer)
    rows = peer.rows()
    head = f"{chip('sandbox', 'warn')} {strong(str(peer))}"
    if not rows:
        return f"{head} {muted(escape(peer.summary()))}"
    columns = tuple(rows[0])
    return head + table(columns, [tuple(escape(row[column]) for column in columns) for row in rows[-SHOWN_MAILS:]])


def peer(peer: Peer) -> str:
    """What arrived at a peer, in the form that its kind has."""
    return OF_KIND.get(type(peer), any_peer)(peer)


def inbox(inbox: SMTPInbox) -> str:
    """Mails to open one by one, and the names of their attachments."""
    mails = list(enumerate(inbox.messages))[-SHOWN_MAILS:]
    total = len(inbox.messages)
    head = f"{chip('sandbox', 'warn')} {strong('Inbox')} {muted(f'{total} message' + ('' if total == 1 else 's'))}"
    return head + "\n".join(_mail(each, place=number) for number, each in reversed(mails))


def mailbox(mailbox: IMAPMailbox) -> str:
    """The mails of every folder, to open one by one."""
    head = f"{chip('sandbox', 'warn')} {strong(str(mailbox))}"
    folders, first = [], 0
    for name, folder in mailbox.folders.items():
        count, numbered = len(folder.mails), list(enumerate(folder.mails, first))
        first += count
        mails = "\n".join(
            _mail(each.mail, mark="" if "\\Seen" in each.flags else chip("unseen", "calm"), place=number)
            for number, each in reversed(numbered[-SHOWN_MAILS:])
        )
        folders.append(f"<div>{strong(name)} {muted(f'{count} message' + ('' if count == 1 else 's'))}{mails}</div>")
    return head + "".join(folders)


def opened_mail(mail: Mail) -> str:
    """One mail to read."""
    return _mail(mail, "open")


def _mail(mail: Mail, state: str = "", mark: str = "", place: int | None = None) -> str:
    """A mail to open; a card offers its attachments by their place among the peer's mails, without holding them."""
    attachments = " ".join(_attachment(name, content, place) for name, content in mail.attachments.items())
    people = f"to {escape(', '.join(mail.to))}" + (f", cc {escape(', '.join(mail.cc))}" if mail.cc else "")
    count = len(mail.attachments)
    clip = f", {count} attachment{'' if count == 1 else 's'}" if count else ""
    return (
        f'<details {state} style="margin:4px 0;padding:2px 0 2px 4px"><summary style="cursor:pointer">'
        f"{strong(mail.subject)} {muted(people + clip)} {mark}</summary>"
        f'<div style="margin:4px 0 4px 18px">{muted(f"from {escape(mail.from_)}")}'
        f'<pre style="margin:4px 0;white-space:pre-wrap">{escape(mail.text)}</pre>{attachments}</div></details>'
    )


def _attachment(name: str, content: bytes, place: int | None) -> str:
    taken = "" if place is None else f' data-take="{escape(f"{place}/{name}")}"'
    return f"<span{taken}>{code(name)} {muted(said_bytes(len(content)))}</span>"


def peers(sandbox: Sandbox) -> str:
    """Every connection with what stands in for it."""
    badge = chip("sandbox on", "warn") if sandbox.on else chip("sandbox off", "calm")
    rows = [(strong(row["connection"]), escape(row["stands in"]), escape(row["ping"])) for row in sandbox.rows()]
    return badge + (table(("connection", "stands in", "ping"), rows) if rows else "")


OF_KIND: dict[type, Callable[[Any], str]] = {SMTPInbox: inbox, IMAPMailbox: mailbox}
"""Kinds of peers that look different from the others."""
