"""The calls and the lines of the log that are kept, newest first, page by page, searched where they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from workbench.app.serving.told import call_told
from workbench.core.call import ServiceStep
from workbench.core.mood import Mood
from workbench.core.trace import Line, Outgoing, Step, Trace
from workbench.runtime.compared import answer_text, given_text
from workbench.runtime.traffic import Log, LogLine, Traffic
from workbench.ui.trace import COLOURS

T = TypeVar("T")
PAGE = 100
"""Rows on one page."""

LEVELS: dict[str, Mood] = {"WARNING": "attention", "ERROR": "failed", "CRITICAL": "failed"}
"""The mood of what is logged at a level; anything else is well."""


class Asked(NamedTuple):
    """What a person looks for.

    Attributes:
        text: What must be in it, in any case of letters.
        mood: How it must stand; '' for any.
        service: The service that must have run; '' for any.
        page: Which page, from 0.
        until: After what nothing is shown, so that pages stay while calls come: of calls the CID of the newest one, of
            lines an instant [s since the epoch].
        over_http: Whether it is asked over HTTP, as by a page, and not by a comm of the kernel.
    """

    text: str = ""
    mood: str = ""
    service: str = ""
    page: int = 0
    until: str | float | None = None
    over_http: bool = False


def asked_of(content: Mapping[str, Any]) -> Asked:
    """What a front end asks for."""
    until = content.get("until")
    return Asked(
        str(content.get("text") or "").strip().casefold(),
        str(content.get("mood") or ""),
        str(content.get("service") or ""),
        max(0, int(content.get("page") or 0)),
        until if until is None or isinstance(until, str) else float(until),
        bool(content.get("over_http")),
    )


def calls_page(traffic: Traffic, asked: Asked) -> dict[str, Any]:
    """A page of calls."""
    every = list(traffic)
    # By the call itself: a clock may be set back between two calls.
    last = next((place for place, trace in enumerate(every) if trace.cid == asked.until), len(every))
    page = _page(every[: last + 1], asked, _fits, _call_facts)
    return page | {"of": len(every), "gone": _gone(traffic, "calls", traffic.left_out, traffic.let_go)}


def lines_page(log: Log, asked: Asked) -> dict[str, Any]:
    """A page of lines."""
    return _page(list(log), asked, _line_fits, _line_facts) | {"gone": _gone(log, "lines", log.left_out)}


def _page(
    every: list[T], asked: Asked, fits: Callable[[T, Asked], bool], facts: Callable[[T], dict[str, Any]]
) -> dict[str, Any]:
    found = [each for each in reversed(every) if fits(each, asked)]
    return {"rows": [facts(each) for each in on_page(found, asked)], **numbers(len(found), len(every), asked)}


def _page_of(found: int, asked: Asked) -> int:
    """The page that is shown: a page that is no longer there is the last one."""
    return min(asked.page, max(0, (found - 1) // PAGE))


def on_page(found: Sequence[T], asked: Asked) -> Sequence[T]:
    """What of all that was found stands on the page."""
    first = _page_of(len(found), asked) * PAGE
    return found[first : first + PAGE]


def numbers(found: int, of: int, asked: Asked) -> dict[str, int]:
    """How many were found, of how many; which page is shown, and how many are on each."""
    return {"found": found, "of": of, "page": _page_of(found, asked), "each": PAGE}


def _gone(kept: Traffic | Log, what: str, left_out: int, let_go: int = 0) -> str:
    """What the bounds have dropped, and why; '' while they have dropped nothing."""
    said = []
    most = kept.kept_bytes // (1024 * 1024)
    if let_go:
        said.append(
            f"What {let_go:,} earlier {what} were answered is kept no more, since all together may take {most} MiB."
        )
    if left_out:
        said.append(f"{left_out:,} earlier {what} are gone, since all together may take {most} MiB.")
    if kept.most is not None and len(kept) >= kept.most:
        said.append(f"The last {kept.most:,} {what} are kept; what was earlier is gone.")
    return " ".join(said)


def _fits(trace: Trace, asked: Asked) -> bool:
    if asked.mood and trace.root.mood != asked.mood:
        return False
    if asked.service and asked.service not in _services(trace):
        return False
    return not asked.text or any(asked.text in text.casefold() for text in _texts(trace))


def _services(trace: Trace) -> Iterator[str]:
    return (step.name for _, step in trace.root.tree() if isinstance(step, ServiceStep))


def _texts(trace: Trace) -> Iterator[str]:
    yield trace.cid
    root = trace.root
    for name in ("address", "channel", "user"):
        yield str(getattr(root, name, ""))
    for _, step in root.tree():
        if isinstance(step, Step):
            yield f"{step.name} {step.outcome}"
            if step.error is not None:
                yield f"{step.error.kind}: {step.error.sentence}"
            if isinstance(step, Outgoing):
                yield from map(str, step.arguments.values())
                yield str(step.answer or "")
        elif isinstance(step, Line):
            yield f"{step.level} {step.text}"
    yield given_text(trace)
    yield answer_text(trace)


def _call_facts(trace: Trace) -> dict[str, Any]:
    told = call_told(trace)
    seconds = told.pop("seconds")
    mood = COLOURS[trace.root.mood]
    return told | {"mood": mood, "ms": None if seconds is None else round(seconds * 1000, 2)}


def _line_fits(line: LogLine, asked: Asked) -> bool:
    if isinstance(asked.until, float) and line.at > asked.until:
        return False
    if asked.mood and LEVELS.get(line.level, "ok") != asked.mood:
        return False
    if asked.service and line.service != asked.service:
        return False
    return not asked.text or asked.text in f"{line.cid} {line.service} {line.level} {line.text}".casefold()


def _line_facts(line: LogLine) -> dict[str, Any]:
    """A line, and apart from it what stands below its first one, as a traceback does."""
    first, _, rest = line.text.rstrip("\n").partition("\n")
    mood = COLOURS[LEVELS[line.level]] if line.level in LEVELS else "calm"
    facts = {"at": line.at, "level": line.level or "print", "service": line.service, "cid": line.cid}
    return facts | {"text": first, "rest": rest, "mood": mood}
