"""Tab completes names inside strings, which IPython leaves alone: `wb.invoke("`, `self.out.rest["`, `wb.jobs["`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from workbench.app.help import PAGES
from workbench.app.workbench import Workbench
from workbench.channels.live import LiveChannel
from workbench.channels.websocket.definition import SocketAddress
from workbench.core.errors import WorkbenchError

Names = Callable[[Workbench, "re.Match[str]"], Iterable[str]]
OPENED = r"""\s*(?:"(?P<double>[^"]*)|'(?P<single>[^']*))$"""
"""A string that has begun and not ended."""


def public_names() -> list[str]:
    """What `from workbench import ...` finds; the package itself, which imports us, is asked without an import."""
    return list(sys.modules["workbench"].__all__)


def _in_collection(wb: Workbench, match: re.Match[str]) -> Iterable[str]:
    word = match["collection"]
    # To look at jobs opens the store, which a Tab should not.
    return () if word == "jobs" and not wb.has_jobs else list(getattr(wb, word))


def _of_one(wb: Workbench, match: re.Match[str]) -> Iterable[str]:
    things = getattr(wb, match["collection"])
    found = things[match["name"]] if match["name"] in _in_collection(wb, match) else None
    return () if found is None else [each for each in dir(found) if not each.startswith("_")]


def _calls(wb: Workbench, match: re.Match[str]) -> Iterable[str]:
    for channel in wb.channels.values():
        if channel.address and channel.methods is not None:
            yield from (f"{method} {channel.address}" for method in channel.methods or ("GET", "POST"))


def _of_sockets(wb: Workbench) -> Iterable[LiveChannel]:
    return [each for each in wb.channels.values() if isinstance(each.definition, SocketAddress)]


COMPLETED: tuple[tuple[re.Pattern[str], Names], ...] = (
    (
        re.compile(r"\b(?:wb|self)\.(?:invoke|invoke\.aio|invoke_async|submit)\(" + OPENED),
        lambda wb, _: wb.names("services"),
    ),
    (re.compile(r"\bservice=" + OPENED), lambda wb, _: wb.names("services")),
    (re.compile(r"\bsecurity=" + OPENED), lambda wb, _: wb.names("security")),
    (re.compile(r"\bwb\.call\(" + OPENED), _calls),
    (re.compile(r"\bwb\.websocket\(" + OPENED), lambda wb, _: [each.address for each in _of_sockets(wb)]),
    (re.compile(r"\bself\.wsx\.channel\[" + OPENED), lambda wb, _: [each.name for each in _of_sockets(wb)]),
    (re.compile(r"\bwb\.help\(" + OPENED), lambda wb, _: PAGES),
    (
        re.compile(r"\bwb\.(?P<collection>services|channels|connections|users|security|jobs|limits|peers)\[" + OPENED),
        _in_collection,
    ),
    (
        re.compile(r"""\bwb\.(?P<collection>services|channels|jobs)\[(["'])(?P<name>[^"']+)\2\]\.(?P<word>\w*)$"""),
        _of_one,
    ),
    (re.compile(r"\bself\.(?P<way>[a-z_.0-9]+)\[" + OPENED), lambda wb, match: wb.names_by_way(match["way"])),
    (
        re.compile(r"^\s*from\s+workbench\s+import\s+(?:\(\s*)?(?:\w+\s*,\s*)*(?P<word>\w*)$"),
        lambda wb, _: public_names(),
    ),
)


def completions(wb: Workbench, line: str) -> tuple[str, list[str]] | None:
    """What has been typed of a name at the end of a line, and the names that begin so; None where nothing is named."""
    for pattern, names in COMPLETED:
        if (match := pattern.search(line)) is not None:
            found = match.groupdict()
            typed = found.get("word") or found.get("double") or found.get("single") or ""
            with suppress(WorkbenchError):  # an attribute of the person's own, as `self.data["`
                return typed, sorted(each for each in names(wb, match) if each.startswith(typed))
    return None


def register(shell: Any, wb: Workbench) -> Callable[[], object]:
    """Have Tab complete these names in a shell; returns the call that ends it."""
    try:
        from IPython.core.completer import SimpleCompletion, context_matcher
    except ImportError:  # before IPython 8.6
        return lambda: None

    @context_matcher(identifier="workbench")  # type: ignore[untyped-decorator,unused-ignore]
    def matcher(context: Any) -> dict[str, Any]:
        found = completions(wb, context.text_until_cursor)
        if found is None:
            return {"completions": [], "suppress": False}
        typed, names = found
        # Where nothing fits, what is typed stays: without any completion, IPython would offer files and magics.
        names = names or [typed] * bool(typed)
        # Files and magics, which IPython offers in strings, are none of these.
        offered = [SimpleCompletion(each, type="workbench") for each in names]
        return {"completions": offered, "suppress": True, "matched_fragment": typed}

    matchers = shell.Completer.custom_matchers
    matchers.append(matcher)
    return lambda: matchers.remove(matcher) if matcher in matchers else None
