"""A mail as a service writes it, and the mail as it goes over the wire."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from datetime import datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, TypedDict

from workbench.core.errors import ServiceUsage

if TYPE_CHECKING:
    from email.headerregistry import Address
    from email.message import EmailMessage
    from email.policy import EmailPolicy

Recipients = str | Iterable[str] | None
ADDRESS = re.compile(
    r'(?:(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<name>[^<>"@]*))\s*(?P<angle><))?'
    r"(?P<local>[^\s<>()\[\]\",:;\\@]+)@(?P<domain>[^\s<>()\[\]\",:;\\@]+|\[[0-9A-Fa-f:.]+\])"
    r"(?(angle)>)"
)
# Everything that anybody might take for the end of a line; a tab is none.
BREAKS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
LONGEST_LINE, LONGEST_ADDRESS, MOST_IN_A_LINE = 76, 500, 900
"""RFC 5322, 2.1.1, allows 998 characters a line, the name of a header among them."""
OWN_HEADERS = {"from", "to", "cc", "bcc", "subject", "date", "message-id", "mime-version", "content-type"}
PEOPLE_HEADERS = {"reply-to", "sender", "disposition-notification-to"}
LIST_HEADERS = ("archive", "help", "owner", "post", "subscribe", "unsubscribe", "unsubscribe-post")
ID_HEADERS = {"in-reply-to", "references", "return-path", *(f"list-{each}" for each in LIST_HEADERS)}
"""Headers of ids and addresses alone, in which nothing may be encoded: RFC 2047, 5; RFC 2369, 2."""
MOST_HEADER_TYPES = 64


class Attachment(TypedDict):
    """One attached file."""

    name: str
    contents: str | bytes


class SMTPMessage:
    """A mail to send with `self.email.smtp["name"].conn.send(message)`; every field may also be set afterwards.

    Args:
        from_: The sender's address; without it, the connection's.
        to: Who receives it: one text, several separated by commas, or a list; `Name <address>` is understood.
        subject: One line.
        body: The text, or with `is_html=True` the HTML.
        attachments: What `attach` would add: `[{"name": ..., "contents": ...}]`.
        cc: Who receives a copy that the others know of.
        bcc: Who receives a copy that nobody knows of; these addresses stand in no header.
        is_html: Whether `body` is HTML.
        headers: More headers, by name.
        charset: How the text is encoded.
        is_rfc2231: Accepted as Zato's; names of files are always encoded by RFC 2231.
        html: The same text as HTML, for readers that can show it, beside `body` as plain text.
    """

    def __init__(
        self,
        from_: str | None = None,
        to: Recipients = None,
        subject: str = "",
        body: str = "",
        attachments: Iterable[Attachment] | None = None,
        cc: Recipients = None,
        bcc: Recipients = None,
        is_html: bool = False,
        headers: dict[str, str] | None = None,
        charset: str = "utf8",
        is_rfc2231: bool = True,
        html: str = "",
    ) -> None:
        self.from_, self.to, self.cc, self.bcc = from_, to, cc, bcc
        self.subject, self.body, self.html = subject, body, html
        self.attachments: list[Attachment] = list(attachments or ())
        self.is_html, self.charset, self.is_rfc2231 = is_html, charset, is_rfc2231
        self.headers = dict(headers or {})

    def to_record(self) -> Any:
        """All of its fields."""
        return dict(vars(self))

    @classmethod
    def of_record(cls, record: Any, held: Any) -> SMTPMessage:
        """The same message again."""
        made = cls()
        vars(made).update(record)
        return made

    def attach(self, name: str, contents: str | bytes) -> None:
        """Attach a file: text (sent as UTF-8) or bytes; its type follows from its name."""
        self.attachments.append({"name": name, "contents": contents})

    def __repr__(self) -> str:
        return f"SMTPMessage({self.subject!r}, to={self.to!r}, {len(self.attachments)} attached)"


class Outgoing:
    """A message checked and ready: who sends it, who receives it, and its bytes."""

    def __init__(self, message: SMTPMessage, sender: str, now: datetime) -> None:
        self._message = message
        self.sender = one_address(sender, "from_")
        self._to = addresses(message.to, "to")
        self._cc = addresses(message.cc, "cc")
        bcc = addresses(message.bcc, "bcc")
        self.recipients = list(dict.fromkeys(each.addr_spec for each in (*self._to, *self._cc, *bcc)))
        if not self.recipients:
            raise ServiceUsage("The mail has no recipient. Fix: give SMTPMessage a to=, cc= or bcc=")
        self.mail = self._built(now)

    @property
    def is_international(self) -> bool:
        """Whether an address needs a server that knows SMTPUTF8."""
        return not all(each.isascii() for each in (self.sender.addr_spec, *self.recipients))

    def describe(self) -> str:
        """What a trace shows of it."""
        return ", ".join(
            f"{count} {word}{'' if count == 1 else 's'}"
            for count, word in ((len(self.recipients), "recipient"), (len(self._message.attachments), "attachment"))
            if count or word == "recipient"
        )

    def as_bytes(self) -> bytes:
        """The mail as it goes over the wire."""
        return self.mail.as_bytes()

    def _built(self, now: datetime) -> EmailMessage:
        from email.message import EmailMessage
        from email.utils import format_datetime, make_msgid

        message, mail = self._message, EmailMessage(policy=_policy(self.is_international))
        # Raw: the standard library folds a row of names and addresses so that some of them run into each other.
        for header, people in (("From", [self.sender]), ("To", self._to), ("Cc", self._cc)):
            if people:
                mail.set_raw(header, ",\n ".join(map(_mailbox, people)))
        mail["Subject"] = one_line(message.subject, "subject")
        # Raw: parsing two headers of our own making takes a tenth of the time that the whole mail takes.
        mail.set_raw("Date", format_datetime(now))
        mail.set_raw("Message-ID", make_msgid(domain=_ascii_domain(self.sender.domain)))
        for name, value in message.headers.items():
            if not _is_header_name(name) or name.lower() in OWN_HEADERS:
                raise ServiceUsage(
                    f"The mail cannot have {name!r} in headers=. Fix: use the field of SMTPMessage for it."
                )
            _write_header(mail, name, one_line(value, f"header {name}"))
        self._write_text(mail)
        if message.attachments:
            mail.make_mixed(boundary=_boundary())
        for attachment in message.attachments:
            _attach(mail, attachment)
        return mail

    def _write_text(self, mail: EmailMessage) -> None:
        message = self._message
        charset = "utf-8" if message.charset == "utf8" else message.charset
        kind = "html" if message.is_html else "plain"
        try:
            mail.set_content(_text(message.body, "body"), subtype=kind, charset=charset)
            if message.html:
                mail.make_alternative(boundary=_boundary())
                mail.add_alternative(_text(message.html, "html"), subtype="html", charset=charset)
        except (LookupError, UnicodeEncodeError) as exc:
            raise ServiceUsage(f"The mail's text does not fit charset {charset!r}: {exc}. Fix: charset='utf8'") from exc


@cache
def _policy(is_international: bool) -> EmailPolicy[EmailMessage]:
    """How mails are written. The standard library makes a type for each header of each mail; here one for each name."""
    from email.headerregistry import HeaderRegistry
    from email.policy import SMTP

    class Headers(HeaderRegistry):
        __getitem__ = lru_cache(MOST_HEADER_TYPES)(HeaderRegistry.__getitem__)

    # 7bit: not every server takes eight, and none has to be asked then.
    return SMTP.clone(cte_type="7bit", utf8=is_international, refold_source="none", header_factory=Headers())


def _boundary() -> str:
    """What no part of a mail has in it, since nobody can guess it: looking for it takes a tenth of a mail's time."""
    return f"={secrets.token_hex(16)}="


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise ServiceUsage(f"The mail's {field} must be text, not {type(value).__name__}. Fix: str(...) of it.")
    return value


def one_line(value: Any, field: str) -> str:
    """The value, if a header may hold it: a line break would let it add headers and recipients of its own."""
    text = _text(value, field)
    if BREAKS.search(text):
        raise ServiceUsage(
            f"The mail's {field} has a line break or a control character in it, which could add headers or recipients. "
            f"Fix: take it out, for instance by ' '.join(text.split())"
        )
    return text


def one_address(value: Any, field: str) -> Address:
    """A single address, with or without a name; raises ServiceUsage."""
    found = addresses(value, field)
    if len(found) != 1:
        raise ServiceUsage(
            f"The mail's {field} must be one address, and is {value!r}. "
            f"Fix: SMTPMessage(from_='me@example.com', ...), or from_= in the connection"
        )
    return found[0]


def addresses(value: Recipients, field: str) -> list[Address]:
    """Every address in one text or a list of texts; raises ServiceUsage for one that is none."""
    from email.headerregistry import Address

    texts = [value] if isinstance(value, str) else list(value or ())
    found: list[Address] = []
    for part in (part.strip() for text in texts for part in _parts(one_line(text, field))):
        if part:
            match = ADDRESS.fullmatch(part)
            try:
                if match is None or len(part) > LONGEST_ADDRESS:
                    raise ValueError
                if not f"{match['local']}@{match['domain']}".isprintable():
                    raise ValueError
                domain = _ascii_domain(match["domain"])
            except ValueError as exc:
                raise ServiceUsage(
                    f"The mail's {field} has {part!r}, which is not an address. "
                    f"Fix: name@example.com, or 'A Name <name@example.com>'; a name with a comma goes into quotes"
                ) from exc
            name = match["quoted"] if match["quoted"] is not None else match["name"] or ""
            found.append(Address(re.sub(r"\\(.)", r"\1", name).strip(), match["local"], domain))
    return found


def _mailbox(address: Address) -> str:
    """As it stands in a header; a name that is not short ASCII becomes encoded words, each on a line of its own."""
    from email.header import Header

    name = address.display_name
    if not name:
        return address.addr_spec
    if name.isascii() and len(name) < LONGEST_LINE:
        escaped = re.sub(r'(["\\])', r"\\\1", name)
        return f'"{escaped}" <{address.addr_spec}>'
    return f"{Header(name, 'utf-8', maxlinelen=LONGEST_LINE).encode()} <{address.addr_spec}>"


def _write_header(mail: EmailMessage, name: str, text: str) -> None:
    """One more header. ASCII goes as it is, folded at white space alone: the standard library encodes long words."""
    in_full, is_ids = _folded(name, text), name.lower() in ID_HEADERS
    takes_utf8 = getattr(mail.policy, "utf8", False)
    if name.lower() in PEOPLE_HEADERS and not text.isascii():
        mail.set_raw(name, ",\n ".join(map(_mailbox, addresses(text, f"header {name}"))))
    elif in_full is not None and (text.isascii() or (is_ids and takes_utf8)):
        mail.set_raw(name, in_full)
    elif is_ids:
        raise ServiceUsage(
            f"The mail's header {name} must be ASCII, with no word over {MOST_IN_A_LINE} letters, since nothing "
            f"in it may be encoded. Fix: write letters beyond ASCII in a URL as urllib.parse.quote does"
        )
    else:
        mail[name] = text


def _folded(name: str, text: str) -> str | None:
    """A header's value in lines that break before white space; None if a line would be longer than a mail may have."""
    first, *others = re.findall(r"[ \t]*[^ \t]+", text.strip()) or [""]
    lines, room = [first], LONGEST_LINE - len(name) - 2
    for word in others:
        if len(lines[-1]) + len(word) <= room:
            lines[-1] += word
        else:
            lines.append(word)
            room = LONGEST_LINE
    return None if max(map(len, lines)) > MOST_IN_A_LINE else "\n".join(lines)


def _parts(text: str) -> list[str]:
    return [part for part, _ in re.findall(r'((?:"(?:[^"\\]|\\.)*"|[^,])*)(,|$)', text)]


def _ascii_domain(domain: str) -> str:
    return domain if domain.isascii() else domain.encode("idna").decode("ascii")


def _is_header_name(name: Any) -> bool:
    return isinstance(name, str) and bool(name) and all(33 <= ord(each) <= 126 and each != ":" for each in name)


def _attach(mail: EmailMessage, attachment: Attachment) -> None:
    from mimetypes import guess_type

    name, contents = one_line(attachment["name"], "attachment's name"), attachment["contents"]
    if not name.strip():
        raise ServiceUsage("The mail has an attachment without a name. Fix: message.attach('file.txt', contents)")
    if not isinstance(contents, str | bytes | bytearray | memoryview):
        raise ServiceUsage(
            f"Attachment {name!r} must be text or bytes, not {type(contents).__name__}. Fix: give what is in the file."
        )
    kind, encoding = guess_type(name)
    text = isinstance(contents, str)
    main, _, sub = (kind if kind and not encoding else "application/octet-stream").partition("/")
    if text and (kind is None or encoding):
        main, sub = "text", "plain"
    if main in ("message", "multipart"):
        main, sub = "application", "octet-stream"
    # As bytes even if it is text: as text, its line ends would be changed on the way.
    raw = contents.encode() if isinstance(contents, str) else bytes(contents)
    charset = {"charset": "utf-8"} if text and main == "text" and not raw.isascii() else None
    mail.add_attachment(raw, maintype=main, subtype=sub, filename=name, params=charset)
