"""Fetches a package from an address, within bounds of size and time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

from workbench.connections.common.hosts import host_of, is_outside
from workbench.connections.common.http import adapter_class, bounded
from workbench.connections.common.trying import Due
from workbench.sharing.names import portable
from workbench.sharing.unpacked import PackageRefused

if TYPE_CHECKING:
    import requests

MOST_BYTES = 100 << 20
SECONDS, SILENCE_SECONDS = 60.0, 10.0
"""Longest time of all, and longest wait for the next bytes [s]."""
MOST_REDIRECTS = 5
_GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)/blob/(.+)")


def fetch(url: str, folder: Path, seconds: float = SECONDS, most_bytes: int = MOST_BYTES) -> Path:
    """Fetch a file over https, or http from this machine; a page of a file on GitHub is taken for the file.

    Args:
        url: The address.
        folder: Where to.
        seconds: Longest time of all [s].
        most_bytes: Largest file [bytes].

    Raises:
        PackageRefused: The address is another, or does not answer with a file within these bounds.
    """
    import requests

    due, at = Due(seconds), _GITHUB.sub(r"https://raw.githubusercontent.com/\1/\2", url)
    try:
        with requests.Session() as session, bounded(due, SILENCE_SECONDS):
            for scheme in ("https://", "http://"):
                session.mount(scheme, adapter_class()())
            for _ in range(MOST_REDIRECTS + 1):
                check_address(at, url)
                # An `auth` of our own, so that nobody's .netrc is sent along.
                answer = session.get(
                    at, stream=True, allow_redirects=False, timeout=SILENCE_SECONDS, auth=lambda request: request
                )
                if not answer.is_redirect:
                    return _saved(answer, at, folder, due, most_bytes)
                answer.close()
                at = urljoin(at, answer.headers["Location"])
    except (requests.RequestException, ValueError) as exc:
        # Of addresses, a ValueError tells what is wrong with their letters.
        if due.over:
            raise _late(at) from exc
        raise PackageRefused(_host(at), f"{type(exc).__name__} as it was fetched", "correct the address") from exc
    raise PackageRefused(_host(at), "it leads from one address to another", "give the last one")


def check_address(url: str, given: str) -> None:
    """Raise PackageRefused for an address that is not fetched, be it the one that was given or one that it leads to."""
    parts = urlsplit(url)
    is_own = parts.hostname is not None and not is_outside(parts.hostname)
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and is_own)):
        raise PackageRefused(_host(url), "it is not fetched over https", "give an address that begins with https://")
    if is_own and is_outside(host_of(given)):
        # What answers here may do something when it is asked.
        raise PackageRefused(_host(given), "it leads to this machine", "ask who gave you the address")


def _host(url: str) -> str:
    """What an address is called in messages: it may hold a password."""
    try:
        return urlsplit(url).hostname or "An address without a host"
    except ValueError:
        return "An address that is none"


def _late(url: str) -> PackageRefused:
    return PackageRefused(_host(url), "it takes too long to fetch", "fetch it by hand")


def _saved(answer: requests.Response, url: str, folder: Path, due: Due, most_bytes: int) -> Path:
    if answer.status_code != 200:
        raise PackageRefused(_host(url), f"it answers {answer.status_code}", "correct the address")
    name = portable(unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2] or "package")
    target, size = folder / name, 0
    with target.open("wb") as file:
        for piece in answer.iter_content(64 * 1024):
            size += len(piece)
            if size > most_bytes:
                raise PackageRefused(_host(url), f"it is over {most_bytes >> 20} MiB", "fetch it by hand")
            if due.over:
                raise _late(url)
            file.write(piece)
    return target
