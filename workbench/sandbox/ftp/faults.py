"""What can be wrong with an FTP server."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from workbench.sandbox.faults import Faults, GrowsBy, SizeTold, StrangeNames
from workbench.sandbox.ftp.dialects import DialectName


class FTPFaults(Faults, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be wrong with an FTP server; `hang_up_after_bytes` counts what is sent and received of files."""

    refuse_login: Annotated[bool, Meta(description="Refuse every user name and password (530).")] = False
    cut_file_after_bytes: Annotated[
        int | None, Meta(description="Break off a file there, and say so (426) [bytes].")
    ] = None
    short_file_after_bytes: Annotated[
        int | None, Meta(description="End a file there, and say that it was whole (226) [bytes].")
    ] = None
    disk_full_after_bytes: Annotated[
        int | None, Meta(description="Have room for so much of a file that arrives (552) [bytes].")
    ] = None
    hang_up_before_answer: Annotated[
        str | None, Meta(description="Do this command, as RNTO, and hang up before it is answered.")
    ] = None
    wrong_certificate: Annotated[bool, Meta(description="Show a certificate of another name.")] = False
    no_tls: Annotated[bool, Meta(description="Offer no TLS (502).")] = False
    strange_names: StrangeNames = ()
    size_told: SizeTold = None
    grows_by_bytes: GrowsBy = None
    read_only: Annotated[bool, Meta(description="Let nobody write, as folders for downloads do.")] = False
    write_only: Annotated[bool, Meta(description="Let nobody read a file, as folders for uploads do.")] = False
    dialect: Annotated[
        DialectName | None,
        Meta(
            description="Speak as servers of this make do: vsftpd, ProFTPD (tells of links, login leads to /home/me), "
            "IIS, one in a domain (names of several words), RFC 959 alone, one that takes files away or hides them."
        ),
    ] = None
    only_list: Annotated[bool, Meta(description="Know LIST alone, as old servers: no MLSD, no MLST.")] = False
