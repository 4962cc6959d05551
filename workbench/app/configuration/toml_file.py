"""Reads `workbench.toml`, the optional file beside a notebook: settings, profiles that override them, and more.

    port = 11500
    hosts = ["api.example.com"]

    [user.billing]                            # what services read as self.user_config.billing.url
    url = "https://billing.example.com"

    [connection."My Data Source"]             # fields of a definition, whatever the notebook says
    timeout_seconds = 5

    [profile.production]                      # with WORKBENCH_PROFILE=production, or serve --profile production
    sandbox = false
    [profile.production.connection."My Data Source"]
    host = "https://data.example.com"

    [startup]                                 # settings, which begin with startup_ elsewhere
    startup_callable = ["my_startup.update_fs_config", "my_startup.create_cache"]
    on_error = "stop"

    [component_enabled]                       # what startup callables read and change, as also [pickup] and [sso]
    ftp = false

    [simple_io.int]                           # which types plain names of SimpleIO suggest
    suffix = ["_count", "_number"]

The environment wins over `.env`, that over the profile, and that over the rest of the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from workbench.app.configuration import pickups, simple_io
from workbench.app.configuration.kinds import as_variable, is_flag, problem_of, quoted
from workbench.app.configuration.overrides import places_of
from workbench.app.configuration.startup.switches import refuse_off
from workbench.channels.files.channel import FileChannel
from workbench.connections.rest.credentials import SENSITIVE
from workbench.core.errors import InvalidDefinition, WorkbenchError, listed, nearest
from workbench.core.payload.rules import Rules
from workbench.core.secret import secret, written_in

FILE = "workbench.toml"
MOST_BYTES = 1 << 20
GROUPS = ("component_enabled", "pickup", "simple_io", "sso")
OF_PROFILE = ("connection", "user", "startup", *GROUPS)
TABLES = (*OF_PROFILE, "profile")
OF_STARTUP = {
    "startup_callable": "startup_callable",
    "on_error": "startup_on_error",
    "timeout_seconds": "startup_timeout_seconds",
}
"""The keys of `[startup]`, and the settings that they are."""

Path_ = tuple[str, ...]
_HEADER = re.compile(r"\s*\[\[?\s*(.*?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")


class WrongFile(WorkbenchError):
    """What is wrong in `workbench.toml`, all of it, each with its line and key."""


class Told(NamedTuple):
    """One setting as a file says it: as an environment variable would, and where it stands."""

    value: str
    where: str


class Watched(NamedTuple):
    """A watched folder, and where it stands."""

    channel: FileChannel
    where: str


class Configuration(NamedTuple):
    """What the file says, with its profile.

    Attributes:
        settings: By the name of the setting.
        connections: Fields of connections that replace those of their definitions, by name.
        places: Who has said each of these fields.
        user: What services read as `self.user_config`.
        profile: The profile that is in force; '' for none.
        tables: What startup callables read and change: `component_enabled`, `pickup`, `simple_io`, `sso`.
        switched: Components that somebody has turned on or off: `1` or `0`, and who.
        ruled: Rules of SimpleIO that somebody has set, as `int.suffix`: names with commas, and who.
        pickups: Watched folders by the names of their channels, and who named them.
    """

    settings: Mapping[str, Told] = {}
    connections: Mapping[str, Mapping[str, Any]] = {}
    user: Mapping[str, Any] = {}
    profile: str = ""
    tables: Mapping[str, Mapping[str, Any]] = {}
    switched: Mapping[str, Told] = {}
    ruled: Mapping[str, Told] = {}
    pickups: Mapping[str, Watched] = {}
    places: Mapping[str, Mapping[str, str]] = {}

    @property
    def rules(self) -> Rules:
        """Which types plain names of SimpleIO suggest."""
        return simple_io.rules_of({name: told.value for name, told in self.ruled.items()})


def read_file(folder: Path, profile: str, names: list[str]) -> Configuration:
    """What the file of a folder says; nothing if it is not there.

    Args:
        folder: The notebook's folder.
        profile: The profile wanted; '' for none.
        names: The settings that a file may set.

    Raises:
        WrongFile: It cannot be read, says what nothing is, or has no such profile.
    """
    path = folder / FILE
    try:
        if path.stat().st_size > MOST_BYTES:
            raise WrongFile(f"{path} is larger than {MOST_BYTES:,} bytes. Fix: keep settings in it, and no data.")
        text = path.read_bytes().decode("utf-8-sig")
        content = tomllib.loads(text)
    except FileNotFoundError:
        if profile:
            raise WrongFile(f"There is no {path} for profile {profile!r}. Fix: write it, or unset it.") from None
        return Configuration()
    except OSError as exc:
        raise WrongFile(f"{path} cannot be read: {exc.strerror}. Fix: make it a file that you may read.") from None
    except UnicodeDecodeError as exc:
        raise WrongFile(f"{path} is no UTF-8 text: byte {exc.start:,}. Fix: save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as exc:
        raise WrongFile(f"{path} is no TOML: {exc}. Fix: correct that line.") from None
    except RecursionError:
        raise WrongFile(f"{path} is no TOML: it nests too deep. Fix: write it flat.") from None
    return _Reading(path, text, content, names).configuration(profile)


class _Reading:
    """One reading of the file, which collects all that is wrong."""

    def __init__(self, path: Path, text: str, content: Mapping[str, Any], names: list[str]) -> None:
        self._path, self._text, self._content, self._names = path, text, content, names
        self._problems: list[tuple[int, str]] = []

    def configuration(self, profile: str) -> Configuration:
        profiles = self._table(self._content, (), "profile")
        settings = self._settings(self._content, (), TABLES, FILE)
        connections = self._tables(self._content, (), "connection")
        user = self._table(self._content, (), "user")
        groups, places = self._groups(self._content, ()), places_of(connections, FILE)
        for name in profiles:
            at = ("profile", name)
            table = self._table(profiles, at[:1], name)
            own = self._settings(table, at, OF_PROFILE, f"{FILE} [profile.{name}]")
            theirs, users = self._tables(table, at, "connection"), self._table(table, at, "user")
            groups_of = self._groups(table, at)
            if name == profile:
                settings |= own
                connections, user = joined(connections, theirs), joined(user, users)
                places = places_of(theirs, f"{FILE} [profile.{name}]", places)
                groups = joined(groups, groups_of)
        if self._problems:
            lines = "that line" if len(self._problems) == 1 else "those lines"
            said = " | ".join(f"line {line}: {problem}" for line, problem in sorted(self._problems))
            raise WrongFile(f"{self._path} is not valid. {said}. Fix: correct {lines}.")
        if profile and profile not in profiles:
            raise WrongFile(
                f"{self._path} has no profile {profile!r}; it has: {listed(profiles)}. Fix: write it there."
            )
        return Configuration(settings, connections, user, profile, groups, places=places)

    def _groups(self, table: Mapping[str, Any], at: Path_) -> dict[str, dict[str, Any]]:
        """The tables that startup callables read and change."""
        found = {name: self._table(table, at, name) for name in GROUPS}
        for switch, value in found["component_enabled"].items():
            if not is_flag(value):
                self._problem(
                    (*at, "component_enabled", switch), f"{switch} must be true or false, not {quoted(value)}"
                )
        for path, problem in simple_io.problems(found["simple_io"]):
            self._problem((*at, "simple_io", *path), f"{path[-1]!r} {problem}")
        for path, problem in pickups.problems(found["pickup"]):
            self._problem((*at, "pickup", *path), f"{path[-1]!r} {problem}")
        return found

    def _settings(self, table: Mapping[str, Any], at: Path_, tables: tuple[str, ...], where: str) -> dict[str, Told]:
        found = self._of_startup(table, at, where) if "startup" in tables else {}
        for name, value in table.items():
            if name in tables:
                continue
            if name in found:
                self._problem((*at, name), f"{name} is said in [startup], too; keep one of them")
            elif name == "allow_outside":
                self._problem((*at, name), f"{name} is for the environment to say, not for what comes with a notebook")
            elif isinstance(value, dict) and (problem := self._strange_table(name, at, tables)):
                self._problem((*at, name), problem)
            elif name not in self._names:
                self._problem((*at, name), f"{name!r} is no setting{self._meant(name)}")
            elif problem := problem_of(name, value):
                self._problem((*at, name), f"{name} must be {problem}, not {quoted(value)}")
            else:
                found[name] = Told(as_variable(value), where)
        return found

    def _meant(self, name: str) -> str:
        """What else a person may mean: another setting, as what the environment calls by a longer name, or a secret."""
        if (close := nearest(name.lower().removeprefix("workbench_"), [*self._names, *TABLES])) is not None:
            return f"; did you mean {close!r}"
        if SENSITIVE.fullmatch(name):
            return "; what is secret stands in .env, by the name that secret(...) has"
        return f"; there are {listed(self._names, at_most=40)}"

    def _strange_table(self, name: str, at: Path_, tables: tuple[str, ...]) -> str:
        """What is wrong with a table of this name; '' where a setting has been given one."""
        close, shown = nearest(name, tables), ".".join((*at, name))
        if close is None and name in self._names:
            return ""
        meant = f"did you mean [{'.'.join((*at, close))}]" if close else f"there are {listed(tables)}"
        above = "" if close else "settings stand above all tables, and of tables "
        return f"[{shown}] is no table here; {above}{meant}"

    def _of_startup(self, table: Mapping[str, Any], at: Path_, where: str) -> dict[str, Told]:
        """The settings of `[startup]`."""
        given, at = self._table(table, at, "startup"), (*at, "startup")
        for name in given.keys() - OF_STARTUP.keys():
            close = nearest(name, OF_STARTUP)
            meant = f"did you mean {close!r}" if close else f"there are {listed(OF_STARTUP)}"
            self._problem((*at, name), f"{name!r} is no key of [startup]; {meant}")
        for name in given.keys() & OF_STARTUP.keys():
            if problem := problem_of(OF_STARTUP[name], given[name]):
                self._problem((*at, name), f"{name} must be {problem}, not {quoted(given[name])}")
        known = given.keys() & OF_STARTUP.keys()
        return {OF_STARTUP[name]: Told(as_variable(given[name]), f"{where} [startup]") for name in known}

    def _table(self, table: Mapping[str, Any], at: Path_, name: str) -> dict[str, Any]:
        found = table.get(name, {})
        if isinstance(found, dict):
            return found
        self._problem((*at, name), f"{name} must be a table, [{'.'.join((*at, name))}], not {quoted(found)}")
        return {}

    def _tables(self, table: Mapping[str, Any], at: Path_, name: str) -> dict[str, dict[str, Any]]:
        found = self._table(table, at, name)
        return {each: self._table(found, (*at, name), each) for each in found}

    def _problem(self, at: Path_, text: str) -> None:
        self._problems.append((line_of(self._text, at), text))


def line_of(text: str, wanted: Path_) -> int:
    """The line on which a key stands, by its whole path; where that cannot be told, that of the table around it."""
    table: Path_ = ()
    best = (0, 1)
    for number, line in enumerate(text.splitlines(), 1):
        if (header := _HEADER.match(line)) is not None:
            table = found = _path_of(header[1])
        elif (key := _KEY.match(line)) is not None:
            found = (*table, *_path_of(key[1]))
        else:
            continue
        if found and found == wanted[: len(found)] and len(found) > best[0]:
            best = len(found), number
    return best[1]


def _path_of(key: str) -> Path_:
    """The parts of a dotted key."""

    def parts(table: Any) -> Iterator[str]:
        while isinstance(table, dict) and table:
            [(name, table)] = table.items()
            yield name

    try:
        return tuple(parts(tomllib.loads(f"{key} = 0")))
    except tomllib.TOMLDecodeError:
        return ()


def joined(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two tables as one; where both say something, the one above counts, table by table."""
    both = dict(below)
    for name, value in above.items():
        under = below.get(name)
        both[name] = joined(under, value) if isinstance(value, dict) and isinstance(under, Mapping) else value
    return both


def overridden(configuration: Configuration, definition: Any) -> Any:
    """A definition of a connection, with the fields that the file gives it.

    Raises:
        WrongFile: A field is none of its fields, or cannot be that.
        ComponentOff: Its kind is turned off.
    """
    refuse_off(configuration.switched, definition)
    fields = configuration.connections.get(definition.name)
    if not fields:
        return definition
    given = {name: _as_secret(value) for name, value in fields.items()}
    try:
        with written_in(f"{FILE} [connection.{definition.name}]", "{secret = 'ITS_NAME'}"):
            return definition.replace(**given)
    except InvalidDefinition as exc:
        of = f" with profile {configuration.profile!r}" if configuration.profile else ""
        said = "; ".join(f"{field} {problem}" for field, problem in exc.problems.items())
        raise WrongFile(f"{FILE}{of} gives {definition} what it cannot have: {said}. Fix: correct it there.") from None


def _as_secret(value: Any) -> Any:
    """`{secret = "NAME"}` names a secret, at any depth."""
    if not isinstance(value, dict):
        return value
    return (
        secret(value["secret"])
        if value.keys() == {"secret"}
        else {key: _as_secret(each) for key, each in value.items()}
    )
