"""Every definition class that people write, with values that make one of each."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import Any

from workbench import HOMES
from workbench.core.definition import Definition
from workbench.ui.forms.fields import Field, Wrong, fields_of, typed

VALUES: dict[str, dict[str, Any]] = {
    "APIKey": {"key": "MY_KEY", "header": "X-Key"},
    "BasicAuth": {"password": "MY_PASSWORD", "realm": "orders"},
    "CronJob": {"service": "api.x", "cron": "0 9 * * 1-5", "timezone": "Europe/Warsaw", "repeats": "3"},
    "FTPConnection": {"host": "ftp.example.com", "username": "u", "password": "MY_PASSWORD", "tls": "explicit"},
    "FileChannel": {"pickup_from": "in", "services": "api.x, api.y", "patterns": "*.json", "parse_with": "json"},
    "IntervalJob": {"service": "api.x", "hours": "1", "minutes": "30", "timezone": "Europe/Warsaw", "extra": 'a "b"'},
    "JSONRPCChannel": {"services": "api.x, api.y"},
    "Limit": {"on": "service", "lines": "\n* = 100/m\n10.0.0.0/8 = 500/m\n", "exact": False},
    "OneTimeJob": {"service": "api.x", "start": "2035-01-01T09:00", "timezone": "Asia/Tokyo"},
    "RESTChannel": {"path": "/api/x", "service": "api.x", "method": "GET, POST", "timeout_seconds": "5"},
    "RESTConnection": {"host": "https://example.com", "headers": "X-A: 1\nX-B: two", "api_key": "MY_KEY"},
    "SFTPConnection": {"host": "sftp.example.com", "username": "u", "fingerprint": "SHA256:" + "A" * 43},
    "SMTPConnection": {"host": "smtp.example.com", "port": "587", "username": "u", "password": "MY_PASSWORD"},
    "SOAPConnection": {"host": "https://example.com", "wsdl": "/orders?wsdl", "login": "wss", "username": "u"},
    "ZeroMQConnection": {"address": "tcp://queue.example.com:5555", "socket_type": "PUB"},
    "WebSocketChannel": {"path": "/ws/x", "service": "api.x", "max_clients": "5"},
}


def definition_classes() -> dict[str, type[Definition]]:
    """The public definition classes by name."""
    public = {name: getattr(import_module(home), name) for name, home in HOMES.items()}
    return {name: each for name, each in public.items() if isinstance(each, type) and issubclass(each, Definition)}


CLASSES = definition_classes()
_SAMPLES = ("MY_SECRET", "x", "/x", "example", "https://example.com", "1", "true")


def values_of(name: str) -> dict[str, Any]:
    """Values that make one; what is required and not in VALUES is filled in by kind."""
    given = {"name": None, **VALUES.get(name, {})}
    required = [field for field in fields_of(CLASSES[name]) if field.required and field.name not in given]
    return {field.name: _sample(field) for field in required} | VALUES.get(name, {})


def _sample(field: Field) -> str:
    samples = _SAMPLES[:1] if field.kind == "secret" else (*field.choices, *_SAMPLES[1:])
    for sample in samples:
        with suppress(Wrong):
            typed(field, sample)
            return sample
    raise AssertionError(f"No sample fits {field}; write one into VALUES.")
