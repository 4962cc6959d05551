"""Text messages by Twilio's API, or by one that speaks like it."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar
from urllib.parse import quote, urlencode

from msgspec import Meta

from workbench.connections.common.colours import expect_no_loop
from workbench.connections.common.errors import AccessRefused
from workbench.connections.common.fields import MaxAnswer
from workbench.connections.common.trying import Deadline, Retries
from workbench.connections.definition import ConnectionDefinition, Live, Opening, Timeout
from workbench.connections.rest.definition import beneath
from workbench.connections.rest.sender import Sender
from workbench.core.current import outgoing
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
    deadline_seconds: Deadline = 30.0
    retries: Retries = 3
    max_answer_bytes: MaxAnswer = 1024 * 1024
    address: Annotated[
        str, Meta(pattern=r"^(https?://[^/\s@]+)?/?$", description="Server, if it is not Twilio's own.")
    ] = ""

    def problems(self) -> dict[str, str]:
        is_number = not self.default_to or NUMBER.fullmatch(self.default_to)
        return {} if is_number else {"default_to": "must be a number as +48123456789"}

    @property
    def called(self) -> str:
        return self.address.strip("/") or REAL

    def open(self, opening: Opening) -> LiveTwilio:
        return LiveTwilio(self, opening)


class SentMessage(dict[str, Any]):
    """What the API said of a message: `sid`, `status`, `to`, ..., as items and as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the answer has no {name!r}; it has {', '.join(self)}") from None


class LiveTwilio(Live):
    """`self.out.sms.twilio["name"].conn`."""

    def __init__(self, definition: TwilioConnection, opening: Opening) -> None:
        self.definition: TwilioConnection = definition
        rest = beneath(
            definition,
            definition.address or REAL,
            data_format="form",
            username=definition.account_sid,
            password=definition.auth_token,
        )
        # 429 took nothing, so that it may be asked again; a 5xx may have.
        self._sender = Sender(rest, opening, definition, untaken=(429,))

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
        expect_no_loop(self.definition, "await conn.aio.send(...)")
        to, from_ = to or self.definition.default_to, from_ or self.definition.default_from
        self._check(body, to, from_)
        sender = "MessagingServiceSid" if from_.startswith("MG") and len(from_) == 34 else "From"
        name, form = self.definition.name, {"To": to, sender: from_, "Body": body}
        with outgoing("sms", f"SMS {name} to {to}", form, connection=name, operation="send") as step:
            sent = self._asked("POST", "/Messages.json", form)
            step.answered(sent)
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
            problems.append("from_ is missing: give it here, or default_from in the definition")
        if problems:
            raise ServiceUsage(f"{self.definition} cannot send that. Fix: {'; '.join(problems)}.")

    def _asked(self, method: str, path: str, form: dict[str, str] | None = None) -> SentMessage:
        account = quote(self.definition.account_sid)
        url = f"{(self.definition.address or REAL).rstrip('/')}/2010-04-01/Accounts/{account}{path}"
        body = urlencode(form).encode() if form else None
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
        response = self._sender.send(method, url, body, headers)
        try:
            told = response.json()
            assert isinstance(told, dict)
        except (ValueError, AssertionError) as exc:
            raise ConnectionFailed(
                f"{self.definition} answered {response.status_code} with what is no JSON. Fix: check address"
            ) from exc
        if response.status_code >= 400:
            said = (
                f"{self.definition} refused it: {response.status_code}, {told.get('message', 'no reason given')} "
                f"(error {told.get('code', '?')})."
            )
            see = f"see {told.get('more_info') or 'the account'}"
            if response.status_code in (401, 403):
                raise AccessRefused(f"{said} {self.definition.credentials_fix}; {see}")
            raise ConnectionFailed(f"{said} Fix: {see}")
        return SentMessage(told)

    def ping(self, cid: str = "") -> str:
        """Ask for the account; says how it is."""
        expect_no_loop(self.definition, "await conn.aio.ping()")
        return f"account {self._asked('GET', '.json').get('status', 'answers')}"

    def close(self) -> None:
        """Close pooled connections."""
        self._sender.session.close()
