"""How FTP servers of several makes say things: what they do not know, how they refuse, and how they list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

DialectName = Literal["vsftpd", "proftpd", "iis", "domain", "rfc959", "gateway", "blind"]
NO_FACTS = frozenset({"MLSD", "MLST"})
UNREADABLE = frozenset({"LIST", "MLSD", "MLST", "NLST", "RETR", "SIZE", "MDTM"})
WRITING = frozenset({"STOR", "STOU", "APPE", "DELE", "RMD", "MKD", "RNFR", "RNTO"})


class Dialect(NamedTuple):
    """What is other than with pyftpdlib.

    Args:
        unknown: Commands that it does not know.
        words: By command, what it answers instead of a 5xx that gives a reason.
        lines: How it draws LIST.
        empty: What it answers to the listing of an empty folder; an empty listing if this is empty.
        home: The folder that a login leads to; its own root lies above.
        tells_links: Whether MLSD says of a link that it is one, and nothing of what it leads to.
        takes: Whether it takes a file away as soon as it was written.
        hides: Whether it lets nobody look at what a folder has.
    """

    unknown: frozenset[str] = frozenset()
    words: Mapping[str, str] = {}
    lines: Literal["unix", "dos", "domain"] = "unix"
    empty: str = ""
    home: str = ""
    tells_links: bool = False
    takes: bool = False
    hides: bool = False


DIALECTS: Mapping[DialectName | None, Dialect] = {
    None: Dialect(),
    "vsftpd": Dialect(
        unknown=NO_FACTS,
        words={
            "CWD": "550 Failed to change directory.",
            "DELE": "550 Delete operation failed.",
            "MDTM": "550 Could not get file modification time.",
            "MKD": "550 Create directory operation failed.",
            "RETR": "550 Failed to open file.",
            "RMD": "550 Remove directory operation failed.",
            "RNFR": "550 RNFR command failed.",
            "RNTO": "550 Rename failed.",
            "SIZE": "550 Could not get file size.",
            "STOR": "553 Could not create file.",
        },
    ),
    "proftpd": Dialect(home="/home/me", tells_links=True),
    "iis": Dialect(
        unknown=NO_FACTS,
        words=dict.fromkeys(
            ("CWD", "DELE", "MDTM", "RETR", "RMD", "RNFR", "SIZE"), "550 The system cannot find the file specified."
        ),
        lines="dos",
        empty="550 No files found.",
    ),
    "domain": Dialect(unknown=NO_FACTS, lines="domain", empty="450 No files found"),
    "rfc959": Dialect(unknown=NO_FACTS | {"FEAT", "OPTS", "SIZE", "MDTM", "MFMT", "EPSV", "EPRT"}),
    "gateway": Dialect(takes=True),
    "blind": Dialect(hides=True),
}
"""Sources: vsftpd's postlogin.c, ProFTPD's mod_facts, IIS's `FtpSvc` as users report it, RFC 959."""
