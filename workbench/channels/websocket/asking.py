"""What services ask of a client: each question has an id, which its answer names, in whatever order answers come.

A question is a message whose `meta` has an `id`, and `timeout`: how long its service waits [s]. Its answer is
`{"meta": {"action": "client-response", "in_reply_to": "<that id>"}, "data": ...}`, which is no call, and gets none.
Source: Zato 3.1, web_socket/__init__.py (`invoke_client`) and msg.py, for the names.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from workbench.core.errors import DeadlineExceeded, ServiceUsage

log = logging.getLogger("workbench.channels")

CLIENT_RESPONSE = "client-response"
MOST_QUESTIONS = 100
"""Questions that one client may have open."""


class ClientSilent(DeadlineExceeded):
    """A client has not answered what a service asked, within the time that the service allows."""


class ClientGone(ServiceUsage):
    """A client to which something is to be sent has left."""

    def __init__(self, client: object) -> None:
        super().__init__(f"{client} has left. Fix: send to those of wb.channels[...].clients, or broadcast.")


class _Meta(msgspec.Struct):
    action: str = ""
    in_reply_to: str | None = None


class _Reply(msgspec.Struct):
    meta: _Meta
    data: Any = None


class Questions:
    """What one client was asked and has not answered yet; on the loop's thread."""

    def __init__(self) -> None:
        self._open: dict[str, asyncio.Future[Any]] = {}

    async def ask(self, whom: str, id: str, send: Callable[[], None], seconds: float) -> Any:
        """Send a question, and wait for its answer.

        Args:
            whom: The client, for errors.
            id: What the answer has to name.
            send: Sends the question.
            seconds: Longest wait [s].

        Raises:
            ClientSilent: No answer came in time.
            ServiceUsage: It has as many questions open as it may.
            ClientGone: It has left; given by `end`.
        """
        if len(self._open) >= MOST_QUESTIONS:
            raise ServiceUsage(
                f"{whom} has {MOST_QUESTIONS} questions open, the most there may be. "
                f"Fix: wait for answers before you ask more."
            )
        answer = self._open[id] = asyncio.get_running_loop().create_future()
        try:
            send()
            if not (await asyncio.wait((answer,), timeout=seconds))[0]:
                raise ClientSilent(
                    f"{whom} has not answered within {seconds:g} s. Fix: allow more, by timeout=..., or see that the "
                    f"client answers with meta.action {CLIENT_RESPONSE!r} and meta.in_reply_to, the question's id."
                )
            return answer.result()
        finally:
            del self._open[id]

    def take(self, whom: str, message: str) -> bool:
        """Whether a message is an answer; one to no open question is dropped, as where it comes late, or twice."""
        if f'"{CLIENT_RESPONSE}"' not in message:
            return False
        try:
            said = msgspec.json.decode(message, type=_Reply)
        except (msgspec.DecodeError, RecursionError):
            return False
        if said.meta.action != CLIENT_RESPONSE:
            return False
        answer = self._open.get(said.meta.in_reply_to or "")
        if answer is None or answer.done():
            log.info("%s answers what nobody asks (any more): %.200r", whom, said.meta.in_reply_to)
        else:
            answer.set_result(said.data)
        return True

    def end(self, error: Exception) -> None:
        """Have all who wait fail with this."""
        for answer in self._open.values():
            if not answer.done():
                answer.set_exception(error)
