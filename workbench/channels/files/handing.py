"""One file handed to the services of its channel: read, let through the gate, and run as a call like any other."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from typing import Any, Literal, NamedTuple

from workbench.channels.files.definition import WatchedFolder
from workbench.channels.files.errors import ChangedMeanwhile, FileInterrupted, FileRefused, StillWritten
from workbench.channels.files.folder import Claim
from workbench.channels.files.reading import Look, parsed, read_whole, shown
from workbench.channels.live import Opening
from workbench.core.call import Call, ChannelInfo, ChannelSecurity
from workbench.core.errors import CallerError, MissingDependency, ServiceUnavailable, TimedOut
from workbench.core.failure import sentence_of
from workbench.core.masking import mask
from workbench.core.ports import Decision
from workbench.core.service import log_refusal
from workbench.core.trace import Step

log = logging.getLogger("workbench.channels")
MARGIN_SECONDS = 30.0
"""How long after a service's time the answer is awaited that its time is over [s]; then the loop has ended."""

Outcome = Literal["done", "failed", "waits"]


class Handed(NamedTuple):
    """What became of a file, under which CID, and why; `reason` is what stands beside one that failed.

    `is_held_up` says that no other file would get through now, either.
    """

    outcome: Outcome
    cid: str
    why: str = ""
    reason: str = ""
    is_held_up: bool = False


class Sender:
    """Who asks to come in: a file, which has no address and no credentials."""

    address: str | None = None
    headers: Mapping[str, str] = {}

    def __init__(self, call: Call, root: Step) -> None:
        self.call, self.cid, self._root = call, call.cid, root

    def note(self, decision: Decision) -> None:
        """Keep what a limit decided in the trace, and log a refusal."""
        self._root.steps.append(decision)
        if decision.denied:
            log_refusal(self.call, decision)


class Handing:
    """Hands files of one channel to its services."""

    def __init__(self, channel: WatchedFolder, opening: Opening) -> None:
        self._channel, self._opening = channel, opening

    def hand_on(self, claim: Claim) -> Handed:
        """Have each service get a claimed file, in order, until one fails."""
        root, calls = Step("file", f"file {shown(claim.name)}"), self._calls()
        missing = [each.service for each in calls if each.service not in each.services]
        if claim.is_begun and self._channel.on_interrupt == "report":
            return self._failed(claim, FileInterrupted(shown(claim.name)), root, calls[0])
        if missing:
            return _held_up(calls[0], f"there is no service {missing[0]!r}. Fix: run its cell")
        try:
            body, look = read_whole(claim.path, self._channel.max_file_bytes)
            if claim.look not in (None, look):
                raise StillWritten(f"{shown(claim.name)} was changed since it was found")
            data = parsed(claim.name, body, self._channel)
        except StillWritten as exc:
            return Handed("waits", calls[0].cid, str(exc))
        except MissingDependency as exc:
            return _held_up(calls[0], str(exc))
        except FileRefused as exc:
            return self._failed(claim, exc, root, calls[0])
        if (refused := self._admitted(calls[0], root)) is not None:
            return _held_up(calls[0], f"{type(refused).__name__}: {refused}")
        claim.begin()
        for call in calls:
            call.raw = self._payload(claim, body, data)
        return self._run(claim, look, calls, root)

    def _calls(self) -> list[Call]:
        """A call of each service, under one CID and on one snapshot."""
        info = ChannelInfo(self._channel.name, self._channel.type, "dict", kind=self._channel.kind)
        new = self._opening.invoker.new_call
        first, *others = self._channel.leads_to
        calls = [new(first, None, info)]
        calls += [new(each, None, info, cid=calls[0].cid, services=calls[0].services) for each in others]
        return calls

    def _payload(self, claim: Claim, body: bytes, data: Any) -> dict[str, Any]:
        """What services get, in the words of Zato; `full_path` is where the file is while they have it."""
        return {
            "file_name": shown(claim.name),
            "full_path": shown(str(claim.path)),
            "base_dir": self._channel.pickup_from,
            "channel_name": self._channel.name,
            "ts_utc": self._opening.clock.now().isoformat(),
            "raw_data": body,
            "data": data,
        }

    def _admitted(self, call: Call, root: Step) -> CallerError | ServiceUnavailable | None:
        """Ask the channel's limit; what refuses, or None."""

        async def admit() -> None:
            admitted = self._opening.gate(self._channel).admit(Sender(call, root))
            if not isinstance(admitted, ChannelSecurity):
                await admitted

        try:
            self._opening.run(admit())
        except (CallerError, ServiceUnavailable) as exc:
            return exc
        return None

    def _run(self, claim: Claim, look: Look, calls: list[Call], root: Step) -> Handed:
        for call in calls:
            root.steps.append(call.step)
            if call is calls[0]:
                self._opening.invoker.record(call, root)
            if (error := self._answered(call)) is None:
                continue
            if call is calls[0] and call.response is None and not isinstance(error, TimedOut):
                # Its limit refused, or no worker was free: nothing of it ran.
                root.fail(error)
                return _held_up(call, f"{type(error).__name__}: {error}")
            self._opening.invoker.failed(call, error)
            return self._failed(claim, error, root, call)
        if (now := Look.of(claim.path.lstat())) != look:
            error = ChangedMeanwhile(shown(claim.name), (look.size, now.size))
            return self._failed(claim, error, root, calls[-1])
        root.end("ok")
        return Handed("done", calls[0].cid)

    def _answered(self, call: Call) -> BaseException | None:
        """Run a call, and wait for its end; what it raised."""
        ended: Future[BaseException | None] = Future()
        seconds = self._channel.timeout_seconds

        async def begin() -> None:
            self._opening.turns.run(call, seconds, lambda value, error: ended.set_result(error))

        self._opening.run(begin())
        try:
            return ended.result(seconds + MARGIN_SECONDS)
        except NotInTime:
            return TimedOut(call.service, seconds)

    def _failed(self, claim: Claim, error: BaseException, root: Step, call: Call) -> Handed:
        """Say why a file is set aside: in the log, in its trace, and beside it."""
        name, at = shown(claim.name), self._opening.clock.now().isoformat(timespec="seconds")
        if not root.steps:
            self._opening.invoker.record(call, root)
        root.fail(error)
        why = mask(f"{type(error).__name__}: {sentence_of(error)}")
        log.warning("%s sets %s aside: %s (cid:%s)", self._channel, name, why, call.cid)
        had = f"Service {call.service!r} had it." if claim.is_begun else "No service has had it."
        back = f"Fix: once the cause is mended, move it back into {self._channel.pickup_from}."
        reason = f"{name} was set aside by {self._channel} at {at} (cid:{call.cid}).\n{had}\n{why}\n{back}\n"
        return Handed("failed", call.cid, why, reason)


def _held_up(call: Call, why: str) -> Handed:
    return Handed("waits", call.cid, why, is_held_up=True)
