"""What one call of outgoing REST says for itself, in the words of `requests`: files, timeout, auth, cookies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, NamedTuple, cast

from workbench.connections.common.trying import Due
from workbench.connections.rest.credentials import Reveal
from workbench.core.errors import ServiceUsage, nearest
from workbench.core.masking import learn, learn_pair
from workbench.core.secret import Secret

TAKEN = ("allow_redirects", "auth", "cookies", "files", "timeout")
INSTEAD = {
    "json": "give it as data, which is sent as JSON",
    "stream": "conn.open(path) reads an answer as a stream",
    "verify": "set ca_file or verify_tls in the definition",
    "cert": "log in by username, api_key or headers; a client's certificate is not supported",
    "proxies": "set HTTP_PROXY, HTTPS_PROXY, NO_PROXY",
    "hooks": "look at the answer once it is there",
}
"""Further words of `requests`, and what to do here."""
NOT_IN_COOKIE = re.compile(r"[\x00-\x20\x7f;]")
Timeouts = tuple[float, float]


class Options(NamedTuple):
    """What one call says for itself; None leaves it to the connection.

    `timeouts` are for connecting and for each wait [s]. A body goes to another host, where an answer says so, if
    `allow_redirects` is True, not where it is None. `retries` is how many further tries there are. `due` is when it
    must have ended, of a call that is one of several.
    """

    auth: Any = None
    cookies: Any = None
    files: Any = None
    timeouts: Timeouts | None = None
    allow_redirects: bool | None = None
    retries: int | None = None
    due: Due | None = None

    @property
    def are_somebodys(self) -> bool:
        """Whether the call says whose it is, so that it shares no cookies with others."""
        return self.auth is not None or self.cookies is not None


def options_of(owner: str, reveal: Reveal, given: Mapping[str, Any]) -> Options:
    """What was given to a call; raises ServiceUsage for what cannot be."""
    for name in given:
        if name not in TAKEN:
            close = nearest(name, TAKEN)
            fix = INSTEAD.get(name) or (f"did you mean {close}=?" if close else f"there are {', '.join(TAKEN)}")
            raise ServiceUsage(f"{owner} takes no {name}= at a call. Fix: {fix}")
    redirects = given.get("allow_redirects")
    if redirects is not None and not isinstance(redirects, bool):
        raise ServiceUsage(f"{owner}: allow_redirects is True or False, not {redirects!r:.40}. Fix: pass one of them.")
    return Options(
        _auth(owner, reveal, given.get("auth")),
        _cookies(owner, reveal, given.get("cookies")),
        given.get("files") or None,
        _timeouts(owner, given.get("timeout")),
        redirects,
    )


def _timeouts(owner: str, given: Any) -> Timeouts | None:
    if given is None:
        return None
    pair = given if isinstance(given, tuple) else (given, given)
    if len(pair) != 2 or not all(type(each) in (int, float) and 0 < each <= 3600 for each in pair):
        raise ServiceUsage(
            f"{owner}: timeout is the longest wait [s], over 0 and up to 3600, or two of them, to connect and to read; "
            f"not {given!r:.60}. Fix: pass such a number."
        )
    return float(pair[0]), float(pair[1])


def _auth(owner: str, reveal: Reveal, given: Any) -> Any:
    if given is None or callable(given):
        return given
    if isinstance(given, tuple | list) and len(given) == 2:
        user, password = (_shown(each, reveal) for each in given)
        if user is not None and password is not None:
            learn_pair(user, password)
            # As bytes: what requests makes of text is Latin-1.
            return user.encode(), password.encode()
    raise ServiceUsage(
        f"{owner}: auth is a pair of user name and password, or an object of requests.auth, not a "
        f"{type(given).__name__}. Fix: auth=('ada', secret('PASSWORD'))"
    )


def _cookies(owner: str, reveal: Reveal, given: Any) -> Any:
    if given is None or isinstance(given, CookieJar):
        return given
    found = {name: _shown(value, reveal) for name, value in given.items()} if isinstance(given, Mapping) else {"": None}
    for name, value in found.items():
        if not isinstance(name, str) or value is None or NOT_IN_COOKIE.search(name) or NOT_IN_COOKIE.search(value):
            raise ServiceUsage(
                f"{owner}: cookies are texts by name, of letters that a cookie may have: no spaces, line breaks or ;. "
                f"Fix: cookies={{'session': secret('SESSION')}}"
            )
    return found


def _shown(value: Any, reveal: Reveal) -> str | None:
    """The text of a credential, masked from now on; None if it is none."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    text = reveal(text) if isinstance(text, Secret) else text
    if isinstance(text, str):
        learn(text)
        return text
    return None


def multipart(owner: str, files: Any, data: Any) -> tuple[bytes, str]:
    """A body of fields and files, and its Content-Type.

    Args:
        owner: Whose it is, for errors.
        files: As `requests` has it: by field, or in pairs; each a stream, bytes, text, a Path, or a tuple of the file's
            name, that, its type and its headers.
        data: The fields, by name or in pairs.

    Raises:
        ServiceUsage: One of both is something else, or a file cannot be read.
    """
    import requests

    if data in (None, ""):
        data = {}
    try:
        if isinstance(data, str | bytes | bytearray):
            raise ValueError("beside files, data is a dict of fields")
        pairs = list(files.items() if isinstance(files, Mapping) else files)
        made = requests.Request("POST", "http://any", data=data, files=[(name, _opened(each)) for name, each in pairs])
        prepared = made.prepare()
    except (ValueError, TypeError, AttributeError, OSError) as exc:
        raise ServiceUsage(
            f"{owner} cannot send these files: {exc}. "
            f"Fix: files={{'file': ('a.csv', contents, 'text/csv')}}, and data={{'field': 'value'}}"
        ) from exc
    return cast(bytes, prepared.body), str(prepared.headers["Content-Type"])


def _opened(given: Any) -> Any:
    """A file as `requests` takes it; one on disk by its Path, under its own name."""
    if isinstance(given, Path):
        return given.name, given.read_bytes()
    if isinstance(given, tuple | list) and len(given) > 1 and isinstance(given[1], Path):
        return (given[0], given[1].read_bytes(), *given[2:])
    contents = given[1] if isinstance(given, tuple | list) and len(given) > 1 else given
    if not isinstance(contents, str | bytes | bytearray) and not hasattr(contents, "read"):
        raise TypeError(f"a {type(contents).__name__} is no file")
    return given
