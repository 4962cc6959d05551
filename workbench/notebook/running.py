"""How jobs, runs and peers look: what runs by itself, how it went, and what arrived on the other side."""

from __future__ import annotations

import base64
from datetime import datetime

from workbench.notebook import files
from workbench.notebook.html import FAINT, chip, code, dot, escape, muted, strong, table
from workbench.sandbox.catalog import Sandbox
from workbench.sandbox.imap.mailbox import IMAPMailbox
from workbench.sandbox.mail import Mail
from workbench.sandbox.peer import Peer
from workbench.sandbox.smtp_inbox import SMTPInbox
from workbench.scheduler.jobs import Job, Jobs
from workbench.scheduler.records import Run, Tally

SHOWN_MAILS = 20
LARGEST_DOWNLOAD_BYTES = 256 * 1024
MOODS = {"ok": "live", "running": "calm", "skipped": "warn", "missed": "warn", "interrupted": "warn"}
LIVES = "Jobs run while this kernel lives. Keep them running: "


def job(job: Job) -> str:
    """One job: its schedule, its next time, how its last run went."""
    return table(
        ("", "what", "runs", "next", "last"),
        [
            (
                f"{dot('live' if job.next_at else 'calm')} {strong(job.name)}",
                escape(job.definition.describe()),
                code(job.definition.service),
                moment(job.next_at, job),
                _last(job),
            )
        ],
    )


def jobs(jobs: Jobs, notebook: str) -> str:
    """All jobs, and what keeps them running."""
    if not jobs:
        return muted("No jobs.")
    rows = []
    for each in jobs.values():
        rows.append(
            (
                f"{dot('live' if each.next_at else 'calm')} {strong(each.name)}",
                escape(each.definition.describe()),
                moment(each.next_at, each),
                _last(each),
            )
        )
    return table(("name", "what", "next", "last"), rows) + muted(f"{LIVES}{code(f'workbench serve {notebook}')}")


def moment(at: datetime | None, job: Job) -> str:
    """An instant in the job's zone and in UTC."""
    if at is None:
        return muted("&ndash;")
    here = at.astimezone(job.definition.zone)
    year = "" if here.year == datetime.now(here.tzinfo).year else f"{here:%Y} "
    text = f"{here:%a %d %b} {year}{here:%H:%M:%S} {escape(job.definition.timezone)}"
    return text if job.definition.timezone == "UTC" else f"{text} {muted(f'{at:%H:%M} UTC')}"


def run(run: Run) -> str:
    """How one run went, with its lines."""
    seconds = f" in {run.seconds * 1000:.0f} ms" if run.seconds is not None else ""
    head = f"{_outcome(run)} {strong(run.job)} {muted(f'{seconds} CID {code(run.cid)}' if run.cid else seconds)}"
    said = f'<div style="color:{"#d64545"}">{escape(run.error)}</div>' if run.error else ""
    returned = f"<div>returned {code(run.returned)}</div>" if run.returned else ""
    lines = "".join(f"<div>{code(line)}</div>" for line in run.log)
    return f"{head}{said}{returned}{lines}"


def tally(tally: Tally) -> str:
    """A dot for each run, and the count."""
    dots = " ".join(dot(MOODS.get(each.outcome, "bad")) for each in tally.runs[-40:])
    return f"{dots} {escape(repr(tally))}"


def _last(job: Job) -> str:
    """How the last run went, and since when one goes on."""
    runs, since = job.runs, job.running_since
    outcome = _outcome(runs[-1]) if runs else muted("none yet")
    return outcome if since is None else f"{outcome} {muted('running since')} {moment(since, job)}"


def _outcome(run: Run) -> str:
    return chip(run.outcome, MOODS.get(run.outcome, "bad"))


def peer(peer: Peer) -> str:
    """What arrived at a peer: files as a tree, anything else as a table."""
    if hasattr(peer, "files"):
        return files.tree(peer)
    rows = peer.rows()
    head = f"{chip('sandbox', 'warn')} {strong(str(peer))}"
    if not rows:
        return f"{head} {muted(escape(peer.summary()))}"
    columns = tuple(rows[0])
    return head + table(columns, [tuple(escape(row[column]) for column in columns) for row in rows[-SHOWN_MAILS:]])


def inbox(inbox: SMTPInbox) -> str:
    """Mails to open one by one, with their attachments to download."""
    mails = inbox.messages[-SHOWN_MAILS:]
    total = len(inbox.messages)
    head = f"{chip('sandbox', 'warn')} {strong('Inbox')} {muted(f'{total} message' + ('' if total == 1 else 's'))}"
    return head + "".join(_mail(each) for each in reversed(mails))


def mailbox(mailbox: IMAPMailbox) -> str:
    """The mails of every folder, to open one by one."""
    head = f"{chip('sandbox', 'warn')} {strong(str(mailbox))}"
    folders = []
    for name, folder in mailbox.folders.items():
        mails = "".join(
            _mail(each.mail, mark="" if "\\Seen" in each.flags else chip("unseen", "calm"))
            for each in reversed(folder.mails[-SHOWN_MAILS:])
        )
        count = len(folder.mails)
        folders.append(f"<div>{strong(name)} {muted(f'{count} message' + ('' if count == 1 else 's'))}{mails}</div>")
    return head + "".join(folders)


def opened_mail(mail: Mail) -> str:
    """One mail to read."""
    return _mail(mail, "open")


def _mail(mail: Mail, state: str = "", mark: str = "") -> str:
    attachments = " ".join(_download(name, content) for name, content in mail.attachments.items())
    people = f"to {escape(', '.join(mail.to))}" + (f", cc {escape(', '.join(mail.cc))}" if mail.cc else "")
    count = len(mail.attachments)
    clip = f", {count} attachment{'' if count == 1 else 's'}" if count else ""
    return (
        f'<details {state} style="margin:4px 0;padding:2px 0 2px 4px"><summary style="cursor:pointer">'
        f"{strong(mail.subject)} {muted(people + clip)} {mark}</summary>"
        f'<div style="margin:4px 0 4px 18px">{muted(f"from {escape(mail.from_)}")}'
        f'<pre style="margin:4px 0;white-space:pre-wrap">{escape(mail.text)}</pre>{attachments}</div></details>'
    )


def _download(name: str, content: bytes) -> str:
    if len(content) > LARGEST_DOWNLOAD_BYTES:
        return code(f"{name} ({len(content)} bytes)")
    link = f"data:application/octet-stream;base64,{base64.b64encode(content).decode()}"
    return f'<a download="{escape(name)}" href="{link}" style="{FAINT}">{escape(name)} ({len(content)} bytes)</a>'


def peers(sandbox: Sandbox) -> str:
    """Every connection with what stands in for it."""
    badge = chip("sandbox on", "warn") if sandbox.on else chip("sandbox off", "calm")
    rows = [(strong(row["connection"]), escape(row["stands in"]), escape(row["ping"])) for row in sandbox.rows()]
    return badge + (table(("connection", "stands in", "ping"), rows) if rows else "")
