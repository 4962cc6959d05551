"""The workbench's own addresses: whom they answer, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workbench.channels.answers import Answer
from workbench.channels.exchange import Exchange
from workbench.channels.guard import Guard, UnaskedNavigation
from workbench.core.errors import WorkbenchError
from workbench.core.payload.response import JSON, encode_json

Admin = Callable[[Exchange], Any]


class Page:
    """An own address that is asked all the time, as by a page that stays open: that is no traffic.

    Args:
        serve: What it does.
        is_public: Whether it answers without the token.
        waits: Whether it waits for news, or has much to do, and so needs a thread that nobody else does.
    """

    def __init__(self, serve: Admin, *, is_public: bool = False, waits: bool = False) -> None:
        self.serve, self.is_public, self.waits = serve, is_public, waits

    def __call__(self, exchange: Exchange) -> Any:
        """Answer."""
        return self.serve(exchange)


def own_address(admin: Mapping[tuple[str, str], Admin], guard: Guard, exchange: Exchange) -> Admin | None:
    """What an own address does for this caller; None if there is none, or it needs the token."""
    serve = admin.get((exchange.method, exchange.path))
    is_public = isinstance(serve, Page) and serve.is_public
    return serve if is_public or guard.has_token(exchange.headers) else None


def check(guard: Guard, own: Admin | None, exchange: Exchange) -> None:
    """Raise Forbidden for what must not get in. A public page opens from anywhere: it does nothing before a login, and
    browsers do not say that a person clicked where the page that opens it had to ask for its address first.
    """
    try:
        guard.check(exchange.headers, exchange.method)
    except UnaskedNavigation:
        if not (isinstance(own, Page) and own.is_public):
            raise


def own_answer(serve: Admin, exchange: Exchange) -> Answer:
    """The answer of one of the workbench's own addresses, or its error as JSON."""
    try:
        said = serve(exchange)
        return said if isinstance(said, Answer) else plain(exchange, said)
    except WorkbenchError as exc:
        return Answer(400, [("Content-Type", JSON)], encode_json({"error": str(exc)}))
    except Exception as exc:
        return Answer(500, [("Content-Type", JSON)], encode_json({"error": f"{type(exc).__name__}: {exc}"}))


def readiness(exchange: Exchange, is_ready: bool) -> Answer:
    """The answer to whether all that is to be served is there."""
    answer = plain(exchange, {"ready": is_ready})
    return answer if is_ready else answer._replace(status=503)


def plain(exchange: Exchange, value: Any) -> Answer:
    """An answer in JSON."""
    return Answer(200, [("X-Zato-CID", exchange.cid), ("Content-Type", JSON)], encode_json(value))
