"""A mail as a service reads it."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from imap_tools import MailMessage


class Mailbox(Protocol):
    """Where a mail is, as far as the mail needs it."""

    def delete(self, *uids: str, folder: str = "") -> None: ...

    def mark_seen(self, *uids: str, folder: str = "") -> None: ...

    def move(self, *uids: str, to: str, folder: str = "") -> None: ...


class Parts(dict[str, Any]):
    """A dictionary whose items are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"a mail's data has no {name!r}; it has {', '.join(self)}") from None


class IMAPMessage:
    """One mail, with what can be done to it.

    Read `subject`, `from_`, `to`, `cc`, `text`, `html`, `attachments` (name to bytes), `date`, `headers`, `raw`
    (imap_tools' own message), or `data`, which has the shape of Zato's.
    """

    def __init__(self, raw: MailMessage, mailbox: Mailbox, folder: str) -> None:
        self.raw, self._mailbox, self.folder = raw, mailbox, folder
        self.uid = str(raw.uid)

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return self.raw.subject

    @property
    def from_(self) -> str:
        """The sender's address."""
        return self.raw.from_

    @property
    def to(self) -> list[str]:
        """The addresses in To."""
        return list(self.raw.to)

    @property
    def cc(self) -> list[str]:
        """The addresses in Cc."""
        return list(self.raw.cc)

    @property
    def text(self) -> str:
        """The plain text, without the line end that every mail's text gets."""
        return self.raw.text.replace("\r\n", "\n").removesuffix("\n")

    @property
    def html(self) -> str:
        """The HTML, empty if there is none."""
        return self.raw.html

    @property
    def date(self) -> Any:
        """When it was sent, as its own header says."""
        return self.raw.date

    @property
    def headers(self) -> dict[str, tuple[str, ...]]:
        """Every header, by its name in lower case."""
        found: Any = self.raw.headers
        return {name: tuple(found[name]) for name in found}

    @property
    def attachments(self) -> dict[str, bytes]:
        """The attached files by name; a name that comes again gets a number."""
        found: dict[str, bytes] = {}
        for part in self.raw.attachments:
            name = wanted = part.filename or "unnamed"
            count = 1
            while name in found:
                count += 1
                name = f"{wanted} ({count})"
            found[name] = part.payload
        return found

    @property
    def data(self) -> Parts:
        """The same in the shape of Zato's messages."""
        return Parts(
            subject=self.subject,
            sent_from=_people((self.raw.from_values,)),
            sent_to=_people(self.raw.to_values),
            cc=_people(self.raw.cc_values),
            date=self.raw.date_str,
            message_id=next(iter(self.headers.get("message-id", ())), ""),
            body=Parts(plain=[self.raw.text] if self.raw.text else [], html=[self.raw.html] if self.raw.html else []),
            attachments=[
                {
                    "filename": part.filename,
                    "size": part.size,
                    "content-type": part.content_type,
                    "content": BytesIO(part.payload),
                }
                for part in self.raw.attachments
            ],
        )

    def hold(self, mailbox: Mailbox) -> None:
        """Be deleted, marked and moved in this mailbox from now on."""
        self._mailbox = mailbox

    def to_record(self) -> Any:
        """The mail as it came, and what the server said of it."""
        return self.folder, self.uid, self.raw.flags, self.raw.obj.as_bytes()

    @classmethod
    def of_record(cls, record: Any, held: Any) -> IMAPMessage:
        """The same mail again, in the mailbox that the service holds."""
        from imap_tools import MailMessage

        folder, uid, flags, contents = record
        said = f"1 (UID {uid} FLAGS ({' '.join(flags)}) RFC822 {{{len(contents)}}}".encode()
        return cls(MailMessage([(said, contents)]), held, folder)

    def delete(self) -> None:
        """Delete it."""
        self._mailbox.delete(self.uid, folder=self.folder)

    def mark_seen(self) -> None:
        """Mark it as seen."""
        self._mailbox.mark_seen(self.uid, folder=self.folder)

    def move(self, to: str) -> None:
        """Move it to another folder."""
        self._mailbox.move(self.uid, to=to, folder=self.folder)

    def __repr__(self) -> str:
        files = f", {len(self.attachments)} attached" if self.attachments else ""
        return f"{self.subject or '(no subject)'} from {self.from_ or '(nobody)'}{files}"


def _people(values: Any) -> list[dict[str, str]]:
    return [{"name": each.name, "email": each.email} for each in values if each is not None]
