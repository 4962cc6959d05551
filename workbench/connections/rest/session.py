"""A pooled `requests.Session` for one connection, and what its errors and answers say."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from workbench.connections.common.http import bound_pools
from workbench.connections.common.trying import root_of
from workbench.connections.files.errors import Interrupted
from workbench.connections.rest.credentials import FOLLOWING, Reveal, revealed
from workbench.core.errors import MissingDependency
from workbench.core.masking import learn_pair, mask
from workbench.core.secret import Secret

if TYPE_CHECKING:
    from requests import PreparedRequest, Session
    from requests import Response as RequestsResponse

    from workbench.connections.rest.live import RESTConnection

LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))


@cache
def adapter_class() -> Any:
    """An adapter of `requests` whose pools, those to a proxy among them, read as `common/http.py` says."""
    try:
        from requests.adapters import HTTPAdapter
    except ImportError as exc:
        raise MissingDependency("REST", "requests") from exc

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            bound_pools(self.poolmanager)

        def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
            manager = super().proxy_manager_for(*args, **kwargs)
            bound_pools(manager)
            return manager

    return Adapter


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
        """Leaves at home what may be a credential when an answer redirects to another host.

        `requests` does so with Authorization alone.
        """

        def rebuild_auth(self, prepared_request: PreparedRequest, response: RequestsResponse) -> None:
            super().rebuild_auth(prepared_request, response)
            if self.should_strip_auth(response.request.url, prepared_request.url):
                for name in [each for each in prepared_request.headers if each.lower() not in FOLLOWING]:
                    del prepared_request.headers[name]

    return KeepsKeys


def session_of(definition: RESTConnection, reveal: Reveal) -> Session:
    """A session for one connection, with its headers, query parameters and API key as they are now."""
    session = _session_class()()
    settings = session.merge_environment_settings(definition.host, {}, None, definition.verify_tls, None)
    # A proxy cannot reach the loopback of this machine, and a sandbox must not leave it.
    is_here = urlsplit(definition.host).hostname in LOOPBACK
    session.proxies, session.cert = {} if is_here else settings["proxies"], settings["cert"]
    session.verify = settings["verify"]
    # Read once here: asking the environment at every call costs a third of the call.
    session.trust_env = False
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


def unreachable(owner: object, host: str, timeout_seconds: float, exc: BaseException) -> Interrupted:
    """The error of an HTTP client whose other side is not there, hung up, or did not answer in time."""
    root = root_of(exc)
    if isinstance(root, TimeoutError):
        return Interrupted(
            f"{owner} at {host} did not answer within {timeout_seconds:g} s. "
            f"Fix: check that it is up and reachable, or raise timeout_seconds"
        )
    return Interrupted(f"{owner} at {host} cannot be reached, or hung up: {reason(root)}.")


def reason(exc: BaseException) -> str:
    """What went wrong, in the system's words, without addresses of objects."""
    exc = root_of(exc)
    said = re.sub(r"<[^>]*>[:,]?\s*", "", mask(str(exc))).strip("() \n")
    return said[:300] or type(exc).__name__


def may_pass(exc: Exception) -> bool:
    """Whether a failure may be over a moment later."""
    import requests

    passing = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    return isinstance(exc, passing) and not isinstance(exc, requests.exceptions.SSLError)


def retry_after(response: RequestsResponse) -> float:
    """Seconds that the other side asks to wait, 0 if it does not say."""
    said = response.headers.get("Retry-After", "")
    if said.isdecimal():
        return float(said)
    try:
        at = parsedate_to_datetime(said)
    except (TypeError, ValueError):
        return 0.0
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
