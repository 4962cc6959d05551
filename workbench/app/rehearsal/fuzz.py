"""`wb.fuzz`: inputs that make a service fail with a 500, found in rehearsals and made as small as they get."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from workbench.app.parts import Parts
from workbench.app.rehearsal.inputs import Inputs, library
from workbench.app.rehearsal.played import Played
from workbench.app.rehearsal.rehearsal import Rehearsal, Request
from workbench.app.rehearsal.verdict import service_step
from workbench.channels.rest import RESTChannel
from workbench.core.call import Deployment
from workbench.core.errors import ServiceUsage
from workbench.core.masking import mask
from workbench.core.trace import RequestStep, Trace
from workbench.runtime.registry import Version, unknown_service

EXAMPLES = 200
"""Inputs that are tried of each service, besides those that make a finding smaller."""

MOST_FINDINGS = 10
_WITHOUT_BODY = ("GET", "HEAD", "DELETE", "OPTIONS")


class Cause(NamedTuple):
    """What a failing call is known by: the class of its error, its sentence, and the line where it was raised."""

    kind: str
    sentence: str
    place: str


class Finding:
    """An input that makes a service fail.

    Attributes:
        service: Its name.
        payload: The smallest input that was found.
        error: The error, and the line of the service where it was raised.
        is_steady: Whether the same input fails each time.
    """

    def __init__(
        self, service: str, payload: Any, cause: Cause, way: _Way, again: Callable[[str, Any], Any], is_steady: bool
    ) -> None:
        self.service, self.payload, self.is_steady = service, payload, is_steady
        self.error = mask(f"{cause.kind}: {cause.sentence}{f' ({cause.place})' if cause.place else ''}")
        self._way, self._again = way, again

    def again(self) -> Any:
        """Run it for real: its errors come through, as by `wb.invoke(service, payload)`."""
        return self._again(self.service, self.payload)

    @property
    def code(self) -> str:
        """The line that runs it again."""
        return self._way.code(self.service, self.payload)

    @property
    def test(self) -> str:
        """A `%%test` cell that fails until the service is mended."""
        name = f"{self.service} answers {json.dumps(self.payload)[:60]}"
        return f"%%test {name}\n{self._way.test(self.service, self.payload)}"

    def __repr__(self) -> str:
        more = "" if self.is_steady else "  (not each time)"
        return f"{self.code}\n  {self.error}{more}"


class Findings(Sequence[Finding]):
    """What `wb.fuzz` found, the first finding first.

    Attributes:
        tried: How many inputs were tried.
        left_out: How many of them could not be, with the reason of the first one.
    """

    def __init__(self, service: str, found: Sequence[Finding], tried: int, left_out: tuple[int, str]) -> None:
        self._service, self._found, self.tried, self.left_out = service, list(found), tried, left_out

    def __getitem__(self, index: Any) -> Any:
        return self._found[index]

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._found)

    def __repr__(self) -> str:
        count = len(self._found)
        what = f"{count} way{'' if count == 1 else 's'} to a 500" if count else "no input that gives a 500"
        lines = [f"{self._service}: {what}, of {self.tried:,} inputs.", *map(repr, self._found)]
        if self.left_out[0]:
            lines.append(f"{self.left_out[0]:,} inputs could not be tried: {self.left_out[1]}.")
        return "\n".join(lines)


class _Way:
    """How a service is called: by a REST channel that leads to it, or else by `invoke`."""

    def __init__(self, channel: RESTChannel | None, verbs: Sequence[str]) -> None:
        self.channel = channel
        methods = [each for each in (channel.methods if channel else ()) if not verbs or each in verbs]
        methods = methods or list(verbs) or ["POST"]
        self.method = next((each for each in methods if each not in _WITHOUT_BODY), methods[0])

    def _parts(self, payload: Any) -> tuple[str, bytes]:
        """Target and body of a request with this payload; what the path has places for goes there."""
        assert self.channel is not None
        rest = dict(payload) if isinstance(payload, dict) else payload
        path = self.channel.path
        for name in [each.partition("}")[0] for each in path.split("{")[1:]]:
            value = rest.pop(name, "1") if isinstance(rest, dict) else "1"
            path = path.replace(f"{{{name}}}", quote(str(value), safe="") or "1")
        if self.method not in _WITHOUT_BODY:
            return path, json.dumps(rest).encode()
        told = {name: value for name, value in rest.items() if value is not None} if isinstance(rest, dict) else {}
        return f"{path}?{urlencode(told)}" if told else path, b""

    def request(self, payload: Any) -> Request:
        """The request with this payload."""
        assert self.channel is not None
        target, body = self._parts(payload)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))} if body else {}
        return Request(self.channel.name, self.method, target, headers, body, self.channel.security)

    def code(self, service: str, payload: Any) -> str:
        """The line that makes the call."""
        if self.channel is None:
            return f"wb.invoke({service!r}, {payload!r})"
        target, body = self._parts(payload)
        sent = f", json={json.loads(body)!r}" if body else ""
        sent = ', data="null", headers={"Content-Type": "application/json"}' if body == b"null" else sent
        user = f", user={self.channel.security!r}" if self.channel.security else ""
        return f"wb.call({f'{self.method} {target}'!r}{sent}{user})"

    def test(self, service: str, payload: Any) -> str:
        """What a test says of the call."""
        code = self.code(service, payload)
        return f"answer = {code}\nassert answer.status < 500, answer" if self.channel is not None else code


class Fuzz:
    """Tries inputs on one service.

    Args:
        parts: The workbench's.
        service: Its name.
        again: Runs a service for real.

    Raises:
        UnknownName: There is no such service.
        MissingDependency: Hypothesis is not installed.
    """

    def __init__(self, parts: Parts, service: str, again: Callable[[str, Any], Any]) -> None:
        self._hypothesis = library()
        self._parts, self._service, self._again = parts, service, again
        self._services: Mapping[str, Deployment] = parts.services_here()
        if service not in self._services:
            raise unknown_service(service, self._services)
        version: Version = self._services[service]  # type: ignore[assignment]
        self._inputs = Inputs(version.io, version.cls, version.source).payload()
        self._way = _Way(_channel(parts, service), list(version.verbs))
        self._tried, self._left_out, self._why = 0, 0, ""

    def run(self, examples: int) -> Findings:
        """Look for findings until there is no new one; the same each time, for the same service."""
        found: dict[Cause, Finding] = {}
        with Rehearsal(self._parts) as rehearsal:
            rehearsal.copy_peers()
            while len(found) < MOST_FINDINGS and (new := self._round(rehearsal, examples, found)) is not None:
                found[new[0]] = new[1]
        return Findings(self._service, list(found.values()), self._tried, (self._left_out, self._why))

    def _round(
        self, rehearsal: Rehearsal, examples: int, known: Mapping[Cause, Finding]
    ) -> tuple[Cause, Finding] | None:
        """One more finding, of another cause than those that are known; None if there is none."""
        last: list[tuple[Cause, Any]] = []

        def check(payload: Any) -> None:
            cause = self._cause(rehearsal, payload)
            # Made smaller is only what fails in the same place.
            if cause is None or _where(cause) in map(_where, known) or (last and _where(cause) != _where(last[0][0])):
                return
            last.append((cause, payload))
            raise _Fails

        hypothesis = self._hypothesis
        quiet = hypothesis.settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            verbosity=hypothesis.Verbosity.quiet,
            # Not the one that explains, which traces every line.
            phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        is_steady = True
        try:
            quiet(hypothesis.given(self._inputs)(check))()
        except _Fails:
            pass
        except hypothesis.errors.Flaky:
            is_steady = False
        if not last:
            return None
        cause, payload = last[-1]
        return cause, Finding(self._service, payload, cause, self._way, self._again, is_steady)

    def _cause(self, rehearsal: Rehearsal, payload: Any) -> Cause | None:
        """Why the service fails with this input; None if it does not, or it cannot be said."""
        played = Played()
        self._tried += 1
        if self._way.channel is None:
            trace = rehearsal.invoke(self._service, payload, self._services, played)
        else:
            trace = rehearsal.request(self._way.request(payload), self._services, played)
        cause, blank = _cause_of(trace), rehearsal.asked_in_vain()
        if cause is not None and blank:
            played.why = played.why or blank
        if played.why:
            self._left_out, self._why = self._left_out + 1, self._why or played.why
            return None
        return cause


class _Fails(Exception):
    """The service fails."""


def _where(cause: Cause) -> tuple[str, str]:
    """What is the same fault: its sentence often has the input in it."""
    return cause.kind, cause.place


def _cause_of(trace: Trace) -> Cause | None:
    root = trace.root
    if isinstance(root, RequestStep) and root.outcome != "500":
        return None
    step = service_step(trace)
    if step.mood != "failed" or step.error is None:
        # A request that failed though its service did not: what it answers cannot be sent.
        what = "The answer cannot be sent"
        return Cause("Unsendable", what, "") if isinstance(root, RequestStep) else None
    place = next((str(each) for each in step.error.places if each.is_users), "")
    return Cause(step.error.kind, step.error.sentence, place)


def _channel(parts: Parts, service: str) -> RESTChannel | None:
    """The first REST channel of JSON that leads to a service."""
    channels = parts.book.of("channels").values()
    fits = (each for each in channels if isinstance(each, RESTChannel) and service in each.leads_to)
    return next((each for each in fits if each.active and each.payload_format == "json"), None)


def fuzz(parts: Parts, service: str, examples: int, again: Callable[[str, Any], Any]) -> Findings:
    """What `wb.fuzz` does."""
    if not isinstance(examples, int) or examples < 1:
        raise ServiceUsage(f"wb.fuzz cannot try {examples!r} inputs. Fix: examples={EXAMPLES}, or any from 1 on.")
    return Fuzz(parts, service, again).run(examples)
