"""`wb.expect`: what a test says of an answer, a peer, a job, a limit, the log or a connection, and may wait for.

wb.expect(wb.call("GET /api/sample"), status=200, json={"total": 12})
wb.expect(wb.peers["My Connection"]).has("a.txt", b"Hello")
wb.expect(wb.jobs["sync"]).eventually(within_seconds=5).fired(3)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from threading import Event
from time import monotonic
from typing import Any, Self

import msgspec

from workbench.app.asking.inline import Answer
from workbench.app.cassettes.noise import difference
from workbench.app.cassettes.values import plain_of
from workbench.connections.definition import Item
from workbench.core.errors import ServiceUsage, WorkbenchError, short
from workbench.core.masking import mask
from workbench.limiting.definition import Limit
from workbench.limiting.shared.limiter import Use
from workbench.runtime.traffic import Log
from workbench.sandbox.peer import Peer
from workbench.scheduler.jobs import Job

LOOK_SECONDS = 0.02
"""How often `eventually` looks again [s]."""

MOST_SHOWN, MOST_CHARACTERS = 20, 500
"""Entries of what is there that a failure shows, the last ones, and characters of each."""

ANYTHING: Any = msgspec.UNSET
Check = Callable[[], str]


class ExpectationFailed(WorkbenchError, AssertionError):
    """Something is not as a test expects it; the text says what was expected, and what is there."""


class Expectation:
    """What is expected of one thing; each method raises ExpectationFailed where that is not so.

    A method answers the expectation itself, so that several can follow each other; shown, it says that they held.
    """

    _within_seconds, _held = 0.0, False

    def eventually(self, within_seconds: float = 5.0) -> Self:
        """The same expectation, which waits until it holds, at most so long [s], in place of a sleep.

        Raises:
            ServiceUsage: The time is not above 0.
        """
        if not within_seconds > 0:
            raise ServiceUsage(f"within_seconds is {within_seconds!r}. Fix: give a time above 0 [s].")
        waiting = copy(self)
        waiting._within_seconds = within_seconds
        return waiting

    def _hold(self, check: Check) -> Self:
        """Go on if `check` finds nothing wrong, now or within the time that there is."""
        end = monotonic() + self._within_seconds
        while wrong := check():
            if monotonic() >= end:
                waited = f"Within {self._within_seconds:g} s: " if self._within_seconds else ""
                raise ExpectationFailed(mask(f"{waited}{wrong}"))
            Event().wait(LOOK_SECONDS)
        self._held = True
        return self

    def __repr__(self) -> str:
        return "As expected." if self._held else "Nothing is expected yet."


class ExpectedAnswer(Expectation):
    """Of an answer of `wb.call` or of a REST connection, or of what is called to get one, anew with each look."""

    def __init__(self, seen: Any) -> None:
        self._seen = seen

    def answers(
        self,
        *,
        status: int | None = None,
        json: Any = ANYTHING,
        text: str | None = None,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        schema: Any = None,
    ) -> Self:
        """Its status; its body as JSON, equal to `json`, `...` being anything; `text` in its body; each of `headers`.

        `body` is all of its body as text, in which `...` stands for the CID.
        `schema` is a type that the JSON can be read as (dataclass, Struct, TypedDict), or a JSON Schema.
        """
        return self._hold(lambda: self._wrong(status, json, (text, body), headers or {}, schema))

    def _wrong(
        self,
        status: int | None,
        json: Any,
        texts: tuple[str | None, str | None],
        headers: Mapping[str, str],
        schema: Any,
    ) -> str:
        text, body = texts
        try:
            seen = self._seen() if callable(self._seen) else self._seen
        except Exception as exc:
            if not self._within_seconds:
                raise
            return f"no answer came: {type(exc).__name__}: {exc}"
        wrong = []
        given = seen.status if isinstance(seen, Answer) else getattr(seen, "status_code", None)
        if status is not None and given != status:
            wrong.append(f"expected status {status}, got {given}")
        if text is not None and text not in seen.text:
            wrong.append(f"expected {text!r} in the body")
        if body is not None and body not in (seen.text, seen.text.replace(getattr(seen, "cid", "") or "\0", "...")):
            wrong.append(f"expected the body {body!r}")
        wrong += [
            f"expected header {name}: {value}, got {seen.headers.get(name)}"
            for name, value in headers.items()
            if seen.headers.get(name) != value
        ]
        if json is not ANYTHING or schema is not None:
            wrong += _wrong_json(seen.text, json, schema, getattr(seen, "cid", ""))
        shown = repr(seen) if isinstance(seen, Answer) else seen.text[:MOST_CHARACTERS]
        return f"{'; '.join(wrong)}. It was:\n{shown}" if wrong else ""


def _wrong_json(text: str, json: Any, schema: Any, cid: str) -> list[str]:
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError as exc:
        return [f"expected JSON, which the body is not: {exc}"]
    wrong = []
    at = difference(json, found) if json is not ANYTHING else None
    if at is not None and cid and cid in text:
        # Within a text, as in a sentence, `...` stands for the CID.
        at = difference(json, msgspec.json.decode(text.replace(cid, "...")))
    if at is not None:
        wrong.append(f"expected the JSON {_written(json)}{f', and it differs at {at}' if at else ''}")
    if isinstance(schema, Mapping):
        from jsonschema.validators import validator_for

        checks = validator_for(schema)(schema)
        wrong += [f"{each.json_path}: {each.message}" for each in checks.iter_errors(found)]
    elif schema is not None:
        try:
            msgspec.convert(found, schema)
        except msgspec.ValidationError as exc:
            wrong.append(f"expected JSON of {getattr(schema, '__name__', schema)}: {exc}")
    return wrong


def _written(json: Any) -> str:
    return repr(json).replace("Ellipsis", "...")


class ExpectedValue(ExpectedAnswer):
    """Of what a service returned: what JSON has of it."""

    def _wrong(self, *wanted: Any) -> str:
        json, found = wanted[1], plain_of(self._seen)
        at = difference(json, found)
        where = f" It differs at {at}." if at else ""
        return "" if at is None else f"expected {_written(json)}, got {found!r}.{where}"


class ExpectedPeer(Expectation):
    """Of a peer: files, mails, messages or requests that have arrived there."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def has(self, path: str | None = None, contents: bytes | str | None = None, **fields: Any) -> Self:
        """A file of that path, with these contents if any are given; or a mail, message or request with these fields.

        As in `has("in/a.txt", b"...")`, `has(subject="New data", to=["hello@example.com"])`, `has(method="GET",
        path="/rates")`: of requests, `path` is a field like any other.

        Raises:
            ServiceUsage: Nothing like that arrives at a peer of this kind.
        """
        if not hasattr(self._peer, "files"):
            fields |= {"path": path} if path is not None else {}
            return self._hold(lambda: self._wrong_entry(fields))
        if path is None or fields:
            raise ServiceUsage(f"{self._peer} keeps files. Fix: has('path/of/file', b'contents').")
        wanted = contents.encode() if isinstance(contents, str) else contents
        return self._hold(lambda: self._wrong_file(path.lstrip("/"), wanted))

    def lacks(self, path: str) -> Self:
        """No file of that path.

        Raises:
            ServiceUsage: The peer keeps no files.
        """
        if not hasattr(self._peer, "files"):
            raise ServiceUsage(f"{self._peer} keeps no files. Fix: expect what it has.")
        return self._hold(
            lambda: f"{self._peer} has {path!r}, and should not." if path.lstrip("/") in self._peer.files else ""  # type: ignore[attr-defined]
        )

    def _wrong_file(self, path: str, wanted: bytes | None) -> str:
        files: Mapping[str, bytes] = self._peer.files  # type: ignore[attr-defined]
        if path not in files:
            return f"{self._peer} has no file {path!r}. It has: {_listed(map(repr, files))}"
        if wanted is not None and (found := files[path]) != wanted:
            return f"{self._peer} has {path!r} with {short(found)}, and {short(wanted)} was expected."
        return ""

    def _wrong_entry(self, fields: Mapping[str, Any]) -> str:
        entries = getattr(self._peer, "messages", None)
        entries = list(getattr(self._peer, "requests", ()) if entries is None else entries)
        if any(all(getattr(each, name, ANYTHING) == value for name, value in fields.items()) for each in entries):
            return ""
        wanted = ", ".join(f"{name}={value!r}" for name, value in fields.items()) or "anything"
        return f"{self._peer} has nothing with {wanted}. It has: {_listed(map(repr, entries))}"


class ExpectedJob(Expectation):
    """Of a job: its runs."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def fired(self, times: int = 1, *, outcome: str = "ok") -> Self:
        """So many runs have had that outcome, by its schedule or by hand: no fewer, no more."""
        return self._hold(lambda: self._wrong(times, outcome))

    def _wrong(self, times: int, outcome: str) -> str:
        runs = self._job.runs
        found = sum(run.outcome == outcome for run in runs)
        said = f"Job {self._job.name!r} has {found} runs that are {outcome}, and {times} were expected."
        return "" if found == times else f"{said} It has: {_listed(map(repr, runs))}"


class ExpectedLimit(Expectation):
    """Of a limit: what it refused."""

    def __init__(self, limit: Limit, use: Callable[[], Iterable[Use]]) -> None:
        self._limit, self._use = limit, use

    def refused(self, times: int = 1) -> Self:
        """So many calls were refused since it was defined or reset: no fewer, no more."""
        return self._hold(lambda: self._wrong(times))

    def _wrong(self, times: int) -> str:
        lines = [each for each in self._use() if (each.on, each.name) == (self._limit.on, self._limit.name)]
        found = sum(each.refused for each in lines)
        said = f"The limit of {self._limit.full_name} has refused {found} calls, and {times} were expected."
        used = (f"{each.line}: {each.used} of {each.limit} used, {each.refused} refused" for each in lines)
        return "" if found == times else f"{said} Its lines: {_listed(used)}"


class ExpectedLog(Expectation):
    """Of the log of services."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def has(self, text: str = "", *, cid: str = "", level: str = "", service: str = "") -> Self:
        """A line with `text` in it, of that call, level and service, as far as they are given."""
        wanted = {"cid": cid, "level": level, "service": service}
        fields = {name: value for name, value in wanted.items() if value}
        return self._hold(lambda: self._wrong(text, fields))

    def _wrong(self, text: str, fields: Mapping[str, str]) -> str:
        lines = [line for line in self._log if all(getattr(line, name) == value for name, value in fields.items())]
        if any(text in line.text for line in lines):
            return ""
        wanted = ", ".join(f"{name}={value!r}" for name, value in fields.items())
        said = f"No line{' of ' + wanted if wanted else ''} has {text!r}."
        return f"{said} There is: {_listed(f'{line.service} {line.level} {line.text}' for line in lines)}"


class ExpectedConnection(Expectation):
    """Of a connection: that its other side answers."""

    def __init__(self, item: Item) -> None:
        self._item = item

    def pings(self) -> Self:
        """A ping is answered."""
        return self._hold(self._wrong)

    def _wrong(self) -> str:
        try:
            self._item.ping()
        except Exception as exc:
            return f"{self._item} does not answer: {type(exc).__name__}: {exc}"
        return ""


def _listed(entries: Iterable[str]) -> str:
    """The last of what there is, each in a line of its own where there are several."""
    shown = list(entries)
    left_out = [f"({len(shown) - MOST_SHOWN} more)"] if len(shown) > MOST_SHOWN else []
    lines = [*left_out, *(each[:MOST_CHARACTERS] for each in shown[-MOST_SHOWN:])]
    return "nothing." if not lines else lines[0] if len(lines) == 1 else "\n  " + "\n  ".join(lines)


def expect(seen: Any, use: Callable[[], Iterable[Use]], *, is_value: bool = False) -> Expectation:
    """The expectation that fits what is seen; `is_value` if it may be what a service returned.

    Raises:
        ServiceUsage: Nothing can be expected of it.
    """
    if isinstance(seen, Peer):
        return ExpectedPeer(seen)
    if isinstance(seen, Job):
        return ExpectedJob(seen)
    if isinstance(seen, Limit):
        return ExpectedLimit(seen, use)
    if isinstance(seen, Log):
        return ExpectedLog(seen)
    if isinstance(seen, Item):
        return ExpectedConnection(seen)
    if isinstance(seen, Answer) or callable(seen) or hasattr(seen, "status_code"):
        return ExpectedAnswer(seen)
    if is_value:
        return ExpectedValue(seen)
    raise ServiceUsage(
        f"wb.expect takes an answer, a peer, a job, a limit, a connection or wb.log, not {short(seen)}. "
        f"Fix: assert it, as any value."
    )
