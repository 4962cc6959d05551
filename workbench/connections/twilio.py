"""Text messages by Twilio's API, or by one that speaks like it."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Annotated, Any, ClassVar
from urllib.parse import quote, urlencode

from msgspec import Meta

from workbench.connections.common.trying import Retries
from workbench.connections.definition import ConnectionDefinition, Opening, Timeout
from workbench.connections.rest.live import RESTClient, RESTConnection
from workbench.core.current import CURRENT, outgoing
from workbench.core.errors import ConnectionFailed, ServiceUsage
from workbench.core.secret import Secret

REAL = "https://api.twilio.com"
NUMBER = re.compile(r"\+[1-9]\d{1,14}|(whatsapp|messenger|rcs):\S+")
MOST_CHARACTERS = 1600
UNSENT = ("canceled", "failed", "undelivered")
"""Source: the message statuses of Twilio's API."""


class TwilioConnection(ConnectionDefinition, tag="twilio", frozen=True, kw_only=True):
    """An account that sends text messages."""

    kind: ClassVar[str] = "SMS"
    attributes: ClassVar[dict[str, str]] = {"out.sms.twilio": "item"}

    account_sid: Annotated[str, Meta(pattern=r"^\w{2,64}$", description="The account, as AC0123....")]
    auth_token: Annotated[Secret | str | None, Meta(description="Secret that holds the account's token.")] = None
    default_from: Annotated[
        str, Meta(max_length=64, description="Sender of messages that name none: a number, a name, or a service MG....")
    ] = ""
    default_to: Annotated[str, Meta(max_length=64, description="Receiver of messages that name none.")] = ""
    timeout_seconds: Timeout = 10.0
    deadline_seconds: Annotated[float, Meta(gt=0, le=3600, description="Longest whole call, retries included [s].")] = (
        30.0
    )
    retries: Retries = 3
    address: Annotated[
        str, Meta(pattern=r"^(https?://[^/\s@]+)?/?$", description="Server, if it is not Twilio's own.")
    ] = ""

    def problems(self) -> dict[str, str]:
        is_number = not self.default_to or NUMBER.fullmatch(self.default_to)
        return {} if is_number else {"default_to": "must be a number as +48123456789"}

    def open(self, opening: Opening) -> LiveTwilio:
        return LiveTwilio(self, opening)


class SentMessage(dict[str, Any]):
    """What the API said of a message: `sid`, `status`, `to`, ..., as items and as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the answer has no {name!r}; it has {', '.join(self)}") from None


class LiveTwilio:
    """`self.out.sms.twilio["name"].conn`."""

    def __init__(self, definition: TwilioConnection, opening: Opening) -> None:
        self.definition = definition
        rest = RESTConnection(
            definition.name,
            host=definition.address or REAL,
            data_format="form",
            username=definition.account_sid,
            password=definition.auth_token,
            timeout_seconds=definition.timeout_seconds,
            deadline_seconds=definition.deadline_seconds,
        )
        self._rest = RESTClient(rest, opening, definition)

    def send(self, body: str, to: str | None = None, from_: str | None = None) -> SentMessage:
        """Hand a message over; it is on its way once this returns, and not sent twice by itself.

        Args:
            body: The text, at most 1,600 characters.
            to: Receiver as +48123456789, instead of the connection's.
            from_: Sender, instead of the connection's: a number, a name, or a messaging service (MG...).

        Raises:
            ConnectionFailed: It was refused, in the API's words, or nobody answered.
            ServiceUsage: There is no receiver, no sender, or no text.
        """
        call = CURRENT.get()
        if call is not None and call.on_loop and asyncio._get_running_loop() is not None:
            raise ServiceUsage(
                f"Service {call.service!r} is async, and {self.definition} would block the server. "
                f"Fix: await conn.aio.send(...)"
            )
        to, from_ = to or self.definition.default_to, from_ or self.definition.default_from
        self._check(body, to, from_)
        sender = "MessagingServiceSid" if from_.startswith("MG") and len(from_) == 34 else "From"
        with outgoing("sms", f"SMS {self.definition.name} to {to}") as step:
            sent = self._asked("POST", "/Messages.json", {"To": to, sender: from_, "Body": body})
            status = str(sent.get("status", "sent"))
            step.end(status, "failed" if status in UNSENT else "ok")
        return sent

    def _check(self, body: str, to: str, from_: str) -> None:
        problems = []
        if not isinstance(body, str) or not body or len(body) > MOST_CHARACTERS:
            problems.append(f"body must be text of 1 to {MOST_CHARACTERS:,} characters")
        if not NUMBER.fullmatch(to):
            problems.append(f"to must be a number as +48123456789, not {to!r:.40}")
        if not from_:
            problems.append("from_ is missing; give it here, or default_from in the definition")
        if problems:
            raise ServiceUsage(f"{self.definition} cannot send that: {'; '.join(problems)}.")

    def _asked(self, method: str, path: str, form: dict[str, str] | None = None) -> SentMessage:
        account = quote(self.definition.account_sid)
        url = f"{(self.definition.address or REAL).rstrip('/')}/2010-04-01/Accounts/{account}{path}"
        body = urlencode(form).encode() if form else None
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
        ends = time.monotonic() + self.definition.deadline_seconds
        for attempt in range(self.definition.retries + 1):
            response = self._rest._with_retries(method, url, body, headers, self.definition.retries, ends)
            # 429 took nothing, so that it may be asked again; a 5xx may have.
            wait = float(response.headers.get("Retry-After") or 1) if response.status_code == 429 else None
            if wait is None or attempt == self.definition.retries or time.monotonic() + wait >= ends:
                break
            time.sleep(wait)
        try:
            told = response.json()
            assert isinstance(told, dict)
        except (ValueError, AssertionError) as exc:
            raise ConnectionFailed(f"{self.definition} answered {response.status_code} with what is no JSON.") from exc
        if response.status_code >= 400:
            raise ConnectionFailed(
                f"{self.definition} refused it: {response.status_code}, {told.get('message', 'no reason given')} "
                f"(error {told.get('code', '?')}). Fix: see {told.get('more_info') or 'the account'}"
            )
        return SentMessage(told)

    def ping(self, cid: str = "") -> str:
        """Ask for the account; says how it is."""
        return f"account {self._asked('GET', '.json').get('status', 'answers')}"

    @property
    def aio(self) -> LiveTwilioAio:
        """The same calls, for `async def handle`."""
        return LiveTwilioAio(self)

    def close(self) -> None:
        """Close pooled connections."""
        self._rest.close()

    def __repr__(self) -> str:
        return f"{self.definition}, open"


class LiveTwilioAio:
    """`conn.aio`: the same calls, to be awaited."""

    __slots__ = ("_live",)

    def __init__(self, live: LiveTwilio) -> None:
        self._live = live

    async def send(self, body: str, to: str | None = None, from_: str | None = None) -> SentMessage:
        """`send`, without blocking the loop."""
        return await asyncio.to_thread(self._live.send, body, to, from_)

    async def ping(self, cid: str = "") -> str:
        """`ping`, without blocking the loop."""
        return await asyncio.to_thread(self._live.ping, cid)
