"""What each setting must be, where a file says it, and in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any, get_args

from workbench.app.configuration.bounds import Bounds
from workbench.channels.guard import HOST
from workbench.core.errors import StoreUnavailable, short
from workbench.core.service import NewVersion
from workbench.scheduler.zones import zone_problem
from workbench.stores.url import FORMS_BY_KIND, read_url, redacted

ON_ERROR = ("go on", "stop")
LOOPS = ("asyncio", "uvloop")
MODES = get_args(NewVersion)
LONGEST_SECONDS = 86_400


def quoted(value: Any) -> str:
    """A value as a message quotes it: cut, and an address without its password; of a table nothing."""
    return "a table" if isinstance(value, dict) else redacted(short(value))


def problem_of(name: str, value: Any) -> str:
    """What a setting must be instead; '' if it is well."""
    if name in Bounds.__struct_fields__:
        return "" if _is_whole(value) and value >= 1 else "a whole number, 1 or more"
    kind, must_be = KINDS.get(name, KINDS[""])
    return "" if kind(value) else must_be


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and "\x00" not in value


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(_is_text(each) and "," not in each for each in value)


def is_flag(value: Any) -> bool:
    """Whether it is true or false, not 1 or 0."""
    return isinstance(value, bool)


def _is_names(value: Any) -> bool:
    return _is_list(value) or _is_text(value)


def _is_hosts(value: Any) -> bool:
    return _is_list(value) and all(HOST.fullmatch(each) for each in value)


def _is_networks(value: Any) -> bool:
    try:
        return _is_list(value) and all(ip_network(each, strict=False) for each in value)
    except ValueError:
        return False


def _is_url(*kinds: str) -> Callable[[Any], bool]:
    def is_one(value: Any) -> bool:
        try:
            return _is_text(value) and bool(not value or read_url(value, kinds=kinds))
        except StoreUnavailable:
            return False

    return is_one


def _forms(*kinds: str) -> str:
    return f"a URL in quotes: {', '.join(FORMS_BY_KIND[each] for each in kinds)}"


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= LONGEST_SECONDS


KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "port": (lambda value: _is_whole(value) and 0 <= value <= 65535, "a number from 0 to 65535 (0 takes any)"),
    "hosts": (_is_hosts, 'a list of host names, ["api.example.com"]'),
    "proxies": (_is_networks, 'a list of addresses, ["10.0.0.7"], or networks'),
    "loop": (lambda value: value in LOOPS, f"one of {', '.join(map(repr, LOOPS))}"),
    "new_version": (lambda value: value in MODES, f"one of {', '.join(map(repr, MODES))}"),
    "store": (_is_url(*FORMS_BY_KIND), _forms(*FORMS_BY_KIND)),
    "counters": (_is_url(*FORMS_BY_KIND), _forms(*FORMS_BY_KIND)),
    "redis": (_is_url("redis"), _forms("redis")),
    "sandbox": (is_flag, "true (peers play all connections) or false"),
    "timezone": (lambda value: _is_text(value) and not zone_problem(value), 'the name of a time zone, "Europe/Warsaw"'),
    "startup_callable": (_is_names, 'dotted names, ["my_startup.create_cache"]'),
    "startup_on_error": (lambda value: value in ON_ERROR, f"one of {', '.join(map(repr, ON_ERROR))}"),
    "startup_timeout_seconds": (_is_seconds, f"seconds, more than 0 and at most {LONGEST_SECONDS:,}"),
    "": (_is_text, "text in quotes"),
}
"""What a setting must be, and in words; the last is for those that have no row."""


def as_variable(value: Any) -> str:
    """A value as an environment variable has it."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return ",".join(value) if isinstance(value, list) else str(value)
