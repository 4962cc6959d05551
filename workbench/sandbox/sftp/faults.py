"""What can be wrong with an SFTP server."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from workbench.sandbox.faults import Faults, GrowsBy, SizeTold, StrangeNames


class SFTPFaults(Faults, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be wrong with an SFTP server; `hang_up_after_bytes` counts what is sent and received of files."""

    refuse_login: Annotated[bool, Meta(description="Refuse every user name, password and key.")] = False
    short_file_after_bytes: Annotated[int | None, Meta(description="Say that a file ends there [bytes].")] = None
    disk_full_after_bytes: Annotated[
        int | None, Meta(description="Have room for so much of a file that arrives [bytes].")
    ] = None
    hang_up_before_answer: Annotated[
        str | None,
        Meta(description="Do this, as rename, open, close, stat, remove or list, and hang up before the answer."),
    ] = None
    wrong_key: Annotated[bool, Meta(description="Show another key than before.")] = False
    strange_names: StrangeNames = ()
    dialect: Annotated[
        Literal["gateway", "blind", "old"] | None,
        Meta(
            description="Take a file away as soon as it was written; let nobody look at files; or have RSA keys sign "
            "by ssh-rsa (SHA-1) alone."
        ),
    ] = None
    key_and_password: Annotated[bool, Meta(description="Want a key, and then the password too.")] = False
    size_told: SizeTold = None
    grows_by_bytes: GrowsBy = None
    read_only: Annotated[bool, Meta(description="Let nobody write, as folders for downloads do.")] = False
    write_only: Annotated[bool, Meta(description="Let nobody read a file, as folders for uploads do.")] = False
    no_end_of_file: Annotated[
        bool, Meta(description="Answer who reads at the end of a file with Failure, as few servers do.")
    ] = False
    no_posix_rename: Annotated[bool, Meta(description="Know only the rename that never replaces.")] = False
