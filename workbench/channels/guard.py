"""Keeps web pages and foreign Host names away from a server that holds a person's kernel.

`<img>` and no-cors requests arrive with a loopback Host and no Origin; `Sec-Fetch-Site` gives them away. A foreign Host
means DNS rebinding. Requests that come through a proxy carry the workbench's token, which stands in for the Host check.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from workbench.core.errors import BadRequest, Forbidden

TOKEN_HEADER = "X-Workbench-Token"
LOOPBACK = frozenset(("localhost", "127.0.0.1", "[::1]"))


class Guard:
    """Judges a request by its headers alone.

    Args:
        token: The workbench's own secret, for its command line and proxied pages.
        hosts: Host names besides loopback under which the server answers.
        origins: Origins of pages that may call.
    """

    def __init__(self, token: str, hosts: frozenset[str] = frozenset(), origins: frozenset[str] = frozenset()) -> None:
        self.token, self.hosts, self.origins = token, LOOPBACK | {host.lower() for host in hosts}, origins
        self._good: set[str] = set()

    def check(self, headers: Mapping[str, str]) -> None:
        """Raise Forbidden for what must not get in; a page of this very server may."""
        host = headers.get("Host", "")
        if not host:
            raise BadRequest("The Host header is missing")
        if host not in self._good:
            self._check_host(host, headers)
        site = headers.get("Sec-Fetch-Site")
        if site is not None and site not in ("same-origin", "none") and headers.get("Origin") not in self.origins:
            raise Forbidden("Pages of other sites may not call this server")
        origin = headers.get("Origin")
        if origin is not None and origin not in self.origins and origin.partition("://")[2].lower() != host.lower():
            raise Forbidden("Pages of other sites may not call this server")

    def page(self, headers: Mapping[str, str]) -> str:
        """The Origin header, if it is one of the allowed origins of other sites; else ''."""
        origin = headers.get("Origin", "")
        return origin if origin in self.origins else ""

    def _check_host(self, host: str, headers: Mapping[str, str]) -> None:
        name = host.rsplit(":", 1)[0] if ":" in host and not host.endswith("]") else host
        if name.lower() in self.hosts:
            if len(self._good) < 1000:
                self._good.add(host)
        elif not self.has_token(headers):
            raise Forbidden("This server does not answer for that host name")

    def has_token(self, headers: Mapping[str, str]) -> bool:
        """Whether the request carries the workbench's token."""
        return hmac.compare_digest(headers.get(TOKEN_HEADER, "").encode(), self.token.encode())
