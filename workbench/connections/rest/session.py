"""A pooled `requests.Session` for one connection."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from workbench.connections.common.errors import unreachable as unreachable
from workbench.connections.common.http import LOOPBACK as LOOPBACK
from workbench.connections.common.http import adapter_class, settle
from workbench.core.errors import MissingDependency

if TYPE_CHECKING:
    from requests import PreparedRequest, Session
    from requests import Response as RequestsResponse

    from workbench.connections.rest.definition import RESTConnection


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
        """Leaves a key at home when an answer redirects to another host, as `requests` does with Authorization."""

        key_header = ""

        def rebuild_auth(self, prepared_request: PreparedRequest, response: RequestsResponse) -> None:
            super().rebuild_auth(prepared_request, response)
            if self.should_strip_auth(response.request.url, prepared_request.url):
                prepared_request.headers.pop(self.key_header, None)

    return KeepsKeys


def session_of(definition: RESTConnection, key: str | None) -> Session:
    """A session for one connection; `key` goes out in its API key header."""
    session = _session_class()()
    settle(session, definition.host, definition.verify_tls)
    adapter = adapter_class()(pool_connections=1, pool_maxsize=definition.pool_size, max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    session.headers["User-Agent"] = "workbench"
    session.headers.update(definition.headers)
    if key is not None:
        session.headers[definition.api_key_header] = key
    session.key_header = definition.api_key_header
    return cast("Session", session)
