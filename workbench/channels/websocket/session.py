"""Who a client is: told by the headers that it connects with, or, where it cannot set them, by its first message.

A browser's WebSocket sets no headers. A client that offers the subprotocol `create-session` is connected without
credentials, and gives them in its first message, of `meta.action` `create-session`: `meta.username` and `meta.secret`,
or `meta.headers`, as `{"X-API-Key": ...}`, whichever its channel's security asks for. It is answered, and only then is
it there. Credentials stand in no address and in no log; the connection is the session, and has no token.
Source: Zato 3.1, web_socket/__init__.py (`create_session`), for the names and the 5 s.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from workbench.channels.answers import told
from workbench.channels.gate import Caller
from workbench.channels.websocket.messages import FAILED, id_of, outgoing
from workbench.core.call import Call
from workbench.core.cid import new_cid
from workbench.core.errors import BadRequest, ServiceUnavailable
from workbench.core.payload.request import canonical, parsed
from workbench.core.ports import Decision
from workbench.core.service import log_refusal
from workbench.core.trace import Step

CREATE_SESSION = "create-session"
"""The subprotocol, and the action of the first message."""

SESSION_SECONDS = 5.0
"""How long a client has for its first message [s]."""

MOST_STRANGERS = 100
"""Clients of one channel that may be connected and have not said who they are."""

LONGEST_BYTES = 16 * 1024
"""Of the first message."""

FULL = "Too many clients are connected"

Verify = Callable[[Caller], None]
"""Raises unless who asks is known, and there is room for it."""

OPENED = "zwsx.rspa"
"""The type of message that tells that the session is open."""


class Credentials:
    """What a gate looks at of a client: the headers with its credentials."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.address: str | None = None
        self.cid, self.headers = "", headers

    def note(self, decision: Decision) -> None:
        """No limit decides on who connects."""


class Sender:
    """Who asks to come in: one message, with the credentials of its connection."""

    def __init__(self, call: Call, address: str | None, headers: Mapping[str, str], root: Step) -> None:
        self.call, self.cid, self._root = call, call.cid, root
        self.address, self.headers = address, headers

    def note(self, decision: Decision) -> None:
        """Keep what a limit decided in the trace, and log a refusal."""
        self._root.steps.append(decision)
        if decision.denied:
            log_refusal(self.call, decision)


class Session:
    """Whether a client has said who it is.

    Args:
        headers: What it has connected with.
        is_open: Whether these say it.

    Attributes:
        headers: What says who it is, and has to stay right as long as it is connected.
        why: Why it is sent away, if its first message does not do.
    """

    def __init__(self, headers: Mapping[str, str], is_open: bool) -> None:
        self.headers, self.is_open, self.why = headers, is_open, ""

    def open(self, message: str | bytes, verify: Verify, now: datetime) -> list[str | bytes]:
        """Take the first message, and see whether it is right: `is_open` says so; the answer."""
        meta: dict[str, Any] = {"id": new_cid(), "timestamp": now.isoformat()}
        try:
            meta["in_reply_to"], headers = _credentials_of(message)
            verify(Credentials(headers))
        except Exception as exc:
            status, details = told(exc)
            self.why = FULL if isinstance(exc, ServiceUnavailable) else "The credentials are not valid"
            return outgoing({**meta, "msg_type": FAILED, "status": status, "error_message": details}, None)
        self.headers, self.is_open = headers, True
        return outgoing({**meta, "msg_type": OPENED, "status": 200}, None)


def _credentials_of(message: str | bytes) -> tuple[Any, dict[str, str]]:
    """The id of a first message, and its credentials as headers.

    Raises:
        BadRequest: It is no such message.
    """
    said = parsed(message, "json") if isinstance(message, str) and len(message) <= LONGEST_BYTES else None
    meta = said.get("meta") if isinstance(said, dict) else None
    if not isinstance(meta, dict) or meta.get("action") != CREATE_SESSION:
        raise BadRequest(f"The first message must be of meta.action {CREATE_SESSION}")
    given = meta.get("headers", {})
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise BadRequest("meta.headers must be an object of texts")
    headers = {canonical(name): value for name, value in given.items()}
    if "username" in meta:
        pair = f"{meta['username']}:{meta.get('secret', '')}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    return id_of(meta.get("id")), headers
