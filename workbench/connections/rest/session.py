"""A pooled `requests.Session` for one connection."""

from __future__ import annotations

from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from workbench.connections.common.http import adapter_class, settle
from workbench.connections.common.tls import file_of
from workbench.connections.rest.credentials import FOLLOWING, Reveal, revealed
from workbench.core.errors import MissingDependency
from workbench.core.masking import learn_pair
from workbench.core.secret import Secret

if TYPE_CHECKING:
    from requests import PreparedRequest, Session
    from requests import Response as RequestsResponse

    from workbench.connections.rest.definition import RESTConnection

FOLLOWS = "workbench_body_follows"


class BodyStays(Exception):
    """A body was to go on to another host, of which its caller has said nothing."""

    def __init__(self, status: int, url: str) -> None:
        parts = urlsplit(url)
        self.status, self.host = status, f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def may_follow(request: PreparedRequest, follows: bool) -> PreparedRequest:
    """The request, marked with whether its body may go on to another host where an answer says so (307, 308)."""
    setattr(request, FOLLOWS, follows)
    return request


def apart(session: Session) -> Session:
    """The same session with cookies of its own, for a call that says whose it is."""
    import requests

    copied = copy(session)
    copied.cookies = requests.cookies.RequestsCookieJar()
    return copied


@cache
def _session_class() -> Any:
    """Made when first needed, since its library is imported lazily."""
    try:
        import requests
    except ImportError as exc:
        raise MissingDependency("REST", "requests") from exc
    # The library's own annotations leave this class open.
    session_class: Any = requests.Session

    class KeepsKeys(session_class):  # type: ignore[misc]
        """Leaves at home what may be a credential when an answer redirects to another host, and a body, if not told so.

        `requests` does so with Authorization alone.
        """

        def rebuild_auth(self, prepared_request: PreparedRequest, response: RequestsResponse) -> None:
            super().rebuild_auth(prepared_request, response)
            may_follow(prepared_request, follows := getattr(response.request, FOLLOWS, True))
            if self.should_strip_auth(response.request.url, prepared_request.url):
                if prepared_request.body and not follows:
                    raise BodyStays(response.status_code, prepared_request.url or "")
                for name in [each for each in prepared_request.headers if each.lower() not in FOLLOWING]:
                    del prepared_request.headers[name]
                # Else a further redirect would have them again.
                cast(Any, prepared_request)._cookies = requests.cookies.RequestsCookieJar()

    return KeepsKeys


def session_of(definition: RESTConnection, reveal: Reveal) -> Session:
    """A session for one connection, with its headers, query parameters and API key as they are now."""
    session = _session_class()()
    settle(session, definition.host, file_of(definition, definition.ca_file) or definition.verify_tls)
    adapter = adapter_class()(pool_connections=1, pool_maxsize=definition.pool_size, max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    session.headers["User-Agent"] = "workbench"
    session.headers.update(revealed(definition.headers, reveal))
    session.params.update(revealed(definition.params, reveal))
    if isinstance(definition.api_key, Secret):
        session.headers[definition.api_key_header] = reveal(definition.api_key)
    if definition.username:
        password = reveal(definition.password) or ""
        # As bytes: what requests makes of text is Latin-1.
        session.auth = (definition.username.encode(), password.encode())
        learn_pair(definition.username, password)
    return cast("Session", session)
