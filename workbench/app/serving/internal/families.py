"""Families of internal services, one row each: which definitions each makes, and what Zato calls their fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from workbench.caching.definition import Cache
from workbench.channels.json_rpc import JSONRPCChannel
from workbench.channels.rest import RESTChannel
from workbench.channels.soap import SOAPChannel
from workbench.channels.websocket.channel import WebSocketChannel
from workbench.connections import catalog
from workbench.core.definition import Definition, field_types
from workbench.core.errors import BadRequest
from workbench.core.secret import Secret, given, secret
from workbench.scheduler.definitions import CronJob, IntervalJob, OneTimeJob
from workbench.security.definitions import APIKey, BasicAuth

Kind = Callable[[], type[Definition]]


class Family(NamedTuple):
    """Services that make one sort of definition.

    Args:
        name: What their names begin with, as `zato.cache.builtin`.
        kinds: The definition's class, by what the fields of `chosen_by` say; with none, there is one.
        chosen_by: Fields of a request that say which class is meant.
        renamed: Names of fields here, and the names that definitions have for them, of several (`wsdl or path`) the
            first that a class has; what it has not is left out.
        fixed: Fields that say what is so anyway, each with the values that are so.
    """

    name: str
    kinds: Mapping[tuple[str, ...], Kind]
    chosen_by: tuple[str, ...] = ()
    renamed: Mapping[str, str] = {}
    fixed: Mapping[str, tuple[Any, ...]] = {}

    @property
    def classes(self) -> tuple[type[Definition], ...]:
        """Every class of its definitions."""
        return tuple(kind() for kind in self.kinds.values())

    def class_of(self, request: Mapping[str, Any]) -> type[Definition]:
        """The class that a request means; raises BadRequest."""
        said = tuple(str(request.get(field, "")) for field in self.chosen_by)
        if said not in self.kinds:
            raise self._none_is(said)
        return self.kinds[said]()

    def classes_of(self, request: Mapping[str, Any]) -> tuple[type[Definition], ...]:
        """The classes that a request may mean, which need not say which; raises BadRequest if there is none."""
        said = tuple(str(request.get(field) or "") for field in self.chosen_by)
        found = [each for each in self.kinds if all(one in ("", own) for one, own in zip(said, each, strict=True))]
        if not found:
            raise self._none_is(said)
        return tuple(self.kinds[each]() for each in found)

    def _none_is(self, said: tuple[str, ...]) -> BadRequest:
        there = " or ".join(_said(self.chosen_by, each) for each in self.kinds)
        return BadRequest(f"{self.name} has no {_said(self.chosen_by, said)}. Fix: {there}.")

    def changed(self, before: Definition, request: Mapping[str, Any]) -> Definition:
        """A definition with what a request says; a field that is sent empty has its default.

        Raises:
            BadRequest, InvalidDefinition: It says what cannot be so.
        """
        types, was = field_types(type(before)), self.told(before)
        # What is sent as it was told stays, also a secret that was told as ***.
        news = {name: value for name, value in request.items() if name not in was or value != was[name]}
        emptied = {self._field(name, types) for name, value in news.items() if value in ("", None)}
        own = {field: getattr(before, field) for field in types if field not in emptied}
        return type(before)(**own | self.fields(type(before), news))

    def fields(self, cls: type[Definition], request: Mapping[str, Any]) -> dict[str, Any]:
        """What a request says, as fields of a definition; raises BadRequest for what cannot be so."""
        types, found = field_types(cls), {}
        for name, value in request.items():
            field = self._field(name, types)
            if field in types:
                if value is not None and (value != "" or field == "name"):
                    found[field] = _converted(value, types[field])
            elif name in self.fixed_too:
                self._check_fixed(name, value)
            elif name not in self.chosen_by:
                found[name] = value  # The definition says which fields there are.
        return found

    @property
    def fixed_too(self) -> Mapping[str, tuple[Any, ...]]:
        """Fields that may be said and are no fields of a class, with what they may say; with none, anything."""
        return {"cluster_id": (), "is_active": (True,), **self.fixed}

    def _check_fixed(self, name: str, value: Any) -> None:
        may_be = self.fixed_too[name]
        if may_be and _bool(value) not in may_be:
            fix = f"leave it out, or give {' or '.join(map(repr, may_be))}"
            raise BadRequest(f"{self.name}: {name} cannot be {value!r:.80}. Fix: {fix}.")

    def told(self, definition: Definition) -> dict[str, Any]:
        """A definition as a request would make it again; a secret by its name."""
        types = field_types(type(definition))
        names = {self._field(name, types): name for name in self.renamed}
        chosen = next(said for said, kind in self.kinds.items() if kind() is type(definition))
        said = {names.get(field, field): told(getattr(definition, field)) for field in types}
        return {"id": definition.full_name} | said | dict(zip(self.chosen_by, chosen, strict=True))

    def _field(self, name: str, types: Mapping[str, Any]) -> str:
        said = self.renamed.get(name, name)
        return next((each for each in said.split(" or ") if each in types), name)


def _said(fields: tuple[str, ...], values: tuple[str, ...]) -> str:
    return ", ".join(f"{field}={value!r}" for field, value in zip(fields, values, strict=True))


def _bool(value: Any) -> Any:
    """True and false also as words, which forms send."""
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


def _converted(value: Any, kind: Any) -> Any:
    """Text as the number or flag that its field wants, where it says one; `{"secret": "NAME"}` names a secret."""
    if isinstance(value, Mapping) and value.keys() == {"secret"}:
        return secret(str(value["secret"]))
    if not isinstance(value, str):
        return value
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        try:
            return msgspec.convert(value, kind, strict=False)
        except msgspec.ValidationError:
            return value  # The definition says what is wrong with it.
    return value


def told(value: Any) -> Any:
    """A field's value as it may be shown: a secret by its name alone, at any depth."""
    if isinstance(value, Secret):
        return "***" if given(value.name) is not None else {"secret": value.name}
    if isinstance(value, Mapping):
        return {key: told(each) for key, each in value.items()}
    return [told(each) for each in value] if isinstance(value, list | tuple) else value


def _one(cls: type[Definition]) -> dict[tuple[str, ...], Kind]:
    return {(): lambda: cls}


def _connection(kind: str) -> Kind:
    return lambda: catalog.definition_class(kind)


_OF_CONNECTIONS = {"user": "username", "timeout": "timeout_seconds", "url_path": "path", "db_name": "database"}
_OF_CHANNELS = {
    "url_path": "wsdl or path",
    "is_active": "active",
    "timeout": "timeout_seconds",
    "security_name": "security",
    "tls_verify": "verify_tls",
}

ZATOS = (
    Family(
        "zato.cache.builtin",
        _one(Cache),
        fixed={
            "cache_type": ("builtin",),
            "sync_method": ("no-sync", "in-background"),
            "persistent_storage": ("no-persistent-storage",),
        },
    ),
    Family(
        "zato.scheduler.job",
        {("one_time",): lambda: OneTimeJob, ("interval_based",): lambda: IntervalJob, ("cron_style",): lambda: CronJob},
        ("job_type",),
        {"start_date": "start", "cron_definition": "cron", "is_active": "active"},
    ),
    Family(
        "zato.http-soap",
        {
            ("channel", "plain_http"): lambda: RESTChannel,
            ("channel", "soap"): lambda: SOAPChannel,
            ("outgoing", "plain_http"): _connection("rest"),
            ("outgoing", "soap"): _connection("soap"),
        },
        ("connection", "transport"),
        _OF_CHANNELS,
        {"merge_url_params_req": (True,)},
    ),
    Family(
        "zato.channel.web-socket",
        _one(WebSocketChannel),
        renamed={
            "address": "path",
            "service_name": "service",
            "security_name": "security",
            "ping_interval": "ping_seconds",
            "pings_missed_threshold": "pings_missed",
            "is_active": "active",
        },
    ),
    Family("zato.security.basic-auth", _one(BasicAuth)),
    Family("zato.security.apikey", _one(APIKey), renamed={"password": "key"}),
    *(
        Family(f"zato.{name}", {(): _connection(kind)}, renamed=_OF_CONNECTIONS)
        for name, kind in (
            ("outgoing.ftp", "ftp"),
            ("outgoing.sql", "sql"),
            ("email.smtp", "smtp"),
            ("email.imap", "imap"),
            ("cloud.aws.s3", "s3"),
            ("sms.twilio", "twilio"),
        )
    ),
)
"""Families by Zato's names.

Source: names of services and fields in zato-server 3.1-3.2, `zato/server/service/internal/`.
"""

_OWN: Mapping[str, type[Definition]] = {
    "cache": Cache,
    "channel.rest": RESTChannel,
    "channel.soap": SOAPChannel,
    "channel.json-rpc": JSONRPCChannel,
    "channel.websocket": WebSocketChannel,
    "security.basic-auth": BasicAuth,
    "security.apikey": APIKey,
    "job.one-time": OneTimeJob,
    "job.interval": IntervalJob,
    "job.cron": CronJob,
}


def families() -> Iterator[Family]:
    """Every family: Zato's, and the workbench's own, whose fields have the names that definitions have."""
    yield from ZATOS
    for name, cls in _OWN.items():
        yield Family(f"workbench.{name}", _one(cls))
    for kind in catalog.rows():
        yield Family(f"workbench.connection.{kind}", {(): _connection(kind)})
