"""Every kind of connection, one row each; a kind is imported when it is first used.

Another distribution adds kinds by the entry point group `workbench.connections`, each naming a ConnectionDefinition.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import NamedTuple, cast

from workbench.connections.definition import ConnectionDefinition
from workbench.core.errors import UnknownName


class Row(NamedTuple):
    """Where a kind lives: its short word, its label, its module and class, and the attributes of a service."""

    kind: str
    label: str
    module: str
    cls: str
    attributes: tuple[str, ...]


ROWS = (
    Row("rest", "REST", "workbench.connections.rest", "RESTConnection", ("out.rest", "out.plain_http", "rest")),
    Row("smtp", "SMTP", "workbench.connections.smtp", "SMTPConnection", ("email.smtp",)),
    Row("ftp", "FTP", "workbench.connections.ftp", "FTPConnection", ("out.ftp", "out.files")),
    Row("dropbox", "Dropbox", "workbench.connections.dropbox", "DropboxConnection", ("cloud.dropbox", "out.files")),
    Row("sftp", "SFTP", "workbench.connections.sftp", "SFTPConnection", ("out.sftp", "out.files")),
    Row("s3", "S3", "workbench.connections.s3", "S3Connection", ("cloud.s3", "cloud.aws.s3", "out.s3", "out.files")),
    Row("twilio", "SMS", "workbench.connections.twilio", "TwilioConnection", ("out.sms.twilio",)),
    Row("sql", "SQL", "workbench.connections.sql", "SQLConnection", ("out.sql",)),
    Row("imap", "IMAP", "workbench.connections.imap", "IMAPConnection", ("email.imap",)),
    Row("folder", "Folder", "workbench.connections.local", "LocalFolder", ("out.folder", "out.files")),
)

FAMILIES = {"out.files": "files"}
"""Attributes that several kinds share, so that a service moves from one to another by name alone."""


@cache
def rows() -> dict[str, Row]:
    """The catalog by kind, other distributions' kinds included."""
    found = {row.kind: row for row in ROWS}
    for entry in entry_points(group="workbench.connections"):
        cls = entry.load()
        found[entry.name] = Row(entry.name, cls.kind, cls.__module__, cls.__name__, tuple(cls.attributes))
    return found


@cache
def kinds_by_attribute() -> dict[str, str]:
    """The kind, or family of kinds, behind each dotted attribute of a service."""
    found = {attribute: row.kind for row in rows().values() for attribute in row.attributes}
    return found | {attribute: family for attribute, family in FAMILIES.items() if attribute in found}


@cache
def members(kind: str) -> tuple[str, ...]:
    """The kinds of a family, as of `files`; a kind of connection is its own only member."""
    shared = {attribute for attribute, family in FAMILIES.items() if family == kind}
    return tuple(row.kind for row in rows().values() if shared & {*row.attributes}) or (kind,)


def label_of(kind: str) -> str:
    """What a kind, or a family of kinds, is called in a sentence."""
    return kind.capitalize() if kind in FAMILIES.values() else rows()[kind].label


def definition_class(kind: str) -> type[ConnectionDefinition]:
    """The definition's class of one kind, of a family's first one; raises UnknownName."""
    row = rows().get(members(kind)[0])
    if row is None:
        raise UnknownName("kind of connection", kind, rows())
    return cast(type[ConnectionDefinition], getattr(import_module(row.module), row.cls))
