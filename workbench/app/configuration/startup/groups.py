"""The four groups of configuration as startup callables get them, and what becomes of what they change in place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from workbench.app.configuration import pickups, simple_io
from workbench.app.configuration.bounds import Bounds
from workbench.app.configuration.kinds import as_variable, problem_of, quoted
from workbench.app.configuration.settings import NOT_IN_FILE, SETTINGS, Setting
from workbench.app.configuration.startup.switches import switches, unknown
from workbench.app.configuration.startup.zato_files import ZatoFiles, as_flag, read_zato_files, redis_fields, redis_url
from workbench.app.configuration.toml_file import Configuration, Told, Watched, joined
from workbench.channels.files.channel import FileChannel
from workbench.core.errors import nearest
from workbench.core.payload.rules import RULES
from workbench.core.payload.tree import Tree
from workbench.stores.url import learn_passwords

LISTS, FLAGS = ("hosts", "proxies"), ("sandbox",)
CHANGEABLE: Mapping[str, Setting] = {
    each.name: each for each in SETTINGS if each.name not in NOT_IN_FILE and not each.name.startswith("startup")
}
"""The settings that a callable may change, by name."""

PARTS = ("workbench", "main", "kvdb", "component_enabled", "user_config", "connection")
"""The tables of `server_config` of which a change has an effect."""


class Changes(NamedTuple):
    """What a callable has changed: settings as environment variables, switches, and what was wrong with others.

    Attributes:
        variables: Values by variable; None takes one away.
        switches: Components that are now on or off, `1` or `0`.
        rules: Rules of SimpleIO, as `int.suffix`: names with commas.
        pickups: Watched folders that are new or other, by name; None for one that is gone.
        fields: Fields of connections that are new or other, by connection; None for one that is gone.
        problems: Sentences, each on one change that has no effect.
    """

    variables: dict[str, str | None]
    switches: dict[str, str]
    rules: dict[str, str]
    pickups: dict[str, FileChannel | None]
    fields: dict[str, dict[str, Any]]
    problems: list[str]


class Groups:
    """`server_config`, `pickup_config`, `sio_config` and `sso_config`.

    `server_config.workbench` has every setting under its own name; Zato's `main.port` and `kvdb` are two of them.
    `server_config.user_config` and `.connection` are what `workbench.toml` has in `[user]` and `[connection]`.

    Args:
        configuration: What `workbench.toml` says.
        files: What Zato's own files say.
        environ: The environment, with all settings that files have set.
    """

    def __init__(self, configuration: Configuration, files: ZatoFiles, environ: Mapping[str, str]) -> None:
        tables, server = configuration.tables, files.server
        for each in CHANGEABLE.values():
            # Callables have them from now on, and may say them in an error.
            learn_passwords(environ.get(each.variable, ""))
        own = {name: _typed(name, environ.get(each.variable, "")) for name, each in CHANGEABLE.items()}
        said = {**server.get("component_enabled", {}), **tables.get("component_enabled", {})}
        self.server = Tree(
            {
                **server,
                "workbench": own,
                "main": {**server.get("main", {}), "port": own["port"]},
                "misc": server.get("misc", {}),
                "kvdb": {**server.get("kvdb", {}), **redis_fields(own["redis"] or "")},
                "component_enabled": dict.fromkeys(switches(), True) | said,
                "user_config": configuration.user,
                "connection": configuration.connections,
            },
            "server_config",
        )
        self.pickup = Tree(joined(files.pickup, tables.get("pickup", {})), "pickup_config")
        self.sio = Tree(simple_io.with_defaults(sio_tables(configuration, files)), "sio_config")
        self.sso = Tree({**files.sso, **tables.get("sso", {})}, "sso_config")
        self.switched, self.ruled = switched_in(configuration, files), ruled_in(configuration, files)
        self.pickups, self.places = pickups_in(configuration, files), configuration.places
        self._configuration = configuration
        self._before = self._now()

    def _now(self) -> dict[str, Any]:
        """What has an effect when it is changed, as plain data."""
        return {name: _plain(self.server[name]) for name in PARTS} | {
            "sio": _plain(self.sio),
            "pickup": _plain(self.pickup),
        }

    def _put_back(self, found: Changes) -> None:
        """Have tables be tables again where a callable has put something else in their place."""
        for name in PARTS:
            if not isinstance(self.server.get(name), Mapping):
                self.server[name] = Tree(self._before[name], f"server_config.{name}")
                found.problems.append(f"server_config.{name} must stay a table. Fix: set its keys, one by one.")
        connections = self.server["connection"]
        for name in [name for name, fields in connections.items() if not isinstance(fields, Mapping)]:
            del connections[name]
            found.problems.append(
                f"server_config.connection.{name} must be a table. Fix: give fields by name, {{...}}."
            )
        for kind in [kind for kind in RULES if not isinstance(self.sio.get(kind), Mapping)]:
            self.sio[kind] = Tree(self._before["sio"][kind], f"sio_config.{kind}")
            found.problems.append(f"sio_config.{kind} must stay a table. Fix: set its keys, one by one.")

    def changes(self) -> Changes:
        """What has changed since this was last asked."""
        found = Changes({}, {}, {}, {}, {}, [])
        self._put_back(found)
        before, now = self._before, self._now()
        self._before = now
        ours = _changed(before["workbench"], now["workbench"])
        if (port := now["main"].get("port")) != before["main"].get("port"):
            ours["port"] = port
        if now["kvdb"] != before["kvdb"]:
            if now["kvdb"].get("host") or before["kvdb"].get("host"):
                ours["redis"] = redis_url(now["kvdb"], now["workbench"].get("redis") or "") or None
            else:
                found.problems.append("server_config.kvdb has no host, so the rest of it has no effect. Fix: set host.")
        for name, value in ours.items():
            self._change(found, name, value)
        for name, value in _changed(before["component_enabled"], now["component_enabled"]).items():
            self._switch(found, name, value)
        self._change_rules(found, before["sio"], now["sio"])
        changed = _changed(before["pickup"], now["pickup"])
        for path, problem in pickups.problems({name: each for name, each in changed.items() if each is not None}):
            found.problems.append(
                f"pickup_config.{'.'.join(path)} {problem.rstrip('?')}. The folder is not watched. Fix: correct it."
            )
        for name, fields in _changed(before["connection"], now["connection"]).items():
            found.fields[name] = _changed(before["connection"].get(name, {}), fields or {})
        there = pickups.channels(now["pickup"])
        found.pickups.update({name: there.get(name) for name in changed})
        return found

    def _change_rules(self, found: Changes, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        changed = _changed(before, now)
        for path, problem in simple_io.problems(changed):
            found.problems.append(
                f"sio_config.{'.'.join(path)} {problem}. It is kept, without effect. Fix: correct it."
            )
        was = simple_io.ruled(before)
        found.rules.update({name: value for name, value in simple_io.ruled(now).items() if value != was.get(name)})

    def _change(self, found: Changes, name: str, value: Any) -> None:
        if name not in CHANGEABLE:
            close = nearest(name, CHANGEABLE)
            meant = f"did you mean {close!r}?" if close else "wb.settings has all of them."
            found.problems.append(f"server_config.workbench.{name} is no setting. Fix: {meant}")
        elif value is None:
            found.variables[CHANGEABLE[name].variable] = None
        elif problem := problem_of(name, value):
            found.problems.append(f"server_config.workbench.{name} cannot be {quoted(value)}. Fix: {problem}.")
        else:
            found.variables[CHANGEABLE[name].variable] = as_variable(value)
            learn_passwords(as_variable(value))

    def _switch(self, found: Changes, name: str, value: Any) -> None:
        try:
            on = as_flag(value)
        except (ValueError, TypeError):
            said = f"server_config.component_enabled.{name} cannot be {value!r:.80}"
            found.problems.append(f"{said}. Fix: True or False.")
            return
        found.switches[name] = as_variable(on)
        if said := unknown(name):
            found.problems.append(said)

    def configuration(self) -> Configuration:
        """What `workbench.toml` says, with all that was changed."""
        tables = {"pickup": _plain(self.pickup), "sso": _plain(self.sso)}
        return self._configuration._replace(
            connections=_plain(self.server["connection"]),
            user=_plain(self.server["user_config"]),
            tables=tables,
            switched=self.switched,
            ruled=self.ruled,
            pickups=self.pickups,
            places=self.places,
        )


def server_config(folder: Path, configuration: Configuration) -> Tree:
    """What a service reads as `self.server.fs_server_config`: `server.conf`, and settings under Zato's names.

    Args:
        folder: Where `server.conf` is, if anywhere.
        configuration: What `workbench.toml` says.
    """
    server = Groups(configuration, read_zato_files(folder), os.environ).server
    return Tree(
        {name: each for name, each in server.items() if name not in ("workbench", "connection")}, "server_config"
    )


def switched_in(configuration: Configuration, files: ZatoFiles) -> dict[str, Told]:
    """The switches of components that files say, each with the file."""
    told = (("server.conf", files.server), ("workbench.toml", configuration.tables))
    return {
        name: Told(as_variable(value), where)
        for where, tables in told
        for name, value in tables.get("component_enabled", {}).items()
    }


def sio_tables(configuration: Configuration, files: ZatoFiles) -> dict[str, Any]:
    """What both files say of SimpleIO; where both say something, `workbench.toml` counts."""
    return joined(files.sio, configuration.tables.get("simple_io", {}))


def ruled_in(configuration: Configuration, files: ZatoFiles) -> dict[str, Told]:
    """The rules of SimpleIO that files set, each with the file."""
    told = (("simple-io.conf", files.sio), ("workbench.toml", configuration.tables.get("simple_io", {})))
    return {name: Told(value, where) for where, tables in told for name, value in simple_io.ruled(tables).items()}


def pickups_in(configuration: Configuration, files: ZatoFiles) -> dict[str, Watched]:
    """The watched folders that files name, each with the file; where both say something, `workbench.toml` counts."""
    own = configuration.tables.get("pickup", {})
    return {
        name: Watched(channel, f"workbench.toml [pickup.{name}]" if name in own else f"pickup.conf [{name}]")
        for name, channel in pickups.channels(joined(files.pickup, own)).items()
    }


def _typed(name: str, told: str) -> Any:
    """A setting as a callable reads it: a number, a flag, a list, text; of a bound its default, else None, if unset."""
    if name in LISTS:
        return [each.strip() for each in told.split(",") if each.strip()]
    if not told:
        return getattr(Bounds(), name, None)
    if name in FLAGS:
        return told == "1"
    return int(told) if (name == "port" or name in Bounds.__struct_fields__) and told.strip().isdecimal() else told


def _plain(value: Any) -> Any:
    """Tables and lists as they are now, whatever becomes of them."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in list(value.items())}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """What is new or other; None for what is gone."""
    names = dict.fromkeys((*before, *now))
    return {name: now.get(name) for name in names if now.get(name) != before.get(name)}
