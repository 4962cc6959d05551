"""What a conversation by IMAP needs of the mailbox."""

from __future__ import annotations

import asyncio
import ssl
from typing import Protocol

from workbench.sandbox.imap.dialects import Dialect
from workbench.sandbox.imap.store import Folder


class Box(Protocol):
    """The mailbox."""

    is_ssl: bool
    folders: dict[str, Folder]

    def make_folder(self, name: str) -> Folder:
        """The folder of that name, made if it is not there."""
        ...

    @property
    def dialect(self) -> Dialect:
        """How servers of the make that it plays say things."""
        ...

    def admits(self, user: str, password: str) -> bool:
        """Whether somebody may log in."""
        ...

    def refuses(self, command: str) -> str:
        """Why a command is not done; '' if it is."""
        ...

    def certificate(self) -> ssl.SSLContext:
        """What encrypts a connection."""
        ...

    def next_change(self) -> asyncio.Event:
        """Set when anything changes."""
        ...
