"""Headers and query parameters of outgoing REST that hold secrets: named, revealed when they are sent, never shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from workbench.core.masking import MARK, learn
from workbench.core.secret import Secret, keep_given, warn_of_plain

Values = dict[str, Secret | str]
"""Headers or query parameters: `secret("NAME")` or plain text."""

Reveal = Callable[[Secret | str | None], str | None]

SENSITIVE = re.compile(
    r"key|(.*[-_.])?(authorization|cookie|(api|secret|private)[-_]?key|token|secret|passw(or)?d|passphrase|pwd|sig"
    r"|signature)",
    re.IGNORECASE,
)
"""Names whose values are credentials, as public APIs and our own connections call them: `Authorization`,
`X-Auth-Token`, `api_key`, `key`, `secret_key`.
"""

FOLLOWING = frozenset(
    (
        *("accept", "accept-encoding", "accept-language", "cache-control", "connection", "content-encoding"),
        *("content-language", "content-length", "content-type", "host", "if-range", "range", "user-agent"),
    )
)
"""Headers that go along when an answer redirects to another host; any other may be a credential, and stays at home."""

_warned: set[tuple[str, str, str]] = set()


def without_plain(owner: str, field: str, values: Values) -> Values:
    """The values, of which those that are credentials in plain text are kept in this process only, with a warning."""
    kept = dict(values)
    for name, value in values.items():
        if isinstance(value, str) and value and SENSITIVE.fullmatch(name):
            learn(value.rpartition(" ")[2])  # of `Bearer abc` the token alone, too
            kept[name] = keep_given(f"{owner} {field} {name}", value)
    return kept


def warn_of_plain_query(owner: str, path: str) -> None:
    """Warn once of each credential that stands in a path's query in plain text."""
    for name, value in parse_qsl(urlsplit(path).query):
        if SENSITIVE.fullmatch(name) and not re.fullmatch(r"{\w+}", value) and _is_news(owner, name, value):
            warn_of_plain(f"{owner} path {name}", value)


def _is_news(owner: str, name: str, value: str) -> bool:
    learn(value)
    known = (owner, name, value) in _warned
    _warned.add((owner, name, value))
    return not known


def shown_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Headers of a call as they are kept: of those that are credentials the names."""
    return {name: MARK if SENSITIVE.fullmatch(name) else value for name, value in headers.items()}


def shown_query(query: str) -> str:
    """An encoded query as it is kept: of parameters that are credentials the names."""
    parts = [part.partition("=") for part in query.split("&")]
    return "&".join(
        f"{name}={MARK}" if SENSITIVE.fullmatch(name) else name + sign + value for name, sign, value in parts
    )


def shown_path(path: str) -> str:
    """A path as it is kept, whose own query is an encoded query too."""
    path, sign, query = path.partition("?")
    return path + sign + shown_query(query)


def revealed(values: Mapping[str, Any], reveal: Reveal) -> dict[str, Any]:
    """The values as they are sent."""
    return {name: reveal(value) if isinstance(value, Secret) else value for name, value in values.items()}
