"""Requests of one REST connection: made, sent, tried again within a deadline, and what to say if nobody answered."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import msgspec

from workbench.connections.common.errors import Refused, reason, root_of, untrusted
from workbench.connections.common.http import BACKOFF_SECONDS, Most, bounded, may_pass, read_whole, retry_after
from workbench.connections.common.trying import Due, backoff
from workbench.connections.rest.credentials import revealed
from workbench.connections.rest.options import Options
from workbench.connections.rest.session import BodyStays, apart, may_follow, session_of
from workbench.core.errors import ConnectionFailed, DeadlineExceeded, ServiceUsage
from workbench.core.payload.plain import plain

if TYPE_CHECKING:
    from requests import PreparedRequest, Session
    from requests import Response as RequestsResponse

    from workbench.connections.definition import Opening
    from workbench.connections.rest.definition import RESTConnection

PLACEHOLDER = re.compile(r"{(\w+)}")
RETRIED_STATUS = frozenset((502, 503, 504))
RETRIED_METHODS = frozenset(("GET", "HEAD", "PUT", "DELETE", "OPTIONS"))
PLAIN = Options()
_encode = msgspec.json.Encoder(enc_hook=plain).encode


class Sender:
    """What sends requests for one connection.

    Args:
        definition: Where they go.
        opening: Gives its secrets.
        owner: Who is named in errors; another kind that speaks by it, or the definition itself.
        untaken: Statuses by which the other side says that it has done nothing: any method is tried again.
    """

    def __init__(
        self, definition: RESTConnection, opening: Opening, owner: object = None, untaken: Collection[int] = ()
    ) -> None:
        self.definition, self.owner, self._untaken = definition, str(owner or definition), untaken
        self.reveal = lambda each: opening.reveal(each, self.owner)
        self.session = session_of(definition, self.reveal)

    def url_of(self, path: str, query: str) -> str:
        """The whole address of an encoded path and query."""
        return f"{self.definition.host.rstrip('/')}{path}{'?' if query else ''}{query}"

    def path_of(self, params: dict[str, Any]) -> tuple[str, str]:
        """The path with its placeholders filled, and the query made of the rest."""
        params, wanted = revealed(params, self.reveal), PLACEHOLDER.findall(self.definition.path)
        if missing := [name for name in wanted if name not in params]:
            raise ServiceUsage(
                f"{self.definition} has the path {self.definition.path}; params miss {', '.join(map(repr, missing))}, "
                f"given: {', '.join(params) or 'none'}. Fix: give them in params=."
            )
        values = {name: quote(str(params.pop(name)), safe="") for name in wanted}
        if dots := [name for name, value in values.items() if value in (".", "..")]:
            raise ServiceUsage(
                f"{self.definition}: {dots[0]!r} may not be . or .., which would lead to another path. "
                f"Fix: give another value."
            )
        query = urlencode({name: value for name, value in params.items() if value is not None}, doseq=True)
        return PLACEHOLDER.sub(lambda match: values[match[1]], self.definition.path), query

    def body_of(self, data: Any) -> tuple[bytes | None, str]:
        if data is None or data == "":
            return None, ""
        if isinstance(data, str | bytes | bytearray):
            body = data.encode() if isinstance(data, str) else bytes(data)
            return body, "application/json" if self.definition.data_format == "json" else ""
        if self.definition.data_format == "form":
            return urlencode(data, doseq=True).encode(), "application/x-www-form-urlencoded"
        return _encode(data), "application/json"

    def send(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, Any],
        options: Options = PLAIN,
    ) -> RequestsResponse:
        """The answer of the last try; as often as the definition says, if the options do not.

        Raises:
            AnswerTooLarge: The answer is over `max_answer_bytes`.
            ConnectionFailed: The other side refused, hung up, or sent what is no HTTP.
            DeadlineExceeded: It did not answer within `deadline_seconds`, all tries together.
            Refused: It sends the call on to another host, where its body does not go unasked.
        """
        import requests

        due = options.due or Due(self.definition.deadline_seconds)
        most = self.definition.retries if options.retries is None else options.retries
        session = apart(self.session) if options.are_somebodys else self.session
        request = self.prepared(method, url, body, headers, options)
        for attempt in range(1, most + 2):
            wait, is_last = backoff(attempt, BACKOFF_SECONDS), attempt > most
            try:
                response = self._attempt(session, request, due, options)
                status = response.status_code
                may_repeat = status in self._untaken or (status in RETRIED_STATUS and method in RETRIED_METHODS)
                wait = retry_after(response) or wait
                if not may_repeat or is_last or due.over_in(wait):
                    return response
            except requests.RequestException as exc:
                may_repeat = method in RETRIED_METHODS or isinstance(root_of(exc), ConnectionRefusedError)
                if not may_repeat or is_last or not may_pass(exc) or due.over_in(wait):
                    # What stands between repeats the address with its query, which may be nobody else's business.
                    raise self.failure(exc, attempt, options) from root_of(exc)
            except BodyStays as exc:
                raise self._stays(exc) from None
            except UnicodeEncodeError:
                raise self._unsendable() from None
            except ValueError as exc:  # of an address that an answer redirects to
                raise self.failure(exc, attempt) from None
            time.sleep(wait)
        raise AssertionError("every try returns or raises")

    def prepared(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, Any], options: Options = PLAIN
    ) -> PreparedRequest:
        """A request with all that the connection adds to it."""
        import requests

        headers = revealed(headers, self.reveal)
        session = apart(self.session) if options.are_somebodys else self.session
        more = {"auth": options.auth, "cookies": options.cookies}
        try:
            request = session.prepare_request(requests.Request(method, url, data=body, headers=headers, **more))
        except (requests.exceptions.InvalidHeader, UnicodeError):
            raise self._unsendable() from None
        # Where no redirect is followed, it is the answer, wherever it leads.
        return may_follow(request, options.allow_redirects is not None)

    def _stays(self, exc: BodyStays) -> Refused:
        return Refused(
            f"{self.owner} at {self.definition.host} answered {exc.status} and sends the call on to {exc.host}, where "
            f"its body does not go unasked. Fix: name that host in its definition if it is its new address, or say "
            f"allow_redirects=True at the call"
        )

    def _unsendable(self) -> ServiceUsage:
        # Without the library's words: they repeat the header, which may be a key.
        return ServiceUsage(
            f"{self.owner}: a header cannot be sent, it holds a line break, is no text, or has letters beyond "
            f"Latin-1. Fix: look at the headers given, and at the secret for a line break at its end."
        )

    def _attempt(self, session: Session, request: PreparedRequest, due: Due, options: Options) -> RequestsResponse:
        """One try; all of it is under the deadline, since a peer may send it drop by drop."""
        own = self.definition.timeout_seconds
        connecting, reading = options.timeouts or (own, own)
        follows = options.allow_redirects is not False
        most = Most(self.owner, self.definition.max_answer_bytes)
        with bounded(due, reading, most) as timeout:
            waits = due.left(connecting), timeout
            response = session.send(request, timeout=waits, stream=True, allow_redirects=follows)
            read_whole(response, most)
        return response

    def failure(self, exc: Exception, attempt: int, options: Options = PLAIN) -> ConnectionFailed:
        """What to say of a try that got no answer."""
        import requests

        timeout = max(options.timeouts or (self.definition.timeout_seconds,))
        where = f"{self.owner} at {self.definition.host}"
        tries = f"{attempt} {'try' if attempt == 1 else 'tries'}"
        if isinstance(root_of(exc), TimeoutError):
            return DeadlineExceeded(
                f"{where} did not answer in time ({timeout:g} s a try, {tries}, "
                f"{self.definition.deadline_seconds:g} s in all). Fix: check that it is up and reachable, or raise "
                f"timeout_seconds, deadline_seconds"
            )
        if isinstance(root_of(exc), ssl.SSLCertVerificationError):
            return untrusted(where, exc)
        if isinstance(exc, requests.ConnectionError):
            return ConnectionFailed(f"{where} cannot be reached: {reason(exc)} ({tries}).")
        return ConnectionFailed(f"{where} answered what cannot be read: {reason(exc)} ({tries}).")
