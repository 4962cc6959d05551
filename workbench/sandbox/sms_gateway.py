"""An SMS gateway with Twilio's API: takes every message and keeps it to be looked at."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from itertools import count
from typing import Any, ClassVar, NamedTuple, cast
from urllib.parse import parse_qs

from workbench.core.secret import given
from workbench.sandbox.faults import Faults
from workbench.sandbox.http.source import HTTPFaults, beside
from workbench.sandbox.http.wire import HTTPAnswer, Request, http_protocol
from workbench.sandbox.journal import Journal
from workbench.sandbox.peer import Peer

SHOWN = 20
PATH = re.compile(r"/2010-04-01/Accounts/(\w+)(?:/Messages(?:/(\w+))?)?\.json")
NUMBER = re.compile(r"\+[1-9]\d{1,14}")
SENDER = re.compile(r"\+[1-9]\d{1,14}|[A-Za-z0-9 ]{1,11}")
MOST_CHARACTERS = 1600


class SMS(NamedTuple):
    """One message that arrived."""

    to: str
    from_: str
    body: str
    sid: str = ""

    def __repr__(self) -> str:
        return f"{self.from_} -> {self.to}: {self.body}"


class SMSGateway(Peer):
    """Plays Twilio."""

    kind: ClassVar[str] = "twilio"
    label: ClassVar[str] = "SMS gateway"
    fault_fields: ClassVar[type[Faults]] = HTTPFaults

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.messages: Journal[SMS] = Journal("message")
        self._accounts: dict[str, str] = {}
        self._numbers = count(1)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{self.address}"

    def pointed(self, definition: Any) -> dict[str, Any]:
        secret = self.credential(definition, "auth_token")
        self._accounts[definition.account_sid] = given(secret.name) or ""
        made_up = {} if definition.auth_token is not None else {"auth_token": secret}
        return {"address": self.url, **made_up}

    def protocol(self) -> asyncio.BaseProtocol:
        return http_protocol(beside(self, self.respond))

    async def respond(self, request: Request) -> HTTPAnswer | None:
        """HTTPAnswer one request; None hangs up."""
        trouble, faults = self.trouble, cast(HTTPFaults, self.faults)
        if faults.hang_up and trouble.strikes():
            return None
        if faults.garbage and trouble.strikes():
            return HTTPAnswer(raw=b"\x00\x01 this is no HTTP\r\n\r\n")
        if faults.status is not None and trouble.strikes():
            waits = faults.retry_after_seconds
            fields = [] if waits is None else [("Retry-After", str(waits))]
            return _refusal(faults.status, 20429 if faults.status == 429 else 20500, "Try again later", fields)
        answer = self._answer(request)
        most = faults.cut_body_after_bytes
        if most is not None and most < len(answer.body) and trouble.strikes():
            answer.cut_body_after_bytes = most
        return answer

    def _answer(self, request: Request) -> HTTPAnswer:
        found = PATH.fullmatch(request.path)
        if found is None:
            return _refusal(404, 20404, f"The requested resource {request.path} was not found")
        account, sid = found.groups()
        if not self._is_admitted(account, request.headers.get("Authorization", "")):
            return _refusal(401, 20003, "Authenticate")
        if "/Messages" not in request.path:
            return _json(200, {"sid": account, "status": "active", "friendly_name": "Sandbox"})
        if request.method == "POST":
            return self._take(account, {key: values[0] for key, values in parse_qs(request.text).items()})
        kept = [each for each in self.messages if sid in (None, each.sid)]
        if sid is None:
            return _json(200, {"messages": [_told(account, each, "delivered") for each in kept]})
        if not kept:
            return _refusal(404, 20404, f"The requested resource {request.path} was not found")
        return _json(200, _told(account, kept[0], "delivered"))

    def _is_admitted(self, account: str, authorization: str) -> bool:
        try:
            user, _, token = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        except ValueError:
            return False
        return user == account and bool(token) and (not self._accounts or self._accounts.get(account) == token)

    def _take(self, account: str, form: dict[str, str]) -> HTTPAnswer:
        to, body = form.get("To", ""), form.get("Body", "")
        from_ = form.get("From") or form.get("MessagingServiceSid", "")
        if not NUMBER.fullmatch(to):
            return _refusal(400, 21211, f"The 'To' number {to} is not a valid phone number.")
        if not from_:
            return _refusal(400, 21603, "A 'From' phone number is required.")
        if not SENDER.fullmatch(from_) and not from_.startswith("MG"):
            return _refusal(400, 21212, f"The 'From' number {from_} is not a valid phone number.")
        if not body:
            return _refusal(400, 21602, "Message body is required.")
        if len(body) > MOST_CHARACTERS:
            return _refusal(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
        sms = SMS(to, from_, body, f"SM{next(self._numbers):032x}")
        self.messages.add(sms, len(body))
        return _json(201, _told(account, sms, "queued"))

    def rows(self) -> list[dict[str, Any]]:
        return [{"from": each.from_, "to": each.to, "text": each.body} for each in self.messages]

    def summary(self) -> str:
        messages = self.messages[:]
        first = max(0, len(messages) - SHOWN)
        count_ = f"{len(messages) or 'no'} message{'' if len(messages) == 1 else 's'}"
        lines = [f"{number}. {each!r}" for number, each in enumerate(messages[first:], first + 1)]
        return "\n".join([f"{self}: {count_}{'.' if messages else ''}", *lines])


def _told(account: str, sms: SMS, status: str) -> dict[str, Any]:
    return {
        "sid": sms.sid,
        "account_sid": account,
        "to": sms.to,
        "from": sms.from_,
        "body": sms.body,
        "status": status,
        "num_segments": str(-(-len(sms.body) // 160)),
        "error_code": None,
        "error_message": None,
    }


def _json(status: int, told: dict[str, Any], headers: list[tuple[str, str]] | None = None) -> HTTPAnswer:
    return HTTPAnswer(status, json.dumps(told).encode(), [("Content-Type", "application/json"), *(headers or [])])


def _refusal(status: int, code: int, words: str, headers: list[tuple[str, str]] | None = None) -> HTTPAnswer:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return _json(status, {"code": code, "message": words, "more_info": more, "status": status}, headers)
