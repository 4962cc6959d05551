"""What a client fetches of a mail: its flags, its size, and any part of it."""

from __future__ import annotations

import re

from workbench.sandbox.imap.store import Bad, Kept

PART = re.compile(r"(BODY|BODY\.PEEK)\[([^\]]*)\](?:<(\d+)\.(\d+)>)?", re.IGNORECASE)


def item_of(item: str, mail: Kept) -> bytes:
    """One that is no part of its contents."""
    if item == "FLAGS":
        return f"FLAGS ({' '.join(sorted(mail.flags))})".encode()
    if item == "UID":
        return b"UID %d" % mail.uid
    if item == "RFC822.SIZE":
        return b"RFC822.SIZE %d" % len(mail.raw)
    if item == "INTERNALDATE":
        return f'INTERNALDATE "{mail.at:%d-%b-%Y %H:%M:%S %z}"'.encode()
    whole = {"RFC822": mail.raw, "RFC822.HEADER": mail.head, "RFC822.TEXT": mail.text}
    if item not in whole:
        raise Bad(f"{item[:40]} is not spoken here")
    return literal(item, whole[item])


def literal(label: str, contents: bytes) -> bytes:
    """Bytes as they are, with their length before them."""
    return label.encode() + b" {%d}\r\n" % len(contents) + contents


def part_label(found: re.Match[str]) -> str:
    """What the answer calls a part."""
    return f"BODY[{found[2]}]" + (f"<{found[3]}>" if found[3] is not None else "")


def part_of(found: re.Match[str], mail: Kept) -> bytes:
    """The contents of a part."""
    section = found[2].upper()
    if section.startswith("HEADER.FIELDS"):
        names = set(re.findall(r"[^\s()]+", section.partition("(")[2]))
        keep = not section.startswith("HEADER.FIELDS.NOT")
        fields = re.findall(rb"[^\r\n]+\r\n(?:[ \t][^\r\n]*\r\n)*", mail.head)
        chosen = [each for each in fields if (each.partition(b":")[0].decode().upper() in names) == keep]
        contents = b"".join(chosen) + b"\r\n"
    elif section in ("", "HEADER", "TEXT"):
        contents = {"": mail.raw, "HEADER": mail.head, "TEXT": mail.text}[section]
    else:
        raise Bad(f"BODY[{section[:40]}] is not spoken here")
    if found[3] is not None:
        contents = contents[int(found[3]) : int(found[3]) + int(found[4])]
    return contents
