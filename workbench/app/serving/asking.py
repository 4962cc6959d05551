"""Asks another running workbench of this machine, found by its runtime file."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from workbench.app.serving.runtime_file import Running
from workbench.channels.answers import Answer
from workbench.channels.exchange import Exchange
from workbench.channels.guard import TOKEN_HEADER
from workbench.core.errors import ConnectionFailed, WorkbenchError

TIMEOUT_SECONDS = 600.0
PAGE_SECONDS = 30.0
WIRE_HEADERS = ("Content-Length", "Connection", "Server", "Date")
"""What each hop says for itself."""


class Refused(WorkbenchError):
    """The running workbench said no."""


def ask(target: Running, method: str, path: str, body: Any = None, timeout_seconds: float = TIMEOUT_SECONDS) -> Any:
    """What a running workbench answers at one of its own addresses.

    Args:
        target: Which workbench.
        method: `GET` or `POST`.
        path: The address, with its query.
        body: What is sent, as JSON.
        timeout_seconds: Longest wait for a part of the answer [s].

    Raises:
        ConnectionFailed: It does not answer.
        Refused: It said no.
    """
    address = urlsplit(target.own_url or target.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=timeout_seconds)
    sent = None if body is None else json.dumps(body)
    try:
        connection.request(method, path, sent, {TOKEN_HEADER: target.token, "Content-Type": "application/json"})
        response = connection.getresponse()
        reply = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as exc:
        raise ConnectionFailed(
            f"The workbench {target.name!r} at {target.url} does not answer: {exc}. "
            f"Fix: see with workbench status whether it runs, and try again."
        ) from exc
    finally:
        connection.close()
    if response.status != 200:
        raise Refused(str(reply.get("error") or reply.get("details")))
    return reply


class NotReached(ConnectionFailed):
    """Nobody listens there, so that nothing was asked."""


def relay(url: str, exchange: Exchange) -> Answer:
    """What another process of the same token answers to a request, at one of its own addresses.

    Raises:
        NotReached: It does not listen any more; whoever asks may ask another.
        ConnectionFailed: It gives no answer.
    """
    address = urlsplit(url)
    sent = {name: exchange.headers[name] for name in ("Content-Type", TOKEN_HEADER) if name in exchange.headers}
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.connect()
    except OSError as exc:
        raise NotReached(f"The process at {url} does not answer: {exc}. Fix: ask again.") from exc
    target = f"{exchange.path}?{exchange.query}" if exchange.query else exchange.path
    try:
        connection.request(exchange.method, target, exchange.body or None, sent)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as exc:
        raise ConnectionFailed(f"The process at {url} has ended before its answer: {exc}. Fix: ask again.") from exc
    finally:
        connection.close()
    return Answer(response.status, [each for each in response.getheaders() if each[0] not in WIRE_HEADERS], body)


def page_of(target: Running) -> dict[str, Any]:
    """Where a running workbench shows its panel: `url`, with a code that logs in once, good for `seconds`.

    Raises:
        ConnectionFailed: It does not answer.
        Refused: It shows none, as one that a script made.
    """
    made = ask(target, "POST", "/workbench/code", timeout_seconds=PAGE_SECONDS)
    where = target.own_url or target.url
    return {"url": f"{where}/workbench/#{made['code']}", "seconds": made["seconds"]}
