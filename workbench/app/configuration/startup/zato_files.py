"""Zato's own configuration files beside a notebook: `server.conf`, `pickup.conf`, `simple-io.conf`, `sso.conf`."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from workbench.app.configuration import pickups, simple_io
from workbench.core.errors import WorkbenchError
from workbench.core.payload.elements import Bool
from workbench.core.payload.rules import RULES

FILES = {"server": "server.conf", "pickup": "pickup.conf", "sio": "simple-io.conf", "sso": "sso.conf"}
MOST_BYTES = 1 << 20

Sections = Mapping[str, Mapping[str, Any]]


class ZatoFiles(NamedTuple):
    """What the files say, by section and key; of one that is not there, nothing."""

    server: Sections
    pickup: Sections
    sio: Sections
    sso: Sections


class WrongZatoFile(WorkbenchError):
    """What is wrong in one of Zato's files, with its line and key."""


def read_zato_files(folder: Path) -> ZatoFiles:
    """The files of a folder; raises WrongZatoFile."""
    return ZatoFiles(**{group: _read(folder / name) for group, name in FILES.items()})


def _read(path: Path) -> dict[str, dict[str, Any]]:
    reader = configparser.RawConfigParser(
        delimiters=("=",), comment_prefixes=("#", ";"), inline_comment_prefixes=("#",), default_section="\x00"
    )
    reader.optionxform = str  # type: ignore[assignment, method-assign]
    try:
        if path.stat().st_size > MOST_BYTES:
            raise WrongZatoFile(f"{path} is larger than {MOST_BYTES:,} bytes. Fix: keep settings in it, and no data.")
        text = path.read_text(encoding="utf-8-sig")
        reader.read_string(text, str(path))
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise WrongZatoFile(f"{path} cannot be read: {exc.strerror}. Fix: make it a file that you may read.") from None
    except UnicodeDecodeError as exc:
        raise WrongZatoFile(f"{path} is no UTF-8 text: byte {exc.start:,}. Fix: save it as UTF-8.") from None
    except configparser.Error as exc:
        said = " ".join(str(exc).replace(f"{str(path)!r}", path.name).split())
        raise WrongZatoFile(f"{path} is not valid: {said}. Fix: correct that line.") from None
    sections = {name: {key: _plain(value) for key, value in reader[name].items()} for name in reader.sections()}
    _check(path, text, sections)
    return sections


def _plain(value: str | None) -> str:
    """A value without its quotes; `$NAME` is a variable of the environment."""
    value = (value or "").strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    return os.environ.get(value[1:], "") if re.fullmatch(r"\$[A-Za-z_]\w*", value) else value


def _check(path: Path, text: str, sections: dict[str, dict[str, Any]]) -> None:
    """Have switches as flags; raise WrongZatoFile for values that cannot be what they are for."""
    for section, key in (("main", "port"), ("kvdb", "port"), ("kvdb", "db")):
        value = sections.get(section, {}).get(key, "")
        if value and not (value.isascii() and value.isdecimal() and int(value) <= 65535):
            raise _wrong(path, text, section, key, f"must be a number from 0 to 65535, not {value!r:.80}")
    if sections.get("kvdb", {}).get("password", "").startswith("zato+secret://"):
        said = "is in Zato's own secrets.conf, which is not read; set WORKBENCH_REDIS in .env"
        raise _wrong(path, text, "kvdb", "password", said)
    if path.name == FILES["sio"]:
        rules = {kind: table for kind, table in sections.items() if kind in RULES}
        for (section, *keys), problem in simple_io.problems(rules):
            raise _wrong(path, text, section, keys[0], problem)
    if path.name == FILES["pickup"]:
        for (section, *keys), problem in pickups.problems(sections):
            raise _wrong(path, text, section, keys[0], problem)
    for key, value in sections.get("component_enabled", {}).items():
        try:
            sections["component_enabled"][key] = as_flag(value)
        except ValueError:
            raise _wrong(path, text, "component_enabled", key, f"must be True or False, not {value!r:.80}") from None


def _wrong(path: Path, text: str, section: str, key: str, said: str) -> WrongZatoFile:
    here, line = "", 1
    for number, each in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[(.*?)\]", each):
            here = header[1]
        elif here == section and re.match(rf"\s*{re.escape(key)}\s*=", each):
            line = number
    return WrongZatoFile(f"{path} is not valid. line {line}: [{section}] {key} {said}. Fix: correct that line.")


def as_flag(value: Any) -> bool:
    """True or false, by the usual words; raises ValueError."""
    if value is None:
        raise ValueError("is neither")
    return bool(Bool("value").convert(value))


def settings_in(server: Sections) -> dict[str, tuple[str, str]]:
    """The settings that `server.conf` says: value and section, by name."""
    main, misc, found = server.get("main", {}), server.get("misc", {}), {}
    port = main.get("port") or main.get("gunicorn_bind", "").rpartition(":")[2]
    if port.isdecimal():
        found["port"] = (port, "main")
    if url := redis_url(server.get("kvdb", {})):
        found["redis"] = (url, "kvdb")
    if names := misc.get("startup_callable"):
        found["startup_callable"] = (names, "misc")
    return found


def redis_url(kvdb: Mapping[str, Any], before: str = "") -> str:
    """The address that Zato's fields of Redis make; '' if they name no host.

    Args:
        kvdb: The fields: `host`, `port`, `db` and `password`.
        before: The address they were read from, of which TLS, user and options stay: no field says them.
    """
    host = str(kvdb.get("host") or "")
    if not host:
        return ""
    was = urlsplit(before if before.startswith(("redis://", "rediss://")) else "redis://")
    password = f":{quote(str(kvdb['password']), safe='')}" if kvdb.get("password") else ""
    who = f"{was.username or ''}{password}"
    at = f"{f'{who}@' if who else ''}{f'[{host}]' if ':' in host else host}:{kvdb.get('port') or 6379}"
    return urlunsplit((was.scheme, at, f"/{kvdb.get('db') or 0}", was.query, ""))


def redis_fields(url: str) -> dict[str, Any]:
    """Zato's fields of Redis for an address; of one that cannot be read, as of none."""
    try:
        at = urlsplit(url)
        host, port = at.hostname or "", at.port or 6379
    except ValueError:
        # What opens it says what is wrong.
        return redis_fields("")
    database = at.path.strip("/")
    return {
        "host": host,
        "port": port,
        "db": int(database) if host and database.isdecimal() else 0,
        "password": unquote(at.password or ""),
    }
