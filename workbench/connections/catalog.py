"""Every kind of connection, one row each; a kind is imported when it is first used.

Those that are to come are in `coming.py`.

Another distribution adds kinds by the entry point group `workbench.connections`, each naming a ConnectionDefinition;
one that cannot be used is left out, with a warning. A class written in a cell becomes a kind when a definition of
it is first put into force.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple, cast

from workbench.connections.coming import expect_built
from workbench.connections.definition import ConnectionDefinition
from workbench.core.errors import (
    BrokenExtension,
    ServiceUsage,
    UnknownAttribute,
    UnknownName,
    WorkbenchError,
    listed,
    nearest,
    short,
)


class KindLeftOut(UserWarning):
    """A kind that another distribution brings cannot be used."""


class NoSuchWay(UnknownAttribute):
    """An attribute of a service that leads to no kind: what it was meant to be, or what to write instead."""

    def __init__(self, attribute: str) -> None:
        from workbench.core.payload.differences import LACKING  # here, since it costs the start some 3 ms

        self.what, self.name = "way out", f"self.{attribute}"
        ways = kinds_by_attribute()
        self.known = sorted(f"self.{each}" for each in ways)
        row = LACKING.get(self.name)
        WorkbenchError.__init__(self, self._found(attribute, ways) if row is None else row.sentence)

    def _found(self, attribute: str, ways: Mapping[str, str]) -> str:
        """What there is; the last word of an attribute alone says what it is meant to be."""
        group, _, word = attribute.rpartition(".")
        # Of several of one word, one of the same group, and of few dots.
        ordered = sorted(ways, key=lambda way: (not way.startswith(f"{group}."), way.count("."), way))
        by_word: dict[str, str] = {}
        for way in ordered:
            by_word.setdefault(way.rpartition(".")[2], way)
        meant = by_word.get(nearest(word, by_word) or "")
        if meant is None:
            fix = "use one of these, or make it a kind of your own, as in notebooks/05-your-own-connector.ipynb"
        else:
            fix = f"self.{meant}['name']"
        there = listed(self.known, at_most=len(self.known))
        return f"No way out is named {short(self.name)}; there are: {there}. Fix: {fix}"


class Row(NamedTuple):
    """Where a kind lives: its short word, its label, its module and class, and the attributes of a service."""

    kind: str
    label: str
    module: str
    cls: str
    attributes: tuple[str, ...]


ROWS = (
    Row(
        "rest",
        "REST",
        "workbench.connections.rest.definition",
        "RESTConnection",
        ("out.rest", "out.plain_http", "rest"),
    ),
    Row("soap", "SOAP", "workbench.connections.soap.definition", "SOAPConnection", ("out.soap",)),
    Row("smtp", "SMTP", "workbench.connections.smtp.definition", "SMTPConnection", ("email.smtp",)),
    Row("ftp", "FTP", "workbench.connections.ftp.definition", "FTPConnection", ("out.ftp", "out.files")),
    Row(
        "dropbox",
        "Dropbox",
        "workbench.connections.dropbox.definition",
        "DropboxConnection",
        ("cloud.dropbox", "out.files"),
    ),
    Row("sftp", "SFTP", "workbench.connections.sftp.definition", "SFTPConnection", ("out.sftp", "out.files")),
    Row(
        "s3",
        "S3",
        "workbench.connections.s3.definition",
        "S3Connection",
        ("cloud.s3", "cloud.aws.s3", "out.s3", "out.files"),
    ),
    Row("twilio", "SMS", "workbench.connections.twilio", "TwilioConnection", ("out.sms.twilio",)),
    Row("sql", "SQL", "workbench.connections.sql.definition", "SQLConnection", ("out.sql",)),
    Row("imap", "IMAP", "workbench.connections.imap.definition", "IMAPConnection", ("email.imap",)),
    Row("zmq", "ZeroMQ", "workbench.connections.zmq.definition", "ZeroMQConnection", ("out.zmq",)),
    Row("folder", "Folder", "workbench.connections.folder", "LocalFolder", ("out.folder", "out.files")),
)

GROUPS = ("out", "email", "cloud")
"""Where a service finds connections: a kind's attributes begin with one of these."""

FAMILIES = {"out.files": "files"}
"""Attributes that several kinds share, so that a service moves from one to another by name alone."""


left_out: dict[str, BrokenExtension] = {}
"""Kinds that other distributions bring and that cannot be used."""

_learned: dict[str, type[ConnectionDefinition]] = {}


@cache
def _known() -> dict[str, Row]:
    """The kinds that were there from the beginning."""
    found = {row.kind: row for row in ROWS}
    for entry in entry_points(group="workbench.connections"):
        try:
            found[entry.name] = _brought(entry, found)
        except BrokenExtension as exc:
            warnings.warn(str(exc), KindLeftOut, stacklevel=2)
            left_out[entry.name] = exc
    return found


def _brought(entry: EntryPoint, among: Mapping[str, Row]) -> Row:
    """The row of a kind that another distribution brings; raises BrokenExtension."""
    why = ""
    try:
        cls = entry.load()
    except Exception as exc:
        # Whatever its import raises; the other kinds have nothing to do with it.
        why, cls = f"{type(exc).__name__}: {exc}", None
    if not why and not (isinstance(cls, type) and issubclass(cls, ConnectionDefinition)):
        why = f"{entry.value} is no ConnectionDefinition"
    elif not why:
        tag = cls.__struct_config__.tag
        other = [] if tag in (None, entry.name) else [f"its tag is {tag!r}"]
        taken = [f"there is a kind {entry.name!r} already"] if entry.name in among else []
        why = "; ".join([*other, *taken, *_problems(cls, tag, among)])
    if why:
        owner = entry.dist.name if entry.dist is not None else entry.module
        raise BrokenExtension("Kind of connection", entry.name, owner, why)
    return _row(entry.name, cls)


@cache
def rows() -> dict[str, Row]:
    """The catalog by kind, other distributions' kinds and those of cells included."""
    return _known() | {kind: _row(kind, cls) for kind, cls in _learned.items()}


def _row(kind: str, cls: type[ConnectionDefinition]) -> Row:
    return Row(kind, cls.kind or cls.__name__, cls.__module__, cls.__name__, tuple(cls.attributes))


def learn(cls: type[ConnectionDefinition]) -> None:
    """Take a class into the catalog, if it is not there; a class of the same tag and name takes its former one's place.

    Raises:
        ServiceUsage: It has no tag or no attributes, or those of another kind.
    """
    kind = cls.__struct_config__.tag
    row = _known().get(str(kind))
    if _learned.get(str(kind)) is cls or (row is not None and (row.module, row.cls) == (cls.__module__, cls.__name__)):
        return
    if problems := _problems(cls, kind, rows()):
        raise ServiceUsage(
            f"{cls.__name__} is no kind of connection yet: {'; '.join(problems)}. Fix: correct the class."
        )
    _learned[str(kind)] = cls
    for cached in (rows, kinds_by_attribute, members):
        cached.cache_clear()


def _problems(cls: type[ConnectionDefinition], kind: object, among: Mapping[str, Row]) -> list[str]:
    if not isinstance(kind, str):
        return [
            f'it needs a tag, as class {cls.__name__}(ConnectionDefinition, tag="weather", frozen=True, kw_only=True)'
        ]
    there = among.get(kind)
    owners = {attribute: row for row in among.values() for attribute in row.attributes}
    problems = [] if there is None or there.cls == cls.__name__ else [f"the tag {kind!r} is that of {there.cls}"]
    if not cls.attributes:
        problems.append(f'it needs attributes, as attributes = {{"out.{kind}": "conn"}}')
    for attribute in cls.attributes:
        owner = owners.get(attribute)
        if attribute.partition(".")[0] not in GROUPS or not attribute.replace(".", "_").isidentifier():
            problems.append(f"a service finds it at self.{attribute}, which must begin with {', '.join(GROUPS)}")
        elif owner is not None and owner.kind != kind and attribute not in FAMILIES:
            problems.append(f"self.{attribute} leads to {owner.cls} already")
    return problems


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
    """The definition's class of one kind, of a family's first one; raises UnknownName, BrokenExtension, NotYet."""
    first = members(kind)[0]
    if first in _learned:
        return _learned[first]
    row = rows().get(first)
    if first in left_out:
        raise left_out[first]
    if row is None:
        expect_built(first)
        raise UnknownName("kind of connection", kind, rows())
    return cast(type[ConnectionDefinition], getattr(import_module(row.module), row.cls))
