"""Reads the URL that names a store, shared counters or a Redis; its password is a secret from then on."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from workbench.core.errors import StoreUnavailable
from workbench.core.masking import learn

REDIS_SCHEMES = ("redis", "rediss", "unix")
FORMS_BY_KIND = {
    "memory": "memory://",
    "sqlite": "sqlite:///relative/path, sqlite:////absolute/path",
    "redis": "redis://host:port/0, rediss://host:port/0 or unix:///path/of.sock",
}
PASSWORD = re.compile(r"^((?:[a-z]+://(?!/)|(?![a-z]+://))[^:@/]*:)(.*)(?=@)", re.IGNORECASE | re.DOTALL)
"""All from the first colon to the last @: a password that should have been encoded may hold any letter."""
IN_QUERY = re.compile(r"((?:^|[?&])password=)([^&]*)", re.IGNORECASE)


class StoreURL(NamedTuple):
    """What a URL names: `kind` is `memory`, `sqlite` or `redis`; `path` the file of `sqlite`; `url` as it was given."""

    kind: str
    url: str
    path: Path | None = None


def read_url(url: str, what: str = "store", kinds: Collection[str] = FORMS_BY_KIND.keys()) -> StoreURL:
    """Read `memory://`, `sqlite:///path`, or `redis://`, `rediss://` and `unix://`.

    A path has three slashes before it; an absolute one makes four. A password in it is masked from now on in all that
    is kept or shown.

    Args:
        url: The URL.
        what: What it names, for the error.
        kinds: Those that will do.

    Raises:
        StoreUnavailable: It names none of these; lists the forms that do.
    """
    learn_passwords(url)
    scheme, separator, rest = url.partition("://")
    kind = "redis" if scheme in REDIS_SCHEMES else scheme
    if not separator or kind not in kinds:
        # What has no scheme may be a password, and is not repeated.
        named = f"of kind {scheme!r}" if separator else "without '://'"
        forms = ", ".join(form for each, form in FORMS_BY_KIND.items() if each in kinds)
        raise StoreUnavailable(f"There is no {what} URL {named}. Fix: write {forms}.")
    if kind != "sqlite":
        return StoreURL(kind, url)
    path = rest.removeprefix("/")
    if not rest.startswith("/") or path in ("", ":memory:"):
        raise StoreUnavailable(
            f"The {what} URL {url!r} names no file. Fix: write sqlite:///relative/path, sqlite:////absolute/path, "
            f"or memory:// for a {what} that ends with its process."
        )
    return StoreURL(kind, url, Path(path))


def learn_passwords(url: str) -> None:
    """Have the passwords in a URL masked from now on."""
    for found in (*PASSWORD.finditer(url), *IN_QUERY.finditer(url)):
        learn(found[2])
        learn(unquote(found[2]))


def redacted(url: str) -> str:
    """The URL with its password taken out."""
    # The query first: a @ in it is no end of what stands before the host.
    return PASSWORD.sub(r"\1***", IN_QUERY.sub(r"\1***", url))
