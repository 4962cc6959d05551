"""`/openapi.json`: the channels of a workbench, each told to who may call it.

Who holds the workbench's token is told of all, and may ask for examples, which are of other callers' calls. Others are
told of the channels whose credentials they send with the question; on this machine also of those that anyone may call.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import PurePath
from typing import cast

from workbench.app.parts import Parts
from workbench.app.serving.openapi.document import Described, Document
from workbench.app.serving.openapi.examples import example_of
from workbench.app.serving.openapi.ways import Way
from workbench.channels.answers import Answer, error_answer
from workbench.channels.endpoint import Endpoint, View
from workbench.channels.exchange import Exchange
from workbench.channels.guard import TOKEN_HEADER
from workbench.channels.http.pages import asks_from_here
from workbench.core.errors import CallerError, Forbidden, NotFound, Unauthorized, WorkbenchError, refusal
from workbench.core.payload.request import form
from workbench.core.payload.response import JSON, encode_json
from workbench.limiting.definition import Limit
from workbench.limiting.local.limiter import Counts, LocalLimiter
from workbench.runtime.registry import Version
from workbench.security.definitions import SecurityDefinition

log = logging.getLogger("workbench.app.serving.openapi")
QUESTIONS = "120/m"
"""How often an address may ask without the token: each question may try a password."""


class Describing:
    """Answers who asks for the description.

    Args:
        parts: The workbench's.
    """

    def __init__(self, parts: Callable[[], Parts]) -> None:
        self._parts = parts
        self._limiter: LocalLimiter | None = None

    def __call__(self, exchange: Exchange) -> Answer:
        """The document in JSON, or why there is none for this caller."""
        try:
            told = self._document(exchange)
        except CallerError as exc:
            return error_answer(exc, exchange.cid)
        tag = f'"{told["info"]["version"]}"'
        headers = [("X-Zato-CID", exchange.cid), ("ETag", tag), ("Cache-Control", "no-store")]
        if exchange.headers.get("If-None-Match") == tag:
            return Answer(304, headers, b"")
        return Answer(200, [*headers, ("Content-Type", JSON), ("X-Content-Type-Options", "nosniff")], encode_json(told))

    def _document(self, exchange: Exchange) -> Document:
        parts = self._parts()
        holds_token = parts.pipeline.guard.has_token(exchange.headers)
        if not holds_token:
            self._expect_patience(parts, exchange)
            if TOKEN_HEADER in exchange.headers:
                raise Unauthorized("That is not the workbench's token: it has another one whenever it begins anew")
            if parts.settings.openapi == "token":
                raise NotFound("Not Found")
        wants_examples = form(exchange.query).get("examples") == "1"
        if wants_examples and not holds_token:
            raise Forbidden("Examples are of other callers' calls: they are for who holds the workbench's token")
        ways = ways_of(parts, parts.views.view(exchange.headers))
        sees_all = holds_token or parts.settings.openapi == "all"
        seen = [way for way in ways if sees_all or _may_call(parts, way, exchange.headers)]
        described = Described(ways, PurePath(parts.settings.app).stem)
        # Behind a proxy nobody here knows the address; then it is where the document is.
        url = parts.server.url if asks_from_here(exchange.headers) else "/"
        if wants_examples:
            return described.document(url, seen, partial(example_of, parts.traffic))
        return described.document(url, seen)

    def _expect_patience(self, parts: Parts, exchange: Exchange) -> None:
        """Refuse who asks too often, and so may try one password after another."""
        if self._limiter is None:
            limit = Limit("openapi", on="channel", lines=QUESTIONS, per="address")
            self._limiter = LocalLimiter(limit, parts.clock, Counts())
        decision = self._limiter.check(exchange.address, exchange.cid)
        if not decision.allowed:
            raise cast(CallerError, refusal(decision.denied, decision.headers))


def ways_of(parts: Parts, view: View) -> list[Way]:
    """The channels that answer over HTTP, in the order in which they are asked."""
    users = parts.book.of("security")
    return [_way(parts, view, endpoint, users.get(endpoint.channel.security)) for endpoint in view.routes]


def _way(parts: Parts, view: View, endpoint: Endpoint, user: object) -> Way:
    channel = endpoint.channel
    services = {name: cast(Version, view.services[name]) for name in channel.leads_to if name in view.services}
    limited = [("channel", channel.name), ("user", channel.security), *(("service", name) for name in services)]
    return Way(
        channel,
        services,
        cast(SecurityDefinition | None, user),
        any(parts.limits.limiter(on, name) is not None for on, name in limited),
    )


def _may_call(parts: Parts, way: Way, headers: Mapping[str, str]) -> bool:
    """Whether a caller is told of a channel: by its credentials, or by being here where it wants none."""
    if way.user is None:
        return asks_from_here(headers)
    try:
        parts.views.verifier(way.user.name).verify(headers)
    except WorkbenchError:  # other credentials, or its secret is gone, and so nobody may call
        return False
    except Exception:
        # A user of a kind that fails must not take all other channels with it.
        log.warning("%s cannot say who calls, so %s is not described", way.user, way.channel, exc_info=True)
        return False
    return True
