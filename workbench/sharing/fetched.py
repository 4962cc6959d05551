"""Fetches a package from an address, within bounds of size and time."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

from workbench.connections.common.hosts import is_outside
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

    end = time.monotonic() + seconds
    at = _GITHUB.sub(r"https://raw.githubusercontent.com/\1/\2", url)
    try:
        with requests.Session() as session:
            for _ in range(MOST_REDIRECTS + 1):
                _check(at)
                # An `auth` of our own, so that nobody's .netrc is sent along.
                answer = session.get(
                    at, stream=True, allow_redirects=False, timeout=SILENCE_SECONDS, auth=lambda request: request
                )
                if not answer.is_redirect:
                    return _saved(answer, at, folder, end, most_bytes)
                answer.close()
                at = urljoin(at, answer.headers["Location"])
    except requests.RequestException as exc:
        raise PackageRefused(_host(at), f"{type(exc).__name__} as it was fetched", "correct the address") from exc
    raise PackageRefused(_host(at), "it leads from one address to another", "give the last one")


def _check(url: str) -> None:
    parts = urlsplit(url)
    is_own = parts.scheme == "http" and parts.hostname is not None and not is_outside(parts.hostname)
    if not parts.hostname or (parts.scheme != "https" and not is_own):
        raise PackageRefused(_host(url), "it is not fetched over https", "give an address that begins with https://")


def _host(url: str) -> str:
    """What an address is called in messages: it may hold a password."""
    return urlsplit(url).hostname or "An address without a host"


def _saved(answer: requests.Response, url: str, folder: Path, end: float, most_bytes: int) -> Path:
    if answer.status_code != 200:
        raise PackageRefused(_host(url), f"it answers {answer.status_code}", "correct the address")
    name = portable(unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2] or "package")
    target, size = folder / name, 0
    with target.open("wb") as file:
        for piece in answer.iter_content(64 * 1024):
            size += len(piece)
            if size > most_bytes:
                raise PackageRefused(_host(url), f"it is over {most_bytes >> 20} MiB", "fetch it by hand")
            if time.monotonic() > end:
                raise PackageRefused(_host(url), "it takes too long to fetch", "fetch it by hand")
            file.write(piece)
    return target
