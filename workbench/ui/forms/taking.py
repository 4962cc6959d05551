"""What a person takes home from a peer: a file, or the attachment of a mail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workbench.core.errors import UnknownName, WorkbenchError

LARGEST_BYTES = 5 * 1024 * 1024
"""Largest file that a card carries, in either direction [bytes]."""


def taken(peer: Any, name: str, path: str) -> bytes:
    """The contents of what a card shows at a path.

    Args:
        peer: The peer.
        name: Its name in `wb.peers`.
        path: A file's path; of a mail's attachment, the mail's place among all mails and the name: `3/invoice.pdf`.

    Raises:
        UnknownName: It is gone meanwhile.
        WorkbenchError: It is larger than a card carries.
    """
    if hasattr(peer, "files"):
        if path not in peer.files:
            raise UnknownName("file", path, peer.files)
        contents, code = bytes(peer.files[path]), f"wb.peers[{name!r}].files[{path!r}]"
    else:
        place, _, attachment = path.partition("/")
        mail = dict(enumerate(_mails(peer))).get(int(place))
        if mail is None or attachment not in mail.attachments:
            raise UnknownName("attachment", attachment, mail.attachments if mail is not None else ())
        contents, code = mail.attachments[attachment], f"mail.attachments[{attachment!r}]"
    if len(contents) > LARGEST_BYTES:
        raise WorkbenchError(
            f"{path!r} is larger than 5 MiB, the most that is taken by click. Fix: Path('copy').write_bytes({code})"
        )
    return contents


def _mails(peer: Any) -> Iterable[Any]:
    folders = getattr(peer, "folders", None)
    return peer.messages if folders is None else (each.mail for folder in folders.values() for each in folder.mails)
