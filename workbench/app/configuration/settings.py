"""What a workbench is told when it is made, and where each setting came from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from socket import gethostname
from typing import Any, Literal, NamedTuple, get_args

from msgspec import Struct
from msgspec.structs import replace

from workbench.app.configuration.bounds import VARIABLE, Bounds, descriptions
from workbench.app.configuration.loop import wanted_loop
from workbench.app.configuration.overrides import overrides
from workbench.app.configuration.preferences import prefer, preference
from workbench.app.configuration.simple_io import default_rule
from workbench.app.configuration.startup.switches import unknown
from workbench.app.configuration.startup.zato_files import ZatoFiles, read_zato_files, settings_in
from workbench.app.configuration.toml_file import Configuration, Told, read_file
from workbench.app.reports import table_lines
from workbench.channels.http.certificate import Certificate, CertificateRefused
from workbench.core.errors import UnknownName, WorkbenchError
from workbench.core.ports import Clock
from workbench.core.service import NewVersion
from workbench.limiting.proxies import TrustedProxies
from workbench.limiting.shared.limiter import SharedCounters
from workbench.scheduler.zones import zone_problem
from workbench.stores.url import read_url, redacted

OpenAPIFor = Literal["callers", "all", "token"]
"""Whom /openapi.json tells of a channel: who may call it, everybody, or only who holds the workbench's token."""


def is_headless(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether WORKBENCH_HEADLESS says that nobody can click what is shown."""
    return environ.get("WORKBENCH_HEADLESS", "") not in ("", "0")


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of one workbench; see `Workbench` for what each means."""

    app: str = "notebook"
    folder: Path = Path()
    store: str = "memory://"
    counters: str = "memory://"
    port: int | None = None
    certificate: str = ""
    certificate_key: str = ""
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    bounds: Bounds = Bounds()
    sandbox: bool | None = None
    openapi: OpenAPIFor = "callers"
    configuration: Configuration = Configuration()

    def __repr__(self) -> str:
        return Struct.__repr__(replace(self, store=redacted(self.store), counters=redacted(self.counters)))

    @property
    def shared_store(self) -> str:
        """What tells the store from any other; '' for one that ends with this process."""
        given = read_url(self.store)
        if given.path is not None:
            return str(given.path.absolute())
        return "" if given.kind == "memory" else redacted(self.store)

    @property
    def place(self) -> str:
        """Where a process like this one runs again: this machine, the folder, a kernel's or a served one."""
        return f"{'served' if is_headless() else 'notebook'}:{gethostname()}:{self.folder}"

    def tls(self) -> Certificate | None:
        """What the server speaks TLS by; None where it speaks plain HTTP.

        Raises:
            CertificateRefused: It cannot be used, or one of its two files is not named.
        """
        if not self.certificate and not self.certificate_key:
            return None
        if not self.certificate or not self.certificate_key:
            has, lacks = ("certificate", "certificate_key") if self.certificate else ("certificate_key", "certificate")
            option = "--key" if self.certificate else "--certificate"
            raise CertificateRefused(
                f"The setting {has} is {getattr(self, has)!r}, and {lacks} is not set. "
                f"Fix: name its file, too ({option} FILE of serve, or WORKBENCH_{lacks.upper()})."
            )
        return Certificate(self.folder / self.certificate, self.folder / self.certificate_key)

    def caller_address(self) -> Callable[[str, str | None], str] | None:
        """How to find the caller behind trusted proxies; None where nobody's X-Forwarded-For is believed."""
        return TrustedProxies(self.proxies).caller_address if self.proxies else None

    def shared_counters(self, clock: Clock) -> SharedCounters | None:
        """Counters that other processes share; None counts in this process alone.

        Raises:
            StoreUnavailable: The URL names no counters.
        """
        given = read_url(self.counters, "counters")
        if given.path is not None:
            from workbench.limiting.shared.sqlite import SQLiteCounters

            return SQLiteCounters(given.path, clock)
        if given.kind == "redis":
            from workbench.limiting.shared.redis import RedisCounters

            return RedisCounters(self.counters, self.app)
        return None


def several(given: str | Iterable[str]) -> tuple[str, ...]:
    """One or many words as a tuple."""
    return (given,) if isinstance(given, str) else tuple(given)


def pair_of(certificate: tuple[Path | str, Path | str] | None) -> dict[str, Any]:
    """A certificate and its key as the two settings that they are."""
    names = ("certificate", "certificate_key")
    return {name: str(each) for name, each in zip(names, certificate, strict=True)} if certificate else {}


class Setting(NamedTuple):
    """One setting: its name in `wb.settings`, the variable that sets it, and in words its default and what it is."""

    name: str
    variable: str
    default: str
    what: str


class Row(NamedTuple):
    """A setting as `wb.settings` shows it: its value, who set it, what it would be without, and what it is."""

    setting: str
    value: str
    came: str
    default: str
    what: str


SETTINGS = (
    Setting("port", "WORKBENCH_PORT", "the one it had, at first 11223", "Port of the server; 0 takes any."),
    Setting("certificate", "WORKBENCH_CERTIFICATE", "none", "PEM file of the certificate by which it speaks TLS."),
    Setting("certificate_key", "WORKBENCH_CERTIFICATE_KEY", "none", "PEM file of the private key of that certificate."),
    Setting(
        "loop",
        "WORKBENCH_LOOP",
        "as it is served",
        "Loop of the server: asyncio, or uvloop, which `serve` takes if there.",
    ),
    Setting("store", "WORKBENCH_STORE", "sqlite:///.workbench/store.db", "Where jobs and their runs are kept."),
    Setting("counters", "WORKBENCH_COUNTERS", "memory://", "Where limits count: here, or shared by several processes."),
    Setting("redis", "WORKBENCH_REDIS", "one of its own", "The Redis of `self.kvdb`."),
    Setting("hosts", "WORKBENCH_HOSTS", "none", "Host names besides localhost that are answered, by commas."),
    Setting("proxies", "WORKBENCH_PROXIES", "none", "Addresses whose X-Forwarded-For is believed, by commas."),
    Setting("sandbox", "WORKBENCH_SANDBOX", "as the code says", "1 has peers play all connections, 0 has none do so."),
    Setting("openapi", "WORKBENCH_OPENAPI", "callers", "Whom /openapi.json tells of a channel: callers, all, token."),
    Setting("allow_outside", "WORKBENCH_ALLOW_OUTSIDE", "no", "1 lets a notebook from elsewhere call other hosts."),
    Setting("profile", "WORKBENCH_PROFILE", "none", "The profile of `workbench.toml` that is in force."),
    Setting("timezone", "WORKBENCH_TIMEZONE", "UTC", "Time zone that forms start with; kept for you if you set it."),
    Setting(
        "new_version",
        "WORKBENCH_NEW_VERSION",
        "warn",
        "off, warn or gate new versions that answer otherwise; kept.",
    ),
    Setting(
        "startup_callable",
        "WORKBENCH_STARTUP_CALLABLE",
        "none",
        "Functions and classes that are told of the start, by dotted names and commas.",
    ),
    Setting("startup_on_error", "WORKBENCH_STARTUP_ON_ERROR", "go on", "`stop` ends the start if one of them fails."),
    Setting("startup_timeout_seconds", "WORKBENCH_STARTUP_TIMEOUT_SECONDS", "30", "Longest time for each of them [s]."),
    Setting("notebook", "WORKBENCH_NOTEBOOK", "as Jupyter says", "Path of the notebook: its folder and name."),
    Setting("headless", "WORKBENCH_HEADLESS", "no", "1 shows plain HTML where nobody can click."),
    Setting("zato", "WORKBENCH_ZATO", "ours", "`real` leaves the imports of an installed Zato alone."),
    *(
        Setting(name, VARIABLE.format(name.upper()), str(getattr(Bounds(), name)), what)
        for name, what in descriptions().items()
    ),
)
"""Every setting that an environment variable sets, a line of `.env` in the notebook's folder, or `workbench.toml`."""
NOT_IN_FILE = ("profile", "notebook", "headless", "allow_outside")
"""Settings that say where the file is, which part of it counts, how one process is run, or what a person allows."""


def _zone_problem(value: str) -> str:
    return f"The time zone {problem}." if (problem := zone_problem(value)) else ""


def _mode_problem(value: str) -> str:
    modes = get_args(NewVersion)
    return "" if value in modes else f"new_version cannot be {value!r:.80}. Fix: one of {', '.join(modes)}."


KEPT: dict[str, Callable[[str], str]] = {"timezone": _zone_problem, "new_version": _mode_problem}
"""What is kept for a user who sets it, and what is wrong with a value; '' if nothing is."""


def take_files(folder: Path) -> tuple[dict[str, Told], Configuration, ZatoFiles]:
    """Put settings of the folder's `.env`, `workbench.toml` and `server.conf` into the environment.

    The environment wins where it has them, then each of these over the next.

    Returns:
        Each variable that was taken, with its value and where it stood; and what else the files say.

    Raises:
        WorkbenchError: A file is there and cannot be read, or says what no setting can be.
    """
    from workbench.app.configuration.secrets import FoundSecrets

    found = FoundSecrets(folder, lambda: False)
    # Whether a notebook from elsewhere may call the outside is no business of what came with it.
    missing = [each for each in SETTINGS if each.variable not in os.environ and each.name != "allow_outside"]
    taken = {each.variable: Told(value, ".env") for each in missing if (value := found.in_file(each.variable))}
    profile = os.environ.get("WORKBENCH_PROFILE") or taken.get("WORKBENCH_PROFILE", Told("", "")).value
    configuration = configuration_of(folder, profile)
    zato = read_zato_files(folder)
    told = {name: Told(value, f"server.conf [{at}]") for name, (value, at) in settings_in(zato.server).items()}
    told |= configuration.settings
    taken = {each.variable: told[each.name] for each in missing if each.name in told} | taken
    os.environ.update({variable: each.value for variable, each in taken.items()})
    return taken, configuration, zato


def configuration_of(folder: Path, profile: str) -> Configuration:
    """What `workbench.toml` of a folder says; nothing if it is not there.

    Raises:
        WrongFile: It cannot be read, says what nothing is, or has no such profile.
    """
    return read_file(folder, profile, [each.name for each in SETTINGS if each.name not in NOT_IN_FILE])


class SettingsInForce:
    """`wb.settings`: each setting, its value, where that came from, and what it would be without.

    `wb.settings.timezone = "Europe/Warsaw"` is kept for this user, and so is `new_version`; all others are set before
    the workbench begins.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._is_process = False
        self._from_file: Mapping[str, Told] = {}

    def of_process(self, from_file: Mapping[str, Told]) -> None:
        """Say that the environment made this workbench, and which variables files have set."""
        self._is_process, self._from_file = True, from_file

    def rows(self) -> list[Row]:
        """Every setting; at the end, components, rules, folders and fields of connections that somebody has set."""
        configuration = self._settings.configuration
        found = [Row(each.name, *self._found(each), self._default(each), each.what) for each in SETTINGS]
        for name, told in configuration.switched.items():
            said = unknown(name) or "1 has the component on."
            found.append(Row(f"component_enabled.{name}", told.value, told.where, "1", said))
        for name, told in configuration.ruled.items():
            said = "Names that suggest this type in SimpleIO, by commas."
            found.append(Row(f"simple_io.{name}", told.value or "none", told.where, default_rule(name) or "none", said))
        for name, each in configuration.pickups.items():
            said = f"A folder that is watched, for {', '.join(each.channel.leads_to)}."
            found.append(Row(f"pickup.{name}", each.channel.pickup_from, each.where, "none", said))
        said = "A field of a connection, in place of what its definition says."
        fields = overrides(configuration.connections, configuration.places)
        return found + [Row(*each, "as its definition", said) for each in fields]

    def _default(self, setting: Setting) -> str:
        """What the setting is where nobody says anything; a workbench that a script makes keeps nothing by itself."""
        return "memory://" if setting.name == "store" and not self._is_process else setting.default

    def _found(self, setting: Setting) -> tuple[str, str]:
        given = os.environ.get(setting.variable, "")
        told = self._from_file.get(setting.variable, Told("", "environment")).where
        if setting.name == "loop":
            return wanted_loop(), told if given else "default"
        if setting.name in Bounds.__struct_fields__:
            return self._judged(setting, self._settings.bounds, Bounds(), given, told)
        if setting.name not in Settings.__struct_fields__:
            if not given and setting.name in KEPT and (own := preference(setting.name)):
                return own, "you"
            return (redacted(given), told) if given else (setting.default, "default")
        return self._judged(setting, self._settings, Settings(), given, told)

    def _judged(self, setting: Setting, now: Struct, first: Struct, given: str, told: str) -> tuple[str, str]:
        value = getattr(now, setting.name)
        if self._is_process:
            return (self._shown(value), told) if given else (setting.default, "default")
        is_default = value == getattr(first, setting.name)
        return (self._default(setting), "default") if is_default else (self._shown(value), "argument")

    def _shown(self, value: Any) -> str:
        if isinstance(value, bool):
            return "1" if value else "0"
        return ", ".join(value) if isinstance(value, tuple) else redacted(str(value))

    def __getattr__(self, name: str) -> str:
        setting = next((each for each in SETTINGS if each.name == name), None)
        if setting is None:
            if name.startswith("_"):
                raise AttributeError(name)
            raise UnknownName("setting", name, (each.name for each in SETTINGS)).as_attribute()
        return self._found(setting)[0]

    def __setattr__(self, name: str, value: Any) -> None:
        setting = next((each for each in SETTINGS if each.name == name), None)
        if name.startswith("_"):
            super().__setattr__(name, value)
        elif name in KEPT:
            if problem := KEPT[name](value) if value else "":
                raise WorkbenchError(problem)
            prefer(name, value or "")
        elif setting is not None:
            now = f" Or for this run: wb.stop(); wb.start(port={value!r})" if name == "port" else ""
            raise WorkbenchError(
                f"{name} cannot change while the workbench runs. "
                f"Fix: set {setting.variable} in the environment, in .env or in workbench.toml, and restart.{now}"
            )
        else:
            raise UnknownName("setting", name, (each.name for each in SETTINGS)).as_attribute()

    def __dir__(self) -> list[str]:
        return [each.name for each in SETTINGS]

    def __repr__(self) -> str:
        return "\n".join(table_lines(("setting", "value", "from", "default", "what"), self.rows()))
