"""Keeps web pages and foreign Host names away from a server that holds a person's kernel.

`<img>` and no-cors requests arrive with a loopback Host and no Origin; `Sec-Fetch-Site` gives them away. A foreign Host
means DNS rebinding. Requests that come through a proxy carry the workbench's token, which stands in for the Host check.

A person's click on an address is let in: browsers send it as a navigation of the whole window with `Sec-Fetch-User`,
which no page can set. JupyterLab on another port of the same host is `same-site`. From any other site the person is
asked first, by a page that names the address, since whoever made that page chose the address.
Source: https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping

from workbench.core.errors import BadRequest, Forbidden

DESCRIPTION = "/openapi.json"
"""Where the server describes its channels."""
TOKEN_HEADER = "X-Workbench-Token"
MOST_HOSTS = 100
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]")
LOOPBACK = frozenset(("localhost", "127.0.0.1", "[::1]"))


def is_own_path(path: str) -> bool:
    """Whether a path is the server's own, and so no channel's."""
    return path in ("/ping", DESCRIPTION) or path.startswith("/workbench/")


class UnaskedNavigation(Forbidden):
    """A page of another site leads a person's browser here: only the person can say whether to go on."""


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

    def answer_for(self, host: str) -> None:
        """Take a further host name; nothing happens if it is none.

        It must come from who holds the kernel: a page that made its name lead here could then call as one of ours.
        """
        if HOST.fullmatch(host) and len(self.hosts) < MOST_HOSTS:
            self.hosts |= {host.lower()}

    def check(self, headers: Mapping[str, str], method: str = "") -> None:
        """Raise Forbidden for what must not get in; a page of this very server may, and a person's click on a link.

        Raises:
            UnaskedNavigation: A browser's window comes here, and not by a click on a page of this machine.
        """
        host = headers.get("Host", "")
        if not host:
            raise BadRequest("The Host header is missing")
        if host not in self._good:
            self._check_host(host, headers)
        site = headers.get("Sec-Fetch-Site")
        if site is not None and site not in ("same-origin", "none") and headers.get("Origin") not in self.origins:
            self._check_navigation(method, site, headers)
        origin = headers.get("Origin")
        if origin is not None and origin not in self.origins and origin.partition("://")[2].lower() != host.lower():
            raise Forbidden("Pages of other sites may not call this server")

    def _check_navigation(self, method: str, site: str, headers: Mapping[str, str]) -> None:
        """Let a click in, which changes what the whole window shows; refuse whatever else other pages do."""
        opens_window = headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document"
        if method != "GET" or not opens_window:
            raise Forbidden("Pages of other sites may not call this server")
        if site != "same-site" or headers.get("Sec-Fetch-User") != "?1":
            raise UnaskedNavigation("Pages of other sites may not call this server")

    def page(self, headers: Mapping[str, str]) -> str:
        """The Origin header, if it is one of the allowed origins of other sites; else ''."""
        origin = headers.get("Origin", "")
        return origin if origin in self.origins else ""

    def _check_host(self, host: str, headers: Mapping[str, str]) -> None:
        name, colon, port = host.rpartition(":")
        if not colon or host.endswith("]"):
            name, port = host, ""
        if port and not port.isdecimal():
            raise BadRequest("The Host header names no port")  # RFC 9112, 3.2
        if name.lower() in self.hosts:
            if len(self._good) < 1000:
                self._good.add(host)
        elif not self.has_token(headers):
            raise Forbidden("This server does not answer for that host name")

    def has_token(self, headers: Mapping[str, str]) -> bool:
        """Whether the request carries the workbench's token."""
        return hmac.compare_digest(headers.get(TOKEN_HEADER, "").encode(), self.token.encode())
