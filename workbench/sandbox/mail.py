"""A mail as a peer received it."""

from __future__ import annotations

from email import policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.parser import BytesParser, HeaderParser
from email.utils import getaddresses
from functools import cached_property
from typing import cast

from workbench.connections.files.protocol import said_bytes


class Mail:
    """One mail that arrived."""

    def __init__(self, sender: str, recipients: list[str], raw: bytes, user: str = "") -> None:
        self.sender, self.recipients, self.raw, self.user = sender, recipients, raw, user

    @cached_property
    def parsed(self) -> EmailMessage:
        """The standard library's view of it."""
        return BytesParser(policy=policy.default).parsebytes(self.raw)

    @cached_property
    def _fields(self) -> Message:
        # The parser of old: the newer one, behind `parsed`, fails on headers that are nearly right.
        return HeaderParser(policy=policy.compat32).parsestr(self.raw.decode("utf-8", "replace"))

    @property
    def headers(self) -> dict[str, str]:
        """Every header, decoded; of several of one name, the last."""
        return {name: _decoded(str(value)) for name, value in self._fields.items()}

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return _decoded(str(self._fields["Subject"] or ""))

    @property
    def from_(self) -> str:
        """The address in From; what the server was told is `sender`."""
        return next(iter(self._addresses("From")), "")

    @property
    def to(self) -> list[str]:
        """The addresses in To."""
        return self._addresses("To")

    @property
    def cc(self) -> list[str]:
        """The addresses in Cc."""
        return self._addresses("Cc")

    @property
    def bcc(self) -> list[str]:
        """Who receives it although no header says so."""
        return [each for each in self.recipients if each not in self.to and each not in self.cc]

    def _addresses(self, header: str) -> list[str]:
        values = [str(value) for value in self._fields.get_all(header, [])]
        return [address for _, address in getaddresses(values) if address]

    @property
    def text(self) -> str:
        """The plain text, without the line end that every mail's text gets."""
        return self._body("plain")

    @property
    def html(self) -> str:
        """The HTML, empty if there is none."""
        return self._body("html")

    def _body(self, kind: str) -> str:
        part = self.parsed.get_body((kind,))
        if part is None:
            return ""
        try:
            text: str = part.get_content()
        except LookupError:
            text = cast(bytes, part.get_payload(decode=True) or b"").decode(errors="replace")
        return text.replace("\r\n", "\n").removesuffix("\n")

    @cached_property
    def attachments(self) -> dict[str, bytes]:
        """The attached files by name; a name that comes again gets a number."""
        found: dict[str, bytes] = {}
        for part in self.parsed.iter_attachments():
            name = wanted = part.get_filename() or "unnamed"
            count = 1
            while name in found:
                count += 1
                name = f"{wanted} ({count})"
            found[name] = cast(bytes, part.get_payload(decode=True) or b"")
        return found

    def __repr__(self) -> str:
        copies = [f"{word} {', '.join(who)}" for word, who in (("cc", self.cc), ("bcc", self.bcc)) if who]
        files = [f"{name} ({said_bytes(len(contents))})" for name, contents in self.attachments.items()]
        return ", ".join([f"{self.subject or '(no subject)'} -> {', '.join(self.to) or '(nobody)'}", *copies, *files])


def _decoded(value: str) -> str:
    line = "".join(value.splitlines())
    try:
        return str(make_header(decode_header(line)))
    except (LookupError, ValueError, MessageError):
        return line
